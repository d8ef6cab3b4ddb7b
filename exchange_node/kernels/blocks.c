/* From keys to candidates: rows in the order of their hashes, the bucket of each hash, and whoever shares one.
 *
 * Every index is checked before it is used. A plain library that Python loads with ctypes, as the other kernels are.
 */

#include <stdint.h>
#include <stdlib.h>

#define AHEAD 8 /* left rows whose candidates are on their way from memory */
#define DIGIT 16
#define DIGITS ((size_t)1 << DIGIT)
#define FINEST 24 /* bits of a hash by which it is looked up, at most */

struct row {
    uint32_t hash, number;
};

/* Rows by their hashes, as they come where these are the same (radix sort): `order`; the different hashes, and where in
 * the order each of them begins, with the end behind the last. Returns how many there are, -1 if there is no memory.
 */
int64_t blocks_sort(int64_t rows, const uint32_t *hashes, uint32_t *order, uint32_t *distinct, uint32_t *begins)
{
    struct row *half = malloc(((size_t)rows + 1) * sizeof *half);
    uint32_t *low = calloc(2 * (DIGITS + 1), sizeof *low), *high = low + DIGITS + 1;
    int64_t count = 0;
    if (!half || !low) {
        free(half);
        free(low);
        return -1;
    }
    for (int64_t i = 0; i < rows; i++) {
        low[(hashes[i] & (DIGITS - 1)) + 1]++;
        high[(hashes[i] >> DIGIT) + 1]++;
    }
    for (size_t i = 0; i < DIGITS; i++) {
        low[i + 1] += low[i];
        high[i + 1] += high[i];
    }
    for (int64_t i = 0; i < rows; i++)
        half[low[hashes[i] & (DIGITS - 1)]++] = (struct row){hashes[i], (uint32_t)i};
    for (int64_t i = 0; i < rows; i++)
        order[high[half[i].hash >> DIGIT]++] = half[i].number;
    for (int64_t i = 0; i < rows; i++)
        if (i == 0 || hashes[order[i]] != distinct[count - 1]) {
            distinct[count] = hashes[order[i]];
            begins[count++] = (uint32_t)i;
        }
    begins[count] = (uint32_t)rows;
    free(half);
    free(low);
    return count;
}

/* Where the bucket of each wanted hash begins and ends: ranges[i * keys + key]. An empty range where nobody has it, more
 * than `cap` have, or it is 0. Returns -1 if there is no memory.
 */
int blocks_find(int64_t count, const uint32_t *distinct, const uint32_t *begins, int64_t cap, int64_t wanted,
                const uint32_t *hashes, int64_t keys, int64_t key, uint32_t (*ranges)[2])
{
    int bits = 1;
    while (bits < FINEST && (int64_t)1 << bits < count)
        bits++;
    int shift = 32 - bits;
    uint32_t *first = malloc(((size_t)1 << bits) * sizeof *first);
    if (!first)
        return -1;
    uint32_t at = 0;
    for (uint32_t top = 0; top < (uint32_t)1 << bits; top++) {
        while (at < count && distinct[at] >> shift < top)
            at++;
        first[top] = at;
    }
    for (int64_t i = 0; i < wanted; i++) {
        if (i + 2 * AHEAD < wanted) {
            __builtin_prefetch(first + (hashes[i + 2 * AHEAD] >> shift));
            at = first[hashes[i + AHEAD] >> shift];
            __builtin_prefetch(distinct + at);
            __builtin_prefetch(begins + at);
        }
        uint32_t hash = hashes[i], *range = ranges[i * keys + key];
        at = first[hash >> shift];
        while (at < count && distinct[at] < hash)
            at++;
        int there = hash && at < count && distinct[at] == hash && begins[at + 1] - begins[at] <= cap;
        range[0] = there ? begins[at] : 0;
        range[1] = there ? begins[at + 1] : 0;
    }
    free(first);
    return 0;
}

struct buckets {
    int64_t rows, keys;
    const uint32_t *order;       /* [key][right row] */
    const uint32_t (*ranges)[2]; /* [left row][key], begin and end in the order of that key */
    uint64_t *seen;              /* [right row / 64], bits: already a candidate of the left row at hand */
};

static void prepare(const struct buckets *buckets, int64_t row)
{
    for (int64_t key = 0; key < buckets->keys; key++) {
        uint32_t at = buckets->ranges[row * buckets->keys + key][0];
        if (at < buckets->rows)
            __builtin_prefetch(buckets->order + key * buckets->rows + at);
    }
}

/* The right rows with a number above `beyond` that share a bucket with a left row, each once; there is room for `most`.
 * Returns how many, or -1: out of range.
 */
static int64_t gather(const struct buckets *buckets, int64_t row, int64_t beyond, uint32_t *ids, int64_t most)
{
    int64_t count = 0;
    for (int64_t key = 0; key < buckets->keys; key++) {
        const uint32_t *range = buckets->ranges[row * buckets->keys + key];
        const uint32_t *order = buckets->order + key * buckets->rows;
        if (range[0] > range[1] || range[1] > buckets->rows || range[1] - range[0] > most - count)
            return -1;
        for (uint32_t i = range[0]; i < range[1]; i++) {
            uint32_t at = order[i];
            if (at >= buckets->rows)
                return -1;
            uint64_t bit = (uint64_t)1 << at % 64;
            if (buckets->seen[at / 64] & bit || at <= beyond)
                continue;
            buckets->seen[at / 64] |= bit;
            ids[count++] = at;
        }
    }
    for (int64_t i = 0; i < count; i++)
        buckets->seen[ids[i] / 64] = 0;
    return count;
}

/* Of `left` left rows, one's after the other's, for which there is `room`: how many each has, and who they are. Left row
 * i has those above `beyond` + i. Returns how many in all, -1: out of range, -2: no memory.
 */
int64_t blocks_gather(int64_t rows, int64_t keys, const uint32_t *order, int64_t left, const uint32_t (*ranges)[2],
                      int64_t beyond, uint32_t *counts, uint32_t *ids, int64_t room)
{
    struct buckets buckets = {rows, keys, order, ranges, calloc((size_t)rows / 64 + 1, sizeof(uint64_t))};
    int64_t all = 0;
    if (!buckets.seen)
        return -2;
    for (int64_t row = 0; row < left; row++) {
        if (row + AHEAD < left)
            prepare(&buckets, row + AHEAD);
        int64_t count = gather(&buckets, row, beyond + row, ids + all, room - all);
        if (count < 0) {
            all = -1;
            break;
        }
        counts[row] = (uint32_t)count;
        all += count;
    }
    free(buckets.seen);
    return all;
}
