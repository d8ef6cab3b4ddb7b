/* Registers as vectors of small integers: tokens, keyed hashes, how rare they are, and rows made from them.
 *
 * What each number is, exactly, is told in `encoding/vectors.py`: all is whole numbers, so that every machine makes the
 * same bits. A *part* is what one tokeniser finds in one column, or in several together; a *block* places its tokens in
 * some columns of a vector. Everything made from key or people is overwritten when it goes.
 *
 * Every size is checked before work begins, every index before it is used. A plain library that Python loads with
 * ctypes: it needs a C compiler and no headers of Python, and Python's lock is not held meanwhile. Different parts may
 * be filled at once, and rows made at once once all are; nothing else may happen while vectors_end runs.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOKENS 1000 /* of one value, the others do not count */
#define MOST_WIDTH 4096  /* of a vector */
#define MOST_BLOCKS 512
#define MOST_FIELDS 16 /* of one block */
#define MOST_USERS 512 /* sums of so many, each within its bounds, fit 63 bits */
#define FACTOR_BITS 12
#define MOST_FACTOR (512 << FACTOR_BITS)
#define RARITY_BITS 12
#define RAREST (1 << RARITY_BITS)
#define INVERSE_BITS 20
#define LOG_BITS 16
#define AHEAD 12 /* rows that are on their way from memory while one is made */

#include "vectors_table.h"

#include "vectors_cut.h"

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
static uint16_t rarity_of(uint64_t count, uint32_t rows, uint32_t log_rows)
{
    if (rows < 2)
        return RAREST;
    if (count >= rows)
        return 0;
    uint32_t less = log_rows - logarithm((uint32_t)count);
    return (uint16_t)((((uint64_t)less << (RARITY_BITS + 1)) / log_rows + 1) / 2);
}

static uint32_t inverse_of(uint32_t square)
{
    return (uint32_t)root(((uint64_t)1 << 2 * INVERSE_BITS) / square);
}

/* unit * count / root of square, rounded, a half up. */
static uint8_t share_of(uint64_t unit, uint64_t count, uint64_t square)
{
    return (uint8_t)((root(4 * unit * unit * count * count / square) + 1) / 2);
}

/* -- what Python gives -------------------------------------------------------------------------------------------- */

struct array {
    const void *items;
    int64_t bytes;
};

struct column {
    struct array text, ends, codes; /* UTF-8; int64_t where each value ends; int32_t, the value of each row */
};

struct block_spec {
    int32_t part, start, width, hashes, unit;
    uint64_t key[2];
};

/* What a block of right rows adds to the columns that belong to a block of left ones. */
struct user {
    int32_t left, right;
    int32_t common, rare; /* for tokens that all rows have, and for the rarest, in units of 2^-FACTOR_BITS */
};

/* -- parts -------------------------------------------------------------------------------------------------------- */

#define TABLE_COUNTS 8
#define TABLE_SQUARES 512
#define TABLE_INVERSES 2048

struct part {
    const int32_t *codes; /* [row], Python's or in `own`; 0: nothing is known */
    uint32_t values, tokens;
    int filled, single, wide;
    struct list own, starts, ids, rarity; /* starts: [value + 1] uint32_t, none if single; ids: uint16_t or uint32_t */
};

struct block {
    struct block_spec spec;
    struct list places;  /* [token][hashes] uint16_t */
    struct list squares; /* [value] uint32_t, the part's squared length, none if single */
    uint8_t shares[TABLE_SQUARES][TABLE_COUNTS];
};

struct vectors {
    int64_t rows;
    int32_t width, part_count, block_count;
    struct part *parts;
    struct block *blocks;
    uint32_t inverses[TABLE_INVERSES];
};

struct sink {
    struct table table;
    struct list *ids, room;
    uint64_t rows; /* that have the value at hand */
    int wide, left, failed;
};

static uint8_t *scratch(struct sink *sink)
{
    return sink->room.items;
}

static void add_id(struct sink *sink, uint32_t id)
{
    if (!sink->wide && id > UINT16_MAX) {
        struct list wide = {0};
        size_t count = sink->ids->bytes / sizeof(uint16_t);
        uint32_t *to = more(&wide, count * sizeof *to);
        for (size_t i = 0; to && i < count; i++)
            to[i] = ((uint16_t *)sink->ids->items)[i];
        sink->failed |= !to;
        drop(sink->ids);
        *sink->ids = wide;
        sink->wide = 1;
    }
    void *to = more(sink->ids, sink->wide ? sizeof(uint32_t) : sizeof(uint16_t));
    if (!to)
        sink->failed = 1;
    else if (sink->wide)
        *(uint32_t *)to = id;
    else
        *(uint16_t *)to = (uint16_t)id;
}

static void put(struct sink *sink, const uint8_t *text, size_t bytes)
{
    if (sink->failed || sink->left-- <= 0)
        return;
    uint32_t id = number_of(&sink->table, text, bytes, bytes <= 8 ? little(text, bytes) : 0, sink->rows);
    if (id == NO_TOKEN)
        sink->failed = 1;
    else
        add_id(sink, id);
}

static int64_t items(struct array array, int64_t size)
{
    return (uintptr_t)array.items % (uint64_t)size || array.bytes < 0 || array.bytes % size ? -1 : array.bytes / size;
}

/* Number of values of a column, -1 if its arrays do not fit together. */
static int64_t values_of(const struct column *column, int64_t rows)
{
    int64_t values = items(column->ends, sizeof(int64_t)), at = 0;
    if (values < 1 || values > INT32_MAX || items(column->codes, sizeof(int32_t)) != rows)
        return -1;
    for (int64_t i = 0; i < values; i++) {
        int64_t end = ((const int64_t *)column->ends.items)[i];
        if (end < at || end > column->text.bytes)
            return -1;
        at = end;
    }
    return values;
}

static struct span value_of(const struct column *column, int64_t value)
{
    const int64_t *ends = column->ends.items;
    const uint8_t *text = column->text.items;
    return (struct span){text + (value ? ends[value - 1] : 0), text + ends[value]};
}

/* How many rows have each value; 0 if a code is none or there is no memory. */
static int count_rows(const struct column *column, int64_t rows, int64_t values, struct list *counts)
{
    const int32_t *codes = column->codes.items;
    if (!zeros(counts, (size_t)values * sizeof(uint32_t)))
        return 0;
    for (int64_t row = 0; row < rows; row++) {
        if ((uint32_t)codes[row] >= (uint64_t)values)
            return 0;
        ((uint32_t *)counts->items)[codes[row]]++;
    }
    return 1;
}

/* The tokens of each value of a column that some row has. */
static const char *cut_column(const struct vectors *vectors, struct part *part, struct sink *sink, int tokeniser,
                              const struct column *column)
{
    int64_t values = values_of(column, vectors->rows);
    size_t longest = 0, before = 0;
    struct list counts = {0};
    if (values < 0)
        return "column";
    for (int64_t i = 0; i < values; i++)
        longest = size(value_of(column, i)) > longest ? size(value_of(column, i)) : longest;
    const char *wrong = count_rows(column, vectors->rows, values, &counts) ? NULL : "codes";
    if (!wrong && (!more(&sink->room, longest + 64) || !zeros(&part->starts, ((size_t)values + 1) * sizeof(uint32_t))))
        wrong = "memory";
    uint32_t *starts = part->starts.items;
    part->codes = column->codes.items, part->values = (uint32_t)values, part->single = 1;
    for (int64_t i = 0; i < values && !wrong; i++) {
        sink->rows = ((uint32_t *)counts.items)[i], sink->left = MOST_TOKENS;
        if (i && sink->rows && size(value_of(column, i)))
            TOKENISERS[tokeniser].cut(sink, value_of(column, i));
        size_t after = sink->ids->bytes / (sink->wide ? sizeof(uint32_t) : sizeof(uint16_t));
        if (after - before > 1)
            part->single = 0;
        if (sink->failed || after > UINT32_MAX)
            wrong = "memory";
        starts[i + 1] = (uint32_t)(before = after);
    }
    drop(&counts);
    return wrong;
}

/* One token for each distinct combination of known values; its bytes are the values' numbers. */
static const char *combine(const struct vectors *vectors, struct part *part, struct sink *sink, int count,
                           const struct column *columns)
{
    for (int i = 0; i < count; i++) {
        struct list counts = {0};
        int64_t values = values_of(&columns[i], vectors->rows);
        int fits = values > 0 && count_rows(&columns[i], vectors->rows, values, &counts);
        drop(&counts);
        if (!fits)
            return values > 0 ? "codes" : "column";
    }
    if (!zeros(&part->own, (size_t)vectors->rows * sizeof(int32_t)))
        return "memory";
    int32_t *own = part->own.items;
    for (int64_t row = 0; row < vectors->rows; row++) {
        int32_t numbers[MOST_FIELDS], known = 1;
        for (int i = 0; i < count; i++) {
            numbers[i] = ((const int32_t *)columns[i].codes.items)[row];
            known &= numbers[i] > 0;
        }
        if (!known)
            continue;
        uint64_t word = (uint64_t)(uint32_t)numbers[1] << 32 | (uint32_t)numbers[0];
        uint32_t id = number_of(&sink->table, (const uint8_t *)numbers, 4 * (size_t)count, word, 1);
        if (id == NO_TOKEN)
            return "memory";
        own[row] = (int32_t)id + 1;
    }
    part->codes = own, part->values = sink->table.count + 1, part->single = 1;
    if (!zeros(&part->starts, ((size_t)part->values + 1) * sizeof(uint32_t)))
        return "memory";
    for (uint32_t value = 1; value < part->values; value++) {
        add_id(sink, value - 1);
        ((uint32_t *)part->starts.items)[value + 1] = value;
    }
    return sink->failed ? "memory" : NULL;
}

/* The keyed hash of each value of each column, one behind the other. */
static int hash_values(int count, const struct column *columns, const uint64_t (*keys)[2], struct list *hashes)
{
    for (int i = 0; i < count; i++) {
        size_t values = (size_t)columns[i].ends.bytes / sizeof(int64_t);
        uint64_t *to = more(&hashes[i], values * sizeof *to);
        if (!to)
            return 0;
        for (size_t value = 0; value < values; value++) {
            struct span text = value_of(&columns[i], (int64_t)value);
            to[value] = sip(keys[i], text.begin, size(text));
        }
    }
    return 1;
}

static void place(struct block *block, uint32_t token, uint64_t hash)
{
    uint32_t width = (uint32_t)block->spec.width, first = (uint32_t)hash % width;
    uint16_t *places = (uint16_t *)block->places.items + (size_t)token * (size_t)block->spec.hashes;
    places[0] = (uint16_t)first;
    if (block->spec.hashes == 2)
        places[1] = (uint16_t)((first + 1 + (uint32_t)(hash >> 32) % (width - 1)) % width);
}

static inline uint32_t id_at(const struct part *part, size_t at)
{
    return part->wide ? ((const uint32_t *)part->ids.items)[at] : ((const uint16_t *)part->ids.items)[at];
}

/* The squared length of each value's part; 0: no memory. */
static int measure(struct block *block, const struct part *part)
{
    uint32_t counts[MOST_WIDTH] = {0};
    const uint32_t *starts = part->starts.items;
    const uint16_t *places = block->places.items;
    size_t hashes = (size_t)block->spec.hashes;
    if (!zeros(&block->squares, part->values * sizeof(uint32_t)))
        return 0;
    for (uint32_t value = 0; value < part->values; value++) {
        uint32_t square = 0;
        for (size_t i = starts[value]; i < starts[value + 1]; i++)
            for (size_t h = 0; h < hashes; h++) /* (n + 1)^2 - n^2 */
                square += 2 * counts[places[id_at(part, i) * hashes + h]]++ + 1;
        for (size_t i = starts[value]; i < starts[value + 1]; i++)
            for (size_t h = 0; h < hashes; h++)
                counts[places[id_at(part, i) * hashes + h]] = 0;
        ((uint32_t *)block->squares.items)[value] = square;
    }
    return 1;
}

static const char *place_all(struct block *block, const struct part *part, const struct table *table,
                             const struct list *hashes, int count)
{
    const struct token *tokens = table->tokens.items;
    const uint8_t *text = table->text.items;
    if (!zeros(&block->places, (size_t)part->tokens * (size_t)block->spec.hashes * sizeof(uint16_t)))
        return "memory";
    for (uint32_t id = 0; id < part->tokens; id++) {
        uint64_t parts[MOST_FIELDS];
        const uint8_t *message = text + tokens[id].at;
        size_t bytes = tokens[id].bytes;
        if (hashes) {
            uint8_t joined[8 * MOST_FIELDS];
            for (int i = 0; i < count; i++) {
                int32_t value;
                memcpy(&value, message + 4 * i, 4);
                parts[i] = ((const uint64_t *)hashes[i].items)[value];
                for (int byte = 0; byte < 8; byte++)
                    joined[8 * i + byte] = (uint8_t)(parts[i] >> 8 * byte);
            }
            place(block, id, sip(block->spec.key, joined, 8 * (size_t)count));
        } else
            place(block, id, sip(block->spec.key, message, bytes));
    }
    return part->single || measure(block, part) ? NULL : "memory";
}

static const char *finish(const struct vectors *vectors, struct part *part, struct sink *sink, int tokeniser)
{
    part->wide = sink->wide, part->tokens = sink->table.count;
    if (!zeros(&part->rarity, part->tokens * sizeof(uint16_t)) || !resize(&part->ids, part->ids.bytes))
        return "memory";
    uint32_t rows = (uint32_t)vectors->rows, log_rows = rows ? logarithm(rows) : 0;
    const struct token *tokens = sink->table.tokens.items;
    for (uint32_t id = 0; id < part->tokens; id++)
        ((uint16_t *)part->rarity.items)[id] =
            TOKENISERS[tokeniser].cut == presence ? RAREST : rarity_of(tokens[id].rows, rows, log_rows);
    return NULL;
}

/* -- rows --------------------------------------------------------------------------------------------------------- */

/* The tokens of a row in a part: `begin` to `end` in its ids. 0 if the row's code is none. */
static inline int tokens_of(const struct part *part, int64_t row, size_t *begin, size_t *end, uint32_t *value)
{
    const uint32_t *starts = part->starts.items;
    uint32_t code = (uint32_t)part->codes[row];
    if (code >= part->values)
        return 0;
    *value = code, *begin = starts[code], *end = starts[code + 1];
    return 1;
}

static inline uint32_t square_of(const struct block *block, const struct part *part, uint32_t value)
{
    return part->single ? (uint32_t)block->spec.hashes : ((const uint32_t *)block->squares.items)[value];
}

static inline uint8_t share(const struct block *block, uint32_t count, uint32_t square)
{
    if (square < TABLE_SQUARES && count < TABLE_COUNTS)
        return block->shares[square][count];
    return share_of((uint64_t)block->spec.unit, count, square);
}

static inline uint32_t inverse(const struct vectors *vectors, uint32_t square)
{
    return square < TABLE_INVERSES ? vectors->inverses[square] : inverse_of(square);
}

static int left_row(const struct vectors *vectors, int64_t row, uint16_t *counts, uint8_t *out)
{
    memset(out, 0, (size_t)vectors->width);
    for (int b = 0; b < vectors->block_count; b++) {
        const struct block *block = &vectors->blocks[b];
        const struct part *part = &vectors->parts[block->spec.part];
        const uint16_t *places = block->places.items;
        size_t begin, end, hashes = (size_t)block->spec.hashes;
        uint8_t *to = out + block->spec.start;
        uint32_t value;
        if (!tokens_of(part, row, &begin, &end, &value))
            return 0;
        if (begin == end)
            continue;
        uint32_t square = square_of(block, part, value);
        if (square == (end - begin) * hashes) { /* no two in one place */
            uint8_t one = share(block, 1, square);
            for (size_t i = begin; i < end; i++)
                for (size_t h = 0; h < hashes; h++)
                    to[places[id_at(part, i) * hashes + h]] = one;
            continue;
        }
        for (size_t i = begin; i < end; i++)
            for (size_t h = 0; h < hashes; h++)
                counts[places[id_at(part, i) * hashes + h]]++;
        for (size_t i = begin; i < end; i++)
            for (size_t h = 0; h < hashes; h++) {
                uint16_t at = places[id_at(part, i) * hashes + h];
                if (counts[at])
                    to[at] = share(block, counts[at], square);
                counts[at] = 0;
            }
    }
    return 1;
}

static int right_row(const struct vectors *vectors, int64_t row, const struct user *users, int64_t user_count,
                     int64_t *sums, int8_t *out)
{
    const int shift = FACTOR_BITS + RARITY_BITS + INVERSE_BITS;
    memset(out, 0, (size_t)vectors->width);
    for (int store = 0; store < 2; store++)
        for (const struct user *user = users; user < users + user_count; user++) {
            const struct block *block = &vectors->blocks[user->right];
            const struct part *part = &vectors->parts[block->spec.part];
            const uint16_t *places = block->places.items, *rarity = part->rarity.items;
            size_t begin, end, hashes = (size_t)block->spec.hashes;
            uint32_t value;
            if (!tokens_of(part, row, &begin, &end, &value))
                return 0;
            if (begin == end)
                continue;
            int32_t start = vectors->blocks[user->left].spec.start;
            int64_t length = inverse(vectors, square_of(block, part, value));
            for (size_t i = begin; i < end; i++) {
                uint32_t id = id_at(part, i);
                int64_t worth = (int64_t)user->common * RAREST + (int64_t)(user->rare - user->common) * rarity[id];
                for (size_t h = 0; h < hashes; h++) {
                    int64_t *sum = &sums[start + places[id * hashes + h]];
                    if (!store)
                        *sum += worth * length;
                    else if (*sum) {
                        int64_t rounded = (*sum + ((int64_t)1 << (shift - 1))) >> shift;
                        out[sum - sums] = (int8_t)(rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
                        *sum = 0;
                    }
                }
            }
        }
    return 1;
}

/* Have what a row needs fetched. */
static void prepare(const struct vectors *vectors, int64_t row, int64_t later)
{
    for (int i = 0; i < vectors->part_count; i++) {
        const struct part *part = &vectors->parts[i];
        const uint32_t *starts = part->starts.items;
        uint32_t value = row < 0 ? part->values : (uint32_t)part->codes[row];
        if (value < part->values)
            __builtin_prefetch((const uint8_t *)part->ids.items + (size_t)starts[value] * (part->wide ? 4 : 2));
        if (later >= 0)
            __builtin_prefetch(starts + (uint32_t)part->codes[later]);
    }
}

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
    for (int i = 0; vectors->parts && i < vectors->part_count; i++) {
        struct part *part = &vectors->parts[i];
        drop(&part->own), drop(&part->starts), drop(&part->ids), drop(&part->rarity);
    }
    for (int i = 0; vectors->blocks && i < vectors->block_count; i++) {
        drop(&vectors->blocks[i].places), drop(&vectors->blocks[i].squares);
        overwrite(&vectors->blocks[i].spec.key, 0, sizeof vectors->blocks[i].spec.key);
    }
    free(vectors->parts);
    free(vectors->blocks);
    free(vectors);
}

/* NULL: a size does not fit, or there is no memory. */
struct vectors *vectors_begin(int64_t rows, int32_t width, int32_t parts, int32_t blocks, const struct block_spec *specs)
{
    if (rows < 0 || rows > INT32_MAX || width < 1 || width > MOST_WIDTH || parts < 1 || parts > blocks ||
        blocks > MOST_BLOCKS)
        return NULL;
    for (const struct block_spec *spec = specs; spec < specs + blocks; spec++)
        if (spec->part < 0 || spec->part >= parts || spec->hashes < 1 || spec->hashes > 2 || spec->unit < 1 ||
            spec->unit > 127 || spec->width < spec->hashes || spec->start < 0 || spec->width > width - spec->start)
            return NULL;
    struct vectors *vectors = calloc(1, sizeof *vectors);
    if (!vectors)
        return NULL;
    vectors->rows = rows, vectors->width = width, vectors->part_count = parts, vectors->block_count = blocks;
    vectors->parts = calloc((size_t)parts, sizeof *vectors->parts);
    vectors->blocks = calloc((size_t)blocks, sizeof *vectors->blocks);
    if (!vectors->parts || !vectors->blocks) {
        vectors_end(vectors);
        return NULL;
    }
    for (uint32_t square = 1; square < TABLE_INVERSES; square++)
        vectors->inverses[square] = inverse_of(square);
    for (int i = 0; i < blocks; i++) {
        struct block *block = &vectors->blocks[i];
        block->spec = specs[i];
        for (uint32_t square = 1; square < TABLE_SQUARES; square++)
            for (uint32_t count = 1; count < TABLE_COUNTS && count * count <= square; count++)
                block->shares[square][count] = share_of((uint64_t)block->spec.unit, count, square);
    }
    return vectors;
}

/* Tokenise and hash one part, once. `keys`: of each column, if they are several. Returns what is wrong, or NULL. */
const char *vectors_fill(struct vectors *vectors, int32_t number, int32_t tokeniser, int32_t count,
                         const struct column *columns, const uint64_t (*keys)[2])
{
    if (number < 0 || number >= vectors->part_count || vectors->parts[number].filled)
        return "part";
    if (tokeniser < 0 || tokeniser >= TOKENISER_COUNT || count < 1 || count > MOST_FIELDS)
        return "tokeniser";
    struct part *part = &vectors->parts[number];
    struct list hashes[MOST_FIELDS] = {{0}};
    struct sink sink = {.ids = &part->ids};
    for (int b = 0; b < vectors->block_count; b++)
        if (vectors->blocks[b].spec.part == number)
            sink.table.seed = vectors->blocks[b].spec.key[0];
    const char *wrong = count == 1 ? cut_column(vectors, part, &sink, tokeniser, columns)
                                   : combine(vectors, part, &sink, count, columns);
    if (!wrong)
        wrong = finish(vectors, part, &sink, tokeniser);
    if (!wrong && count > 1 && !hash_values(count, columns, keys, hashes))
        wrong = "memory";
    for (int b = 0; b < vectors->block_count && !wrong; b++)
        if (vectors->blocks[b].spec.part == number)
            wrong = place_all(&vectors->blocks[b], part, &sink.table, count > 1 ? hashes : NULL, count);
    for (int i = 0; i < count; i++)
        drop(&hashes[i]);
    drop_table(&sink.table);
    drop(&sink.room);
    part->filled = !wrong;
    return wrong;
}

static int ready(const struct vectors *vectors)
{
    for (int i = 0; i < vectors->part_count; i++)
        if (!vectors->parts[i].filled)
            return 0;
    return 1;
}

/* Number of rows that are asked for, -1 if one is none. */
static int64_t rows_of(const struct vectors *vectors, struct array rows)
{
    int64_t count = items(rows, sizeof(int64_t));
    for (int64_t i = 0; i < count; i++)
        if (((const int64_t *)rows.items)[i] < 0 || ((const int64_t *)rows.items)[i] >= vectors->rows)
            return -1;
    return count;
}

static void look_ahead(const struct vectors *vectors, const int64_t *rows, int64_t at, int64_t count)
{
    prepare(vectors, at + AHEAD < count ? rows[at + AHEAD] : -1, at + 2 * AHEAD < count ? rows[at + 2 * AHEAD] : -1);
}

/* Rows: int64_t, their numbers; out: [row][width]. Returns what is wrong, or NULL. */
const char *vectors_left(const struct vectors *vectors, struct array rows, struct array out)
{
    uint16_t counts[MOST_WIDTH] = {0};
    int64_t count = rows_of(vectors, rows);
    if (!ready(vectors) || count < 0)
        return "rows";
    if (out.bytes != count * vectors->width)
        return "answer";
    for (int64_t i = 0; i < count; i++) {
        look_ahead(vectors, rows.items, i, count);
        if (!left_row(vectors, ((const int64_t *)rows.items)[i], counts, (uint8_t *)out.items + i * vectors->width))
            return "codes";
    }
    return NULL;
}

/* Whether every user is of blocks that are there, the left one as wide, and its factors are small. */
static int are_users(const struct vectors *vectors, const struct vectors *left, const struct user *users, int64_t count)
{
    for (const struct user *user = users; user < users + count; user++)
        if (user->left < 0 || user->left >= left->block_count || user->right < 0 ||
            user->right >= vectors->block_count || left->blocks[user->left].spec.width < vectors->blocks[user->right].spec.width ||
            user->common > MOST_FACTOR || user->common < -MOST_FACTOR || user->rare > MOST_FACTOR ||
            user->rare < -MOST_FACTOR)
            return 0;
    return count >= 0 && count <= MOST_USERS;
}

/* As vectors_left; weights are in the users. */
const char *vectors_right(const struct vectors *vectors, const struct user *users, int64_t user_count,
                          struct array rows, struct array out)
{
    int64_t sums[MOST_WIDTH] = {0}, count = rows_of(vectors, rows);
    if (!are_users(vectors, vectors, users, user_count))
        return "weights";
    if (!ready(vectors) || count < 0)
        return "rows";
    if (out.bytes != count * vectors->width)
        return "answer";
    for (int64_t i = 0; i < count; i++) {
        int64_t row = ((const int64_t *)rows.items)[i];
        look_ahead(vectors, rows.items, i, count);
        if (!right_row(vectors, row, users, user_count, sums, (int8_t *)out.items + i * vectors->width))
            return "codes";
    }
    return NULL;
}

/* For each pair of a left and a right row and each user, the sum of the left row's columns where the right row's tokens
 * are, each times its worth (`common` and `rare`: 0 or 1) and divided by the right part's length: [pair][user] int64_t.
 */
const char *vectors_agree(const struct vectors *left, const struct vectors *right, const struct user *users,
                          int64_t user_count, struct array left_rows, struct array right_rows, struct array out)
{
    uint16_t counts[MOST_WIDTH] = {0};
    uint8_t x[MOST_WIDTH];
    int64_t pairs = rows_of(left, left_rows), *to = (int64_t *)out.items;
    if (!are_users(right, left, users, user_count))
        return "features";
    for (int64_t i = 0; i < user_count; i++)
        if ((users[i].common | users[i].rare) & ~1)
            return "features";
    if (!ready(left) || !ready(right) || pairs < 0 || rows_of(right, right_rows) != pairs)
        return "rows";
    if (items(out, sizeof(int64_t)) != pairs * user_count)
        return "answer";
    for (int64_t i = 0; i < pairs; i++) {
        look_ahead(left, left_rows.items, i, pairs);
        look_ahead(right, right_rows.items, i, pairs);
        if (!left_row(left, ((const int64_t *)left_rows.items)[i], counts, x))
            return "codes";
        for (const struct user *user = users; user < users + user_count; user++) {
            const struct block *block = &right->blocks[user->right];
            const struct part *part = &right->parts[block->spec.part];
            const uint16_t *places = block->places.items, *rarity = part->rarity.items;
            const uint8_t *here = x + left->blocks[user->left].spec.start;
            size_t begin, end, hashes = (size_t)block->spec.hashes;
            int64_t sum = 0;
            uint32_t value;
            if (!tokens_of(part, ((const int64_t *)right_rows.items)[i], &begin, &end, &value))
                return "codes";
            for (size_t k = begin; k < end; k++) {
                uint32_t id = id_at(part, k);
                int64_t worth = (int64_t)user->common * RAREST + (int64_t)(user->rare - user->common) * rarity[id];
                for (size_t h = 0; h < hashes; h++)
                    sum += worth * here[places[id * hashes + h]];
            }
            *to++ = begin == end ? 0 : sum * inverse(right, square_of(block, part, value));
        }
    }
    return NULL;
}

/* For tests: the tokens of one value, each behind its length (uint32_t). Returns the bytes used, -1 if too many. */
int64_t vectors_cut(int32_t tokeniser, struct array text, struct array out)
{
    struct list ids = {0};
    struct sink sink = {.ids = &ids, .rows = 1, .left = MOST_TOKENS, .wide = 1};
    int64_t used = -1;
    if (tokeniser >= 0 && tokeniser < TOKENISER_COUNT && text.bytes > 0 && more(&sink.room, (size_t)text.bytes + 64)) {
        const uint8_t *begin = text.items;
        TOKENISERS[tokeniser].cut(&sink, (struct span){begin, begin + text.bytes});
        used = 0;
        for (size_t i = 0; i < ids.bytes / sizeof(uint32_t) && used >= 0; i++) {
            const struct token *token = (struct token *)sink.table.tokens.items + ((uint32_t *)ids.items)[i];
            if (sink.failed || out.bytes - used < (int64_t)token->bytes + 4) {
                used = -1;
                break;
            }
            memcpy((uint8_t *)out.items + used, &token->bytes, 4);
            memcpy((uint8_t *)out.items + used + 4, (uint8_t *)sink.table.text.items + token->at, token->bytes);
            used += 4 + token->bytes;
        }
    }
    drop(&ids);
    drop_table(&sink.table);
    drop(&sink.room);
    return used;
}

/* For tests: SipHash-2-4. */
uint64_t vectors_hash(const uint64_t *key, struct array message)
{
    return sip(key, message.items, (size_t)message.bytes);
}
