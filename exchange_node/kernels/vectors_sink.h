/* Where tokens go while values are cut: each distinct one gets a number. */

#define RECENT_BITS 12
#define RECENT (1 << RECENT_BITS)
#define MOST_RECENT_TEXT 7
#define CODES (1 << 14)
#define WAITING 16
#define MOST_WAITING_TEXT 39
#define SMALL_TABLE 8192 /* slots that stay in the cache, so that nobody waits for them */

/* A token that waits until its place in the table has come from memory. */
struct waiting {
    uint64_t hash, rows;
    size_t word; /* of the group, where its number goes */
    uint8_t held, bytes, text[MOST_WAITING_TEXT];
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

/* Write how many there were, and keep so many words for each. */
static void end_value(struct sink *sink, int words)
{
    uint32_t *head = (uint32_t *)sink->words->items + sink->words->bytes / sizeof(uint32_t);
    *head = (uint32_t)(sink->next - head) - 1;
    sink->words->bytes += (1 + *head * (size_t)words) * sizeof(uint32_t);
}

/* Where such a token is, if it is still there. */
static inline struct recent *recent_of(const struct sink *sink, uint64_t text)
{
    return &sink->recent[text * 0x9e3779b97f4a7c15 >> (64 - RECENT_BITS)];
}

static inline uint64_t short_text(const uint8_t *text, size_t bytes)
{
    return little(text, bytes) | (uint64_t)bytes << 56;
}

/* Look a token up, and write its number to that word. */
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
    if (one->held)
        number(sink, one->text, one->bytes, one->hash, one->rows, one->word);
    one->held = 0;
}

/* A token that was seen before. */
static inline void put_again(struct sink *sink, uint32_t id)
{
    *sink->next++ = id;
    ((struct token *)sink->table.tokens.items)[id].rows += sink->rows;
}

static void put(struct sink *sink, const uint8_t *text, size_t bytes)
{
    if (sink->left <= 0)
        return;
    sink->left--;
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
    one->hash = hash, one->rows = sink->rows, one->word = word, one->bytes = (uint8_t)bytes, one->held = 1;
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
