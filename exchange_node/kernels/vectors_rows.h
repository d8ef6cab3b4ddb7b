/* From records and pieces to rows. */

/* What is known of a row's value: its piece where those are kept, else its record. NULL: nothing. */
static inline const void *known(const struct vectors *vectors, const struct weighted *weighted, int number, int64_t row)
{
    const struct group *group = &vectors->groups[number];
    uint32_t value = (uint32_t)group->codes[row];
    if (value - 1 >= group->values - 1)
        return NULL;
    if (!weighted || !weighted->groups[number].offsets.items)
        return record_of(group, value);
    const struct weighed *weighed = &weighted->groups[number];
    return (const uint64_t *)weighed->pieces.items + ((const uint32_t *)weighed->offsets.items)[value];
}

/* Have fetched what a row needs that comes next, and where that is for a later one. `weighted`: NULL for records.
 * Always inlined: of a function that only fetches ahead compilers leave out the calls, since it changes nothing.
 */
static inline __attribute__((always_inline)) void look_ahead(const struct vectors *vectors,
                                                             const struct weighted *weighted, const int64_t *rows,
                                                             int64_t at, int64_t count)
{
    for (int i = 0; i < vectors->group_count; i++) {
        const struct group *group = &vectors->groups[i];
        const uint32_t *offsets = weighted ? weighted->groups[i].offsets.items : NULL;
        if (!offsets)
            offsets = group->offsets.items;
        if (at + 2 * AHEAD < count && offsets)
            __builtin_prefetch(offsets + (uint32_t)group->codes[rows[at + 2 * AHEAD]]);
        const uint8_t *soon = at + AHEAD < count ? known(vectors, weighted, i, rows[at + AHEAD]) : NULL;
        if (soon) {
            __builtin_prefetch(soon);
            __builtin_prefetch(soon + LINE);
            __builtin_prefetch(soon + 2 * LINE);
        }
    }
}

static void left_row(const struct vectors *vectors, int64_t row, uint8_t *out)
{
    memset(out, 0, (size_t)vectors->width);
    for (int i = 0; i < vectors->group_count; i++) {
        const struct group *group = &vectors->groups[i];
        const uint32_t *word = known(vectors, NULL, i, row);
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

/* What stands between two right rows, and while one is made. */
struct scratch {
    struct last {
        uint32_t row, at; /* the last row that had the column, and where, from its beginning */
        const int64_t *sum;
    } last[MOST_WIDTH];
    int64_t sums[]; /* of columns of the row at hand, where no kept piece has them */
};

/* May read and write STEP bytes too many. */
static inline void copy(void *to, const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += STEP)
        memcpy((uint8_t *)to + at, (const uint8_t *)from + at, STEP);
}

/* The values of a right row that are not 0, and their columns; returns how many. It is the number-th, from 1. */
static int64_t right_row(const struct weighted *weighted, int64_t row, uint32_t number, struct scratch *scratch,
                         uint16_t *restrict columns, int8_t *restrict values)
{
    const struct vectors *vectors = weighted->vectors;
    uint32_t made = 0, left = 0;
    int zeros = 0;
    for (int g = 0; g < vectors->group_count; g++) {
        const void *found = known(vectors, weighted, g, row);
        if (!found)
            continue;
        int64_t *sums = scratch->sums + made;
        struct piece piece;
        if (weighted->groups[g].offsets.items) {
            piece = kept(found);
            copy(columns + made, piece.columns, piece.count * sizeof *columns);
            copy(values + made, piece.values, piece.count);
        } else
            piece = weigh_value(weighted, g, found, columns + made, values + made, sums);
        zeros |= piece.zeros;
        for (uint32_t i = piece.alone; i < piece.count; i++) {
            struct last *last = &scratch->last[columns[made + i]];
            const int64_t *sum = &piece.sums[i - piece.alone];
            if (__builtin_expect(last->row == number, 0)) {
                sums[i - piece.alone] = *sum + *last->sum;
                last->sum = &sums[i - piece.alone];
                values[last->at] = rounded(*last->sum);
                values[made + i] = 0;
                zeros = 1;
            } else
                *last = (struct last){number, made + i, sum};
        }
        made += piece.count;
    }
    if (!zeros)
        return made;
    for (uint32_t i = 0; i < made; i++) {
        columns[left] = columns[i], values[left] = values[i];
        left += values[i] != 0;
    }
    return left;
}

/* Of a left vector and a right row, for each user: see vectors_agree. */
static void agree(const struct vectors *right, int64_t row, const struct vectors *left, const uint8_t *x,
                  const struct user *user, const struct user *last, int64_t *out)
{
    for (int i = 0; i < right->group_count; i++) {
        const struct group *group = &right->groups[i];
        const uint32_t *word = known(right, NULL, i, row), *end;
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
