/* The machine's limits: multiply-adds of bytes on registers alone, as many chains as hide the instruction's latency,
 * and rows that come from memory in no order, of which one byte a line is looked at.
 */

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define CHAINS 12
#define LOOP(name, set, vector, zero, step)                                                                            \
    __attribute__((target(set))) static int64_t name(int64_t rounds)                                                   \
    {                                                                                                                  \
        vector sums[CHAINS], one = zero(), two = zero();                                                               \
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++)                                                      \
            sums[i] = zero();                                                                                          \
        for (int64_t round = 0; round < rounds; round++) {                                                             \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++)                                                  \
            {                                                                                                          \
                __asm__ volatile("" : "+v"(one), "+v"(two)); /* for all that the compiler knows */                     \
                sums[i] = step(sums[i], one, two);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++)                                                      \
            __asm__ volatile("" : : "v"(sums[i]));                                                                     \
        return rounds * CHAINS * (int64_t)sizeof(vector);                                                              \
    }
#define MADD(sum, one, two)                                                                                            \
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(one, two), _mm256_set1_epi16(1)))

LOOP(avx512vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512, _mm512_dpbusd_epi32)
LOOP(avxvnni, "avxvnni", __m256i, _mm256_setzero_si256, _mm256_dpbusd_avx_epi32)
LOOP(avx2, "avx2", __m256i, _mm256_setzero_si256, MADD)

/* Whoever calls it was allowed to use tiles, as dot_tiles.h asks. */
__attribute__((target("amx-tile,amx-int8"))) static int64_t amx(int64_t rounds)
{
    static const struct {
        uint8_t palette, start, none[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shapes = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    static const uint8_t none[16 * 64];
    _tile_loadconfig(&shapes);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, none, 64);
    _tile_loadd(5, none, 64);
    for (int64_t round = 0; round < rounds / 16; round++) {
        _tile_dpbusd(0, 4, 5);
        _tile_dpbusd(1, 4, 5);
        _tile_dpbusd(2, 4, 5);
        _tile_dpbusd(3, 4, 5);
    }
    _tile_release();
    return rounds / 16 * 4 * 16 * 16 * 64;
}
#endif

/* Multiply-adds done in so many rounds; 0 if the kernel has no loop here. */
int64_t multiply(const char *kernel, int64_t rounds)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (!strcmp(kernel, "amx"))
        return amx(rounds);
    if (!strcmp(kernel, "avx512vnni"))
        return avx512vnni(rounds);
    if (!strcmp(kernel, "avxvnni"))
        return avxvnni(rounds);
    if (!strcmp(kernel, "avx2"))
        return avx2(rounds);
#endif
    return 0;
}

/* Rows of `width` bytes in the order given; what it returns means nothing. */
int64_t fetch(const uint8_t *values, int64_t width, const uint32_t *order, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *row = values + order[i] * width, *next = values + order[i + 8 < count ? i + 8 : i] * width;
        for (int64_t at = 0; at < width; at += 64) {
            __builtin_prefetch(next + at);
            sum += row[at];
        }
    }
    return sum;
}
