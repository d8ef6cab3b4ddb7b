/* All pairs of bit filters whose Dice coefficient 2 |x and y| / (|x| + |y|) reaches a threshold, exactly.
 *
 * A pair that cannot reach it is given up early: when some parts of the words are counted, the others can add no more
 * than the smaller number of bits that either row has there, so nothing is dismissed falsely. Everything is integers:
 * the least number of shared bits for each |x| + |y| comes from the caller as a table.
 *
 * Called with what a peer sent, hence every size and index is checked before the search begins.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86
#include <immintrin.h>
#endif

#define LANES 8        /* right rows that lie side by side, word by word: one vector has the same word of all */
#define TILE_GROUPS 24 /* 24 kB of 1,024-bit filters stay in the first cache while the left rows pass by */
#define MAX_WIDTH 128
#define MAX_PARTS 16
#define MAX_PART 31
#define MAX_MOST 256

struct right {
    const uint64_t *words; /* [group][word][lane], rows by ascending bits; lanes without a row are zero */
    const int32_t *bits;   /* [group][lane]; lanes without a row repeat the last row's number */
    const int32_t *rest;   /* [group][part], most bits that one of its rows has from that part on */
    const uint32_t *order; /* [row], its number at the caller */
    const int32_t *need;   /* [|x| + |y|], fewest shared bits that reach the threshold */
    const int32_t *ends;   /* [part], the word after its last */
    Py_ssize_t rows, groups;
    int width, parts; /* words of a row, and the parts in which they are counted */
};

struct pair {
    int32_t shared, sum; /* |x and y|, |x| + |y| */
    uint32_t right;
};

struct left {
    const uint64_t *words; /* [row][word] */
    const int32_t *bits;   /* [row] */
    const int32_t *rest;   /* [row][part] */
    struct pair *kept;     /* [row][most], best first */
    int32_t *found;        /* [row], how many are kept */
    Py_ssize_t rows;
    int most;
};

/* More alike, or as alike and earlier in the caller's order. */
static int better(const struct pair *a, const struct pair *b)
{
    int64_t one = (int64_t)a->shared * b->sum, other = (int64_t)b->shared * a->sum;
    return one > other || (one == other && a->right < b->right);
}

static void keep(const struct right *right, struct left *left, Py_ssize_t row, Py_ssize_t at, int32_t shared)
{
    if (at >= right->rows)
        return;
    struct pair pair = {shared, left->bits[row] + right->bits[at], right->order[at]};
    if (shared < right->need[pair.sum])
        return;
    struct pair *kept = left->kept + row * left->most;
    int place = left->found[row];
    if (place < left->most)
        left->found[row]++;
    else if (better(&pair, &kept[place - 1]))
        place--;
    else
        return;
    for (; place > 0 && better(&pair, &kept[place - 1]); place--)
        kept[place] = kept[place - 1];
    kept[place] = pair;
}

#include "dice_sets.h"

/* -- what Python sees --------------------------------------------------------------------------------------------- */

static const struct kernel {
    const char *name;
    void (*search)(const struct right *, struct left *);
} KERNELS[] = {
#ifdef X86
    {"avx512", search_avx512},
    {"avx2", search_avx2},
    {"popcnt", search_popcnt},
#endif
    {"plain", search_plain},
};
#define KERNEL_COUNT ((int)(sizeof KERNELS / sizeof *KERNELS))

static int runs_here(int kernel)
{
#ifdef X86
    __builtin_cpu_init();
    switch (kernel) {
    case 0:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq");
    case 1:
        return __builtin_cpu_supports("avx2");
    case 2:
        return __builtin_cpu_supports("popcnt");
    }
#endif
    return kernel < KERNEL_COUNT;
}

static PyObject *kernels(PyObject *self, PyObject *none)
{
    PyObject *names = PyList_New(0);
    for (int i = 0; names && i < KERNEL_COUNT; i++) {
        PyObject *name = runs_here(i) ? PyUnicode_FromString(KERNELS[i].name) : NULL;
        if (name && PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
        if (PyErr_Occurred())
            Py_CLEAR(names);
    }
    return names;
}

/* Items of `size` bytes in a buffer, -1 if it is not whole items at an aligned place. */
static Py_ssize_t items(const Py_buffer *buffer, Py_ssize_t size)
{
    return (uintptr_t)buffer->buf % (size_t)size || buffer->len % size ? -1 : buffer->len / size;
}

static int within(const int32_t *values, Py_ssize_t count, int32_t low, int32_t high)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (values[i] < low || values[i] > high)
            return 0;
    return 1;
}

static int ascending(const int32_t *values, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++)
        if (values[i] < values[i - 1])
            return 0;
    return 1;
}

/* Which of the rules is broken, or NULL. */
static const char *fits(const Py_buffer *b, struct right *right, struct left *left)
{
    Py_ssize_t parts = items(&b[8], 4), rows = items(&b[1], 4), padded = items(&b[4], 4), last;
    if (parts < 1 || parts > MAX_PARTS)
        return "ends";
    const int32_t *ends = b[8].buf;
    for (int i = 0; i < parts; i++)
        if (ends[i] - (i ? ends[i - 1] : 0) < 1 || ends[i] - (i ? ends[i - 1] : 0) > MAX_PART)
            return "ends";
    Py_ssize_t width = ends[parts - 1];
    if (width > MAX_WIDTH)
        return "ends";
    if (rows < 0 || items(&b[0], 8) != rows * width || items(&b[2], 4) != rows * parts)
        return "left";
    if (padded < 0 || padded % LANES || items(&b[3], 8) != padded * width || items(&b[5], 4) != padded / LANES * parts)
        return "right";
    last = items(&b[6], 4);
    if (last < 0 || last > padded || padded - last >= LANES)
        return "order";
    if (items(&b[7], 4) != 2 * 64 * width + 1)
        return "need";
    int32_t full = (int32_t)(64 * width);
    if (!within(b[1].buf, rows, 0, full) || !within(b[4].buf, padded, 0, full) || !ascending(b[4].buf, padded))
        return "bits";
    if (!within(b[7].buf, 2 * (Py_ssize_t)full + 1, 1, INT32_MAX) || !ascending(b[7].buf, 2 * (Py_ssize_t)full + 1))
        return "need";
    *right = (struct right){b[3].buf, b[4].buf, b[5].buf, b[6].buf, b[7].buf, ends, last, padded / LANES,
                            (int)width, (int)parts};
    left->words = b[0].buf;
    left->bits = b[1].buf;
    left->rest = b[2].buf;
    left->rows = rows;
    return NULL;
}

static PyObject *run(const struct kernel *kernel, const Py_buffer *buffers, int most)
{
    struct right right;
    struct left left = {.most = most};
    const char *broken = fits(buffers, &right, &left);
    if (broken)
        return PyErr_Format(PyExc_ValueError, "%s: wrong size or values", broken);
    PyObject *found = PyBytes_FromStringAndSize(NULL, left.rows * (Py_ssize_t)sizeof(int32_t));
    PyObject *kept = PyBytes_FromStringAndSize(NULL, left.rows * most * (Py_ssize_t)sizeof(struct pair));
    PyObject *answer = NULL;
    if (found && kept) {
        left.found = (int32_t *)PyBytes_AsString(found);
        left.kept = (struct pair *)PyBytes_AsString(kept);
        memset(left.found, 0, (size_t)left.rows * sizeof(int32_t));
        memset(left.kept, 0, (size_t)(left.rows * most) * sizeof(struct pair));
        Py_BEGIN_ALLOW_THREADS
        if (left.rows)
            kernel->search(&right, &left);
        Py_END_ALLOW_THREADS
        answer = PyTuple_Pack(2, found, kept);
    }
    Py_XDECREF(found);
    Py_XDECREF(kept);
    return answer;
}

static PyObject *search(PyObject *self, PyObject *args)
{
    const char *name;
    int most, kernel = 0;
    Py_buffer b[9];
    if (!PyArg_ParseTuple(args, "siy*y*y*y*y*y*y*y*y*", &name, &most, &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &b[6],
                          &b[7], &b[8]))
        return NULL;
    PyObject *answer = NULL;
    while (kernel < KERNEL_COUNT && (strcmp(KERNELS[kernel].name, name) || !runs_here(kernel)))
        kernel++;
    if (kernel == KERNEL_COUNT)
        PyErr_SetString(PyExc_ValueError, "kernel: none of that name runs here");
    else if (most < 1 || most > MAX_MOST)
        PyErr_SetString(PyExc_ValueError, "most: wrong value");
    else
        answer = run(&KERNELS[kernel], b, most);
    for (int i = 0; i < 9; i++)
        PyBuffer_Release(&b[i]);
    return answer;
}

static PyMethodDef METHODS[] = {
    {"kernels", kernels, METH_NOARGS, "kernels() -> list[str]: those that this machine can run, the widest first."},
    {"search", search, METH_VARARGS,
     "search(kernel, most, words, bits, rest, right words, bits, rest, order, need, ends) -> (found, kept)"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "_dice", .m_methods = METHODS, .m_slots = SLOTS};

PyMODINIT_FUNC PyInit__dice(void)
{
    return PyModuleDef_Init(&MODULE);
}
