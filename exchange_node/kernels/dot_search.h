/* The search through one stripe of left rows, written once for all instruction sets. Who includes it defines
 *   NAME(stem)      the names of this set's functions
 *   TARGET          its target attribute, or nothing
 *   SETS, GROUPS    how many left rows are multiplied at once, and with how many groups of LANES right rows
 *   VECTOR          what holds sums of neighbouring lanes, for which there are
 *   NAME(load), NAME(splat), NAME(add), NAME(store)
 *                   right values from memory, four left values for all lanes, the sum with their products, the sums
 *                   as whole numbers; without a VECTOR instead NAME(multiply)
 */

#ifdef VECTOR
#define PARTS (GROUPS * LANES * 4 / (int)sizeof(VECTOR))
#define PART ((int)sizeof(VECTOR) / 4) /* lanes of a vector */

/* The scores of SETS left rows with GROUPS groups. Not inlined: what comes after would take its registers. */
TARGET static __attribute__((noinline)) void
NAME(multiply)(int32_t (*scores)[GROUPS * LANES], const int8_t *y, const uint8_t *const *x, ptrdiff_t width)
{
    VECTOR sums[SETS][PARTS] = {0};
    for (ptrdiff_t at = 0; at < width; at += 4, y += 4 * LANES) {
        VECTOR right[PARTS];
#pragma GCC unroll 16
        for (int i = 0; i < PARTS; i++)
            right[i] = NAME(load)(y + i * PART / LANES * LANES * width + i * PART % LANES * 4);
#pragma GCC unroll 16
        for (int k = 0; k < SETS; k++) {
            int32_t four;
            memcpy(&four, x[k] + at, sizeof four);
            VECTOR left = NAME(splat)(four);
#pragma GCC unroll 16
            for (int i = 0; i < PARTS; i++)
                sums[k][i] = NAME(add)(sums[k][i], left, right[i]);
        }
    }
#pragma GCC unroll 16
    for (int k = 0; k < SETS; k++)
#pragma GCC unroll 16
        for (int i = 0; i < PARTS; i++)
            NAME(store)(scores[k] + i * PART, sums[k][i]);
}
#undef PARTS
#undef PART
#endif

/* Whether a left row has a score to keep. */
TARGET static inline int NAME(reach)(const int32_t *scores, int32_t least)
{
    int any = 0;
    for (int lane = 0; lane < GROUPS * LANES; lane++)
        any |= scores[lane] >= least;
    return any;
}

TARGET static void NAME(search)(const struct right *right, struct left *left)
{
    ptrdiff_t bytes = left->width * LANES, tile = TILE_BYTES / bytes / GROUPS * GROUPS;
    tile = tile < GROUPS ? GROUPS : tile;
    for (ptrdiff_t first = 0; first < right->groups; first += tile) {
        ptrdiff_t end = first + tile < right->groups ? first + tile : right->groups;
        for (ptrdiff_t row = 0; row < left->rows; row += SETS) {
            const uint8_t *x[SETS];
            int32_t least[SETS];
            for (int k = 0; k < SETS; k++) {
                /* At the end the last row stands in for rows that are not there; nobody looks at its scores. */
                ptrdiff_t at = row + k < left->rows ? row + k : left->rows - 1;
                x[k] = left->values + at * left->width;
                least[k] = need(left, at);
            }
            int64_t from = (row + left->beyond) / (LANES * GROUPS) * GROUPS; /* nothing before it counts */
            for (ptrdiff_t group = from > first ? from : first; group < end; group += GROUPS) {
                int32_t scores[SETS][GROUPS * LANES];
                NAME(multiply)(scores, right->values + group * bytes, x, left->width);
                for (int k = 0; k < SETS && row + k < left->rows; k++) {
                    if (!NAME(reach)(scores[k], least[k]))
                        continue;
                    for (int lane = 0; lane < GROUPS * LANES && group * LANES + lane < right->rows; lane++)
                        if (scores[k][lane] >= least[k])
                            keep(left, row + k, group * LANES + lane, scores[k][lane]);
                    least[k] = need(left, row + k);
                }
            }
        }
    }
}

#undef NAME
#undef TARGET
#undef SETS
#undef GROUPS
#undef VECTOR
