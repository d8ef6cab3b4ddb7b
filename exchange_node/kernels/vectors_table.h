/* Memory that is overwritten before it is given back, the keyed hash, and a table of distinct tokens. */

#define SMALL_PAGE 4096
#define LARGE ((size_t)4 << 20) /* bytes of a list that is worth large pages */

/* A call that the compiler cannot see through, so that it cannot leave it out. */
static void *(*const volatile overwrite)(void *, int, size_t) = memset;

/* Items of one size, one behind the other. */
struct list {
    void *items;
    size_t bytes, room; /* used and owned */
};

static void drop(struct list *list)
{
    if (list->bytes)
        overwrite(list->items, 0, list->bytes);
    free(list->items);
    *list = (struct list){0};
}

/* Ask for large pages, where the system has them: a large list has thousands of small ones, and each costs a fault. It
 * may refuse.
 */
static void in_large_pages(void *items, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    uintptr_t begin = ((uintptr_t)items + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE, end = (uintptr_t)items + bytes;
    if (bytes >= LARGE)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)items, (void)bytes;
#endif
}

/* Own so many bytes, at least those in use; what is not used yet costs no memory. 0: no memory. */
static int reserve(struct list *list, size_t room)
{
    struct list moved = {malloc(room), list->bytes, room};
    if (!moved.items)
        return 0;
    in_large_pages(moved.items, room);
    if (list->bytes)
        memcpy(moved.items, list->items, list->bytes);
    drop(list);
    *list = moved;
    return 1;
}

/* Room for `bytes` more, or NULL. */
static inline void *more(struct list *list, size_t bytes)
{
    if (list->room - list->bytes < bytes && !reserve(list, (list->bytes + bytes) / 2 * 3 + 64))
        return NULL;
    list->bytes += bytes;
    return (uint8_t *)list->items + list->bytes - bytes;
}

/* Give back all but the first bytes. */
static void cut_off(struct list *list, size_t bytes)
{
    if (list->bytes > bytes)
        overwrite((uint8_t *)list->items + bytes, 0, list->bytes - bytes);
    void *less = bytes ? realloc(list->items, bytes) : NULL;
    list->bytes = bytes;
    if (less)
        list->items = less, list->room = bytes;
}

/* So many bytes of zeros, all in use. 0: no memory. */
static int zeros(struct list *list, size_t bytes)
{
    *list = (struct list){calloc(bytes + 1, 1), bytes, bytes};
    if (!list->items)
        *list = (struct list){0};
    in_large_pages(list->items, list->bytes);
    return list->items != NULL;
}

/* -- SipHash-2-4 (Aumasson and Bernstein 2012) -------------------------------------------------------------------- */

static inline uint64_t turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline uint64_t little(const uint8_t *p, size_t bytes)
{
    uint64_t word = 0;
    for (size_t i = 0; i < bytes; i++)
        word |= (uint64_t)p[i] << 8 * i;
    return word;
}

static inline void sip_rounds(uint64_t v[4], int rounds)
{
    for (; rounds > 0; rounds--) {
        v[0] += v[1], v[2] += v[3];
        v[1] = turn(v[1], 13) ^ v[0], v[3] = turn(v[3], 16) ^ v[2];
        v[0] = turn(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = turn(v[1], 17) ^ v[2], v[3] = turn(v[3], 21) ^ v[0];
        v[2] = turn(v[2], 32);
    }
}

static uint64_t sip(const uint64_t key[2], const uint8_t *message, size_t bytes)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                     key[1] ^ 0x7465646279746573};
    uint64_t last = (uint64_t)bytes << 56;
    for (; bytes >= 8; message += 8, bytes -= 8) {
        uint64_t word = little(message, 8);
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    last |= little(message, bytes);
    v[3] ^= last;
    sip_rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* -- distinct tokens, numbered as they come ----------------------------------------------------------------------- */

#define MOST_TEXT ((size_t)1 << 31) /* bytes of distinct tokens of one table, and one behind each */
#define NO_TOKEN UINT32_MAX

struct token {
    uint64_t hash;      /* for the table, not for the vectors */
    uint64_t rows;      /* how many have it */
    uint32_t at, bytes; /* in `text` */
};

struct table {
    struct list text, tokens, slots; /* slots: a power of two of them; upper half of a hash and token + 1, or 0 */
    uint64_t seed;
    uint32_t count, mask;
};

static void drop_table(struct table *table)
{
    drop(&table->text);
    drop(&table->tokens);
    drop(&table->slots);
}

/* Half of the finaliser of SplitMix64: one to one, so short tokens with equal hashes and lengths are equal. */
static inline uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    return x ^ x >> 31;
}

static int widen(struct table *table)
{
    size_t count = table->mask ? ((size_t)table->mask + 1) * 4 : 1024;
    const struct token *tokens = table->tokens.items;
    struct list slots;
    if (!zeros(&slots, count * sizeof(uint64_t)))
        return 0;
    drop(&table->slots);
    table->slots = slots, table->mask = (uint32_t)(count - 1);
    for (uint32_t id = 0; id < table->count; id++) {
        uint32_t at = (uint32_t)tokens[id].hash;
        while (((uint64_t *)slots.items)[at & table->mask])
            at++;
        ((uint64_t *)slots.items)[at & table->mask] = (tokens[id].hash >> 32 << 32) | (id + 1);
    }
    return 1;
}

static inline uint64_t hash_of(const struct table *table, const uint8_t *text, size_t bytes)
{
    uint64_t hash = table->seed;
    for (; bytes > 8; text += 8, bytes -= 8)
        hash = mix(hash ^ little(text, 8));
    return mix(hash ^ little(text, bytes));
}

/* The number of a token with that hash, which so many rows have. NO_TOKEN: no memory. */
static uint32_t number_of(struct table *table, const uint8_t *text, size_t bytes, uint64_t hash, uint64_t rows)
{
    if (table->count >= table->mask / 2 && !widen(table)) /* also the first time */
        return NO_TOKEN;
    uint64_t *slots = table->slots.items;
    uint32_t at = (uint32_t)hash;
    for (; slots[at & table->mask]; at++) {
        uint64_t slot = slots[at & table->mask];
        if (slot >> 32 != hash >> 32)
            continue;
        struct token *token = (struct token *)table->tokens.items + (uint32_t)slot - 1;
        if (token->hash == hash && token->bytes == bytes &&
            (bytes <= 8 || !memcmp((uint8_t *)table->text.items + token->at, text, bytes))) {
            token->rows += rows;
            return (uint32_t)slot - 1;
        }
    }
    struct token *token = more(&table->tokens, sizeof *token);
    uint8_t *copy = bytes < MOST_TEXT - table->text.bytes ? more(&table->text, bytes + 1) : NULL;
    if (!token || !copy || table->count >= INT32_MAX)
        return NO_TOKEN;
    memcpy(copy, text, bytes);
    *token = (struct token){hash, rows, (uint32_t)(table->text.bytes - bytes - 1), (uint32_t)bytes};
    slots[at & table->mask] = (hash >> 32 << 32) | ++table->count;
    return table->count - 1;
}
