/* What was computed for a short key, in bounded memory: a new entry takes the place of an old one.
 *
 * Four places for each hash; they become more as entries come in, up to a bound, so that a small file costs little.
 */

#define KEY_BYTES 24 /* longer ones are not kept */
#define WAYS 4
#define FIRST_SETS 64
#define LINE 64

struct key {
    uint64_t words[3], about; /* the bytes, and their number with what else the caller tells apart */
};

struct cache {
    uint64_t *tags; /* [set][way], 0 is empty */
    uint8_t *slots; /* [set][way], a key and what was computed for it; begins with a line of the processor's cache */
    void *memory;   /* of the slots */
    size_t sets, most_sets, stride, entered, found;
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
    return tag ? tag : 1;
}

static void cache_wipe(struct cache *c)
{
    if (c->tags && c->memory) {
        wipe(c->tags, c->sets * WAYS * sizeof *c->tags);
        wipe(c->slots, c->sets * WAYS * c->stride);
    }
    free(c->tags);
    free(c->memory);
    c->tags = NULL, c->memory = NULL;
}

/* Where a new entry goes: an empty way of its set, or in turn. */
static size_t cache_way(const struct cache *c, uint64_t tag)
{
    size_t first = (tag & (c->sets - 1)) * WAYS;
    for (size_t at = first; at < first + WAYS; at++)
        if (!c->tags[at])
            return at;
    return first + c->entered % WAYS;
}

/* As many sets; what is kept moves. 0 if there is no memory. */
static int cache_room(struct cache *c, size_t sets)
{
    struct cache larger = *c;
    larger.sets = sets;
    larger.tags = calloc(sets * WAYS, sizeof *c->tags);
    larger.memory = calloc(sets * WAYS * c->stride + LINE, 1);
    if (!larger.tags || !larger.memory) {
        free(larger.tags);
        free(larger.memory);
        return 0;
    }
    larger.slots = (uint8_t *)larger.memory + (LINE - (uintptr_t)larger.memory % LINE) % LINE;
    for (size_t old = 0; c->tags && old < c->sets * WAYS; old++)
        if (c->tags[old]) {
            size_t at = cache_way(&larger, c->tags[old]);
            larger.tags[at] = c->tags[old];
            memcpy(larger.slots + at * c->stride, c->slots + old * c->stride, c->stride);
        }
    cache_wipe(c);
    *c = larger;
    return 1;
}

/* `value`: bytes of what is kept; the whole stays below `most` bytes. 0 if there is no memory. */
static int cache_begin(struct cache *c, size_t value, size_t most)
{
    c->stride = (sizeof(struct key) + value + LINE - 1) / LINE * LINE;
    for (c->most_sets = 1; 2 * c->most_sets * WAYS * c->stride <= most; c->most_sets *= 2)
        ;
    return cache_room(c, FIRST_SETS < c->most_sets ? FIRST_SETS : c->most_sets);
}

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address)
#endif

/* Two steps before a key is looked for, in which memory is asked for what it will take. */
static inline void cache_expect(const struct cache *c, uint64_t tag)
{
    FETCH(c->tags + (tag & (c->sets - 1)) * WAYS);
}

static inline void cache_fetch(const struct cache *c, uint64_t tag)
{
    size_t first = (tag & (c->sets - 1)) * WAYS;
    for (size_t at = first; at < first + WAYS; at++)
        if (c->tags[at] == tag)
            for (size_t byte = 0; byte < c->stride; byte += 64)
                FETCH(c->slots + at * c->stride + byte);
}

/* What is kept for the key, or NULL. */
static inline void *cache_find(struct cache *c, const struct key *key, uint64_t tag)
{
    size_t first = (tag & (c->sets - 1)) * WAYS;
    for (size_t at = first; at < first + WAYS; at++)
        if (c->tags[at] == tag) {
            uint8_t *slot = c->slots + at * c->stride;
            if (!memcmp(slot, key, sizeof *key)) {
                c->found++;
                return slot + sizeof *key;
            }
        }
    return NULL;
}

/* Whether hardly anything comes again, so that keeping it costs more than it saves. */
static inline int cache_is_vain(const struct cache *c)
{
    return c->entered > 16384 && c->found < c->entered / 4;
}

/* Room for the key, zeroed. What was found before may be gone now. */
static void *cache_enter(struct cache *c, const struct key *key, uint64_t tag)
{
    if (c->entered >= c->sets * WAYS && c->sets < c->most_sets)
        cache_room(c, c->sets * 4 < c->most_sets ? c->sets * 4 : c->most_sets); /* without it, as before */
    size_t at = cache_way(c, tag);
    uint8_t *slot = c->slots + at * c->stride;
    c->entered++;
    memset(slot, 0, c->stride);
    memcpy(slot, key, sizeof *key);
    c->tags[at] = tag;
    return slot + sizeof *key;
}
