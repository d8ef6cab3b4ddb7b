/* From records to rows. */

/* NULL: nothing is known. */
static inline const uint32_t *record_of(const struct group *group, int64_t row)
{
    uint32_t value = (uint32_t)group->codes[row];
    if (value - 1 >= group->values - 1)
        return NULL;
    size_t at = group->stride ? (size_t)group->stride * (value - 1) : ((const uint32_t *)group->offsets.items)[value];
    return (const uint32_t *)group->words.items + at;
}

/* Have fetched what a row needs that comes next, and where that is for a later one. */
static inline void look_ahead(const struct vectors *vectors, const int64_t *rows, int64_t at, int64_t count)
{
    for (const struct group *group = vectors->groups; group < vectors->groups + vectors->group_count; group++) {
        if (at + 2 * AHEAD < count && !group->stride)
            __builtin_prefetch((const uint32_t *)group->offsets.items + (uint32_t)group->codes[rows[at + 2 * AHEAD]]);
        const uint32_t *record = at + AHEAD < count ? record_of(group, rows[at + AHEAD]) : NULL;
        if (record) {
            __builtin_prefetch(record);
            __builtin_prefetch(record + LINE / sizeof *record);
            __builtin_prefetch(record + 2 * LINE / sizeof *record);
        }
    }
}

static void left_row(const struct vectors *vectors, int64_t row, uint8_t *out)
{
    memset(out, 0, (size_t)vectors->width);
    for (const struct group *group = vectors->groups; group < vectors->groups + vectors->group_count; group++) {
        const uint32_t *word = record_of(group, row);
        if (!word)
            continue;
        for (int b = group->first; b < group->end; b++) {
            const uint32_t *end = word + 1 + set_of(*word);
            uint32_t unit = (uint32_t)vectors->blocks[b].unit * vectors->inverses[square_of(*word)];
            uint8_t *to = out + vectors->blocks[b].start;
            for (word++; word < end; word++)
                to[place_of(*word)] = (uint8_t)((unit * count_of(*word) + HALF_INVERSE) >> INVERSE_BITS);
        }
    }
}

/* Compilers shift the sign in; a test would tell of one that does not. */
static inline int8_t rounded(int64_t sum)
{
    const int shift = FACTOR_BITS + RARITY_BITS + INVERSE_BITS;
    int64_t value = (sum + ((int64_t)1 << (shift - 1))) >> shift;
    return (int8_t)(value > 127 ? 127 : value < -127 ? -127 : value);
}

/* What stands between two right rows, and while one is made: columns to which several users add something. */
struct shared {
    uint8_t many[MOST_BLOCKS]; /* of each left block, whether it has several users */
    int64_t sums[MOST_WIDTH];  /* zero between two rows */
    uint16_t set[];            /* columns that have a sum, perhaps twice */
};

/* NULL: no memory. */
static struct shared *share(const struct vectors *vectors, const struct user *users, int64_t count)
{
    size_t most = 0;
    for (int64_t i = 0; i < count; i++)
        most += (size_t)vectors->blocks[users[i].right].width;
    struct shared *shared = calloc(1, sizeof *shared + (most + 1) * sizeof(uint16_t));
    for (int64_t i = 0; i < count && shared; i++)
        for (int64_t k = 0; k < i; k++)
            if (users[i].left == users[k].left)
                shared->many[users[i].left] = 1;
    return shared;
}

/* The values of a right row that are not 0, and their columns, for which there is room for `width`. Returns how many. */
static int64_t right_row(const struct vectors *vectors, int64_t row, const struct user *user, const struct user *last,
                         struct shared *shared, uint16_t *restrict columns, int8_t *restrict values)
{
    int64_t *restrict sums = shared->sums, made = 0;
    uint16_t *restrict set = shared->set;
    size_t count = 0;
    for (const struct group *group = vectors->groups; group < vectors->groups + vectors->group_count; group++) {
        const uint32_t *word = record_of(group, row), *end;
        for (int b = group->first; word && b < group->end; b++, word = end) {
            end = word + 1 + set_of(*word);
            int64_t length = vectors->inverses[square_of(*word)];
            for (; user < last && user->right == b; user++) {
                int64_t common = user->common * length * RAREST, more = (user->rare - user->common) * length;
                int start = vectors->blocks[user->left].start, many = shared->many[user->left];
                for (const uint32_t *entry = word + 1; entry < end; entry++) {
                    uint16_t column = (uint16_t)(start + place_of(*entry));
                    int64_t sum = common * count_of(*entry) + more * rarity_in(*entry);
                    if (many) {
                        set[count] = column;
                        count += !sums[column];
                        sums[column] += sum;
                    } else {
                        columns[made] = column;
                        made += (values[made] = rounded(sum)) != 0;
                    }
                }
            }
        }
        while (user < last && user->right < group->end)
            user++;
    }
    for (size_t i = 0; i < count; i++) {
        columns[made] = set[i];
        made += (values[made] = rounded(sums[set[i]])) != 0;
        sums[set[i]] = 0;
    }
    return made;
}

/* Of a left vector and a right row, for each user: see vectors_agree. */
static void agree(const struct vectors *right, int64_t row, const struct vectors *left, const uint8_t *x,
                  const struct user *user, const struct user *last, int64_t *out)
{
    for (const struct group *group = right->groups; group < right->groups + right->group_count; group++) {
        const uint32_t *word = record_of(group, row), *end;
        for (int b = group->first; word && b < group->end; b++, word = end) {
            end = word + 1 + set_of(*word);
            for (; user < last && user->right == b; user++) {
                const uint8_t *here = x + left->blocks[user->left].start;
                int64_t sum = 0, common = user->common * RAREST, more = user->rare - user->common;
                for (const uint32_t *entry = word + 1; entry < end; entry++)
                    sum += here[place_of(*entry)] * (common * count_of(*entry) + more * rarity_in(*entry));
                *out++ = sum * right->inverses[square_of(*word)];
            }
        }
        for (; user < last && user->right < group->end; user++)
            *out++ = 0;
    }
}
