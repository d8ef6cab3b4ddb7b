/* Several columns together: one token for each distinct combination of known values. */

/* Two values that some rows have together, and how many of the rows that count. */
struct pair {
    uint32_t one, other, rows;
};

/* Number the pairs of known values of `codes` and of a column, from 1, into `codes`. Rows are gone through by value, so
 * that what is needed for one stays in the cache. 0: no memory.
 */
static int join(const struct vectors *vectors, int32_t *codes, int64_t values, const struct column *column, struct list *pairs)
{
    const int32_t *others = column->codes.items;
    int64_t rows = vectors->rows;
    struct list ends = {0}, order = {0}, seen = {0};
    int done = zeros(&ends, ((size_t)values + 1) * sizeof(uint32_t)) &&
               zeros(&order, (size_t)rows * sizeof(uint64_t)) &&
               zeros(&seen, (size_t)column->ends.bytes / sizeof(int64_t) * sizeof(uint64_t));
    uint32_t *end = ends.items, found = 0;
    uint64_t *sorted = order.items, *last = seen.items; /* last: of each value, with which other one, and the pair */
    for (int64_t row = 0; row < rows && done; row++)
        end[codes[row] + 1]++;
    for (int64_t value = 1; value < values && done; value++)
        end[value] += end[value - 1];
    for (int64_t row = 0; row < rows && done; row++)
        sorted[end[codes[row]]++] = (uint64_t)others[row] << 32 | (uint64_t)row;
    for (uint32_t one = 0, i = 0; one < values && done; one++)
        for (; i < end[one] && done; i++) {
            uint32_t row = (uint32_t)sorted[i], other = (uint32_t)(sorted[i] >> 32);
            if (!one || !other) {
                codes[row] = 0;
                continue;
            }
            if (last[other] >> 32 != one) {
                struct pair *pair = more(pairs, sizeof *pair);
                done = pair != NULL;
                if (pair)
                    *pair = (struct pair){one, other, 0};
                last[other] = (uint64_t)one << 32 | found++;
            }
            if (done)
                ((struct pair *)pairs->items)[(uint32_t)last[other]].rows += row < vectors->counted;
            codes[row] = (int32_t)(uint32_t)last[other] + 1;
        }
    drop(&ends), drop(&order), drop(&seen);
    return done;
}

/* The keyed hash of each value of each column, one list for each. 0: no memory. */
static int hash_values(int count, const struct column *columns, const uint64_t (*keys)[2], struct list *hashes)
{
    for (int i = 0; i < count; i++) {
        size_t values = (size_t)columns[i].ends.bytes / sizeof(int64_t);
        if (!hashes[i].items && !zeros(&hashes[i], values * sizeof(uint64_t)))
            return 0;
        for (size_t value = 0; value < values; value++) {
            struct span text = value_of(&columns[i], (int64_t)value);
            ((uint64_t *)hashes[i].items)[value] = sip(keys[i], text.begin, size(text));
        }
    }
    return 1;
}

/* The hashes of the values that are combined, as a message of eight bytes for each. */
static void spell(int count, const struct list *hashes, const struct list *pairs, uint32_t id, uint8_t *message)
{
    for (int i = count - 1; i >= 0; i--) {
        const struct pair *pair = i ? (const struct pair *)pairs[i].items + id : NULL;
        uint64_t hash = ((const uint64_t *)hashes[i].items)[pair ? pair->other : id];
        for (int byte = 0; byte < 8; byte++)
            message[8 * i + byte] = (uint8_t)(hash >> 8 * byte);
        if (pair)
            id = i > 1 ? pair->one - 1 : pair->one;
    }
}

static const char *fill_combinations(const struct vectors *vectors, struct group *group, int count,
                                     const struct column *columns, const uint64_t (*keys)[2])
{
    struct list pairs[MOST_FIELDS] = {{0}}, hashes[MOST_FIELDS] = {{0}}; /* pairs[i]: of what is before i, and i */
    uint8_t message[8 * MOST_FIELDS];
    for (int i = 0; i < count; i++)
        if (values_of(&columns[i], vectors->rows) < 0)
            return "column";
    int64_t values = columns->ends.bytes / (int64_t)sizeof(int64_t);
    int done = zeros(&group->own, (size_t)vectors->rows * sizeof(int32_t));
    if (done && vectors->rows)
        memcpy(group->own.items, columns->codes.items, group->own.bytes);
    for (int i = 1; i < count && done; i++) {
        done = join(vectors, group->own.items, values, &columns[i], &pairs[i]);
        values = 1 + (int64_t)(pairs[i].bytes / sizeof(struct pair));
    }
    for (int b = group->first; b < group->end; b++)
        group->stride += 1 + (uint32_t)vectors->blocks[b].hashes;
    done = done && zeros(&group->words, (size_t)(values - 1) * group->stride * sizeof(uint32_t));
    uint32_t *words = group->words.items;
    for (int b = group->first; b < group->end && done; b++, keys += count) {
        const struct block *block = &vectors->blocks[b];
        done = hash_values(count, columns, keys, hashes);
        for (uint32_t id = 0; id < values - 1 && done; id++) {
            uint32_t rarity = rarity_of(vectors, ((struct pair *)pairs[count - 1].items)[id].rows);
            spell(count, hashes, pairs, id, message);
            uint64_t worth = worth_of(block, sip(block->key, message, 8 * (size_t)count), rarity);
            record_one(block, worth, words + (size_t)id * group->stride);
        }
        words += 1 + block->hashes;
    }
    overwrite(message, 0, sizeof message);
    for (int i = 0; i < count; i++)
        drop(&pairs[i]), drop(&hashes[i]);
    group->codes = group->own.items, group->values = (uint32_t)values;
    group->filled = done;
    return done ? NULL : "memory";
}
