/* Tokenisers: each as its namesake in `encoding/vector_tokens.py`, by code points of UTF-8. A value is never empty. */

struct span {
    const uint8_t *begin, *end;
};

/* What a tokeniser gives goes to `put`, which remembers a failure. Where it can number its tokens quickly, below 2^14,
 * it asks `put_known` first, and if that does not know the number yet gives it with the token to `put_coded`.
 */
struct sink;
static void put(struct sink *sink, const uint8_t *text, size_t bytes);
static inline int put_known(struct sink *sink, uint32_t code);
static void put_coded(struct sink *sink, uint32_t code, const uint8_t *text, size_t bytes);
static uint8_t *scratch(struct sink *sink); /* room for the value at hand and 64 bytes more */

static inline size_t char_bytes(struct span text)
{
    size_t bytes = *text.begin < 0x80 ? 1 : *text.begin < 0xe0 ? 2 : *text.begin < 0xf0 ? 3 : 4;
    size_t left = (size_t)(text.end - text.begin);
    return bytes < left ? bytes : left;
}

/* Whether `str.split` splits at the character, of so many bytes. */
static inline int is_space(const uint8_t *p, size_t bytes)
{
    if (bytes == 1)
        return *p == ' ' || (*p >= 9 && *p <= 13) || (*p >= 0x1c && *p <= 0x1f);
    if (bytes == 2)
        return p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0);
    if (bytes != 3)
        return 0;
    uint32_t point = (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
    return point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
           point == 0x202f || point == 0x205f || point == 0x3000;
}

/* The next word, which is taken off the text; empty if there is none. */
static inline struct span next_word(struct span *text)
{
    size_t bytes = 0;
    while (text->begin < text->end && is_space(text->begin, bytes = char_bytes(*text)))
        text->begin += bytes;
    struct span word = {text->begin, text->end};
    while (text->begin < text->end && !is_space(text->begin, bytes = char_bytes(*text)))
        text->begin += bytes;
    word.end = text->begin;
    return word;
}

static size_t size(struct span text)
{
    return (size_t)(text.end - text.begin);
}

/* Characters `from` to `to`, as text[from:to]. */
static struct span slice(struct span text, int from, int to)
{
    struct span part = text;
    for (int i = 0; i < to; i++) {
        if (i == from)
            part.begin = text.begin;
        if (text.begin < text.end)
            text.begin += char_bytes(text);
    }
    part.end = text.begin;
    return part;
}

static int equals(struct span text, const char *other)
{
    return size(text) == strlen(other) && !memcmp(text.begin, other, size(text));
}

static void put_span(struct sink *sink, struct span text)
{
    put(sink, text.begin, size(text));
}

static uint8_t *append(uint8_t *to, struct span text)
{
    memcpy(to, text.begin, size(text));
    return to + size(text);
}

static inline void put_pair(struct sink *sink, struct span one, struct span two)
{
    uint8_t pair[8];
    int coded = size(one) == 1 && size(two) == 1; /* both of ASCII */
    uint32_t code = coded ? (uint32_t)*one.begin << 7 | *two.begin : 0;
    if (coded && put_known(sink, code))
        return;
    size_t bytes = (size_t)(append(append(pair, one), two) - pair);
    if (coded)
        put_coded(sink, code, pair, bytes);
    else
        put(sink, pair, bytes);
}

static void bigrams(struct sink *sink, struct span text)
{
    static const uint8_t MARK[] = {'_'};
    for (struct span word; size(word = next_word(&text));) {
        struct span mark = {MARK, MARK + 1}, one = mark, two;
        for (; word.begin < word.end; word.begin = two.end, one = two) {
            two = (struct span){word.begin, word.begin + char_bytes(word)};
            put_pair(sink, one, two);
        }
        put_pair(sink, one, mark);
    }
}

static void words(struct sink *sink, struct span text)
{
    for (struct span word; size(word = next_word(&text));)
        put_span(sink, word);
}

static void whole(struct sink *sink, struct span text)
{
    put_span(sink, text);
}

static void initials(struct sink *sink, struct span text)
{
    for (struct span word; size(word = next_word(&text));)
        put(sink, word.begin, char_bytes(word));
}

static void sounds(struct sink *sink, struct span text)
{
    static const char DIGITS[] = "01230120022455012623010202"; /* of a to z, 0: none */
    for (struct span word; size(word = next_word(&text));) {
        size_t first = char_bytes(word), length = 1;
        uint8_t code[8];
        memcpy(code, word.begin, first);
        char last = '0';
        for (int begun = 0; word.begin < word.end && length < 4; word.begin += char_bytes(word), begun = 1) {
            uint8_t letter = *word.begin;
            char digit = '0';
            if (letter >= 'a' && letter <= 'z')
                digit = DIGITS[letter - 'a'];
            if (begun && digit != '0' && digit != last)
                code[first + length++ - 1] = (uint8_t)digit;
            if (!begun || (letter != 'h' && letter != 'w'))
                last = digit;
        }
        for (; length < 4; length++)
            code[first + length - 1] = '0';
        put(sink, code, first + 3);
    }
}

/* A part of a date behind its mark, unless it is all zeros. */
static void date_part(struct sink *sink, const char *mark, struct span digits)
{
    uint8_t token[1 + 4 * 4], *end = token;
    int known = 0;
    for (const uint8_t *p = digits.begin; p < digits.end; p++)
        known |= *p != '0';
    for (; *mark; mark++)
        *end++ = (uint8_t)*mark;
    if (known)
        put(sink, token, (size_t)(append(end, digits) - token));
}

static void year(struct sink *sink, struct span text)
{
    date_part(sink, "y", slice(text, 0, 4));
}

static void month(struct sink *sink, struct span text)
{
    date_part(sink, "", slice(text, 5, 7));
}

static void day(struct sink *sink, struct span text)
{
    date_part(sink, "", slice(text, 8, 10));
}

static void year_digits(struct sink *sink, struct span text)
{
    if (!size(slice(text, 3, 4)) || equals(slice(text, 0, 4), "0000"))
        return;
    for (int at = 2; at < 4; at++) {
        uint8_t token[8] = {(uint8_t)('0' + at)};
        put(sink, token, (size_t)(append(token + 1, slice(text, at, at + 1)) - token));
    }
}

static void month_day(struct sink *sink, struct span text)
{
    if (!equals(slice(text, 5, 7), "00") && !equals(slice(text, 8, 10), "00"))
        put_span(sink, slice(text, 5, 10));
}

static void whole_date(struct sink *sink, struct span text)
{
    if (!equals(slice(text, 0, 4), "0000") && !equals(slice(text, 5, 7), "00") && !equals(slice(text, 8, 10), "00"))
        put_span(sink, text);
}

/* What stands before the first space, or NULL as its end where there is none. */
static struct span outward(struct span text)
{
    return (struct span){text.begin, memchr(text.begin, ' ', size(text))};
}

static void sector(struct sink *sink, struct span text)
{
    for (int drop = outward(text).end ? 2 : 1; drop > 0 && size(text); drop--)
        do
            text.end--;
        while (text.end > text.begin && (*text.end & 0xc0) == 0x80);
    put_span(sink, text);
}

static void district(struct sink *sink, struct span text)
{
    struct span out = outward(text);
    put_span(sink, out.end ? out : slice(text, 0, 3));
}

static void placed(struct sink *sink, const char *mark, struct span text)
{
    for (int at = 0; size(text) && at < MOST_TOKENS; at++) {
        uint8_t token[16], *end = token;
        struct span letter = {text.begin, text.begin + char_bytes(text)};
        int coded = at < 64 && *letter.begin < 0x80;
        uint32_t code = (uint32_t)(*mark != 0) << 13 | (uint32_t)at << 7 | *letter.begin;
        text.begin = letter.end;
        if (coded && put_known(sink, code))
            continue;
        if (*mark)
            *end++ = (uint8_t)*mark;
        for (int unit = at < 10 ? 1 : at < 100 ? 10 : at < 1000 ? 100 : 1000; unit; unit /= 10)
            *end++ = (uint8_t)('0' + at / unit % 10);
        end = append(end, letter);
        if (coded)
            put_coded(sink, code, token, (size_t)(end - token));
        else
            put(sink, token, (size_t)(end - token));
    }
}

static void characters(struct sink *sink, struct span text)
{
    struct span out = outward(text);
    placed(sink, "", out.end ? out : text);
    if (out.end)
        placed(sink, "-", (struct span){out.end + 1, text.end});
}

static void number_word(struct sink *sink, struct span text)
{
    struct span first = next_word(&text), one = first, two;
    int found = 0;
    for (; size(one) && size(two = next_word(&text)); one = two)
        if (*one.begin >= '0' && *one.begin <= '9') {
            uint8_t *end = append(scratch(sink), one);
            *end++ = ' ';
            put(sink, scratch(sink), (size_t)(append(end, two) - scratch(sink)));
            found = 1;
        }
    if (!found && size(first))
        put_span(sink, first);
}

/* Tokens that Python has cut already, a NUL behind each. */
static void packed(struct sink *sink, struct span text)
{
    for (const uint8_t *end; size(text) && (end = memchr(text.begin, 0, size(text))); text.begin = end + 1)
        put(sink, text.begin, (size_t)(end - text.begin));
}

/* Known at all. */
static void presence(struct sink *sink, struct span text)
{
    put(sink, text.begin, 0);
}

/* Whether a value is the only token that it may have, or all have the same. */
enum own { NOT, ITSELF, PRESENCE };

static const struct tokeniser {
    const char *name;
    void (*cut)(struct sink *, struct span);
    enum own own;
} TOKENISERS[] = {
    {"presence", presence, PRESENCE}, {"packed", packed, NOT}, {"bigrams", bigrams, NOT},
    {"words", words, NOT}, {"whole", whole, ITSELF}, {"initials", initials, NOT},
    {"sounds", sounds, NOT}, {"year", year, NOT}, {"year-digits", year_digits, NOT},
    {"month", month, NOT}, {"day", day, NOT}, {"month-day", month_day, NOT},
    {"whole-date", whole_date, ITSELF}, {"sector", sector, NOT}, {"district", district, NOT},
    {"characters", characters, NOT}, {"number-word", number_word, NOT},
};
#define TOKENISER_COUNT ((int)(sizeof TOKENISERS / sizeof *TOKENISERS))
