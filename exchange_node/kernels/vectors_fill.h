/* From values to records: what the tokens of one value set in the columns of its blocks.
 *
 * A record holds each block of its group one behind the other, as uint32_t: a head, the number of columns that are set
 * (16 bits) and the squared length (16 bits); and for each such column an entry, its place in the block (12 bits), how
 * many tokens set it (4 bits), and the sum of their rarities (16 bits).
 */

/* UTF-8; int64_t where each value ends, and `gap` bytes before the next one; int32_t, the value of each row. */
struct column {
    struct array text, ends, codes;
    int64_t gap;
};

static inline uint32_t head_of(uint32_t set, uint32_t square)
{
    return set | square << 16;
}

static inline uint32_t set_of(uint32_t head)
{
    return head & 0xffff;
}

static inline uint32_t square_of(uint32_t head)
{
    return head >> 16;
}

static inline uint32_t entry_of(uint32_t place, uint32_t count, uint32_t rarity)
{
    return place | count << 12 | rarity << 16;
}

static inline uint32_t place_of(uint32_t entry)
{
    return entry & 0xfff;
}

static inline uint32_t count_of(uint32_t entry)
{
    return entry >> 12 & 15;
}

static inline uint32_t rarity_in(uint32_t entry)
{
    return entry >> 16;
}

/* Only of a value that has one. */
static inline const uint32_t *record_of(const struct group *group, uint32_t value)
{
    size_t at = group->stride ? (size_t)group->stride * (value - 1) : ((const uint32_t *)group->offsets.items)[value];
    return (const uint32_t *)group->words.items + at;
}

/* -- columns ------------------------------------------------------------------------------------------------------ */

/* Number of values of a column, -1 if its arrays do not fit together. */
static int64_t values_of(const struct column *column, int64_t rows)
{
    int64_t values = items(column->ends, sizeof(int64_t)), at = 0;
    if (values < 1 || values > INT32_MAX || column->gap < 0 || column->gap > 1 ||
        items(column->codes, sizeof(int32_t)) != rows)
        return -1;
    for (int64_t i = 0; i < values; i++) {
        int64_t end = ((const int64_t *)column->ends.items)[i];
        if (end < at || end > column->text.bytes)
            return -1;
        at = end + column->gap;
    }
    for (int64_t row = 0; row < rows; row++)
        if ((uint32_t)((const int32_t *)column->codes.items)[row] >= values)
            return -1;
    return values;
}

static struct span value_of(const struct column *column, int64_t value)
{
    const int64_t *ends = column->ends.items;
    const uint8_t *text = column->text.items;
    return (struct span){text + (value ? ends[value - 1] + column->gap : 0), text + ends[value]};
}

#define USED ((uint32_t)1 << 31) /* by rows that do not count */
#define COUNTED (USED - 1)

/* How many of the rows that count have each value, and USED where others have it. 0: no memory. */
static int count_rows(const struct vectors *vectors, const struct column *column, int64_t values, struct list *counts)
{
    const int32_t *codes = column->codes.items;
    if (!zeros(counts, (size_t)values * sizeof(uint32_t)))
        return 0;
    for (int64_t row = 0; row < vectors->counted; row++)
        ((uint32_t *)counts->items)[codes[row]]++;
    for (int64_t row = vectors->counted; row < vectors->rows; row++)
        ((uint32_t *)counts->items)[codes[row]] |= USED;
    return 1;
}

/* -- tokens ------------------------------------------------------------------------------------------------------- */

/* What a token sets, in 64 bits: two places and its rarity. */
static uint64_t worth_of(const struct block *block, uint64_t hash, uint32_t rarity)
{
    uint64_t width = (uint64_t)block->width, first = (hash & UINT32_MAX) * width >> 32, second = first;
    if (block->hashes == 2)
        second += 1 + ((hash >> 32) * (width - 1) >> 32);
    second -= second < width ? 0 : width;
    return first | second << 16 | (uint64_t)rarity << 32;
}

/* What each token sets, now that all are known. 0: no memory. */
static int weigh(const struct vectors *vectors, const struct block *block, struct sink *sink)
{
    const struct table *table = &sink->table;
    const struct token *tokens = table->tokens.items;
    if (!zeros(&sink->worths, table->count * sizeof(uint64_t)))
        return 0;
    for (uint32_t id = 0; id < table->count; id++) {
        uint64_t hash = sip(block->key, (uint8_t *)table->text.items + tokens[id].at, tokens[id].bytes);
        ((uint64_t *)sink->worths.items)[id] =
            worth_of(block, hash, sink->own == PRESENCE ? RAREST : rarity_of(vectors, tokens[id].rows));
    }
    return 1;
}

struct tally {
    uint64_t columns[MOST_WIDTH]; /* tokens that set each, and from 2^32 on their rarities; 0 between two values */
    uint16_t set[2 * MOST_TOKENS + 1];
};

/* The part of a record of a value with one token; -> its words. */
static size_t record_one(const struct block *block, uint64_t worth, uint32_t *to)
{
    *to++ = head_of((uint32_t)block->hashes, (uint32_t)block->hashes);
    for (int h = 0; h < block->hashes; h++)
        *to++ = entry_of((uint16_t)(worth >> 16 * h), 1, (uint32_t)(worth >> 32));
    return 1 + (size_t)block->hashes;
}

/* The same of a value whose tokens have these numbers; it may be written over them. */
static size_t record(struct tally *tally, const struct block *block, const uint64_t *worths, const uint32_t *ids,
                     uint32_t count, uint32_t *to)
{
    uint32_t set = 0, square = 0;
    if (count == 1)
        return record_one(block, worths[*ids], to);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t worth = worths[ids[i]];
        for (int h = 0; h < block->hashes; h++) {
            uint16_t place = (uint16_t)(worth >> 16 * h);
            uint32_t before = (uint32_t)tally->columns[place];
            if (before == MOST_COUNT)
                continue;
            tally->set[set] = place;
            set += !before;
            square += 2 * before + 1; /* (n + 1)^2 - n^2 */
            tally->columns[place] += (worth >> 32 << 32) + 1;
        }
    }
    *to++ = head_of(set, square);
    for (uint32_t i = 0; i < set; i++) {
        uint16_t place = tally->set[i];
        *to++ = entry_of(place, (uint32_t)tally->columns[place], (uint32_t)(tally->columns[place] >> 32));
        tally->columns[place] = 0;
    }
    return 1 + set;
}

/* -- groups of one column ----------------------------------------------------------------------------------------- */

/* Every value that a row has, cut for every block: for each the number of its tokens, their numbers, and room for what
 * they set. `columns`: of each block, which differ in their texts alone. Returns what is wrong, or NULL.
 */
static const char *cut_values(const struct block *blocks, struct group *group, struct sink *sinks,
                              const struct column *columns, const uint32_t *rows)
{
    int count = group->end - group->first;
    uint32_t *offsets = group->offsets.items;
    for (uint32_t value = 1; value < group->values; value++) {
        size_t offset = group->words.bytes / sizeof(uint32_t);
        if (offset > UINT32_MAX)
            return "memory";
        offsets[value] = (uint32_t)offset;
        for (int b = 0; b < count && rows[value]; b++) {
            struct sink *sink = &sinks[b];
            struct span text = value_of(&columns[b], value);
            const struct block *block = &blocks[group->first + b];
            if (!begin_value(sink, size(text), rows[value] & COUNTED))
                return "memory";
            if (text.begin < text.end)
                TOKENISERS[block->tokeniser].cut(sink, text);
            end_value(sink, block->hashes);
            if (sink->failed)
                return "memory";
        }
    }
    return NULL;
}

/* From the tokens' numbers to records, in place. */
static void settle(const struct vectors *vectors, struct group *group, const struct sink *sinks, struct tally *tally,
                   const struct column *columns, const uint32_t *rows)
{
    uint32_t *words = group->words.items, *offsets = group->offsets.items;
    size_t from = 0, to = 0;
    for (uint32_t value = 1; value < group->values; value++) {
        offsets[value] = (uint32_t)to;
        for (int b = group->first; b < group->end && rows[value]; b++) {
            const struct block *block = &vectors->blocks[b];
            const struct sink *sink = &sinks[b - group->first];
            const uint64_t *worths = sink->worths.items;
            uint32_t count = words[from++];
            if (sink->own == ITSELF && count) {
                struct span text = value_of(&columns[b - group->first], value);
                uint64_t hash = sip(block->key, text.begin, size(text));
                to += record_one(block, worth_of(block, hash, rarity_of(vectors, rows[value] & COUNTED)), words + to);
            } else
                to += record(tally, block, worths, words + from, count, words + to);
            from += count * (size_t)block->hashes;
        }
    }
    cut_off(&group->words, to * sizeof(uint32_t));
}

static const char *fill_values(const struct vectors *vectors, struct group *group, struct sink *sinks,
                               const struct column *columns)
{
    const struct block *blocks = vectors->blocks;
    int count = group->end - group->first;
    int64_t values = values_of(columns, vectors->rows);
    struct list rows = {0};
    struct tally *tally = calloc(1, sizeof *tally);
    size_t longest = 0;
    const char *wrong = values < 0 ? "column" : NULL;
    for (int b = 0; b < count && !wrong; b++) {
        if (b && columns[b].ends.items == columns[b - 1].ends.items)
            continue;
        if (values_of(&columns[b], vectors->rows) != values || columns[b].codes.items != columns->codes.items)
            wrong = "column";
        for (int64_t i = 0; i < values && !wrong; i++)
            longest = size(value_of(&columns[b], i)) > longest ? size(value_of(&columns[b], i)) : longest;
    }
    for (int b = 0; b < count && !wrong; b++) {
        const struct block *block = &blocks[group->first + b];
        if (!begin_sink(&sinks[b], &group->words, block->key[0], TOKENISERS[block->tokeniser].own, longest))
            wrong = "memory";
    }
    if (!wrong && (!tally || !count_rows(vectors, columns, values, &rows) ||
                   !zeros(&group->offsets, (size_t)values * sizeof(uint32_t)) ||
                   !reserve(&group->words, (size_t)columns->text.bytes * 8 + (size_t)values * 16)))
        wrong = "memory";
    if (!wrong) {
        group->codes = columns->codes.items, group->values = (uint32_t)values;
        wrong = cut_values(blocks, group, sinks, columns, rows.items);
    }
    for (int b = 0; b < count && !wrong; b++) {
        number_all(&sinks[b]);
        if (sinks[b].failed || !weigh(vectors, &blocks[group->first + b], &sinks[b]))
            wrong = "memory";
    }
    if (!wrong)
        settle(vectors, group, sinks, tally, columns, rows.items);
    drop(&rows);
    free(tally);
    group->filled = !wrong;
    for (int b = 0; b < count; b++)
        drop_sink(&sinks[b]);
    return wrong;
}
