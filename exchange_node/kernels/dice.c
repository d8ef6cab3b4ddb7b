/* All pairs of bit filters that are alike enough, exactly. Of x and y with fewer and more bits, a and b, it is
 * (s + l) |x and y| / (s a + l b), where s and l are whole numbers, for the shorter and the longer row: with 1 and 1 the
 * Dice coefficient, with a larger s one that counts bits which one of both lacks for less (Jimenez, Becerra and Gelbukh
 * 2013, the symmetric Tversky index). Below, `sum` is s a + l b.
 *
 * A pair that cannot reach it is given up early: when some parts of the words are counted, the others can add no more
 * than the smaller number of bits that either row has there, so nothing is dismissed falsely. Everything is integers:
 * the least number of shared bits for each sum comes from the caller as a table.
 *
 * Called with what a peer sent, hence every size and index is checked before the search begins. A plain library that
 * Python loads with ctypes: it needs a C compiler and no headers of Python, and Python's lock is not held meanwhile.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86
#include <immintrin.h>
#endif

#define LANES 8        /* right rows that lie side by side, word by word: one vector has the same word of all */
#define TILE_GROUPS 24 /* 24 kB of 1,024-bit filters stay in the first cache while the left rows pass by */
#define MAX_WIDTH 128
#define MAX_PARTS 16
#define MAX_PART 31
#define MAX_MOST 256
#define MAX_COUNTS 100 /* of shorter and longer */

struct right {
    const uint64_t *words; /* [group][word][lane], rows by ascending bits; lanes without a row are zero */
    const int32_t *bits;   /* [group][lane]; lanes without a row repeat the last row's number */
    const int32_t *rest;   /* [group][part], most bits that one of its rows has from that part on */
    const uint32_t *order; /* [row], its number at the caller */
    const int32_t *need;   /* [sum], fewest shared bits that reach the threshold */
    const int32_t *ends;   /* [part], the word after its last */
    ptrdiff_t rows, groups;
    int width, parts;        /* words of a row, and the parts in which they are counted */
    int32_t shorter, longer; /* what the bits of the row with fewer, and with more, count in a sum */
};

struct pair {
    int32_t shared, sum; /* |x and y|; as above */
    uint32_t right;
};

struct left {
    const uint64_t *words; /* [row][word] */
    const int32_t *bits;   /* [row] */
    const int32_t *rest;   /* [row][part] */
    struct pair *kept;     /* [row][most], best first */
    int32_t *found;        /* [row], how many are kept */
    ptrdiff_t rows;
    int most;
};

static inline int32_t sum_of(const struct right *right, int32_t one, int32_t other)
{
    return one < other ? right->shorter * one + right->longer * other : right->shorter * other + right->longer * one;
}

/* More alike, or as alike and earlier in the caller's order. */
static int better(const struct pair *a, const struct pair *b)
{
    int64_t one = (int64_t)a->shared * b->sum, other = (int64_t)b->shared * a->sum;
    return one > other || (one == other && a->right < b->right);
}

static void keep(const struct right *right, struct left *left, ptrdiff_t row, ptrdiff_t at, int32_t shared)
{
    if (at >= right->rows)
        return;
    struct pair pair = {shared, sum_of(right, left->bits[row], right->bits[at]), right->order[at]};
    if (shared < right->need[pair.sum])
        return;
    struct pair *kept = left->kept + row * left->most;
    int place = left->found[row];
    if (place < left->most)
        left->found[row]++;
    else if (better(&pair, &kept[place - 1]))
        place--;
    else
        return;
    for (; place > 0 && better(&pair, &kept[place - 1]); place--)
        kept[place] = kept[place - 1];
    kept[place] = pair;
}

#include "dice_sets.h"

/* -- what Python sees --------------------------------------------------------------------------------------------- */

struct array {
    const void *items;
    int64_t bytes;
};

enum {
    LEFT_WORDS, LEFT_BITS, LEFT_REST, RIGHT_WORDS, RIGHT_BITS, RIGHT_REST, ORDER, NEED, ENDS, MEASURE, FOUND, KEPT,
    ARRAYS
};

static const struct kernel {
    const char *name;
    void (*search)(const struct right *, struct left *);
} KERNELS[] = {
#ifdef X86
    {"avx512", search_avx512},
    {"avx2", search_avx2},
    {"popcnt", search_popcnt},
#endif
    {"plain", search_plain},
};
#define KERNEL_COUNT ((int)(sizeof KERNELS / sizeof *KERNELS))

static int runs_here(int kernel)
{
#ifdef X86
    __builtin_cpu_init();
    switch (kernel) {
    case 0:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq");
    case 1:
        return __builtin_cpu_supports("avx2");
    case 2:
        return __builtin_cpu_supports("popcnt");
    }
#endif
    return kernel < KERNEL_COUNT;
}

/* Items of `size` bytes in an array, -1 if it is not whole items at an aligned place. */
static int64_t items(struct array array, int64_t size)
{
    return (uintptr_t)array.items % (uint64_t)size || array.bytes % size ? -1 : array.bytes / size;
}

static int within(const int32_t *values, int64_t count, int32_t low, int32_t high)
{
    for (int64_t i = 0; i < count; i++)
        if (values[i] < low || values[i] > high)
            return 0;
    return 1;
}

static int ascending(const int32_t *values, int64_t count)
{
    for (int64_t i = 1; i < count; i++)
        if (values[i] < values[i - 1])
            return 0;
    return 1;
}

/* Which of the arrays does not fit, or NULL. */
static const char *fit(const struct array *a, int most, struct right *right, struct left *left)
{
    int64_t parts = items(a[ENDS], 4), rows = items(a[LEFT_BITS], 4), padded = items(a[RIGHT_BITS], 4);
    const int32_t *ends = a[ENDS].items;
    if (parts < 1 || parts > MAX_PARTS)
        return "ends";
    for (int i = 0; i < parts; i++)
        if (ends[i] - (i ? ends[i - 1] : 0) < 1 || ends[i] - (i ? ends[i - 1] : 0) > MAX_PART)
            return "ends";
    int32_t width = ends[parts - 1], full = 64 * width;
    if (width > MAX_WIDTH)
        return "ends";
    if (rows < 0 || items(a[LEFT_WORDS], 8) != rows * width || items(a[LEFT_REST], 4) != rows * parts)
        return "left";
    if (padded < 0 || padded % LANES || items(a[RIGHT_WORDS], 8) != padded * width ||
        items(a[RIGHT_REST], 4) != padded / LANES * parts)
        return "right";
    int64_t last = items(a[ORDER], 4);
    if (last < 0 || last > padded || padded - last >= LANES)
        return "order";
    if (!within(a[LEFT_BITS].items, rows, 0, full) || !within(a[RIGHT_BITS].items, padded, 0, full) ||
        !ascending(a[RIGHT_BITS].items, padded))
        return "bits";
    const int32_t *measure = a[MEASURE].items; /* shorter and longer */
    if (items(a[MEASURE], 4) != 2 || !within(measure, 1, 1, MAX_COUNTS) || !within(measure + 1, 1, 0, MAX_COUNTS))
        return "measure";
    int64_t sums = (int64_t)(measure[0] + measure[1]) * full + 1;
    if (items(a[NEED], 4) != sums || !within(a[NEED].items, sums, 1, INT32_MAX) || !ascending(a[NEED].items, sums))
        return "need";
    if (most < 1 || most > MAX_MOST)
        return "most";
    if (items(a[FOUND], 4) != rows || items(a[KEPT], 4) != rows * most * (int64_t)(sizeof(struct pair) / 4))
        return "answer";
    *right = (struct right){a[RIGHT_WORDS].items, a[RIGHT_BITS].items, a[RIGHT_REST].items, a[ORDER].items,
                            a[NEED].items, ends, last, padded / LANES, width, (int)parts,
                            measure[0], measure[1]};
    *left = (struct left){a[LEFT_WORDS].items, a[LEFT_BITS].items, a[LEFT_REST].items,
                          (struct pair *)a[KEPT].items, (int32_t *)a[FOUND].items, rows, most};
    return NULL;
}

/* The kernels that run here, the widest first; NULL after the last. */
const char *dice_kernel(int number)
{
    for (int i = 0; i < KERNEL_COUNT; i++)
        if (runs_here(i) && number-- == 0)
            return KERNELS[i].name;
    return NULL;
}

/* Fills FOUND and KEPT; returns what is wrong with the arguments, or NULL. */
const char *dice_search(const char *kernel, int most, const struct array *arrays)
{
    struct right right;
    struct left left;
    int chosen = 0;
    while (chosen < KERNEL_COUNT && (strcmp(KERNELS[chosen].name, kernel) || !runs_here(chosen)))
        chosen++;
    if (chosen == KERNEL_COUNT)
        return "kernel";
    const char *wrong = fit(arrays, most, &right, &left);
    if (wrong)
        return wrong;
    memset(left.found, 0, (size_t)left.rows * sizeof(int32_t));
    if (left.rows)
        KERNELS[chosen].search(&right, &left);
    return NULL;
}
