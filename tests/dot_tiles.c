/* tests/dot_elsewhere.c with AMX's tiles in plain C, for processors that have none. As the instructions are described
 * in Intel's Architecture Instruction Set Extensions, chapter 3; a tile that has no shape stops the program.
 */

#define DOT_TILES_H
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define tiles_run_here() 1
#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig tile_loadconfig
#define _tile_release() memset(&config, 0, sizeof config)
#define _tile_zero(tile) memset(tiles[tile], 0, sizeof tiles[tile])
#define _tile_loadd tile_loadd
#define _tile_stored tile_stored
#define _tile_dpbusd tile_dpbusd

static struct {
    uint8_t palette, start, none[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} config;
static uint8_t tiles[8][16][64];

static void tile_loadconfig(const void *from)
{
    memcpy(&config, from, 64);
    for (int i = 0; i < 8; i++)
        if (config.palette != 1 || config.rows[i] > 16 || config.bytes[i] > 64)
            abort();
    memset(tiles, 0, sizeof tiles);
}

static int rows_of(int tile)
{
    if (!config.rows[tile] || !config.bytes[tile])
        abort();
    return config.rows[tile];
}

static void tile_loadd(int tile, const void *from, int64_t stride)
{
    memset(tiles[tile], 0, sizeof tiles[tile]);
    for (int row = 0; row < rows_of(tile); row++)
        memcpy(tiles[tile][row], (const uint8_t *)from + row * stride, config.bytes[tile]);
}

static void tile_stored(int tile, void *to, int64_t stride)
{
    for (int row = 0; row < rows_of(tile); row++)
        memcpy((uint8_t *)to + row * stride, tiles[tile][row], config.bytes[tile]);
}

static void tile_dpbusd(int sums, int left, int right)
{
    if (rows_of(sums) != rows_of(left) || config.bytes[left] != 4 * rows_of(right) ||
        config.bytes[sums] != config.bytes[right])
        abort();
    for (int row = 0; row < config.rows[sums]; row++)
        for (int lane = 0; lane < config.bytes[sums] / 4; lane++) {
            int32_t sum;
            memcpy(&sum, &tiles[sums][row][4 * lane], sizeof sum);
            for (int k = 0; k < config.bytes[left]; k++)
                sum += tiles[left][row][k] * (int8_t)tiles[right][k / 4][4 * lane + k % 4];
            memcpy(&tiles[sums][row][4 * lane], &sum, sizeof sum);
        }
}

#include "dot_elsewhere.c"
