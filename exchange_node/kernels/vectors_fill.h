/* From values to records: what the tokens of one value set in the columns of its blocks.
 *
 * A record holds each block of its group one behind the other, as uint32_t: a head, the number of columns that are set
 * (16 bits) and the squared length (16 bits); and for each such column an entry, its place in the block (12 bits), how
 * many tokens set it (4 bits), and the sum of their rarities (16 bits).
 */

/* UTF-8; int64_t where each value ends; int32_t, the value of each row. */
struct column {
    struct array text, ends, codes;
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

/* Where tokens go while values are cut. */
struct sink {
    struct table table;
    struct list *words;  /* the group's; a token's number for each */
    struct list room;    /* see `scratch` */
    uint32_t *pairs;     /* [first][second], 1 + the number of a token of two letters of ASCII */
    uint64_t rows;       /* that have the value at hand */
    int left, failed;    /* tokens that the value may still have */
};

#define PAIRS (1 << 14)

static uint8_t *scratch(struct sink *sink)
{
    return sink->room.items;
}

static void drop_sink(struct sink *sink)
{
    drop_table(&sink->table);
    drop(&sink->room);
    if (sink->pairs)
        overwrite(sink->pairs, 0, PAIRS * sizeof *sink->pairs);
    free(sink->pairs);
}

static void put(struct sink *sink, const uint8_t *text, size_t bytes)
{
    uint32_t *pair = NULL, id;
    if (sink->failed || sink->left-- <= 0)
        return;
    if (bytes == 2 && !((text[0] | text[1]) & 0x80))
        pair = &sink->pairs[text[0] << 7 | text[1]];
    if (pair && *pair) {
        id = *pair - 1;
        ((struct token *)sink->table.tokens.items)[id].rows += sink->rows;
    } else if ((id = number_of(&sink->table, text, bytes, sink->rows)) != NO_TOKEN && pair)
        *pair = id + 1;
    uint32_t *word = more(sink->words, sizeof *word);
    if (!word || id == NO_TOKEN)
        sink->failed = 1;
    else
        *word = id;
}

/* -- columns ------------------------------------------------------------------------------------------------------ */

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
    for (int64_t row = 0; row < rows; row++)
        if ((uint32_t)((const int32_t *)column->codes.items)[row] >= values)
            return -1;
    return values;
}

static struct span value_of(const struct column *column, int64_t value)
{
    const int64_t *ends = column->ends.items;
    const uint8_t *text = column->text.items;
    return (struct span){text + (value ? ends[value - 1] : 0), text + ends[value]};
}

/* How many rows have each value. 0: no memory. */
static int count_rows(const struct column *column, int64_t rows, int64_t values, struct list *counts)
{
    const int32_t *codes = column->codes.items;
    if (!zeros(counts, (size_t)values * sizeof(uint32_t)))
        return 0;
    for (int64_t row = 0; row < rows; row++)
        ((uint32_t *)counts->items)[codes[row]]++;
    return 1;
}

/* -- tokens ------------------------------------------------------------------------------------------------------- */

/* What a token sets, in 64 bits: two places and its rarity. */
static uint64_t worth_of(const struct block *block, uint64_t hash, uint32_t rarity)
{
    uint32_t width = (uint32_t)block->width, first = (uint32_t)hash % width, second = first;
    if (block->hashes == 2)
        second = (first + 1 + (uint32_t)(hash >> 32) % (width - 1)) % width;
    return first | second << 16 | (uint64_t)rarity << 32;
}

/* Now that all tokens are known, `rows` of each is replaced by what it sets. */
static void weigh(const struct vectors *vectors, const struct block *block, struct table *table)
{
    struct token *tokens = table->tokens.items;
    int everywhere = TOKENISERS[block->tokeniser].cut == presence;
    for (uint32_t id = 0; id < table->count; id++) {
        uint64_t hash = sip(block->key, (uint8_t *)table->text.items + tokens[id].at, tokens[id].bytes);
        tokens[id].rows = worth_of(block, hash, everywhere ? RAREST : rarity_of(vectors, tokens[id].rows));
    }
}

struct tally {
    uint32_t counts[MOST_WIDTH], rarities[MOST_WIDTH];
    uint16_t set[2 * MOST_TOKENS];
};

/* The record's part for tokens that have these numbers, written to `to`, perhaps over them; -> its words. */
static size_t tally(struct tally *tally, const struct block *block, const struct token *tokens, const uint32_t *ids,
                    uint32_t count, uint32_t *to)
{
    uint32_t set = 0, square = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t worth = tokens[ids[i]].rows;
        for (int h = 0; h < block->hashes; h++) {
            uint16_t place = (uint16_t)(worth >> 16 * h);
            uint32_t before = tally->counts[place];
            if (before == MOST_COUNT)
                continue;
            if (!before)
                tally->set[set++] = place;
            square += 2 * before + 1; /* (n + 1)^2 - n^2 */
            tally->counts[place]++, tally->rarities[place] += (uint32_t)(worth >> 32);
        }
    }
    *to++ = head_of(set, square);
    for (uint32_t i = 0; i < set; i++) {
        uint16_t place = tally->set[i];
        *to++ = entry_of(place, tally->counts[place], tally->rarities[place]);
        tally->counts[place] = tally->rarities[place] = 0;
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
            size_t begin = group->words.bytes;
            if (!more(&group->words, sizeof(uint32_t)))
                return "memory";
            sink->rows = rows[value], sink->left = MOST_TOKENS;
            if (text.begin < text.end)
                TOKENISERS[block->tokeniser].cut(sink, text);
            if (sink->failed)
                return "memory";
            uint32_t tokens = (uint32_t)((group->words.bytes - begin) / sizeof(uint32_t)) - 1;
            *(uint32_t *)((uint8_t *)group->words.items + begin) = tokens;
            if (block->hashes == 2 && !more(&group->words, tokens * sizeof(uint32_t)))
                return "memory";
        }
    }
    return NULL;
}

/* From the tokens' numbers to records, in place. */
static void settle(const struct block *blocks, struct group *group, const struct sink *sinks, struct tally *tallied,
                   const uint32_t *rows)
{
    uint32_t *words = group->words.items, *offsets = group->offsets.items;
    size_t from = 0, to = 0;
    for (uint32_t value = 1; value < group->values; value++) {
        offsets[value] = (uint32_t)to;
        for (int b = group->first; b < group->end && rows[value]; b++) {
            const struct block *block = &blocks[b];
            uint32_t count = words[from++];
            to += tally(tallied, block, sinks[b - group->first].table.tokens.items, words + from, count, words + to);
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
    struct tally *tallied = calloc(1, sizeof *tallied);
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
        struct sink *sink = &sinks[b];
        sink->words = &group->words, sink->table.seed = blocks[group->first + b].key[0];
        sink->pairs = calloc(PAIRS, sizeof *sink->pairs);
        if (!sink->pairs || !more(&sink->room, longest + 64))
            wrong = "memory";
    }
    if (!wrong && (!tallied || !count_rows(columns, vectors->rows, values, &rows) ||
                   !zeros(&group->offsets, (size_t)values * sizeof(uint32_t)) ||
                   !reserve(&group->words, (size_t)columns->text.bytes * 8 + (size_t)values * 16)))
        wrong = "memory";
    if (!wrong) {
        group->codes = columns->codes.items, group->values = (uint32_t)values;
        wrong = cut_values(blocks, group, sinks, columns, rows.items);
    }
    if (!wrong) {
        for (int b = 0; b < count; b++)
            weigh(vectors, &blocks[group->first + b], &sinks[b].table);
        settle(blocks, group, sinks, tallied, rows.items);
    }
    drop(&rows);
    free(tallied);
    group->filled = !wrong;
    for (int b = 0; b < count; b++)
        drop_sink(&sinks[b]);
    return wrong;
}

/* -- groups of several columns ------------------------------------------------------------------------------------ */

/* Number the pairs of known values of `codes` and of a column, from 1, into `codes`, and remember of each the first
 * row and how many there are. Rows are gone through by value, so that what is needed for one stays in the cache.
 */
static int join(int64_t rows, int32_t *codes, uint32_t values, const struct column *column, struct list *firsts,
                struct list *counts)
{
    const int32_t *other = column->codes.items;
    size_t others = (size_t)column->ends.bytes / sizeof(int64_t);
    struct list places = {0}, order = {0}, seen = {0};
    int done = zeros(&places, ((size_t)values + 1) * sizeof(uint32_t)) &&
               zeros(&order, (size_t)rows * sizeof(uint32_t)) && zeros(&seen, others * 2 * sizeof(uint32_t));
    uint32_t *place = places.items, *sorted = order.items, *last = seen.items, found = 0;
    drop(firsts), drop(counts);
    for (int64_t row = 0; row < rows && done; row++)
        place[codes[row] + 1]++;
    for (uint32_t value = 1; value < values && done; value++)
        place[value] += place[value - 1];
    for (int64_t row = 0; row < rows && done; row++)
        sorted[place[codes[row]]++] = (uint32_t)row;
    for (int64_t i = 0; i < rows && done; i++) {
        uint32_t row = sorted[i], one = (uint32_t)codes[row], *pair = &last[2 * (size_t)other[row]];
        if (!one || !other[row]) {
            codes[row] = 0;
            continue;
        }
        if (pair[0] != one) {
            uint32_t *first = more(firsts, sizeof *first), *count = more(counts, sizeof *count);
            if (!first || !count) {
                done = 0;
                break;
            }
            *first = row, *count = 0;
            pair[0] = one, pair[1] = found++;
        }
        ((uint32_t *)counts->items)[pair[1]]++;
        codes[row] = (int32_t)pair[1] + 1;
    }
    drop(&places), drop(&order), drop(&seen);
    return done;
}

/* The keyed hash of each value of each column, one list for each. 0: no memory. */
static int hash_values(int count, const struct column *columns, const uint64_t (*keys)[2], struct list *hashes)
{
    for (int i = 0; i < count; i++) {
        size_t values = (size_t)columns[i].ends.bytes / sizeof(int64_t);
        if (!hashes[i].items && !zeros(&hashes[i], values * sizeof(uint64_t)))
            return 0;
        for (size_t value = 0; value < values; value++) {
            struct span text = value_of(&columns[i], (int64_t)value);
            ((uint64_t *)hashes[i].items)[value] = sip(keys[i], text.begin, size(text));
        }
    }
    return 1;
}

static const char *fill_combinations(const struct vectors *vectors, struct group *group, int count,
                                     const struct column *columns, const uint64_t (*keys)[2])
{
    struct list firsts = {0}, counts = {0}, hashes[MOST_FIELDS] = {{0}};
    int64_t values = 0;
    for (int i = 0; i < count; i++)
        if ((values = values_of(&columns[i], vectors->rows)) < 0)
            return "column";
    values = columns->ends.bytes / (int64_t)sizeof(int64_t);
    int done = zeros(&group->own, (size_t)vectors->rows * sizeof(int32_t));
    if (done && vectors->rows)
        memcpy(group->own.items, columns->codes.items, group->own.bytes);
    for (int i = 1; i < count && done; i++) {
        done = join(vectors->rows, group->own.items, (uint32_t)values, &columns[i], &firsts, &counts);
        values = 1 + (int64_t)(firsts.bytes / sizeof(uint32_t));
    }
    for (int b = group->first; b < group->end; b++)
        group->stride += 1 + (uint32_t)vectors->blocks[b].hashes;
    done = done && zeros(&group->words, (size_t)(values - 1) * group->stride * sizeof(uint32_t));
    uint32_t before = 0;
    for (int b = group->first; b < group->end && done; b++, keys += count) {
        const struct block *block = &vectors->blocks[b];
        done = hash_values(count, columns, keys, hashes);
        for (int64_t id = 0; id < values - 1 && done; id++) {
            uint8_t message[8 * MOST_FIELDS];
            uint32_t row = ((uint32_t *)firsts.items)[id];
            for (int i = 0; i < count; i++) {
                uint64_t hash = ((uint64_t *)hashes[i].items)[((const int32_t *)columns[i].codes.items)[row]];
                for (int byte = 0; byte < 8; byte++)
                    message[8 * i + byte] = (uint8_t)(hash >> 8 * byte);
            }
            uint32_t rarity = rarity_of(vectors, ((uint32_t *)counts.items)[id]);
            uint64_t worth = worth_of(block, sip(block->key, message, 8 * (size_t)count), rarity);
            uint32_t *word = (uint32_t *)group->words.items + id * group->stride + before;
            *word++ = head_of((uint32_t)block->hashes, (uint32_t)block->hashes);
            for (int h = 0; h < block->hashes; h++)
                *word++ = entry_of((uint16_t)(worth >> 16 * h), 1, rarity);
        }
        before += 1 + (uint32_t)block->hashes;
    }
    group->codes = group->own.items, group->values = (uint32_t)values;
    drop(&firsts), drop(&counts);
    for (int i = 0; i < count; i++)
        drop(&hashes[i]);
    group->filled = done;
    return done ? NULL : "memory";
}
