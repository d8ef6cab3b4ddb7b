/* The keyed hashes of clkhash: BLAKE2b (RFC 7693), HMAC (RFC 2104) of MD5 (RFC 1321) and of SHA-1 (RFC 3174).
 *
 * What a key makes of the first block is kept, so that a short message costs one block more. Working copies are wiped.
 */

/* A call that the compiler cannot see through, so that it cannot leave it out. */
static void *(*const volatile overwrite)(void *, int, size_t) = memset;

static void wipe(void *memory, size_t bytes)
{
    if (bytes)
        overwrite(memory, 0, bytes);
}

static uint64_t little64(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static uint32_t little32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* -- BLAKE2b with 64 bytes of output ------------------------------------------------------------------------------ */

#define BLAKE_BLOCK 128
#define BLAKE_BYTES 64
#define BLAKE_MOST_KEY 64

struct blake {
    uint64_t h[8];   /* before the key block */
    uint64_t key[8]; /* after it */
    uint8_t block[BLAKE_BLOCK];
};

static const uint64_t BLAKE_START[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t BLAKE_ORDER[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static inline uint64_t right64(uint64_t x, int by)
{
    return x >> by | x << (64 - by);
}

static inline void blake_mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = right64(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = right64(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = right64(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = right64(v[b] ^ v[c], 63);
}

/* `total`: bytes so far, this block's own included. */
static void blake_block(uint64_t *h, const uint8_t *block, uint64_t total, int last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++)
        m[i] = little64(block + 8 * i);
    memcpy(v, h, 64);
    memcpy(v + 8, BLAKE_START, 64);
    v[12] ^= total;
    if (last)
        v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = BLAKE_ORDER[round];
        for (int i = 0; i < 4; i++)
            blake_mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        for (int i = 0; i < 4; i++)
            blake_mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[8 + i];
    wipe(v, sizeof v);
    wipe(m, sizeof m);
}

/* The key has 1 to 64 bytes; the salt is a number in decimal, as clkhash counts its calls. */
static void blake_begin(struct blake *b, const uint8_t *key, size_t key_bytes, unsigned salt)
{
    uint8_t parameters[64] = {BLAKE_BYTES, (uint8_t)key_bytes, 1, 1}, digits[16] = {0};
    int count = 0;
    do
        digits[count++] = (uint8_t)('0' + salt % 10);
    while ((salt /= 10));
    for (int i = 0; i < count; i++)
        parameters[32 + i] = digits[count - 1 - i];
    for (int i = 0; i < 8; i++)
        b->h[i] = BLAKE_START[i] ^ little64(parameters + 8 * i);
    memcpy(b->key, b->h, sizeof b->h);
    memset(b->block, 0, BLAKE_BLOCK);
    memcpy(b->block, key, key_bytes);
    blake_block(b->key, b->block, BLAKE_BLOCK, 0);
}

static void blake_end(const struct blake *b, const uint8_t *message, size_t bytes, uint8_t *digest)
{
    uint64_t h[8], total = BLAKE_BLOCK;
    uint8_t rest[BLAKE_BLOCK] = {0};
    if (!bytes) { /* the key block is the last */
        memcpy(h, b->h, sizeof h);
        blake_block(h, b->block, total, 1);
    } else {
        memcpy(h, b->key, sizeof h);
        for (; bytes > BLAKE_BLOCK; message += BLAKE_BLOCK, bytes -= BLAKE_BLOCK)
            blake_block(h, message, total += BLAKE_BLOCK, 0);
        memcpy(rest, message, bytes);
        blake_block(h, rest, total + bytes, 1);
        wipe(rest, sizeof rest);
    }
    for (int i = 0; i < BLAKE_BYTES; i++)
        digest[i] = (uint8_t)(h[i / 8] >> 8 * (i % 8));
    wipe(h, sizeof h);
}

/* -- HMAC of MD5 and of SHA-1 ------------------------------------------------------------------------------------- */

enum { MD5, SHA1 };

static const size_t DIGEST_BYTES[] = {16, 20};

struct old_hash {
    uint32_t h[5];
    uint64_t total;
    uint8_t block[64];
    int which;
};

struct hmac {
    struct old_hash inner, outer; /* after the block of the key */
};

static const uint32_t MD5_SINES[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint8_t MD5_TURNS[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static inline uint32_t left32(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static void md5_block(uint32_t *h, const uint8_t *block)
{
    uint32_t m[16], a = h[0], b = h[1], c = h[2], d = h[3];
    for (int i = 0; i < 16; i++)
        m[i] = little32(block + 4 * i);
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int at;
        if (i < 16)
            f = (b & c) | (~b & d), at = i;
        else if (i < 32)
            f = (d & b) | (~d & c), at = (5 * i + 1) % 16;
        else if (i < 48)
            f = b ^ c ^ d, at = (3 * i + 5) % 16;
        else
            f = c ^ (b | ~d), at = 7 * i % 16;
        f += a + MD5_SINES[i] + m[at];
        a = d, d = c, c = b;
        b += left32(f, MD5_TURNS[i / 16][i % 4]);
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
    wipe(m, sizeof m);
}

static void sha1_block(uint32_t *h, const uint8_t *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = big32(block + 4 * i);
    for (int i = 16; i < 80; i++)
        w[i] = left32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = left32(a, 5) + e + w[i];
        if (i < 20)
            f += ((b & c) | (~b & d)) + 0x5a827999;
        else if (i < 40)
            f += (b ^ c ^ d) + 0x6ed9eba1;
        else if (i < 60)
            f += ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
        else
            f += (b ^ c ^ d) + 0xca62c1d6;
        e = d, d = c, c = left32(b, 30), b = a, a = f;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    wipe(w, sizeof w);
}

static void old_begin(struct old_hash *o, int which)
{
    *o = (struct old_hash){{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, 0, {0}, which};
}

static void old_add(struct old_hash *o, const uint8_t *data, size_t bytes)
{
    while (bytes) {
        size_t at = o->total % 64, part = 64 - at < bytes ? 64 - at : bytes;
        memcpy(o->block + at, data, part);
        o->total += part, data += part, bytes -= part;
        if (at + part == 64)
            (o->which == SHA1 ? sha1_block : md5_block)(o->h, o->block);
    }
}

static void old_end(struct old_hash *o, uint8_t *digest)
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = o->total * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> 8 * (o->which == SHA1 ? 7 - i : i));
    old_add(o, padding, 1 + (119 - o->total % 64) % 64);
    old_add(o, length, 8);
    for (size_t i = 0; i < DIGEST_BYTES[o->which]; i++)
        digest[i] = (uint8_t)(o->h[i / 4] >> 8 * (o->which == SHA1 ? 3 - i % 4 : i % 4));
    wipe(o, sizeof *o);
}

static void hmac_begin(struct hmac *h, int which, const uint8_t *key, size_t key_bytes)
{
    uint8_t block[64] = {0};
    if (key_bytes > 64) {
        old_begin(&h->inner, which);
        old_add(&h->inner, key, key_bytes);
        old_end(&h->inner, block);
    } else
        memcpy(block, key, key_bytes);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36;
    old_begin(&h->inner, which);
    old_add(&h->inner, block, 64);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36 ^ 0x5c;
    old_begin(&h->outer, which);
    old_add(&h->outer, block, 64);
    wipe(block, sizeof block);
}

/* The message is in two pieces. */
static void hmac_end(const struct hmac *h, const uint8_t *one, size_t one_bytes, const uint8_t *two, size_t two_bytes,
                     uint8_t *digest)
{
    struct old_hash o = h->inner;
    old_add(&o, one, one_bytes);
    old_add(&o, two, two_bytes);
    int which = o.which;
    old_end(&o, digest);
    o = h->outer;
    old_add(&o, digest, DIGEST_BYTES[which]);
    old_end(&o, digest);
}
