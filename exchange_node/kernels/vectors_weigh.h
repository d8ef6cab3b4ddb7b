/* From records to pieces: what weights make of a value, as every row with that value has it. */

#define REPEATED 4 /* rows to a value: from so many on each value is weighed once, and its piece is kept */
#define STEP 16    /* bytes that are copied at once */

/* Columns of a right row. Those that several users may set come last: they can be 0, and have sums. */
struct piece {
    uint32_t alone, count; /* columns of one user, without zeros, and all */
    int zeros;
    const uint16_t *columns; /* [count] */
    const int8_t *values;    /* [count] */
    const int64_t *sums;     /* [count - alone], not rounded */
};

/* The users of one group, and the pieces of its values if they are kept: a head, columns, values, and sums. */
struct weighed {
    const struct user *user, *last;
    int some[2];                 /* whether there are users that are alone, and others */
    struct list pieces, offsets; /* offsets: [value] uint32_t, in units of eight bytes */
};

struct head {
    uint32_t alone, count : 31, zeros : 1;
};

struct weighted {
    const struct vectors *vectors; /* may be gone when this goes */
    int32_t group_count;
    struct user *users;
    size_t most;               /* columns of a row at most, each as often as users may set it */
    uint8_t many[MOST_BLOCKS]; /* of each left block, whether it has several users */
    struct weighed groups[];
};

/* Compilers shift the sign in; a test would tell of one that does not. */
static inline int8_t rounded(int64_t sum)
{
    const int shift = FACTOR_BITS + RARITY_BITS + INVERSE_BITS;
    int64_t value = (sum + ((int64_t)1 << (shift - 1))) >> shift;
    return (int8_t)(value > 127 ? 127 : value < -127 ? -127 : value);
}

/* The piece of one value, made where there is room for all that its users set and one more. */
static struct piece weigh_value(const struct weighted *weighted, int number, const uint32_t *record,
                                uint16_t *restrict columns, int8_t *restrict values, int64_t *restrict sums)
{
    const struct vectors *vectors = weighted->vectors;
    const struct group *group = &vectors->groups[number];
    const struct weighed *weighed = &weighted->groups[number];
    uint32_t count = 0, alone = 0;
    int zeros = 0;
    for (int many = 0; many < 2; many++) {
        const struct user *user = weighed->user;
        const uint32_t *word = record, *end;
        for (int b = group->first; weighed->some[many] && b < group->end; b++, word = end) {
            end = word + 1 + set_of(*word);
            int64_t length = vectors->inverses[square_of(*word)];
            for (; user < weighed->last && user->right == b; user++) {
                if (weighted->many[user->left] != many)
                    continue;
                int64_t common = user->common * length * RAREST, more = (user->rare - user->common) * length;
                uint32_t start = (uint32_t)vectors->blocks[user->left].start;
                for (const uint32_t *entry = word + 1; entry < end; entry++) {
                    int64_t sum = common * count_of(*entry) + more * rarity_in(*entry);
                    columns[count] = (uint16_t)(start + place_of(*entry));
                    values[count] = rounded(sum);
                    if (many)
                        sums[count - alone] = sum, zeros |= !values[count];
                    count += many || values[count];
                }
            }
        }
        alone = many ? alone : count;
    }
    return (struct piece){alone, count, zeros, columns, values, sums};
}

static size_t head_bytes(uint32_t count)
{
    return (sizeof(struct head) + count * (sizeof(uint16_t) + sizeof(int8_t)) + 7) / 8 * 8;
}

/* 0: no memory. */
static int keep(struct weighed *weighed, uint32_t value, struct piece piece)
{
    size_t before = weighed->pieces.bytes, head = head_bytes(piece.count);
    size_t sums = (piece.count - piece.alone) * sizeof(int64_t);
    uint8_t *to = before / 8 <= UINT32_MAX ? more(&weighed->pieces, head + sums) : NULL;
    if (!to)
        return 0;
    ((uint32_t *)weighed->offsets.items)[value] = (uint32_t)(before / 8);
    *(struct head *)to = (struct head){piece.alone, piece.count, piece.zeros != 0};
    memcpy(to + sizeof(struct head), piece.columns, piece.count * sizeof(uint16_t));
    memcpy(to + sizeof(struct head) + piece.count * sizeof(uint16_t), piece.values, piece.count);
    memcpy(to + head, piece.sums, sums);
    return 1;
}

static inline struct piece kept(const struct head *head)
{
    const uint16_t *columns = (const uint16_t *)(head + 1);
    return (struct piece){head->alone, head->count, (int)head->zeros, columns, (const int8_t *)(columns + head->count),
                          (const int64_t *)((const uint8_t *)head + head_bytes(head->count))};
}

/* How many users a block has at most. */
static size_t users_of_one(const struct weighed *weighed)
{
    size_t most = 0, here = 0;
    for (const struct user *user = weighed->user; user < weighed->last; user++) {
        here = user > weighed->user && user->right == user[-1].right ? here + 1 : 1;
        most = here > most ? here : most;
    }
    return most;
}

/* Weigh every value of a group. 0: no memory. */
static int keep_all(struct weighted *weighted, int number, struct list *room)
{
    const struct group *group = &weighted->vectors->groups[number];
    struct weighed *weighed = &weighted->groups[number];
    int64_t *sums = room->items;
    uint16_t *columns = (uint16_t *)(sums + weighted->most + 1);
    int8_t *values = (int8_t *)(columns + weighted->most + 1);
    size_t words = group->words.bytes / sizeof(uint32_t);
    const uint32_t *end = (const uint32_t *)group->words.items + words;
    /* For all at most: a list that grows is copied and overwritten, and what it does not use costs no memory. */
    size_t bytes = words * users_of_one(weighed) * (sizeof(uint16_t) + sizeof(int8_t) + sizeof(int64_t)) +
                   (size_t)group->values * 2 * sizeof(struct head) + STEP;
    if (!zeros(&weighed->offsets, group->values * sizeof(uint32_t)) || !reserve(&weighed->pieces, bytes))
        return 0;
    for (uint32_t value = 1; value < group->values; value++) {
        const uint32_t *record = record_of(group, value); /* the next one's, or the end, if no row has the value */
        if (record < end && !keep(weighed, value, weigh_value(weighted, number, record, columns, values, sums)))
            return 0;
    }
    if (!more(&weighed->pieces, STEP)) /* copies go beyond an end */
        return 0;
    cut_off(&weighed->pieces, weighed->pieces.bytes);
    return 1;
}

static void weighted_end(struct weighted *weighted)
{
    for (int i = 0; i < weighted->group_count; i++)
        drop(&weighted->groups[i].pieces), drop(&weighted->groups[i].offsets);
    free(weighted->users);
    free(weighted);
}

/* For so many rows; the users fit. NULL: no memory. */
static struct weighted *weighted_begin(const struct vectors *vectors, const struct user *users, int64_t count,
                                       int64_t rows)
{
    struct weighted *weighted = calloc(1, sizeof *weighted + (size_t)vectors->group_count * sizeof *weighted->groups);
    struct list room = {0};
    if (!weighted)
        return NULL;
    weighted->vectors = vectors, weighted->group_count = vectors->group_count;
    weighted->users = calloc((size_t)count + 1, sizeof *users);
    int done = weighted->users != NULL;
    for (int64_t i = 0; i < count && done; i++) {
        weighted->users[i] = users[i];
        weighted->most += (size_t)vectors->blocks[users[i].right].width;
        for (int64_t k = 0; k < i; k++)
            if (users[i].left == users[k].left)
                weighted->many[users[i].left] = 1;
    }
    done = done && zeros(&room, (weighted->most + 1) * (sizeof(int64_t) + sizeof(uint16_t) + sizeof(int8_t)));
    const struct user *user = weighted->users, *last = user + count;
    for (int i = 0; i < vectors->group_count && done; i++) {
        struct weighed *weighed = &weighted->groups[i];
        weighed->user = user;
        for (; user < last && user->right < vectors->groups[i].end; user++)
            weighed->some[weighted->many[user->left]] = 1;
        weighed->last = user;
        if (vectors->groups[i].values <= rows / REPEATED)
            done = keep_all(weighted, i, &room);
    }
    drop(&room);
    if (done)
        return weighted;
    weighted_end(weighted);
    return NULL;
}
