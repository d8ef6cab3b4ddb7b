/* What differs between instruction sets: the scores of SETS left rows with GROUPS x LANES right rows. */

#define APART __attribute__((noinline))

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

static inline int32_t product_plain(const uint8_t *x, const int8_t *y, ptrdiff_t width)
{
    int32_t sum = 0;
    for (ptrdiff_t at = 0; at < width; at++)
        sum += x[at] * y[at];
    return sum;
}
#include "dot_search.h"

#ifdef X86

/* -- AVX-512 with the instruction that adds up four products of bytes -------------------------------------------- */

#define NAME(stem) stem##_avx512vnni
#define TARGET __attribute__((target("avx512f,avx512vnni")))
#define SETS 6
#define GROUPS 4

TARGET APART static void
multiply_avx512vnni(int32_t (*scores)[GROUPS * LANES], const int8_t *y, const uint8_t *const *x, ptrdiff_t width)
{
    __m512i sums[SETS][GROUPS] = {0};
    for (ptrdiff_t at = 0; at < width; at += 4) {
        __m512i right[GROUPS];
#pragma GCC unroll 8
        for (int i = 0; i < GROUPS; i++)
            right[i] = _mm512_loadu_si512(y + (i * width + at) * LANES);
#pragma GCC unroll 8
        for (int k = 0; k < SETS; k++) {
            int32_t four;
            memcpy(&four, x[k] + at, 4);
            __m512i left = _mm512_set1_epi32(four);
#pragma GCC unroll 8
            for (int i = 0; i < GROUPS; i++)
                sums[k][i] = _mm512_dpbusd_epi32(sums[k][i], left, right[i]);
        }
    }
#pragma GCC unroll 8
    for (int k = 0; k < SETS; k++)
#pragma GCC unroll 8
        for (int i = 0; i < GROUPS; i++)
            _mm512_storeu_si512(scores[k] + i * LANES, sums[k][i]);
}

TARGET static inline int32_t product_avx512vnni(const uint8_t *x, const int8_t *y, ptrdiff_t width)
{
    __m512i sum = _mm512_setzero_si512();
    for (ptrdiff_t at = 0; at < width; at += 64)
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(x + at), _mm512_loadu_si512(y + at));
    return _mm512_reduce_add_epi32(sum);
}
#include "dot_search.h"

#endif
