/* What was computed for a short key, in bounded memory: when that is full, what comes later is not kept.
 *
 * Entries lie in the order in which they came, and what is common comes early: it stays together in the processor's
 * cache, and a small file costs little memory.
 */

#define KEY_BYTES 24 /* longer ones are not kept */
#define BLOCK 512    /* entries that are allocated together, a power of two */
#define LINE 64      /* of the processor's cache */

struct key {
    uint64_t words[3], about; /* the bytes, and their number with what else the caller tells apart */
};

struct cache {
    uint64_t *table; /* by hash, open: half of the hash, and the number of an entry, from 1 */
    void **memory;   /* of each block */
    uint8_t **block; /* its entries, a key and what was computed for it; begins with a line */
    size_t size, count, most, stride, found;
};

/* Up to KEY_BYTES bytes as words: of two texts of one length the words differ if the texts do. */
static inline void pack_key(struct key *key, const uint8_t *text, size_t bytes, uint64_t about)
{
    uint64_t *w = key->words;
    uint32_t low, high;
    w[0] = w[1] = w[2] = 0;
    key->about = about;
    if (bytes >= 8) {
        memcpy(&w[0], text, 8);
        memcpy(&w[1], text + (bytes < 16 ? bytes - 8 : 8), 8);
        if (bytes > 16)
            memcpy(&w[2], text + bytes - 8, 8);
    } else if (bytes >= 4) {
        memcpy(&low, text, 4);
        memcpy(&high, text + bytes - 4, 4);
        w[0] = (uint64_t)high << 32 | low;
    } else if (bytes)
        w[0] = (uint64_t)text[0] << 16 | (uint64_t)text[bytes / 2] << 8 | text[bytes - 1];
}

static inline uint64_t tag_of(const struct key *key)
{
    uint64_t tag = key->words[0] * 0x9e3779b97f4a7c15 + key->words[1] * 0xc2b2ae3d27d4eb4f +
                   key->words[2] * 0x165667b19e3779f9 + key->about * 0xd6e8feb86659fd93;
    tag = (tag ^ tag >> 32) * 0x9fb21c651e98df25;
    tag ^= tag >> 29;
    return tag;
}

static void cache_wipe(struct cache *c)
{
    for (size_t i = 0; c->memory && i * BLOCK < c->count; i++) {
        wipe(c->block[i], BLOCK * c->stride);
        free(c->memory[i]);
    }
    if (c->table)
        wipe(c->table, c->size * sizeof *c->table);
    free(c->table);
    free(c->memory);
    free(c->block);
}

/* `value`: bytes of what is kept for a key; about `bytes` in all, and nothing if few would fit. 0 if there is no memory. */
static int cache_begin(struct cache *c, size_t value, size_t bytes)
{
    c->stride = (sizeof(struct key) + value + LINE / 2 - 1) / (LINE / 2) * (LINE / 2);
    c->most = bytes / c->stride / BLOCK * BLOCK;
    c->size = BLOCK;
    c->table = calloc(c->size, sizeof *c->table);
    c->memory = calloc(c->most / BLOCK + 1, sizeof *c->memory);
    c->block = calloc(c->most / BLOCK + 1, sizeof *c->block);
    return c->table && c->memory && c->block;
}

static inline uint8_t *cache_entry(const struct cache *c, size_t number)
{
    return c->block[(number - 1) / BLOCK] + (number - 1) % BLOCK * c->stride;
}

/* What is kept in an entry. */
static inline void *cache_value(const struct cache *c, size_t number)
{
    return cache_entry(c, number) + sizeof(struct key);
}

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
#endif

/* Two steps before a key is looked for, in which memory is asked for what it will take. */
static inline void cache_expect(const struct cache *c, uint64_t tag)
{
    FETCH(c->table + (tag & (c->size - 1)));
}

static inline void cache_fetch(const struct cache *c, uint64_t tag)
{
    uint64_t first = c->table[tag & (c->size - 1)];
    if (!first || (first ^ tag) >> 32)
        return;
    const uint8_t *entry = cache_entry(c, (uint32_t)first);
    for (size_t byte = 0; byte < c->stride; byte += LINE)
        FETCH(entry + byte);
}

/* The number of the key's entry, or 0. */
static inline size_t cache_find(struct cache *c, const struct key *key, uint64_t tag)
{
    for (size_t at = tag & (c->size - 1); c->table[at]; at = (at + 1) & (c->size - 1))
        if (!((c->table[at] ^ tag) >> 32) && !memcmp(cache_entry(c, (uint32_t)c->table[at]), key, sizeof *key)) {
            c->found++;
            return (uint32_t)c->table[at];
        }
    return 0;
}

/* Whether keys come again so seldom that there are more of them than room, and keeping them costs more than it saves:
 * were they just as many, some count^2 / (2 * most) would have been found again by now (the birthday paradox). */
static inline int cache_is_vain(const struct cache *c)
{
    return c->count > 4096 && c->found < (double)c->count * c->count / (2.0 * c->most);
}

static void cache_point(uint64_t *table, size_t size, uint64_t tag, size_t number)
{
    size_t at = tag & (size - 1);
    while (table[at])
        at = (at + 1) & (size - 1);
    table[at] = (tag >> 32 << 32) | number;
}

static int cache_widen(struct cache *c)
{
    size_t size = 4 * c->size;
    uint64_t *table = calloc(size, sizeof *table);
    if (!table)
        return 0;
    for (size_t number = 1; number <= c->count; number++)
        cache_point(table, size, tag_of((const struct key *)cache_entry(c, number)), number);
    wipe(c->table, c->size * sizeof *c->table);
    free(c->table);
    c->table = table, c->size = size;
    return 1;
}

/* The number of a new entry for the key, with a value of zeros; 0 if there is no room. */
static size_t cache_enter(struct cache *c, const struct key *key, uint64_t tag)
{
    if (c->count == c->most || (2 * c->count >= c->size && !cache_widen(c)))
        return 0;
    if (c->count % BLOCK == 0) {
        void *memory = calloc(BLOCK * c->stride + LINE, 1);
        if (!memory)
            return 0;
        c->memory[c->count / BLOCK] = memory;
        c->block[c->count / BLOCK] = (uint8_t *)memory + (LINE - (uintptr_t)memory % LINE) % LINE;
    }
    size_t number = ++c->count;
    memcpy(cache_entry(c, number), key, sizeof *key);
    cache_point(c->table, c->size, tag, number);
    return number;
}
