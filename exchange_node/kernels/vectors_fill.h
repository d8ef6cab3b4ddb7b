/* From values to records: what the tokens of one value set in the columns of its blocks.
 *
 * A record holds each block of its group one behind the other, as uint32_t: a head, the number of columns that are set
 * (16 bits) and the squared length (16 bits); and for each such column an entry, its place in the block (12 bits), how
 * many tokens set it (4 bits), and the sum of their rarities (16 bits).
 */

#define RECENT_BITS 12
#define RECENT (1 << RECENT_BITS)
#define MOST_RECENT_TEXT 7
#define CODES (1 << 14)
#define WAITING 16
#define MOST_WAITING_TEXT 39
#define SMALL_TABLE 8192 /* slots that stay in the cache, so that nobody waits for them */

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

/* A token that waits until its place in the table has come from memory. */
struct waiting {
    uint64_t hash, rows;
    size_t word; /* where its number goes, in bytes */
    uint8_t bytes, text[MOST_WAITING_TEXT];
};

/* A short token that was looked up lately. */
struct recent {
    uint64_t text; /* and how long it is */
    uint32_t next; /* after its number; 0: none */
};

/* Where tokens go while values are cut. */
struct sink {
    struct table table;
    struct list *words;    /* the group's; a token's number for each */
    struct list room;      /* see `scratch` */
    struct list worths;    /* [token] uint64_t, when all are known: see worth_of */
    struct recent *recent; /* [RECENT] */
    uint32_t *coded;       /* [CODES], 1 + the number of a token that has a code */
    uint32_t *next;        /* where the next token's number goes; there is room for all of a value */
    uint64_t rows;         /* that have the value at hand */
    int left, failed;      /* tokens that the value may still have */
    enum own own;
    unsigned count; /* tokens that waited */
    struct waiting waiting[WAITING];
};

static uint8_t *scratch(struct sink *sink)
{
    return sink->room.items;
}

static void drop_sink(struct sink *sink)
{
    drop_table(&sink->table);
    drop(&sink->room);
    drop(&sink->worths);
    if (sink->recent)
        overwrite(sink->recent, 0, RECENT * sizeof *sink->recent);
    if (sink->coded)
        overwrite(sink->coded, 0, CODES * sizeof *sink->coded);
    free(sink->recent);
    free(sink->coded);
    overwrite(sink->waiting, 0, sizeof sink->waiting);
}

/* 0: no memory. */
static int begin_sink(struct sink *sink, struct list *words, uint64_t seed, enum own own, size_t longest)
{
    sink->words = words, sink->table.seed = seed, sink->own = own;
    sink->recent = calloc(RECENT, sizeof *sink->recent);
    sink->coded = calloc(CODES, sizeof *sink->coded);
    if (!sink->recent || !sink->coded || !more(&sink->room, longest + 64))
        return 0;
    return own != PRESENCE || number_of(&sink->table, sink->room.items, 0, seed, 0) != NO_TOKEN;
}

/* Let the tokens of one value come, behind a word for their number. 0: no memory. */
static int begin_value(struct sink *sink, size_t bytes, uint64_t rows)
{
    size_t most = 2 * bytes + 2 < MOST_TOKENS ? 2 * bytes + 2 : MOST_TOKENS; /* bigrams are the most */
    struct list *words = sink->words;
    if (words->room - words->bytes < (1 + 2 * most) * sizeof(uint32_t) &&
        !reserve(words, words->bytes / 2 * 3 + (1 + 2 * most) * sizeof(uint32_t)))
        return 0;
    sink->next = (uint32_t *)words->items + words->bytes / sizeof(uint32_t) + 1;
    sink->rows = rows, sink->left = (int)most;
    return 1;
}

/* -> how many there were; `words` of each are kept. */
static uint32_t end_value(struct sink *sink, int words)
{
    uint32_t *head = (uint32_t *)sink->words->items + sink->words->bytes / sizeof(uint32_t);
    *head = (uint32_t)(sink->next - head) - 1;
    sink->words->bytes += (1 + *head * (size_t)words) * sizeof(uint32_t);
    return *head;
}

static inline struct recent *recent_of(const struct sink *sink, uint64_t text)
{
    return &sink->recent[text * 0x9e3779b97f4a7c15 >> (64 - RECENT_BITS)];
}

static inline uint64_t short_text(const uint8_t *text, size_t bytes)
{
    return little(text, bytes) | (uint64_t)bytes << 56;
}

static void number(struct sink *sink, const uint8_t *text, size_t bytes, uint64_t hash, uint64_t rows, size_t word)
{
    uint32_t id = number_of(&sink->table, text, bytes, hash, rows);
    if (id == NO_TOKEN)
        sink->failed = 1;
    ((uint32_t *)sink->words->items)[word] = id;
    if (bytes <= MOST_RECENT_TEXT) {
        uint64_t short_one = short_text(text, bytes);
        *recent_of(sink, short_one) = (struct recent){short_one, id + 1};
    }
}

static void number_waiting(struct sink *sink, struct waiting *one)
{
    if (one->rows)
        number(sink, one->text, one->bytes, one->hash, one->rows, one->word);
    one->rows = 0;
}

/* A token that was seen before. */
static inline void put_again(struct sink *sink, uint32_t id)
{
    *sink->next++ = id;
    ((struct token *)sink->table.tokens.items)[id].rows += sink->rows;
}

static void put(struct sink *sink, const uint8_t *text, size_t bytes)
{
    if (sink->left-- <= 0)
        return;
    if (sink->own != NOT) {
        *sink->next++ = 0;
        return;
    }
    if (bytes <= MOST_RECENT_TEXT) {
        uint64_t short_one = short_text(text, bytes);
        const struct recent *recent = recent_of(sink, short_one);
        if (recent->text == short_one && recent->next) {
            put_again(sink, recent->next - 1);
            return;
        }
    }
    uint64_t hash = hash_of(&sink->table, text, bytes);
    size_t word = (size_t)(sink->next++ - (uint32_t *)sink->words->items);
    if (bytes > MOST_WAITING_TEXT || sink->table.mask < SMALL_TABLE) {
        number(sink, text, bytes, hash, sink->rows, word);
        return;
    }
    struct waiting *one = &sink->waiting[sink->count++ % WAITING];
    number_waiting(sink, one);
    one->hash = hash, one->rows = sink->rows, one->word = word, one->bytes = (uint8_t)bytes;
    memcpy(one->text, text, bytes);
    __builtin_prefetch((uint64_t *)sink->table.slots.items + ((uint32_t)hash & sink->table.mask), 1);
}

static inline int put_known(struct sink *sink, uint32_t code)
{
    uint32_t next = sink->coded[code];
    if (!next || sink->left <= 0)
        return 0;
    sink->left--;
    put_again(sink, next - 1);
    return 1;
}

static void put_coded(struct sink *sink, uint32_t code, const uint8_t *text, size_t bytes)
{
    const uint32_t *word = sink->next;
    put(sink, text, bytes);
    if (sink->next > word && sink->table.mask < SMALL_TABLE) /* it did not wait */
        sink->coded[code] = *word + 1;
}

static void number_all(struct sink *sink)
{
    for (int i = 0; i < WAITING; i++)
        number_waiting(sink, &sink->waiting[i]);
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
            if (!begin_value(sink, size(text), rows[value]))
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
                to += record_one(block, worth_of(block, hash, rarity_of(vectors, rows[value])), words + to);
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
    if (!wrong && (!tally || !count_rows(columns, vectors->rows, values, &rows) ||
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

/* -- groups of several columns ------------------------------------------------------------------------------------ */

/* Two values that some rows have together, and how many. */
struct pair {
    uint32_t one, other, rows;
};

/* Number the pairs of known values of `codes` and of a column, from 1, into `codes`. Rows are gone through by value, so
 * that what is needed for one stays in the cache. 0: no memory.
 */
static int join(int64_t rows, int32_t *codes, int64_t values, const struct column *column, struct list *pairs)
{
    const int32_t *others = column->codes.items;
    struct list ends = {0}, order = {0}, seen = {0};
    int done = zeros(&ends, ((size_t)values + 1) * sizeof(uint32_t)) &&
               zeros(&order, (size_t)rows * sizeof(uint64_t)) &&
               zeros(&seen, (size_t)column->ends.bytes / sizeof(int64_t) * sizeof(uint64_t));
    uint32_t *end = ends.items, found = 0;
    uint64_t *sorted = order.items, *last = seen.items; /* last: of each value, with which other one, and the pair */
    for (int64_t row = 0; row < rows && done; row++)
        end[codes[row] + 1]++;
    for (int64_t value = 1; value < values && done; value++)
        end[value] += end[value - 1];
    for (int64_t row = 0; row < rows && done; row++)
        sorted[end[codes[row]]++] = (uint64_t)others[row] << 32 | (uint64_t)row;
    for (uint32_t one = 0, i = 0; one < values && done; one++)
        for (; i < end[one] && done; i++) {
            uint32_t row = (uint32_t)sorted[i], other = (uint32_t)(sorted[i] >> 32);
            if (!one || !other) {
                codes[row] = 0;
                continue;
            }
            if (last[other] >> 32 != one) {
                struct pair *pair = more(pairs, sizeof *pair);
                done = pair != NULL;
                if (pair)
                    *pair = (struct pair){one, other, 0};
                last[other] = (uint64_t)one << 32 | found++;
            }
            if (done)
                ((struct pair *)pairs->items)[(uint32_t)last[other]].rows++;
            codes[row] = (int32_t)(uint32_t)last[other] + 1;
        }
    drop(&ends), drop(&order), drop(&seen);
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

/* The hashes of the values that are combined, as a message of eight bytes for each. */
static void spell(int count, const struct list *hashes, const struct list *pairs, uint32_t id, uint8_t *message)
{
    for (int i = count - 1; i >= 0; i--) {
        const struct pair *pair = i ? (const struct pair *)pairs[i].items + id : NULL;
        uint64_t hash = ((const uint64_t *)hashes[i].items)[pair ? pair->other : id];
        for (int byte = 0; byte < 8; byte++)
            message[8 * i + byte] = (uint8_t)(hash >> 8 * byte);
        if (pair)
            id = i > 1 ? pair->one - 1 : pair->one;
    }
}

static const char *fill_combinations(const struct vectors *vectors, struct group *group, int count,
                                     const struct column *columns, const uint64_t (*keys)[2])
{
    struct list pairs[MOST_FIELDS] = {{0}}, hashes[MOST_FIELDS] = {{0}}; /* pairs[i]: of what is before i, and i */
    uint8_t message[8 * MOST_FIELDS];
    for (int i = 0; i < count; i++)
        if (values_of(&columns[i], vectors->rows) < 0)
            return "column";
    int64_t values = columns->ends.bytes / (int64_t)sizeof(int64_t);
    int done = zeros(&group->own, (size_t)vectors->rows * sizeof(int32_t));
    if (done && vectors->rows)
        memcpy(group->own.items, columns->codes.items, group->own.bytes);
    for (int i = 1; i < count && done; i++) {
        done = join(vectors->rows, group->own.items, values, &columns[i], &pairs[i]);
        values = 1 + (int64_t)(pairs[i].bytes / sizeof(struct pair));
    }
    for (int b = group->first; b < group->end; b++)
        group->stride += 1 + (uint32_t)vectors->blocks[b].hashes;
    done = done && zeros(&group->words, (size_t)(values - 1) * group->stride * sizeof(uint32_t));
    uint32_t *words = group->words.items;
    for (int b = group->first; b < group->end && done; b++, keys += count) {
        const struct block *block = &vectors->blocks[b];
        done = hash_values(count, columns, keys, hashes);
        for (uint32_t id = 0; id < values - 1 && done; id++) {
            uint32_t rarity = rarity_of(vectors, ((struct pair *)pairs[count - 1].items)[id].rows);
            spell(count, hashes, pairs, id, message);
            uint64_t worth = worth_of(block, sip(block->key, message, 8 * (size_t)count), rarity);
            record_one(block, worth, words + (size_t)id * group->stride);
        }
        words += 1 + block->hashes;
    }
    overwrite(message, 0, sizeof message);
    for (int i = 0; i < count; i++)
        drop(&pairs[i]), drop(&hashes[i]);
    group->codes = group->own.items, group->values = (uint32_t)values;
    group->filled = done;
    return done ? NULL : "memory";
}
