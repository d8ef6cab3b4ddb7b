/* The bits of a value, and those of a field's values in many rows. */

struct share {
    size_t places, more; /* of each token; one more for so many of them, the first ones */
};

static struct share share_out(const struct field *f, size_t tokens)
{
    size_t bits = (size_t)f->spec.bits;
    return f->spec.each || !tokens ? (struct share){bits, 0} : (struct share){bits / tokens, bits % tokens};
}

static inline void set_places(uint64_t *row, const uint16_t *places, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        row[places[i] >> 6] |= (uint64_t)1 << (places[i] & 63);
}

static inline void add_mask(uint64_t *restrict row, const uint64_t *restrict mask, size_t words)
{
    for (size_t word = 0; word < words; word++)
        row[word] |= mask[word];
}

/* The bits of one token, the one of number `at` among those of its value; `pair` says that it is one. */
static inline void set_token(struct encoder *e, struct field *f, uint64_t *row, const uint8_t *token, size_t bytes,
                             size_t at, struct share share, int pair)
{
    size_t wanted = share.places + (at < share.more);
    size_t number = f->spec.positional ? at + 1 : 0;
    if (!wanted)
        return;
    struct token *t = pair ? find_pair(f, token, bytes, number) : find_token(f, token, bytes, number);
    if (t->have < wanted)
        fill(e, f, t, wanted, token, bytes, number);
    const uint16_t *places = places_of(f, t);
    size_t known = 0;
    if (is_worth_a_mask(wanted, e->words)) {
        if (!t->masked || wanted < t->masked) { /* the fewest that were ever wanted, which all others hold */
            memset(t->mask, 0, e->words * sizeof *t->mask);
            set_places(t->mask, places, 0, wanted);
            t->masked = (uint32_t)wanted;
        }
        add_mask(row, t->mask, e->words);
        known = t->masked;
    }
    set_places(row, places, known, wanted);
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
    bytes += 1024;
    e->text = bytes < UINT32_MAX ? malloc(bytes) : NULL;
    e->starts = bytes < UINT32_MAX ? malloc((bytes + 1) * sizeof *e->starts) : NULL;
    e->text_bytes = e->text && e->starts ? bytes : 0;
    if (!e->text_bytes)
        e->wrong = "memory";
    return e->text_bytes != 0;
}

static void set_ngrams(struct encoder *e, struct field *f, uint64_t *row, const uint8_t *value, size_t bytes)
{
    size_t n = (size_t)f->spec.n, around = n > 1 ? n - 1 : 0, all = bytes + 2 * around, count = 0;
    uint8_t any = 0;
    if (!widen(e, all))
        return;
    uint8_t *text = e->text;
    uint32_t *starts = e->starts;
    memset(text, ' ', around);
    memcpy(text + around, value, bytes);
    memset(text + around + bytes, ' ', around);
    for (size_t i = 0; i < bytes; i++)
        any |= value[i];
    if (any < 0x80)
        count = all; /* a character is a byte */
    else
        for (size_t i = 0; i < all; i++) {
            starts[count] = (uint32_t)i;
            count += (text[i] & 0xc0) != 0x80; /* one begins */
        }
    if (count < n)
        return;
    starts[count] = (uint32_t)all;
    size_t tokens = count - n + 1;
    struct share share = share_out(f, tokens);
    if (any < 0x80 && (n == 1 || n == 2))
        for (size_t i = 0; i < tokens; i++)
            set_token(e, f, row, text + i, n, i, share, 1);
    else if (any < 0x80)
        for (size_t i = 0; i < tokens; i++)
            set_token(e, f, row, text + i, n, i, share, 0);
    else
        for (size_t i = 0; i < tokens; i++)
            set_token(e, f, row, text + starts[i], starts[i + n] - starts[i], i, share, 0);
}

/* Tokens that Python made: their number, then each one's length before it; numbers have four bytes. */
static void set_packed(struct encoder *e, struct field *f, uint64_t *row, const uint8_t *value, size_t bytes)
{
    size_t at = 4, tokens = bytes < 4 ? 0 : little32(value);
    struct share share = share_out(f, tokens);
    for (size_t i = 0; i < tokens; i++) {
        if (bytes - at < 4 || bytes - at - 4 < little32(value + at)) {
            e->wrong = "packed";
            return;
        }
        size_t length = little32(value + at);
        const uint8_t *token = value + at + 4;
        int pair = length == 2 && token[0] < 0x80 && token[1] < 0x80; /* its only meaning, as no other has two bytes */
        set_token(e, f, row, token, length, i, share, pair);
        at += 4 + length;
    }
}

/* Takes the tokens of one value, laid out as `set_packed` reads them. */
struct sink {
    uint8_t *out, *scratch;
    size_t used, room, tokens;
    int full;
};

static void put(struct sink *sink, const uint8_t *text, size_t bytes)
{
    if (sink->tokens == MOST_TOKENS)
        return;
    if (sink->room - sink->used < bytes + 4) {
        sink->full = 1;
        return;
    }
    for (int i = 0; i < 4; i++)
        sink->out[sink->used++] = (uint8_t)(bytes >> 8 * i);
    memcpy(sink->out + sink->used, text, bytes);
    sink->used += bytes;
    sink->tokens++;
}

static inline int put_known(struct sink *sink, uint32_t code)
{
    (void)sink, (void)code;
    return 0;
}

static void put_coded(struct sink *sink, uint32_t code, const uint8_t *text, size_t bytes)
{
    (void)code;
    put(sink, text, bytes);
}

static uint8_t *scratch(struct sink *sink)
{
    return sink->scratch;
}

/* No tokeniser gives more than twelve bytes a character, its length among them, and some at the ends of words. */
static void set_tokenised(struct encoder *e, struct field *f, uint64_t *row, const uint8_t *value, size_t bytes)
{
    size_t room = 32 * bytes + 128, all = room + bytes + 64;
    if (bytes > UINT32_MAX / 64) {
        e->wrong = "text";
        return;
    }
    if (!widen(e, all))
        return;
    struct sink sink = {e->text, e->text + room, 4, room, 0, 0};
    TOKENISERS[f->spec.n].cut(&sink, (struct span){value, value + bytes});
    for (int i = 0; i < 4; i++)
        e->text[i] = (uint8_t)(sink.tokens >> 8 * i);
    if (sink.full)
        e->wrong = "text";
    else
        set_packed(e, f, row, e->text, sink.used);
}

static void set_value(struct encoder *e, struct field *f, uint64_t *row, const uint8_t *value, size_t bytes)
{
    if (f->spec.cut == NGRAMS)
        set_ngrams(e, f, row, value, bytes);
    else if (f->spec.cut == PACKED)
        set_packed(e, f, row, value, bytes);
    else if (f->spec.cut == TOKENISED)
        set_tokenised(e, f, row, value, bytes);
    else
        set_token(e, f, row, value, bytes, 0, share_out(f, 1), 0);
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
            set_value(e, f, row, v->text, v->bytes);
            continue;
        }
        size_t entry = cache_find(&f->values, &v->key, v->tag), known = entry;
        if (!entry)
            entry = cache_enter(&f->values, &v->key, v->tag);
        uint64_t *restrict mask = entry ? cache_value(&f->values, entry) : row;
        if (!known)
            set_value(e, f, mask, v->text, v->bytes);
        if (!entry)
            continue;
        add_mask(row, mask, words);
    }
}
