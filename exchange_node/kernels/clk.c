/* Cryptographic longterm keys, bit for bit those of clkhash 0.18.3 (Schnell, Bachteler and Reiher 2009).
 *
 * People share few names and few n-grams, so what was computed for a token or a value is kept while the encoder lives,
 * in bounded memory; a record is then a handful of OR operations. All of it amounts to key material: it is overwritten
 * when the encoder ends. Values come as UTF-8, checked and put in the schema's form by Python (`encoding/forms.py`).
 *
 * A plain library that Python loads with ctypes: it needs a C compiler and no headers of Python, and Python's lock is
 * not held meanwhile. One encoder serves one thread at a time.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clk_hash.h"

#include "clk_cache.h"

#define MOST_BITS (1 << 16) /* BLAKE2 places have sixteen bits */
#define MOST_PLACES (1 << 20)
#define MOST_N 1024
#define MOST_FIELDS 1024
#define CACHE_BYTES (12u << 20) /* of one field's values, and a quarter of it for its tokens */
#define AHEAD 16                /* rows whose values are asked of memory before their turn */
#define TILE_BYTES (32u << 10)  /* rows in the making stay in the first cache */

enum { WHOLE, NGRAMS, PACKED };                    /* how a value is cut into tokens */
enum { BLAKE, DOUBLE, DOUBLE_NOT_SINGULAR };       /* how a token's places in the filter are found */

struct spec {
    int32_t date; /* values are dates as YYYY-MM-DD, and are hashed as YYYYMMDD */
    int32_t cut, n, positional, hash;
    int32_t each, bits; /* so many places for each token, or else for all tokens of a value together */
    const uint8_t *key, *other_key;
    int64_t key_bytes, other_bytes;
};

struct token {
    uint32_t have;
    uint16_t places[];
};

struct field {
    struct spec spec;
    size_t most;          /* places of one token */
    struct blake *blakes; /* for each 32 of them */
    struct hmac sha1, md5;
    struct cache tokens, values;
    struct token *lone; /* of a token that is not kept */
    uint8_t *message;   /* a token with its number before it */
};

struct value {
    const uint8_t *text;
    size_t bytes;
    uint8_t digits[8]; /* of a date */
    struct key key;
    uint64_t tag;
};

struct encoder {
    size_t bits, bytes, words; /* before folding */
    int folds;
    size_t fields, tile;
    struct field *field;
    uint64_t *rows;      /* [tile][words] */
    struct value *value; /* [tile] */
    uint8_t *text;  /* a value with spaces around it */
    size_t text_bytes, *starts;
    const char *wrong; /* after it nothing that is kept can be trusted */
};

/* -- places of a token -------------------------------------------------------------------------------------------- */

static uint32_t remainder_of(const uint8_t *number, size_t bytes, size_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = 0; i < bytes; i++)
        rest = (rest << 8 | number[i]) % divisor;
    return (uint32_t)rest;
}

static void places_by_blake(const struct encoder *e, const struct field *f, struct token *t, size_t wanted,
                            const uint8_t *message, size_t bytes)
{
    uint8_t digest[BLAKE_BYTES];
    for (; t->have < wanted; t->have += 32) {
        blake_end(&f->blakes[t->have / 32], message, bytes, digest);
        for (size_t i = 0; i < 32; i++) {
            uint16_t number; /* in the machine's own order of bytes, as clkhash reads it */
            memcpy(&number, digest + 2 * i, 2);
            t->places[t->have + i] = (uint16_t)(number % e->bits);
        }
    }
    wipe(digest, sizeof digest);
}

static void places_by_two(struct encoder *e, const struct field *f, struct token *t, const uint8_t *message,
                          size_t bytes)
{
    uint8_t digest[20], more[3];
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
        t->places[t->have] = (uint16_t)place;
        place = (place + step) % e->bits;
    }
    wipe(digest, sizeof digest);
}

/* The first `wanted` places of a token; `number` is its own among the value's tokens if they are positional, or 0. */
static const uint16_t *places_of(struct encoder *e, struct field *f, const uint8_t *token, size_t bytes,
                                 size_t number, size_t wanted)
{
    struct token *t = f->lone;
    if (bytes <= KEY_BYTES && f->spec.cut != WHOLE) {
        struct key key;
        pack_key(&key, token, bytes, number << 8 | bytes);
        uint64_t tag = tag_of(&key);
        t = cache_find(&f->tokens, &key, tag);
        if (!t)
            t = cache_enter(&f->tokens, &key, tag);
    } else
        t->have = 0;
    if (t->have >= wanted)
        return t->places;
    if (number) {
        if (bytes > 4 * (size_t)f->spec.n) { /* no UTF-8 */
            e->wrong = "text";
            return t->places;
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
        places_by_blake(e, f, t, wanted, token, bytes);
    else
        places_by_two(e, f, t, token, bytes);
    return t->places;
}

/* -- bits of a value ---------------------------------------------------------------------------------------------- */

struct share {
    size_t places, more; /* of each token; one more for so many of them, the first ones */
};

static struct share share_out(const struct field *f, size_t tokens)
{
    size_t bits = (size_t)f->spec.bits;
    return f->spec.each || !tokens ? (struct share){bits, 0} : (struct share){bits / tokens, bits % tokens};
}

/* The bits of one token, the one of number `at` among those of its value. */
static inline void set_token(struct encoder *e, struct field *f, uint8_t *row, const uint8_t *token, size_t bytes,
                             size_t at, struct share share)
{
    size_t wanted = share.places + (at < share.more);
    if (!wanted)
        return;
    const uint16_t *places = places_of(e, f, token, bytes, f->spec.positional ? at + 1 : 0, wanted);
    for (size_t i = 0; i < wanted; i++)
        row[places[i] >> 3] |= (uint8_t)(0x80 >> (places[i] & 7));
}

/* Room for a value of so many bytes and its characters' places; what was there is lost. */
static int widen(struct encoder *e, size_t bytes)
{
    if (bytes <= e->text_bytes)
        return 1;
    if (e->text)
        wipe(e->text, e->text_bytes);
    free(e->text);
    free(e->starts);
    e->text = malloc(2 * bytes);
    e->starts = malloc((2 * bytes + 1) * sizeof *e->starts);
    e->text_bytes = e->text && e->starts ? 2 * bytes : 0;
    if (!e->text_bytes)
        e->wrong = "memory";
    return e->text_bytes != 0;
}

static void set_ngrams(struct encoder *e, struct field *f, uint8_t *row, const uint8_t *value, size_t bytes)
{
    size_t n = (size_t)f->spec.n, around = n > 1 ? n - 1 : 0, all = bytes + 2 * around, count = 0;
    uint8_t any = 0;
    if (!widen(e, all))
        return;
    uint8_t *text = e->text;
    size_t *starts = e->starts;
    memset(text, ' ', around);
    memcpy(text + around, value, bytes);
    memset(text + around + bytes, ' ', around);
    for (size_t i = 0; i < bytes; i++)
        any |= value[i];
    if (any < 0x80)
        count = all; /* a character is a byte */
    else
        for (size_t i = 0; i < all; i++) {
            starts[count] = i;
            count += (text[i] & 0xc0) != 0x80; /* one begins */
        }
    if (count < n)
        return;
    starts[count] = all;
    size_t tokens = count - n + 1;
    struct share share = share_out(f, tokens);
    if (any < 0x80)
        for (size_t i = 0; i < tokens; i++)
            set_token(e, f, row, text + i, n, i, share);
    else
        for (size_t i = 0; i < tokens; i++)
            set_token(e, f, row, text + starts[i], starts[i + n] - starts[i], i, share);
}

/* Tokens that Python made: their number, then each one's length before it; numbers have four bytes. */
static void set_packed(struct encoder *e, struct field *f, uint8_t *row, const uint8_t *value, size_t bytes)
{
    size_t at = 4, tokens = bytes < 4 ? 0 : little32(value);
    struct share share = share_out(f, tokens);
    for (size_t i = 0; i < tokens; i++) {
        if (bytes - at < 4 || bytes - at - 4 < little32(value + at)) {
            e->wrong = "packed";
            return;
        }
        set_token(e, f, row, value + at + 4, little32(value + at), i, share);
        at += 4 + little32(value + at);
    }
}

static void set_value(struct encoder *e, struct field *f, uint8_t *row, const uint8_t *value, size_t bytes)
{
    if (f->spec.cut == NGRAMS)
        set_ngrams(e, f, row, value, bytes);
    else if (f->spec.cut == PACKED)
        set_packed(e, f, row, value, bytes);
    else
        set_token(e, f, row, value, bytes, 0, share_out(f, 1));
}

/* `1990-01-31` becomes `19900131`; 0 if it is not plainly a date of four digits for the year. */
static int form_date(struct value *v)
{
    static const uint8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const uint8_t *t = v->text;
    int d[8];
    if (v->bytes != 10 || t[4] != '-' || t[7] != '-' || t[0] == '0')
        return 0;
    for (int i = 0, at = 0; i < 8; i++, at++) {
        at += t[at] == '-';
        if (t[at] < '0' || t[at] > '9')
            return 0;
        d[i] = t[at] - '0';
        v->digits[i] = t[at];
    }
    int year = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3], month = d[4] * 10 + d[5], day = d[6] * 10 + d[7];
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > DAYS[month - 1] + (leap && month == 2))
        return 0;
    v->text = v->digits, v->bytes = 8;
    return 1;
}

/* One field's values of a tile of rows: first where each may be kept, then the bits, so that memory comes in time. */
static void add_values(struct encoder *e, struct field *f, size_t rows)
{
    int keep = !cache_is_vain(&f->values);
    const size_t words = e->words;
    for (size_t i = 0; i < rows; i++) {
        struct value *v = &e->value[i];
        if (i + AHEAD < rows)
            FETCH(e->value[i + AHEAD].text);
        if (!keep || v->bytes > KEY_BYTES || !v->bytes)
            continue;
        pack_key(&v->key, v->text, v->bytes, v->bytes);
        v->tag = tag_of(&v->key);
        cache_expect(&f->values, v->tag);
    }
    for (size_t i = 0; keep && i < rows; i++) {
        struct value *v = &e->value[i];
        if (v->bytes <= KEY_BYTES && v->bytes)
            cache_fetch(&f->values, v->tag);
    }
    for (size_t i = 0; i < rows; i++) {
        const struct value *v = &e->value[i];
        uint64_t *restrict row = e->rows + i * words;
        if (!v->bytes)
            continue;
        if (!keep || v->bytes > KEY_BYTES) {
            set_value(e, f, (uint8_t *)row, v->text, v->bytes);
            continue;
        }
        uint64_t *restrict mask = cache_find(&f->values, &v->key, v->tag);
        if (!mask) {
            mask = cache_enter(&f->values, &v->key, v->tag);
            set_value(e, f, (uint8_t *)mask, v->text, v->bytes);
        }
        for (size_t word = 0; word < words; word++)
            row[word] |= mask[word];
    }
}

/* -- folding ------------------------------------------------------------------------------------------------------ */

static void fold(const struct encoder *e, uint8_t *row)
{
    size_t bits = e->bits;
    for (int i = 0; i < e->folds; i++) {
        bits /= 2;
        if (bits % 8 == 0) {
            for (size_t at = 0; at < bits / 8; at++)
                row[at] ^= row[at + bits / 8];
            continue;
        }
        for (size_t at = 0; at < bits; at++) {
            size_t other = at + bits;
            if (row[other / 8] >> (7 - other % 8) & 1)
                row[at / 8] ^= (uint8_t)(0x80 >> at % 8);
        }
        row[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
    }
}

/* -- what Python sees --------------------------------------------------------------------------------------------- */

struct column {
    const uint8_t *text;
    const int64_t *ends;  /* [1 + value], where in the text the value ends; the first is -gap */
    const int32_t *codes; /* [row], the row's value; NULL: row i has value first + i * step */
    int64_t text_bytes, values, gap, first, step; /* so many bytes stand between two values */
    int64_t formed;       /* dates are YYYYMMDD already */
};

void clk_end(struct encoder *e)
{
    if (!e)
        return;
    for (size_t i = 0; e->field && i < e->fields; i++) {
        struct field *f = &e->field[i];
        size_t lone = sizeof(struct token) + f->most * sizeof(uint16_t);
        cache_wipe(&f->tokens);
        cache_wipe(&f->values);
        if (f->blakes)
            wipe(f->blakes, f->most / 32 * sizeof *f->blakes);
        if (f->lone)
            wipe(f->lone, lone);
        if (f->message)
            wipe(f->message, 4 * (size_t)f->spec.n + 24);
        free(f->blakes);
        free(f->lone);
        free(f->message);
        wipe(f, sizeof *f);
    }
    if (e->rows)
        wipe(e->rows, e->tile * e->words * 8);
    if (e->value)
        wipe(e->value, e->tile * sizeof *e->value);
    if (e->text)
        wipe(e->text, e->text_bytes);
    free(e->field);
    free(e->rows);
    free(e->value);
    free(e->text);
    free(e->starts);
    wipe(e, sizeof *e);
    free(e);
}

static int spec_fits(const struct spec *s)
{
    return s->cut >= WHOLE && s->cut <= PACKED && s->n >= 0 && s->n <= MOST_N && s->hash >= BLAKE &&
           s->hash <= DOUBLE_NOT_SINGULAR && s->bits >= 0 && s->bits <= MOST_PLACES && s->key_bytes > 0 &&
           s->other_bytes > 0 && (s->hash != BLAKE || s->key_bytes <= BLAKE_MOST_KEY);
}

static int begin_field(struct field *f, const struct spec *s, size_t words)
{
    f->spec = *s;
    f->spec.key = f->spec.other_key = NULL; /* the caller's, and not there any more after this call */
    f->most = s->hash == BLAKE ? ((size_t)s->bits + 31) / 32 * 32 : (size_t)s->bits;
    size_t token = sizeof(struct token) + f->most * sizeof(uint16_t);
    f->lone = calloc(1, token);
    f->message = calloc(1, 4 * (size_t)s->n + 24);
    if (!f->lone || !f->message || !cache_begin(&f->tokens, token, CACHE_BYTES / 4) ||
        !cache_begin(&f->values, words * 8, CACHE_BYTES))
        return 0;
    if (s->hash != BLAKE) {
        hmac_begin(&f->sha1, SHA1, s->key, (size_t)s->key_bytes);
        hmac_begin(&f->md5, MD5, s->other_key, (size_t)s->other_bytes);
        return 1;
    }
    f->blakes = calloc(f->most / 32 + 1, sizeof *f->blakes);
    for (size_t i = 0; f->blakes && i < f->most / 32; i++)
        blake_begin(&f->blakes[i], s->key, (size_t)s->key_bytes, (unsigned)i);
    return f->blakes != NULL;
}

/* An encoder for filters of `bits` before `folds` foldings; NULL if something does not fit, or there is no memory. */
struct encoder *clk_begin(int64_t bits, int folds, int fields, const struct spec *specs)
{
    if (bits < 1 || bits > MOST_BITS || folds < 0 || folds > 16 || bits % ((int64_t)1 << folds) || fields < 0 ||
        fields > MOST_FIELDS)
        return NULL;
    for (int i = 0; i < fields; i++)
        if (!spec_fits(&specs[i]))
            return NULL;
    struct encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->bits = (size_t)bits, e->folds = folds, e->fields = (size_t)fields;
    e->words = (e->bits + 63) / 64, e->bytes = ((size_t)(bits >> folds) + 7) / 8;
    e->tile = TILE_BYTES / 8 > e->words ? TILE_BYTES / 8 / e->words : 1;
    e->field = calloc(e->fields + 1, sizeof *e->field);
    e->rows = calloc(e->tile * e->words, 8);
    e->value = calloc(e->tile, sizeof *e->value);
    int well = e->field && e->rows && e->value;
    for (size_t i = 0; well && i < e->fields; i++)
        well = begin_field(&e->field[i], &specs[i], e->words);
    if (!well) {
        clk_end(e);
        return NULL;
    }
    return e;
}

/* One field's values of some rows; what is wrong, or NULL. */
static const char *take_values(struct encoder *e, const struct field *f, const struct column *c, int64_t first,
                               size_t rows)
{
    for (size_t row = 0; row < rows; row++) {
        int64_t at = first + (int64_t)row;
        if (c->codes && row + AHEAD < rows && c->codes[at + AHEAD] >= 0 && c->codes[at + AHEAD] < c->values)
            FETCH(c->ends + c->codes[at + AHEAD]);
        at = c->codes ? c->codes[at] : c->first + at * c->step;
        if (at < 0 || at >= c->values)
            return "codes";
        int64_t start = c->ends[at] + c->gap, end = c->ends[at + 1];
        if (start < 0 || end < start || end > c->text_bytes)
            return "ends";
        struct value *v = &e->value[row];
        v->text = c->text + start, v->bytes = (size_t)(end - start);
        if (f->spec.date && !c->formed && v->bytes && !form_date(v))
            return "date";
    }
    return NULL;
}

/* Fills `filters`, for each row the folded filter in whole bytes. Returns what is wrong, in field `*which`, or NULL;
 * `date` is one that Python has to form. */
const char *clk_encode(struct encoder *e, int64_t rows, const struct column *columns, uint8_t *filters, int32_t *which)
{
    for (int64_t first = 0; first < rows && !e->wrong; first += (int64_t)e->tile) {
        size_t here = rows - first < (int64_t)e->tile ? (size_t)(rows - first) : e->tile;
        memset(e->rows, 0, here * e->words * 8);
        for (size_t i = 0; i < e->fields; i++) {
            *which = (int32_t)i;
            const char *wrong = take_values(e, &e->field[i], &columns[i], first, here);
            if (wrong)
                return wrong;
            add_values(e, &e->field[i], here);
        }
        for (size_t row = 0; row < here; row++) {
            uint8_t *made = (uint8_t *)(e->rows + row * e->words);
            fold(e, made);
            memcpy(filters + ((size_t)first + row) * e->bytes, made, e->bytes);
        }
    }
    return e->wrong;
}

/* Where each of `values` values ends in a text that NULs divide; the first of 1 + values is -1. 0 if there are more or
 * fewer. */
int clk_split(const uint8_t *text, int64_t bytes, int64_t *ends, int64_t values)
{
    const uint8_t *at = text, *end = text + bytes;
    *ends++ = -1;
    for (int64_t i = 0; i + 1 < values; i++) {
        const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
        if (!nul)
            return 0;
        *ends++ = nul - text;
        at = nul + 1;
    }
    *ends = bytes;
    return !memchr(at, 0, (size_t)(end - at));
}

/* For tests: `which` is 0 for BLAKE2b with the number as salt, 1 for HMAC of MD5, 2 of SHA-1. */
void clk_hash(int which, const uint8_t *key, int64_t key_bytes, uint32_t salt, const uint8_t *message,
              int64_t message_bytes, uint8_t *digest)
{
    struct blake b;
    struct hmac h;
    if (which == 0) {
        blake_begin(&b, key, (size_t)key_bytes, salt);
        blake_end(&b, message, (size_t)message_bytes, digest);
    } else {
        hmac_begin(&h, which - 1, key, (size_t)key_bytes);
        hmac_end(&h, message, (size_t)message_bytes, message, 0, digest);
    }
}
