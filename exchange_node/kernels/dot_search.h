/* The searches through one stripe of left rows, written once for all instruction sets. Who includes it defines
 *   NAME(stem)      the names of this set's functions
 *   TARGET          its target attribute, or nothing
 *   SETS, GROUPS    how many left rows are multiplied at once, and with how many groups of LANES right rows
 *   NAME(multiply)  their scores, as a function that is not inlined: what comes after would take its registers
 *   NAME(product)   the score of a single pair
 */

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
                /* At the end the last row stands in for rows that are not there; nobody looks at its sums. */
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

TARGET static const char *NAME(among)(const struct right *right, struct left *left, struct blocks *blocks)
{
    for (ptrdiff_t row = 0; row < left->rows; row++) {
        const uint8_t *x = left->values + row * left->width;
        const uint32_t *candidates = blocks->candidates;
        ptrdiff_t count;
        if (!gather(right, left, blocks, row, &count))
            return "index";
        for (ptrdiff_t i = -AHEAD; i < count; i++) {
            if (i + AHEAD < count) {
                const int8_t *next = right->values + candidates[i + AHEAD] * left->width;
                for (ptrdiff_t at = 0; at < left->width; at += LINE)
                    __builtin_prefetch(next + at);
            }
            if (i < 0)
                continue;
            const int8_t *y = right->values + candidates[i] * left->width;
            keep(left, row, candidates[i], NAME(product)(x, y, left->width));
        }
    }
    return NULL;
}

#undef NAME
#undef TARGET
#undef SETS
#undef GROUPS
