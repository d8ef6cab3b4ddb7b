/* From pairs to links: each pair in turn is taken if neither of its rows is.
 *
 * A plain library that Python loads with ctypes, as the other kernels are.
 */

#include <stdint.h>
#include <stdlib.h>

/* Sets chosen[i] for the pairs taken and returns 0; 1 if a row is out of range, 2 if there is no memory. */
int greedy_take(int64_t pairs, const uint32_t *left, const uint32_t *right, int64_t left_rows, int64_t right_rows,
                uint8_t *chosen)
{
    uint8_t *taken = calloc((size_t)(left_rows + right_rows) + 1, 1);
    if (!taken)
        return 2;
    int wrong = 0;
    for (int64_t i = 0; i < pairs && !wrong; i++) {
        if (left[i] >= left_rows || right[i] >= right_rows) {
            wrong = 1;
            break;
        }
        uint8_t *one = taken + left[i], *other = taken + left_rows + right[i];
        chosen[i] = !(*one | *other);
        *one |= chosen[i];
        *other |= chosen[i];
    }
    free(taken);
    return wrong;
}
