/* Dot products of 8-bit rows, exactly: of all pairs or of some, the best of each left row at or above a threshold.
 *
 * Left values are 0 to 127, right ones any int8, a row at most MAX_WIDTH long: every product, every sum of two of
 * them in 16 bits and every sum in 32 bits is then what whole numbers give, and nothing saturates or wraps around.
 *
 * Every size is checked before the search begins, every index before it is used. A plain library that Python loads with
 * ctypes: it needs a C compiler and no headers of Python, and Python's lock is not held meanwhile.
 */

#define _DEFAULT_SOURCE 1 /* for syscall */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86
#include <immintrin.h>
#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 12 /* earlier compilers do not know them */
#define AVXVNNI
#ifdef __linux__
#define AMX
#include "dot_tiles.h"
#endif
#endif
#elif defined(__aarch64__) && defined(__linux__) && defined(__GNUC__)
#define ARM
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

#define LANES 16           /* right rows that lie side by side, four values of each after the other */
#define PAD 4              /* groups of lanes come in fours, so that no kernel needs an end of its own */
#define TILE_BYTES 196608  /* of right rows, stay in the second cache while the left rows pass by */
#define AHEAD 8            /* rows that are on their way from memory while one is multiplied */
#define ROOM (1 << 16)     /* columns that a packed value may name */
#define LINE 64            /* bytes of a cache line; a row is whole lines long */
#define MAX_WIDTH 4096
#define MAX_MOST 256
#define FAR ((int64_t)1 << 40)

struct pair {
    int32_t score;
    uint32_t right;
};

struct left {
    const uint8_t *values; /* [row][width] */
    struct pair *kept;     /* [row][most], best first */
    int32_t *found;        /* [row], how many are kept */
    ptrdiff_t rows, width;
    int64_t beyond; /* a right row counts for a left one if its number is greater than that one's and this together */
    int32_t threshold;
    int most;
};

struct right {
    const int8_t *values; /* laid out: [group][width / 4][lane][4], lanes without a row are zero; else [row][width] */
    ptrdiff_t rows, groups;
    int64_t first; /* the number of the first of them */
};

/* Right rows without their zeros: those values of row i that are not 0 begin at places[i], in columns of their own. */
struct packed {
    const uint16_t *columns;
    const int8_t *values;
    const int64_t *places; /* [rows + 1] */
    int64_t rows, first, count;
};

/* The least score that would be kept of a left row, where right rows come in ascending order. */
static int32_t need(const struct left *left, ptrdiff_t row)
{
    return left->found[row] < left->most ? left->threshold : left->kept[(row + 1) * left->most - 1].score + 1;
}

static int better(const struct pair *a, const struct pair *b)
{
    return a->score > b->score || (a->score == b->score && a->right < b->right);
}

static void keep(struct left *left, ptrdiff_t row, ptrdiff_t at, int32_t score)
{
    struct pair pair = {score, (uint32_t)at}, *kept = left->kept + row * left->most;
    int place = left->found[row];
    if (score < left->threshold || at <= row + left->beyond)
        return;
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

typedef int32_t product(const uint8_t *x, const int8_t *y, ptrdiff_t width);

static inline int is_place(const struct packed *right, int64_t at)
{
    int64_t begin = right->places[at], end = right->places[at + 1];
    return 0 <= begin && begin <= end && end <= right->count;
}

/* Have fetched a candidate that comes next, and where it is for a later one. */
static inline void look_ahead(const struct packed *right, const uint32_t *ids, int64_t i, int64_t end)
{
    int64_t at = i + 2 * AHEAD < end ? ids[i + 2 * AHEAD] - right->first : -1;
    if (at >= 0 && at < right->rows)
        __builtin_prefetch(right->places + at);
    at = i + AHEAD < end ? ids[i + AHEAD] - right->first : -1;
    if (at < 0 || at >= right->rows || !is_place(right, at))
        return;
    for (int64_t k = right->places[at]; k < right->places[at + 1]; k += LINE) {
        __builtin_prefetch(right->columns + k);
        __builtin_prefetch(right->columns + k + LINE / 2);
        __builtin_prefetch(right->values + k);
    }
}

/* `x` has a value for every column that there could be. */
static inline int32_t packed_product(const uint8_t *x, const uint16_t *columns, const int8_t *values, int64_t count)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[columns[i]] * values[i];
    return sum;
}

/* The search among candidates: those of left row i are ids[ends[i]] to ids[ends[i + 1]]. `x`: ROOM zeros. Returns 0 if
 * a right row is out of range.
 */
static int among(const struct packed *right, struct left *left, const uint32_t *ids, const int64_t *ends, uint8_t *x)
{
    for (ptrdiff_t row = 0; row < left->rows; row++) {
        memcpy(x, left->values + row * left->width, (size_t)left->width);
        for (int64_t i = ends[row]; i < ends[row + 1]; i++) {
            look_ahead(right, ids, i, ends[left->rows]);
            int64_t at = ids[i] - right->first;
            if (at < 0 || at >= right->rows)
                continue;
            if (!is_place(right, at))
                return 0;
            int64_t place = right->places[at], count = right->places[at + 1] - place;
            keep(left, row, right->first + at, packed_product(x, right->columns + place, right->values + place, count));
        }
    }
    return 1;
}

#include "dot_sets.h"

/* -- what Python sees --------------------------------------------------------------------------------------------- */

struct array {
    const void *items;
    int64_t bytes;
};

static const struct kernel {
    const char *name;
    void (*search)(const struct right *, struct left *);
    product *product;
} KERNELS[] = {
#define KERNEL(name, set) {name, search_##set, product_##set}
#ifdef X86
#ifdef AMX
    KERNEL("amx", amx),
#endif
    KERNEL("avx512vnni", avx512vnni),
#ifdef AVXVNNI
    KERNEL("avxvnni", avxvnni),
#endif
    KERNEL("avx2", avx2),
#elif defined(ARM)
    KERNEL("neon", neon),
#endif
    KERNEL("plain", plain),
};
#define KERNEL_COUNT ((int)(sizeof KERNELS / sizeof *KERNELS))

static int runs_here(const char *name)
{
#ifdef X86
    __builtin_cpu_init();
#ifdef AMX
    if (!strcmp(name, "amx"))
        return runs_here("avx512vnni") && tiles_run_here();
#endif
    if (!strcmp(name, "avx512vnni"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
#ifdef AVXVNNI
    if (!strcmp(name, "avxvnni"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avxvnni");
#endif
    if (!strcmp(name, "avx2"))
        return __builtin_cpu_supports("avx2");
#elif defined(ARM)
    if (!strcmp(name, "neon"))
        return getauxval(AT_HWCAP) >> 20 & 1; /* HWCAP_ASIMDDP */
#endif
    return !strcmp(name, "plain");
}

static const struct kernel *kernel_of(const char *name)
{
    for (int i = 0; i < KERNEL_COUNT; i++)
        if (!strcmp(KERNELS[i].name, name) && runs_here(name))
            return &KERNELS[i];
    return NULL;
}

/* Items of `size` bytes in an array, -1 if it is not whole items at an aligned place. */
static int64_t items(struct array array, int64_t size)
{
    return (uintptr_t)array.items % (uint64_t)size || array.bytes % size ? -1 : array.bytes / size;
}

/* Whether no value is above 127. */
static int small(const uint8_t *values, int64_t count)
{
    uint8_t all = 0;
    for (int64_t i = 0; i < count; i++)
        all |= values[i];
    return all <= 127;
}

static int is_width(int64_t width)
{
    return width >= LINE && width <= MAX_WIDTH && width % LINE == 0;
}

/* Which of the arguments that all searches share does not fit, or NULL. */
static const char *fit(struct array x, struct array found, struct array kept, struct left *left)
{
    int64_t rows = items(found, 4);
    if (!is_width(left->width))
        return "width";
    if (left->most < 1 || left->most > MAX_MOST)
        return "most";
    if (left->beyond < -FAR || left->beyond > FAR)
        return "beyond";
    if (rows < 0 || kept.bytes != rows * left->most * (int64_t)sizeof(struct pair) || items(kept, 4) < 0)
        return "answer";
    if (x.bytes != rows * left->width || !small(x.items, x.bytes))
        return "left";
    left->values = x.items, left->rows = rows;
    left->found = (int32_t *)found.items, left->kept = (struct pair *)kept.items;
    for (int64_t i = 0; i < rows; i++)
        if (left->found[i] < 0 || left->found[i] > left->most)
            return "answer";
    return NULL;
}

/* The kernels that run here, the widest first; NULL after the last. */
const char *dot_kernel(int number)
{
    for (int i = 0; i < KERNEL_COUNT; i++)
        if (runs_here(KERNELS[i].name) && number-- == 0)
            return KERNELS[i].name;
    return NULL;
}

/* All pairs; adds to what was found among earlier right rows. Arrays: x, y laid out, found, kept. Returns what is wrong
 * with the arguments, or NULL.
 */
const char *dot_search(const char *kernel, int64_t width, int64_t first, int64_t rows, int32_t threshold, int most,
                       int64_t beyond, const struct array *a)
{
    const struct kernel *chosen = kernel_of(kernel);
    struct left left = {.width = width, .threshold = threshold, .most = most, .beyond = beyond};
    if (!chosen)
        return "kernel";
    const char *wrong = fit(a[0], a[2], a[3], &left);
    if (wrong)
        return wrong;
    int64_t group = width * LANES, groups = a[1].bytes / group;
    if (a[1].bytes % (group * PAD) || rows < 0 || rows > groups * LANES || groups * LANES - rows >= LANES * PAD ||
        first < 0 || first + rows > UINT32_MAX)
        return "right";
    struct right right = {a[1].items, rows, groups, first};
    if (left.rows)
        chosen->search(&right, &left);
    return NULL;
}

/* Some pairs; adds as dot_search does. Arrays: x, columns, values, places, ids, ends, found, kept. Returns what is
 * wrong, or NULL.
 */
const char *dot_search_among(int64_t width, int64_t first, int32_t threshold, int most, const struct array *a)
{
    struct left left = {.width = width, .threshold = threshold, .most = most, .beyond = -FAR};
    const char *wrong = fit(a[0], a[6], a[7], &left);
    if (wrong)
        return wrong;
    int64_t rows = items(a[3], 8) - 1, ids = items(a[4], 4), count = a[2].bytes;
    const int64_t *ends = a[5].items;
    if (rows < 0 || first < 0 || first + rows > UINT32_MAX || items(a[1], 2) != count)
        return "right";
    if (ids < 0 || items(a[5], 8) != left.rows + 1)
        return "candidates";
    for (int64_t i = 0; i <= left.rows; i++)
        if (ends[i] < (i ? ends[i - 1] : 0) || ends[i] > ids)
            return "candidates";
    struct packed right = {a[1].items, a[2].items, a[3].items, rows, first, count};
    uint8_t *x = calloc(ROOM, 1);
    if (!x)
        return "memory";
    int done = among(&right, &left, a[4].items, ends, x);
    free(x);
    return done ? NULL : "right";
}

/* The pairs (left[i], right[i]). Arrays: x, y, left, right, scores. Returns what is wrong, or NULL. */
const char *dot_pairs(const char *kernel, int64_t width, const struct array *a)
{
    const struct kernel *chosen = kernel_of(kernel);
    int64_t count = items(a[2], 4);
    if (!chosen)
        return "kernel";
    if (!is_width(width))
        return "width";
    if (a[0].bytes % width || !small(a[0].items, a[0].bytes))
        return "left";
    if (a[1].bytes % width)
        return "right";
    if (count < 0 || items(a[3], 4) != count || items(a[4], 4) != count)
        return "pairs";
    const uint32_t *i = a[2].items, *j = a[3].items;
    for (int64_t k = 0; k < count; k++)
        if (i[k] >= a[0].bytes / width || j[k] >= a[1].bytes / width)
            return "index";
    for (int64_t k = 0; k < count; k++)
        ((int32_t *)a[4].items)[k] = chosen->product((const uint8_t *)a[0].items + i[k] * width,
                                                     (const int8_t *)a[1].items + j[k] * width, width);
    return NULL;
}
