/* What differs between instruction sets: adding up products, and the score of a single pair. */

#define INLINE static inline __attribute__((always_inline))

/* -- plain C, on any machine ------------------------------------------------------------------------------------ */

static void multiply_plain(int32_t (*scores)[LANES], const int8_t *y, const uint8_t *const *x, ptrdiff_t width)
{
    int32_t sums[LANES] = {0};
    for (ptrdiff_t at = 0; at < width; at += 4, y += 4 * LANES)
        for (int lane = 0; lane < LANES; lane++)
            for (int i = 0; i < 4; i++)
                sums[lane] += x[0][at + i] * y[lane * 4 + i];
    memcpy(scores, sums, sizeof sums);
}

static int32_t product_plain(const uint8_t *x, const int8_t *y, ptrdiff_t width)
{
    int32_t sum = 0;
    for (ptrdiff_t at = 0; at < width; at++)
        sum += x[at] * y[at];
    return sum;
}

#define NAME(stem) stem##_plain
#define TARGET
#define SETS 1
#define GROUPS 1
#include "dot_search.h"

#ifdef X86

/* -- AVX-512 with the instruction that adds up four products of bytes -------------------------------------------- */

#define NAME(stem) stem##_avx512vnni
#define TARGET __attribute__((target("avx512f,avx512vnni")))
#define SETS 6
#define GROUPS 4
#define VECTOR __m512i

TARGET INLINE __m512i load_avx512vnni(const void *from)
{
    return _mm512_loadu_si512(from);
}

TARGET INLINE __m512i splat_avx512vnni(int32_t four)
{
    return _mm512_set1_epi32(four);
}

TARGET INLINE __m512i add_avx512vnni(__m512i sum, __m512i left, __m512i right)
{
    return _mm512_dpbusd_epi32(sum, left, right);
}

TARGET INLINE void store_avx512vnni(int32_t *to, __m512i sum)
{
    _mm512_storeu_si512(to, sum);
}

TARGET static int32_t product_avx512vnni(const uint8_t *x, const int8_t *y, ptrdiff_t width)
{
    __m512i sum = _mm512_setzero_si512();
    for (ptrdiff_t at = 0; at < width; at += 64)
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(x + at), _mm512_loadu_si512(y + at));
    return _mm512_reduce_add_epi32(sum);
}
#include "dot_multiply.h"
#include "dot_search.h"

/* -- 256 bits: AVX2, which first adds up neighbours in 16 bits, and AVX-VNNI, with the instruction of AVX-512 ------ */

#define WIDE(set, name, added, stored)                                                                                 \
    set INLINE __m256i load_##name(const void *from)                                                                   \
    {                                                                                                                  \
        return _mm256_loadu_si256(from);                                                                               \
    }                                                                                                                  \
    set INLINE __m256i splat_##name(int32_t four)                                                                      \
    {                                                                                                                  \
        return _mm256_set1_epi32(four);                                                                                \
    }                                                                                                                  \
    set INLINE __m256i add_##name(__m256i sum, __m256i left, __m256i right)                                            \
    {                                                                                                                  \
        return added;                                                                                                  \
    }                                                                                                                  \
    set INLINE void store_##name(int32_t *to, __m256i sum)                                                             \
    {                                                                                                                  \
        _mm256_storeu_si256((__m256i *)to, stored);                                                                    \
    }

#define PRODUCT(set, name)                                                                                             \
    set static int32_t product_##name(const uint8_t *x, const int8_t *y, ptrdiff_t width)                              \
    {                                                                                                                  \
        __m256i sum = _mm256_setzero_si256();                                                                          \
        for (ptrdiff_t at = 0; at < width; at += 32)                                                                   \
            sum = add_##name(sum, load_##name(x + at), load_##name(y + at));                                           \
        __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));                   \
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));                                                     \
        return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));                                  \
    }

#define SETS 2
#define GROUPS 2

/* Sums of 16 bits wrap around; the two of a lane together are its score, if that fits into 16 bits. */
#define TARGET __attribute__((target("avx2")))
#define NAME(stem) stem##_avx2_16
#define VECTOR __m256i
WIDE(TARGET, avx2_16, _mm256_add_epi16(sum, _mm256_maddubs_epi16(left, right)),
     _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(sum, 16), sum), 16))
#include "dot_multiply.h"
#undef NAME

#define NAME(stem) stem##_avx2
#define VECTOR __m256i
#define NARROW multiply_avx2_16
WIDE(TARGET, avx2,
     _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(left, right), _mm256_set1_epi16(1))), sum)
PRODUCT(TARGET, avx2)
#include "dot_multiply.h"
#include "dot_search.h"

#ifdef AVXVNNI
#define SETS 2
#define GROUPS 2
#define TARGET __attribute__((target("avx2,avxvnni")))
#define NAME(stem) stem##_avxvnni
#define VECTOR __m256i
WIDE(TARGET, avxvnni, _mm256_dpbusd_avx_epi32(sum, left, right), sum)
PRODUCT(TARGET, avxvnni)
#include "dot_multiply.h"
#include "dot_search.h"
#endif

/* -- AMX: 32 left rows at once with 32 right ones, in four tiles of sums ------------------------------------------ */

#ifdef AMX
#define TILED 32 /* left rows at once; of fewer, at the end, tiles have fewer rows */
#define SETS TILED
#define GROUPS 2
#define NAME(stem) stem##_tiles
#define TARGET __attribute__((target("avx512f,amx-tile,amx-int8")))

/* The first tiles of left rows and of sums have `rows` rows, the others what is more than 16. */
TARGET static void shape_tiles(int rows)
{
    struct {
        uint8_t palette, start, none[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shapes = {.palette = 1};
    uint8_t above = rows > 16 ? 16 : (uint8_t)rows, below = rows > 17 ? (uint8_t)(rows - 16) : 1;
    const uint8_t of_tiles[] = {above, above, below, below, above, below, 16, 16};
    for (int i = 0; i < 8; i++)
        shapes.rows[i] = of_tiles[i], shapes.bytes[i] = 64;
    __asm__ volatile("" : : "r"(&shapes) : "memory"); /* GCC takes the next line to read eight bytes */
    _tile_loadconfig(&shapes);
}

/* Left rows follow each other in memory. The sums of rows that have no tile stay as they are. */
TARGET static __attribute__((noinline)) void
multiply_tiles(int32_t (*scores)[GROUPS * LANES], const int8_t *y, const uint8_t *const *x, ptrdiff_t width)
{
    const int8_t *next = y + LANES * width;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (ptrdiff_t at = 0; at < width; at += 64) {
        _tile_loadd(4, x[0] + at, width);
        _tile_loadd(6, y + LANES * at, 4 * LANES);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(7, next + LANES * at, 4 * LANES);
        _tile_dpbusd(1, 4, 7);
        _tile_loadd(5, x[16] + at, width);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, scores[0], sizeof *scores);
    _tile_stored(1, scores[0] + LANES, sizeof *scores);
    _tile_stored(2, scores[16], sizeof *scores);
    _tile_stored(3, scores[16] + LANES, sizeof *scores);
}
#include "dot_search.h"

__attribute__((target("amx-tile"))) static void search_amx(const struct right *right, struct left *left)
{
    ptrdiff_t whole = left->rows / TILED * TILED;
    struct left sets = *left, rest = *left;
    sets.rows = whole;
    rest.values += whole * left->width, rest.kept += whole * left->most, rest.found += whole;
    rest.rows -= whole, rest.beyond += whole;
    if (sets.rows) {
        shape_tiles(TILED);
        search_tiles(right, &sets);
    }
    if (rest.rows) {
        shape_tiles((int)rest.rows);
        search_tiles(right, &rest);
    }
    _tile_release();
}
#define product_amx product_avx512vnni
#endif

#elif defined(ARM)

/* -- NEON with the instruction that adds up four products of bytes ----------------------------------------------- */

#define NAME(stem) stem##_neon
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define SETS 4
#define GROUPS 1
#define VECTOR int32x4_t

TARGET INLINE int32x4_t load_neon(const void *from)
{
    return vreinterpretq_s32_s8(vld1q_s8(from));
}

TARGET INLINE int32x4_t splat_neon(int32_t four)
{
    return vdupq_n_s32(four);
}

TARGET INLINE int32x4_t add_neon(int32x4_t sum, int32x4_t left, int32x4_t right)
{
    return vdotq_s32(sum, vreinterpretq_s8_s32(left), vreinterpretq_s8_s32(right));
}

TARGET INLINE void store_neon(int32_t *to, int32x4_t sum)
{
    vst1q_s32(to, sum);
}

TARGET static int32_t product_neon(const uint8_t *x, const int8_t *y, ptrdiff_t width)
{
    int32x4_t sums[4] = {0};
    for (ptrdiff_t at = 0; at < width; at += 64)
        for (int i = 0; i < 4; i++)
            sums[i] = add_neon(sums[i], load_neon(x + at + 16 * i), load_neon(y + at + 16 * i));
    return vaddvq_s32(vaddq_s32(vaddq_s32(sums[0], sums[1]), vaddq_s32(sums[2], sums[3])));
}
#include "dot_multiply.h"
#include "dot_search.h"

#endif
