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

#include "clk_cache.h" /* uses wipe() of the first */

#define MOST_BITS (1 << 16) /* BLAKE2 places have sixteen bits */
#define MOST_PLACES (1 << 20)
#define MOST_N 1024
#define MOST_FIELDS 1024
#define CACHE_BYTES (12u << 20)    /* of one field's values, and a quarter of it for its tokens */
#define CACHES_BYTES (100u << 20)  /* of all fields' values at most */
#define MOST_TOKENS 1000           /* of a value that a tokeniser cuts; the others do not count */
#define AHEAD 16                /* rows whose values are asked of memory before their turn */
#define TILE_BYTES (16u << 10)  /* rows in the making stay in the first cache */

enum { WHOLE, NGRAMS, PACKED, TOKENISED };   /* how a value is cut into tokens */
enum { BLAKE, DOUBLE, DOUBLE_NOT_SINGULAR }; /* how a token's places in the filter are found */

struct spec {
    int32_t date; /* values are dates as YYYY-MM-DD, and are hashed as YYYYMMDD */
    int32_t cut, n, positional, hash; /* n of n-grams, or the tokeniser's number */
    int32_t each, bits; /* so many places for each token, or else for all tokens of a value together */
    const uint8_t *key, *other_key;
    int64_t key_bytes, other_bytes;
};

struct token {
    uint32_t have, masked; /* places that are known, and how many of them, the first ones, are in the mask */
    uint64_t mask[];       /* a filter of words, unless it is not worth it; the places follow */
};

struct field {
    struct spec spec;
    size_t most, mask;    /* places of one token, words of its mask */
    struct blake *blakes; /* for each 32 of them */
    struct hmac sha1, md5;
    struct cache tokens, values;
    uint16_t *pairs;    /* [place in the value, from 1, or 0][character][next], a token's entry */
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
    uint8_t *text;       /* a value with spaces around it */
    size_t text_bytes;
    uint32_t *starts;  /* of its characters */
    const char *wrong; /* after it nothing that is kept can be trusted */
};

#include "clk_tokens.h"

#include "vectors_cut.h" /* tokenisers */

#include "clk_values.h"

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
        cache_wipe(&f->tokens);
        cache_wipe(&f->values);
        if (f->blakes)
            wipe(f->blakes, f->most / 32 * sizeof *f->blakes);
        if (f->lone)
            wipe(f->lone, token_bytes(f));
        if (f->pairs)
            wipe(f->pairs, (1 + PAIR_PLACES) * PAIRS * sizeof *f->pairs);
        if (f->message)
            wipe(f->message, 4 * (size_t)f->spec.n + 24);
        free(f->blakes);
        free(f->lone);
        free(f->pairs);
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
    return s->cut >= WHOLE && s->cut <= TOKENISED && s->n >= 0 && s->n <= MOST_N &&
           (s->cut != TOKENISED || s->n < TOKENISER_COUNT) && s->hash >= BLAKE &&
           s->hash <= DOUBLE_NOT_SINGULAR && s->bits >= 0 && s->bits <= MOST_PLACES && s->key_bytes > 0 &&
           s->other_bytes > 0 && (s->hash != BLAKE || s->key_bytes <= BLAKE_MOST_KEY);
}

static int begin_field(struct field *f, const struct spec *s, size_t words, size_t cache)
{
    f->spec = *s;
    f->spec.key = f->spec.other_key = NULL; /* the caller's, and not there any more after this call */
    f->most = s->hash == BLAKE ? ((size_t)s->bits + 31) / 32 * 32 : (size_t)s->bits;
    f->mask = is_worth_a_mask((size_t)s->bits, words) ? words : 0;
    f->lone = calloc(1, token_bytes(f));
    f->message = calloc(1, 4 * (size_t)s->n + 24);
    f->pairs = calloc((1 + PAIR_PLACES) * PAIRS, sizeof *f->pairs);
    if (!f->lone || !f->message || !f->pairs || !cache_begin(&f->tokens, token_bytes(f), cache / 4) ||
        !cache_begin(&f->values, words * 8, cache))
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
    size_t cache = e->fields * CACHE_BYTES > CACHES_BYTES ? CACHES_BYTES / e->fields : CACHE_BYTES;
    for (size_t i = 0; well && i < e->fields; i++)
        well = begin_field(&e->field[i], &specs[i], e->words, cache);
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

/* The tokenisers' names by number; NULL after the last. */
const char *clk_tokeniser(int number)
{
    return number >= 0 && number < TOKENISER_COUNT ? TOKENISERS[number].name : NULL;
}

/* Where each of `values` values ends in a text that NULs divide; the first of 1 + values is -1. 0 if there are more or
 * fewer. */
int clk_split(const uint8_t *text, int64_t bytes, int64_t *ends, int64_t values)
{
    int64_t found = 0;
    *ends++ = -1;
    for (int64_t at = 0; at < bytes && found < values; at++) { /* values are too short to jump from one to the next */
        ends[found] = at;
        found += !text[at];
    }
    ends[values - 1] = bytes;
    return found == values - 1;
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
