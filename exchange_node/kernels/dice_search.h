/* The search through one stripe of left rows, written once for all instruction sets. Who includes it defines
 *   NAME(stem)  the names of this set's functions
 *   TARGET      its target attribute, or nothing
 *   SETS        how many left rows are counted at once
 *   COUNTS      running counts of SETS x LANES pairs: an array type, for which NAME(add), NAME(reach) and
 *               NAME(spill) are there
 */

TARGET static void NAME(search)(const struct right *right, struct left *left)
{
    for (ptrdiff_t first = 0; first < right->groups; first += TILE_GROUPS) {
        ptrdiff_t end = first + TILE_GROUPS < right->groups ? first + TILE_GROUPS : right->groups;
        for (ptrdiff_t row = 0; row < left->rows; row += SETS) {
            const uint64_t *x[SETS];
            const int32_t *rest_x[SETS];
            int32_t bits_x[SETS];
            for (int k = 0; k < SETS; k++) {
                /* At the end the last row stands in for rows that are not there; nobody looks at its counts. */
                ptrdiff_t at = row + k < left->rows ? row + k : left->rows - 1;
                x[k] = left->words + at * right->width;
                rest_x[k] = left->rest + at * right->parts;
                bits_x[k] = left->bits[at];
            }
            for (ptrdiff_t group = first; group < end; group++) {
                const uint64_t *y = right->words + group * right->width * LANES;
                const int32_t *rest_y = right->rest + group * right->parts;
                int32_t fewest = right->bits[group * LANES], most = right->bits[group * LANES + LANES - 1];
                int32_t need[SETS];
                int open = 0;
                for (int k = 0; k < SETS; k++) {
                    need[k] = right->need[sum_of(right, bits_x[k], fewest)];
                    open |= need[k] <= (bits_x[k] < most ? bits_x[k] : most);
                }
                if (!open)
                    continue;
                COUNTS counts = {0};
                NAME(add)(counts, y, x, 0, right->ends[0]);
                int part = 1;
                for (; part < right->parts; part++) {
                    int32_t so_far[SETS];
                    for (int k = 0; k < SETS; k++)
                        so_far[k] = need[k] - (rest_x[k][part] < rest_y[part] ? rest_x[k][part] : rest_y[part]);
                    if (!NAME(reach)(counts, so_far))
                        break;
                    NAME(add)(counts, y, x, right->ends[part - 1], right->ends[part]);
                }
                if (part < right->parts || !NAME(reach)(counts, need))
                    continue;
                int64_t shared[SETS][LANES];
                NAME(spill)(counts, shared);
                for (int k = 0; k < SETS && row + k < left->rows; k++)
                    for (int lane = 0; lane < LANES; lane++)
                        if (shared[k][lane] >= need[k])
                            keep(right, left, row + k, group * LANES + lane, (int32_t)shared[k][lane]);
            }
        }
    }
}

#undef NAME
#undef TARGET
#undef SETS
#undef COUNTS
