/* The scores of SETS left rows with GROUPS groups of right rows. Who includes it defines NAME, TARGET, SETS, GROUPS,
 *   VECTOR          what holds sums of neighbouring lanes, for which there are
 *   NAME(load), NAME(splat), NAME(add), NAME(store)
 *                   right values from memory, four left values for all lanes, the sum with their products, the sums
 *                   as whole numbers
 */

#define PARTS (GROUPS * LANES * 4 / (int)sizeof(VECTOR))
#define PART ((int)sizeof(VECTOR) / 4) /* lanes of a vector */

/* Not inlined: what comes after would take its registers. */
TARGET static __attribute__((noinline)) void
NAME(multiply)(int32_t (*scores)[GROUPS * LANES], const int8_t *y, const uint8_t *const *x, ptrdiff_t width)
{
    VECTOR sums[SETS][PARTS] = {0};
#pragma GCC unroll 4
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
#undef VECTOR
