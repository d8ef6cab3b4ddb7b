/* What differs between instruction sets: counting the bits that SETS left rows share with LANES right rows. */

/* -- plain C, on any machine; the compiler counts bits as it can ----------------------------------------------- */

typedef int64_t counts_scalar[LANES];

#define SCALAR(target, name)                                                                                           \
    target static void add_##name(int64_t *counts, const uint64_t *y, const uint64_t *const *x, int from, int to)      \
    {                                                                                                                  \
        for (int word = from; word < to; word++)                                                                       \
            for (int lane = 0; lane < LANES; lane++)                                                                   \
                counts[lane] += __builtin_popcountll(x[0][word] & y[word * LANES + lane]);                             \
    }                                                                                                                  \
    target static int reach_##name(const int64_t *counts, const int32_t *least)                                        \
    {                                                                                                                  \
        int any = 0;                                                                                                   \
        for (int lane = 0; lane < LANES; lane++)                                                                       \
            any |= counts[lane] >= least[0];                                                                           \
        return any;                                                                                                    \
    }                                                                                                                  \
    target static void spill_##name(const int64_t *counts, int64_t (*shared)[LANES])                                   \
    {                                                                                                                  \
        memcpy(shared, counts, sizeof(counts_scalar));                                                                 \
    }

SCALAR(, plain)
#define NAME(stem) stem##_plain
#define TARGET
#define SETS 1
#define COUNTS counts_scalar
#include "dice_search.h"

#ifdef X86

/* -- x86-64 with the instruction that counts the bits of a word ------------------------------------------------- */

#define POPCNT __attribute__((target("popcnt")))
SCALAR(POPCNT, popcnt)
#define NAME(stem) stem##_popcnt
#define TARGET POPCNT
#define SETS 1
#define COUNTS counts_scalar
#include "dice_search.h"

/* -- AVX2: the bits of each half byte from a table (Mula, Kurz and Lemire 2018, "Faster population counts") ------ */

#define NAME(stem) stem##_avx2
#define TARGET __attribute__((target("avx2")))
#define SETS 2
#define HALVES 2
typedef __m256i counts_avx2[SETS * HALVES];
#define COUNTS counts_avx2

/* At most MAX_PART words: a byte holds no more than 255. */
TARGET static inline void add_avx2(__m256i *counts, const uint64_t *y, const uint64_t *const *x, int from, int to)
{
    const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    __m256i bytes[SETS * HALVES] = {zero, zero, zero, zero};
    for (int word = from; word < to; word++)
        for (int half = 0; half < HALVES; half++) {
            __m256i right = _mm256_loadu_si256((const __m256i *)(y + word * LANES + half * 4));
            for (int k = 0; k < SETS; k++) {
                __m256i both = _mm256_and_si256(right, _mm256_set1_epi64x((int64_t)x[k][word]));
                __m256i one = _mm256_shuffle_epi8(table, _mm256_and_si256(both, low));
                __m256i two = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
                bytes[k * HALVES + half] = _mm256_add_epi8(bytes[k * HALVES + half], _mm256_add_epi8(one, two));
            }
        }
    for (int i = 0; i < SETS * HALVES; i++)
        counts[i] = _mm256_add_epi64(counts[i], _mm256_sad_epu8(bytes[i], zero));
}

TARGET static inline int reach_avx2(const __m256i *counts, const int32_t *least)
{
    __m256i any = _mm256_setzero_si256();
    for (int i = 0; i < SETS * HALVES; i++)
        any = _mm256_or_si256(any, _mm256_cmpgt_epi64(counts[i], _mm256_set1_epi64x((int64_t)least[i / HALVES] - 1)));
    return !_mm256_testz_si256(any, any);
}

TARGET static inline void spill_avx2(const __m256i *counts, int64_t (*shared)[LANES])
{
    for (int i = 0; i < SETS * HALVES; i++)
        _mm256_storeu_si256((__m256i *)(shared[i / HALVES] + i % HALVES * 4), counts[i]);
}
#include "dice_search.h"

/* -- AVX-512 with a vector instruction that counts bits ---------------------------------------------------------- */

#define NAME(stem) stem##_avx512
#define TARGET __attribute__((target("avx512f,avx512vpopcntdq")))
#define SETS 4
typedef __m512i counts_avx512[SETS];
#define COUNTS counts_avx512

TARGET static inline void add_avx512(__m512i *counts, const uint64_t *y, const uint64_t *const *x, int from, int to)
{
    for (int word = from; word < to; word++) {
        __m512i right = _mm512_loadu_si512(y + word * LANES);
        for (int k = 0; k < SETS; k++) {
            __m512i both = _mm512_and_si512(right, _mm512_set1_epi64((int64_t)x[k][word]));
            counts[k] = _mm512_add_epi64(counts[k], _mm512_popcnt_epi64(both));
        }
    }
}

TARGET static inline int reach_avx512(const __m512i *counts, const int32_t *least)
{
    int any = 0;
    for (int k = 0; k < SETS; k++)
        any |= _mm512_cmpge_epi64_mask(counts[k], _mm512_set1_epi64(least[k]));
    return any;
}

TARGET static inline void spill_avx512(const __m512i *counts, int64_t (*shared)[LANES])
{
    for (int k = 0; k < SETS; k++)
        _mm512_storeu_si512(shared[k], counts[k]);
}
#include "dice_search.h"

#endif
