/* Registers as vectors of small integers: tokens, keyed hashes, how rare they are, and rows made from them.
 *
 * What each number is, exactly, is told in `encoding/vectors.py`: all is whole numbers, so that every machine makes the
 * same bits. A *block* is some columns of a vector, set by the tokens that one tokeniser finds; a *group* is the blocks
 * of one field, or of several together. All that is found out about a value stands together (vectors_fill.h), so that a
 * row costs one place in memory for each group. What is made from key or people is overwritten when it goes.
 *
 * Every size is checked before work begins, every index before it is used. A plain library that Python loads with
 * ctypes: it needs a C compiler and no headers of Python, and Python's lock is not held meanwhile. Different groups may
 * be filled at once, and rows made at once when all are; nothing else may happen while vectors_end runs.
 */

#define _DEFAULT_SOURCE /* madvise */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MOST_TOKENS 1000 /* of one value; the others do not count */
#define MOST_COUNT 15    /* tokens in one column, likewise */
#define MOST_SQUARE (MOST_COUNT * 2 * MOST_TOKENS)
#define MOST_WIDTH 4096 /* of a vector */
#define MOST_BLOCKS 512
#define MOST_FIELDS 16  /* of one group */
#define MOST_USERS 512  /* sums of so many, each within its bounds, fit 63 bits */
#define FACTOR_BITS 12
#define MOST_FACTOR (512 << FACTOR_BITS)
#define RARITY_BITS 12
#define RAREST (1 << RARITY_BITS)
#define INVERSE_BITS 20
#define HALF_INVERSE (1 << (INVERSE_BITS - 1))
#define LOG_BITS 16
#define RARITIES 4096
#define AHEAD 3 /* rows that are on their way from memory while one is made */
#define LINE 64 /* bytes of a cache line */

#include "vectors_table.h"

#include "vectors_cut.h"

/* What Python gives. */
struct array {
    const void *items;
    int64_t bytes;
};

/* Blocks of one group stand together, groups in their order. */
struct block {
    int32_t group, tokeniser, start, width, hashes, unit;
    uint64_t key[2];
};

/* What a block of right rows is worth in the columns of a block of left ones. They are sorted by right block. */
struct user {
    int32_t left, right;
    int32_t common, rare; /* for tokens that all rows have, and for the rarest, in units of 2^-FACTOR_BITS */
};

struct group {
    const int32_t *codes; /* [row], Python's or in `own`; 0: nothing is known */
    uint32_t values, stride; /* values 1 to `values` - 1 have records */
    int first, end, filled; /* its blocks */
    struct list own, words; /* words: the records of its values */
    struct list offsets;    /* [value] uint32_t, where its record begins; none if all have `stride` words */
};

struct vectors {
    int64_t rows, counted; /* only the first `counted` rows tell how rare a token is */
    int32_t width, group_count, block_count;
    struct group *groups;
    struct block *blocks;
    uint32_t inverses[MOST_SQUARE + 1]; /* of a length by its square */
    uint32_t rarities[RARITIES];        /* by the rows that have a token */
};

/* -- whole numbers ------------------------------------------------------------------------------------------------ */

static uint64_t root(uint64_t square)
{
    uint64_t found = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
        if ((found | bit) * (found | bit) <= square)
            found |= bit;
    return found;
}

/* log2(number) in units of 2^-LOG_BITS, rounded down; the mantissa is squared once for each bit. */
static uint32_t logarithm(uint32_t number)
{
    int whole_part = 31 - __builtin_clz(number);
    uint64_t mantissa = (uint64_t)number << (31 - whole_part);
    uint32_t found = (uint32_t)whole_part;
    for (int bit = 0; bit < LOG_BITS; bit++) {
        mantissa = mantissa * mantissa >> 31;
        uint32_t above = (uint32_t)(mantissa >> 32);
        mantissa >>= above;
        found = found << 1 | above;
    }
    return found;
}

/* log(rows / count) / log(rows), of RAREST. */
static uint32_t exact_rarity(uint32_t rows, uint64_t count)
{
    if (rows < 2)
        return RAREST;
    if (count >= rows)
        return 0;
    uint32_t all = logarithm(rows), some = logarithm((uint32_t)count);
    return (uint32_t)((((uint64_t)(all - some) << (RARITY_BITS + 1)) / all + 1) / 2);
}

static uint32_t rarity_of(const struct vectors *vectors, uint64_t count)
{
    return count < RARITIES ? vectors->rarities[count] : exact_rarity((uint32_t)vectors->counted, count);
}

/* Items of `size` bytes in an array, -1 if it is not whole items at an aligned place. */
static int64_t items(struct array array, int64_t size)
{
    return (uintptr_t)array.items % (uint64_t)size || array.bytes < 0 || array.bytes % size ? -1 : array.bytes / size;
}

#include "vectors_sink.h"

#include "vectors_fill.h"

#include "vectors_join.h"

#include "vectors_weigh.h"

#include "vectors_rows.h"

/* -- what Python sees --------------------------------------------------------------------------------------------- */

/* The names of the tokenisers; NULL after the last. */
const char *vectors_tokeniser(int number)
{
    return number >= 0 && number < TOKENISER_COUNT ? TOKENISERS[number].name : NULL;
}

void vectors_end(struct vectors *vectors)
{
    if (!vectors)
        return;
    for (int i = 0; vectors->groups && i < vectors->group_count; i++) {
        struct group *group = &vectors->groups[i];
        drop(&group->own), drop(&group->offsets), drop(&group->words);
    }
    if (vectors->blocks)
        overwrite(vectors->blocks, 0, (size_t)vectors->block_count * sizeof *vectors->blocks);
    free(vectors->groups);
    free(vectors->blocks);
    free(vectors);
}

static int are_blocks(int32_t width, int32_t groups, int32_t count, const struct block *blocks)
{
    int32_t group = -1;
    for (const struct block *block = blocks; block < blocks + count; block++) {
        if (block->group != group && block->group != ++group)
            return 0;
        if (block->tokeniser < 0 || block->tokeniser >= TOKENISER_COUNT || block->hashes < 1 || block->hashes > 2 ||
            block->unit < 1 || block->unit > 127 || block->width < block->hashes || block->start < 0 ||
            block->width > width - block->start)
            return 0;
    }
    return group == groups - 1;
}

/* NULL: a size does not fit, or there is no memory. */
struct vectors *vectors_begin(int64_t rows, int64_t counted, int32_t width, int32_t groups, int32_t count,
                              const struct block *blocks)
{
    if (rows < 0 || rows > INT32_MAX || counted < 0 || counted > rows || width < 1 || width > MOST_WIDTH || count < 1 || count > MOST_BLOCKS ||
        !are_blocks(width, groups, count, blocks))
        return NULL;
    struct vectors *vectors = calloc(1, sizeof *vectors);
    if (!vectors)
        return NULL;
    vectors->rows = rows, vectors->counted = counted;
    vectors->width = width, vectors->group_count = groups, vectors->block_count = count;
    vectors->groups = calloc((size_t)groups, sizeof *vectors->groups);
    vectors->blocks = calloc((size_t)count, sizeof *vectors->blocks);
    if (!vectors->groups || !vectors->blocks) {
        vectors_end(vectors);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        struct group *group = &vectors->groups[blocks[i].group];
        vectors->blocks[i] = blocks[i];
        group->first = group->end ? group->first : i;
        group->end = i + 1;
    }
    for (uint32_t square = 1; square <= MOST_SQUARE; square++)
        vectors->inverses[square] = (uint32_t)root(((uint64_t)1 << 2 * INVERSE_BITS) / square);
    for (uint32_t count = 0; count < RARITIES; count++) /* one that no counted row has is as rare as one that one has */
        vectors->rarities[count] = exact_rarity((uint32_t)counted, count ? count : 1);
    return vectors;
}

/* Tokenise and hash one group, once. Of one field: a column for each block, and no keys. Of several fields: a column
 * for each, and keys for each block and field. Returns what is wrong, or NULL.
 */
const char *vectors_fill(struct vectors *vectors, int32_t number, int32_t fields, const struct column *columns,
                         const uint64_t (*keys)[2])
{
    if (number < 0 || number >= vectors->group_count || vectors->groups[number].values)
        return "group";
    if (fields < 1 || fields > MOST_FIELDS)
        return "fields";
    struct group *group = &vectors->groups[number];
    group->values = 1;
    if (fields > 1)
        return fill_combinations(vectors, group, fields, columns, keys);
    struct sink *sinks = calloc((size_t)(group->end - group->first), sizeof *sinks);
    const char *wrong = sinks ? fill_values(vectors, group, sinks, columns) : "memory";
    free(sinks);
    return wrong;
}

/* Number of rows that are asked for, -1 if one is none or a group is not filled. */
static int64_t rows_of(const struct vectors *vectors, struct array rows)
{
    int64_t count = items(rows, sizeof(int64_t));
    for (int i = 0; i < vectors->group_count; i++)
        if (!vectors->groups[i].filled)
            return -1;
    for (int64_t i = 0; i < count; i++)
        if (((const int64_t *)rows.items)[i] < 0 || ((const int64_t *)rows.items)[i] >= vectors->rows)
            return -1;
    return count;
}

/* Whether every user is of blocks that are there, the left one as wide, and its factors are small. */
static int are_users(const struct vectors *left, const struct vectors *right, const struct user *users, int64_t count,
                     int32_t most)
{
    if (count < 0 || count > MOST_USERS)
        return 0;
    for (const struct user *user = users; user < users + count; user++)
        if (user->left < 0 || user->left >= left->block_count || user->right < 0 ||
            user->right >= right->block_count || (user > users && user->right < user[-1].right) ||
            left->blocks[user->left].width < right->blocks[user->right].width || user->common > most ||
            user->common < -most || user->rare > most || user->rare < -most)
            return 0;
    return 1;
}

/* Rows: int64_t, their numbers; out: [row][width]. Returns what is wrong, or NULL. */
const char *vectors_left(const struct vectors *vectors, struct array rows, struct array out)
{
    const int64_t *row = rows.items;
    int64_t count = rows_of(vectors, rows);
    if (count < 0)
        return "rows";
    if (out.bytes != count * vectors->width)
        return "answer";
    for (int64_t i = 0; i < count; i++) {
        look_ahead(vectors, NULL, row, i, count);
        left_row(vectors, row[i], (uint8_t *)out.items + i * vectors->width);
    }
    return NULL;
}

/* What the users make of each value that many of so many rows have, and what is needed for the others. To be given to
 * vectors_weighed_end. NULL: something does not fit, or there is no memory.
 */
struct weighted *vectors_weigh(const struct vectors *vectors, const struct user *users, int64_t user_count, int64_t rows)
{
    if (rows_of(vectors, (struct array){0}) < 0 || !are_users(vectors, vectors, users, user_count, MOST_FACTOR))
        return NULL;
    return weighted_begin(vectors, users, user_count, rows);
}

void vectors_weighed_end(struct weighted *weighted)
{
    if (weighted)
        weighted_end(weighted);
}

/* For how many values more than are made there must be room. */
int64_t vectors_spare(const struct weighted *weighted)
{
    return (int64_t)weighted->most + STEP;
}

/* What the users make of each row, without zeros: the values of the i-th stand at places[i] to places[i + 1]. Returns
 * what is wrong, or NULL; "room": there is too little.
 */
const char *vectors_right(const struct weighted *weighted, struct array rows, struct array columns,
                          struct array values, struct array places)
{
    const int64_t *row = rows.items;
    int64_t count = rows_of(weighted->vectors, rows), made = 0, *place = (int64_t *)places.items;
    if (count < 0 || count > INT32_MAX)
        return "rows";
    int64_t last = values.bytes - vectors_spare(weighted); /* where a row may begin */
    if (items(columns, sizeof(uint16_t)) != values.bytes || items(places, sizeof(int64_t)) != count + 1)
        return "answer";
    size_t bytes = sizeof(struct scratch) + (weighted->most + 1) * sizeof(int64_t);
    struct scratch *scratch = calloc(1, bytes);
    if (!scratch)
        return "memory";
    for (int64_t i = 0; i < count && made <= last; i++) {
        look_ahead(weighted->vectors, weighted, row, i, count);
        place[i] = made;
        made += right_row(weighted, row[i], (uint32_t)i + 1, scratch, (uint16_t *)columns.items + made,
                          (int8_t *)values.items + made);
    }
    place[count] = made;
    overwrite(scratch, 0, bytes);
    free(scratch);
    return made <= last ? NULL : "room";
}

/* For each pair of a left and a right row and each user, the sum of the left vector's columns where the right row has
 * tokens, each times what those are worth (`common` and `rare`: 0 or 1, for once), divided by the length of the right
 * row's block: [pair][user] int64_t, in units of 2^-(RARITY_BITS + INVERSE_BITS).
 */
const char *vectors_agree(const struct vectors *left, const struct vectors *right, const struct user *users,
                          int64_t user_count, struct array left_rows, struct array right_rows, struct array out)
{
    uint8_t x[MOST_WIDTH];
    const int64_t *one = left_rows.items, *other = right_rows.items;
    int64_t pairs = rows_of(left, left_rows);
    if (pairs < 0 || rows_of(right, right_rows) != pairs)
        return "rows";
    if (!are_users(left, right, users, user_count, 1))
        return "features";
    if (items(out, sizeof(int64_t)) != pairs * user_count)
        return "answer";
    for (int64_t i = 0; i < pairs; i++) {
        look_ahead(left, NULL, one, i, pairs);
        look_ahead(right, NULL, other, i, pairs);
        left_row(left, one[i], x);
        agree(right, other[i], left, x, users, users + user_count, (int64_t *)out.items + i * user_count);
    }
    return NULL;
}

/* For tests: the tokens of one value, each behind its length (uint32_t). Returns the bytes used, -1 if too many. */
int64_t vectors_cut(int32_t tokeniser, struct array text, struct array out)
{
    struct list ids = {0};
    struct sink sink = {0};
    int64_t used = -1;
    if (tokeniser >= 0 && tokeniser < TOKENISER_COUNT && text.bytes > 0 &&
        begin_sink(&sink, &ids, 0, NOT, (size_t)text.bytes) && begin_value(&sink, (size_t)text.bytes, 1)) {
        const uint8_t *begin = text.items;
        TOKENISERS[tokeniser].cut(&sink, (struct span){begin, begin + text.bytes});
        end_value(&sink, 1);
        number_all(&sink);
        used = sink.failed ? -1 : 0;
    }
    for (size_t i = 1; i < ids.bytes / sizeof(uint32_t) && used >= 0; i++) {
        const struct token *token = (struct token *)sink.table.tokens.items + ((uint32_t *)ids.items)[i];
        uint8_t *to = (uint8_t *)out.items + used;
        if (out.bytes - used < (int64_t)token->bytes + 4)
            used = -1;
        else {
            memcpy(to, &token->bytes, 4);
            memcpy(to + 4, (uint8_t *)sink.table.text.items + token->at, token->bytes);
            used += 4 + token->bytes;
        }
    }
    drop(&ids);
    drop_sink(&sink);
    return used;
}

/* Where values end of a text in which a NUL stands between any two; 0 if there are not so many. */
int vectors_split(struct array text, struct array ends)
{
    int64_t values = items(ends, sizeof(int64_t)), *end = (int64_t *)ends.items;
    const uint8_t *begin = text.items, *at = begin, *last = begin + text.bytes, *found;
    for (int64_t i = 0; i < values - 1; i++, at = found + 1) {
        if (!(found = memchr(at, 0, (size_t)(last - at))))
            return 0;
        end[i] = found - begin;
    }
    if (values < 1 || memchr(at, 0, (size_t)(last - at)))
        return 0;
    end[values - 1] = text.bytes;
    return 1;
}

/* The keyed hash of each value of a text, as of a column; 0 for an empty one. Returns 0 if something does not fit. */
int vectors_hashes(const uint64_t *key, struct array text, struct array ends, int64_t gap, struct array out)
{
    struct column column = {.text = text, .ends = ends, .gap = gap};
    int64_t count = values_of(&column, 0);
    if (count < 0 || items(out, sizeof(uint64_t)) != count)
        return 0;
    for (int64_t value = 0; value < count; value++) {
        struct span span = value_of(&column, value);
        ((uint64_t *)out.items)[value] = size(span) ? sip(key, span.begin, size(span)) : 0;
    }
    return 1;
}

/* For tests: SipHash-2-4. */
uint64_t vectors_hash(const uint64_t *key, struct array message)
{
    return sip(key, message.items, (size_t)message.bytes);
}
