/* What differs between instruction sets: adding up products, and the score of a single pair. */

/* -- plain C, on any machine ------------------------------------------------------------------------------------ */

#define NAME(stem) stem##_plain
#define TARGET
#define SETS 1
#define GROUPS 1

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
#include "dot_search.h"

#ifdef X86
#define INLINE static inline __attribute__((always_inline))

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
#include "dot_search.h"

/* -- AVX2, by the products of neighbours and their sums in 16 bits, and with the instruction of AVX-512 on 256 bits - */

#define WIDE(set, name, add)                                                                                           \
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
        return add;                                                                                                    \
    }                                                                                                                  \
    set INLINE void store_##name(int32_t *to, __m256i sum)                                                             \
    {                                                                                                                  \
        _mm256_storeu_si256((__m256i *)to, sum);                                                                       \
    }                                                                                                                  \
    set static int32_t product_##name(const uint8_t *x, const int8_t *y, ptrdiff_t width)                              \
    {                                                                                                                  \
        __m256i sum = _mm256_setzero_si256();                                                                          \
        for (ptrdiff_t at = 0; at < width; at += 32)                                                                   \
            sum = add_##name(sum, load_##name(x + at), load_##name(y + at));                                           \
        __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));                   \
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));                                                     \
        return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));                                  \
    }

#define AVX2 __attribute__((target("avx2")))
WIDE(AVX2, avx2,
     _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(left, right), _mm256_set1_epi16(1))))
#define NAME(stem) stem##_avx2
#define TARGET AVX2
#define SETS 3
#define GROUPS 2
#define VECTOR __m256i
#include "dot_search.h"

#define AVXVNNI __attribute__((target("avx2,avxvnni")))
WIDE(AVXVNNI, avxvnni, _mm256_dpbusd_avx_epi32(sum, left, right))
#define NAME(stem) stem##_avxvnni
#define TARGET AVXVNNI
#define SETS 3
#define GROUPS 2
#define VECTOR __m256i
#include "dot_search.h"

#endif
