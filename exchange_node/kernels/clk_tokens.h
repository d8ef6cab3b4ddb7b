/* The bits of a token, and where they are kept: in the cache, with a table of shortcuts for one and two plain letters. */

#define PAIR_PLACES 16    /* tokens at later places in a value are looked up as others are */
#define PAIRS (1 << 14)   /* of characters below 128 */
#define MOST_PAIRS 0xffff /* an entry's number has two bytes there */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLIP 63
#else
#define FLIP 7
#endif

/* Whether so many places are set sooner as a mask: one takes as long as three words of it, but words take memory. */
static inline int is_worth_a_mask(size_t places, size_t words)
{
    return 2 * places >= words;
}

static size_t token_bytes(const struct field *f)
{
    return sizeof(struct token) + f->mask * sizeof(uint64_t) + f->most * sizeof(uint16_t);
}

/* Where in a filter of words a token's bits are. */
static inline uint16_t *places_of(const struct field *f, struct token *t)
{
    return (uint16_t *)(t->mask + f->mask);
}

/* A place as bit of a word, which is where clkhash's filter in bytes has it: the highest bit of the first byte first. */
static uint16_t bit_of(uint64_t place)
{
    return (uint16_t)(place ^ FLIP);
}

static uint64_t remainder_of(const uint8_t *number, size_t bytes, size_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = 0; i < bytes; i++)
        rest = (rest << 8 | number[i]) % divisor;
    return rest;
}

static void fill_by_blake(const struct encoder *e, const struct field *f, struct token *t, size_t wanted,
                          const uint8_t *message, size_t bytes)
{
    uint8_t digest[BLAKE_BYTES];
    uint16_t *places = places_of(f, t);
    for (; t->have < wanted; t->have += 32) {
        blake_end(&f->blakes[t->have / 32], message, bytes, digest);
        for (size_t i = 0; i < 32; i++) {
            uint16_t number; /* in the machine's own order of bytes, as clkhash reads it */
            memcpy(&number, digest + 2 * i, 2);
            places[t->have + i] = bit_of(number % e->bits);
        }
    }
    wipe(digest, sizeof digest);
}

static void fill_by_two(struct encoder *e, const struct field *f, struct token *t, const uint8_t *message,
                        size_t bytes)
{
    uint8_t digest[20], more[3];
    uint16_t *places = places_of(f, t);
    hmac_end(&f->sha1, message, bytes, more, 0, digest);
    uint64_t place = remainder_of(digest, 20, e->bits);
    hmac_end(&f->md5, message, bytes, more, 0, digest);
    uint64_t step = remainder_of(digest, 16, e->bits);
    if (f->spec.hash == DOUBLE_NOT_SINGULAR)
        for (uint32_t i = 0; !step; i++) { /* the message with one character more, as UTF-8 */
            size_t length = i < 0x80 ? 1 : i < 0x800 ? 2 : 3;
            if (i >= 0xd800) {
                e->wrong = "singular";
                break;
            }
            more[0] = (uint8_t)(length == 1 ? i : length == 2 ? 0xc0 | i >> 6 : 0xe0 | i >> 12);
            more[1] = (uint8_t)(0x80 | (length == 2 ? i & 63 : i >> 6 & 63));
            more[2] = (uint8_t)(0x80 | (i & 63));
            hmac_end(&f->md5, message, bytes, more, length, digest);
            step = remainder_of(digest, 16, e->bits);
        }
    for (; t->have < f->most; t->have++) {
        places[t->have] = bit_of(place);
        place = (place + step) % e->bits;
    }
    wipe(digest, sizeof digest);
}

/* At least the first `wanted` places; `number` is the token's own among its value's if they are positional, or 0. */
static void fill(struct encoder *e, struct field *f, struct token *t, size_t wanted, const uint8_t *token,
                 size_t bytes, size_t number)
{
    if (number) {
        if (bytes > 4 * (size_t)f->spec.n) { /* no UTF-8 */
            e->wrong = "text";
            return;
        }
        uint8_t digits[24];
        size_t count = 0, at = 0;
        for (size_t rest = number; rest; rest /= 10)
            digits[count++] = (uint8_t)('0' + rest % 10);
        while (count)
            f->message[at++] = digits[--count];
        f->message[at++] = ' ';
        memcpy(f->message + at, token, bytes);
        token = f->message, bytes += at;
    }
    if (f->spec.hash == BLAKE)
        fill_by_blake(e, f, t, wanted, token, bytes);
    else
        fill_by_two(e, f, t, token, bytes);
}

/* -- where a token is kept ---------------------------------------------------------------------------------------- */

/* The number of a token's entry, 0 if it is not kept. */
static size_t enter_token(struct field *f, const uint8_t *token, size_t bytes, size_t number)
{
    struct key key;
    pack_key(&key, token, bytes, number << 8 | bytes);
    uint64_t tag = tag_of(&key);
    size_t entry = cache_find(&f->tokens, &key, tag);
    return entry ? entry : cache_enter(&f->tokens, &key, tag);
}

/* Any token; `number` as above. */
static inline struct token *find_token(struct field *f, const uint8_t *token, size_t bytes, size_t number)
{
    size_t entry = bytes > KEY_BYTES || f->spec.cut == WHOLE ? 0 : enter_token(f, token, bytes, number);
    if (entry)
        return cache_value(&f->tokens, entry);
    f->lone->have = f->lone->masked = 0;
    return f->lone;
}

/* A token of one or two characters below 128. */
static inline struct token *find_pair(struct field *f, const uint8_t *token, size_t bytes, size_t number)
{
    if (number > PAIR_PLACES)
        return find_token(f, token, bytes, number);
    uint16_t *entry = &f->pairs[number * PAIRS + (size_t)(token[0] << 7 | token[bytes - 1])];
    if (!*entry) {
        size_t entered = enter_token(f, token, bytes, number);
        if (!entered || entered > MOST_PAIRS)
            return find_token(f, token, bytes, number);
        *entry = (uint16_t)entered;
    }
    return cache_value(&f->tokens, *entry);
}
