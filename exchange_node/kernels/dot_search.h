/* The search through one stripe of left rows, written once for all instruction sets. Who includes it defines
 *   NAME(stem)      the names of this set's functions
 *   TARGET          its target attribute, or nothing
 *   SETS, GROUPS    how many left rows are multiplied at once, and with how many groups of LANES right rows,
 *                   by NAME(multiply)
 *   NARROW          if there is a quicker function of this name for scores that fit into 16 bits
 */

#ifdef NARROW
/* The greatest square of a length among these groups of right rows. */
TARGET static int64_t NAME(longest)(const int8_t *y, ptrdiff_t groups, ptrdiff_t width)
{
    int32_t most = 0;
    for (; groups > 0; groups--) {
        int32_t squares[4 * LANES] = {0};
        for (ptrdiff_t at = 0; at < width; at += 4, y += 4 * LANES)
            for (int i = 0; i < 4 * LANES; i++)
                squares[i] += y[i] * y[i];
        for (int i = 0; i < 4 * LANES; i += 4) {
            int32_t sum = squares[i] + squares[i + 1] + squares[i + 2] + squares[i + 3];
            most = sum > most ? sum : most;
        }
    }
    return most;
}

TARGET static int32_t NAME(square)(const uint8_t *x, ptrdiff_t width)
{
    int32_t sum = 0;
    for (ptrdiff_t at = 0; at < width; at++)
        sum += x[at] * x[at];
    return sum;
}
#endif

/* Whether any of these left rows has a score to keep. One answer for all: few have. */
TARGET static inline int NAME(reach)(int32_t (*scores)[GROUPS * LANES], const int32_t *least)
{
    int32_t any[GROUPS * LANES] = {0}, one = 0;
    for (int k = 0; k < SETS; k++)
        for (int lane = 0; lane < GROUPS * LANES; lane++)
            any[lane] |= scores[k][lane] >= least[k];
    for (int lane = 0; lane < GROUPS * LANES; lane++)
        one |= any[lane];
    return one;
}

TARGET static void NAME(search)(const struct right *right, struct left *left)
{
    ptrdiff_t bytes = left->width * LANES, tile = TILE_BYTES / bytes / GROUPS * GROUPS;
    tile = tile < GROUPS ? GROUPS : tile;
    for (ptrdiff_t first = 0; first < right->groups; first += tile) {
        ptrdiff_t end = first + tile < right->groups ? first + tile : right->groups;
#ifdef NARROW
        int64_t longest = NAME(longest)(right->values + first * bytes, end - first, left->width);
#endif
        for (ptrdiff_t row = 0; row < left->rows; row += SETS) {
            void (*multiply)(int32_t(*)[GROUPS * LANES], const int8_t *, const uint8_t *const *, ptrdiff_t) =
                NAME(multiply);
            const uint8_t *x[SETS];
            int32_t least[SETS], scores[SETS][GROUPS * LANES] = {0};
            for (int k = 0; k < SETS; k++) {
                /* At the end the last row stands in for rows that are not there; nobody looks at its scores. */
                ptrdiff_t at = row + k < left->rows ? row + k : left->rows - 1;
                x[k] = left->values + at * left->width;
                least[k] = need(left, at);
            }
#ifdef NARROW
            /* |x . y| <= |x| |y| (Cauchy and Schwarz): no score of this tile leaves 16 bits. */
            int64_t square = 0;
            for (int k = 0; k < SETS; k++) {
                int32_t own = NAME(square)(x[k], left->width);
                square = own > square ? own : square;
            }
            if (square * longest < (int64_t)1 << 30)
                multiply = NARROW;
#endif
            int64_t from = (row + left->beyond - right->first) / (LANES * GROUPS) * GROUPS; /* before: none counts */
            for (ptrdiff_t group = from > first ? from : first; group < end; group += GROUPS) {
                multiply(scores, right->values + group * bytes, x, left->width);
                if (!NAME(reach)(scores, least))
                    continue;
                for (int k = 0; k < SETS && row + k < left->rows; k++) {
                    for (int lane = 0; lane < GROUPS * LANES && group * LANES + lane < right->rows; lane++)
                        if (scores[k][lane] >= least[k])
                            keep(left, row + k, right->first + group * LANES + lane, scores[k][lane]);
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
#undef NARROW
