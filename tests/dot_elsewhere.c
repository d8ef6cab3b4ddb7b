/* Compares every kernel of dot.c that runs on this processor with plain C, on rows of all sizes and extremes. Built for
 * processors that Python's tests do not run on, and started in an emulator. Prints the kernels that were compared.
 */

#include "dot.c"

#include <stdio.h>

#define ROWS 80 /* fewer on the left, more than two sets of the kernel that takes most at once */

static uint64_t state;

static uint32_t below(uint32_t limit) /* xorshift64*, Vigna 2016 */
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 33) % limit;
}

/* A value from 0 up to the most, or below it down to the least; extremes are what sums could fail on. */
static int value(int least, int most, int extreme)
{
    return extreme ? (below(4) ? most : least) : least + (int)below((uint32_t)(most - least + 1));
}

struct rows {
    uint8_t *x;
    int8_t *y, *laid;
    int64_t m, n, width, groups;
};

static struct rows made(int extreme)
{
    struct rows r = {.m = below(ROWS), .n = below(150), .width = 64 * (1 + below(12))};
    r.groups = (r.n + LANES * PAD - 1) / (LANES * PAD) * PAD;
    r.x = calloc(1, (size_t)(r.m * r.width + 1)), r.y = calloc(1, (size_t)(r.n * r.width + 1));
    r.laid = calloc(1, (size_t)(r.groups * LANES * r.width + 1));
    for (int64_t i = 0; i < r.m * r.width; i++)
        r.x[i] = (uint8_t)value(0, 127, extreme);
    for (int64_t row = 0; row < r.n; row++)
        for (int64_t at = 0; at < r.width; at++) {
            int8_t one = (int8_t)value(-128, 127, extreme);
            r.y[row * r.width + at] = one;
            r.laid[row / LANES * LANES * r.width + at / 4 * 4 * LANES + row % LANES * 4 + at % 4] = one;
        }
    return r;
}

struct found {
    int32_t counts[ROWS], scores[ROWS * 150];
    struct pair kept[ROWS * 8];
};

static void demand(const char *wrong, const char *kernel, const char *what)
{
    if (wrong) {
        printf("%s, %s: %s\n", kernel, what, wrong);
        exit(1);
    }
}

static void compare(const char *kernel, const char *what, const struct found *a, const struct found *b)
{
    demand(memcmp(a, b, sizeof *a) ? "not what plain C gives" : NULL, kernel, what);
}

static void check(const char *kernel, int round)
{
    static uint32_t left[ROWS * 150], right[ROWS * 150];
    static struct found found[2];
    struct rows r = made(round % 4 == 0);
    int most = 1 + (int)below(8);
    int32_t threshold = (int32_t)below(200000) - 100000;
    int64_t beyond = below(2) ? -FAR : (int64_t)below(9) - 4, all = r.m * r.n;
    for (int64_t i = 0; i < all; i++)
        left[i] = below((uint32_t)r.m), right[i] = below((uint32_t)r.n);
    const char *names[2] = {kernel, "plain"}, *steps[2] = {"search", "pairs"};
    for (int step = 0; step < 2; step++) {
        memset(found, 0, sizeof found);
        for (int i = 0; i < 2; i++) {
            struct found *to = &found[i];
            struct array x = {r.x, r.m * r.width}, y = {r.y, r.n * r.width};
            struct array counts = {to->counts, 4 * r.m}, kept = {to->kept, 8 * r.m * most};
            struct array laid = {r.laid, r.groups * LANES * r.width};
            struct array whole[] = {x, laid, counts, kept};
            struct array each[] = {x, y, {left, 4 * all}, {right, 4 * all}, {to->scores, 4 * all}};
            const char *wrong = step ? dot_pairs(names[i], r.width, each)
                                     : dot_search(names[i], r.width, 7, r.n, threshold, most, beyond, whole);
            demand(wrong, names[i], steps[step]);
        }
        compare(kernel, steps[step], &found[0], &found[1]);
    }
    free(r.x), free(r.y), free(r.laid);
}

int main(void)
{
    const char *kernel;
    for (int number = 0; (kernel = dot_kernel(number)); number++) {
        state = 20261126;
        for (int round = 0; round < 200; round++)
            check(kernel, round);
        printf("%s\n", kernel);
    }
    return 0;
}
