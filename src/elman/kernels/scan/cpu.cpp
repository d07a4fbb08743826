// Recurrences whose units see only themselves: every column (row of the batch, unit) of the (T, B, H) arrays is a
// scan of its own. Memory is the limit: each step reads its inputs once, in order, and gates are recomputed, never
// stored.
#include "scan/cells.h"

#include "parallel.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

// Shapes: x[k] (T, B, D, H) with x_row between rows and x_way between directions; y, grad_y, grad_x likewise, y's row
// being D*H; h_0, h_n and their gradients (D, B, H); own (D, H), grad_own (D, B, H). Direction d runs backward in
// time where bit d of `reversed` is set. Null: lengths, own, grad_y and grad_h_n if absent.
struct elman_scan {
    int64_t steps, rows, width, ways, reversed, threads, x_row, x_way;
    const int64_t* lengths;
    const void *x[3], *own, *h_0;
    void *y, *h_n;
    const void *grad_y, *grad_h_n;
    void *grad_x[3], *grad_h_0, *grad_own;
};

namespace elman {

// A whole vector, where each_vector knows at compile time that there is one.
template <class R, int n>
inline V<R> load(const R* from, std::integral_constant<int, n>) {
    return load(from);
}

template <class R, int n>
inline void store(R* to, V<R> v, std::integral_constant<int, n>) {
    store(to, v);
}

namespace {

constexpr int block = 512;      // a column block: enough in a run for the memory's prefetchers
constexpr int most_kept = 2048;  // of one task: what it carries from step to step stays in the L1 cache

// Fresh memory in pages of 2 MB, each touched by one thread: faults for every 4 KB would take as long as the scan
// itself, and two threads that come to the same new page together would both clear it.
void claim(void* start, int64_t bytes) {
#if defined(__linux__)
    constexpr uintptr_t page = uintptr_t(1) << 21;
    const uintptr_t begin = uintptr_t(start), first = (begin + page - 1) & ~(page - 1);
    const uintptr_t last = (begin + bytes) & ~(page - 1);
    if (last <= first) return;
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);  // advice only: nothing is lost if it fails
    parallel(int64_t((last - first) / page),
             [=](int64_t k) { *reinterpret_cast<volatile char*>(first + uintptr_t(k) * page) = 0; });
#else
    (void)start, (void)bytes;
#endif
}

// Whether the results are too large for the caches, and lie so that every whole vector of theirs may go past these.
template <class R>
bool streams(const elman_scan& s, const void* to, int64_t row) {
    constexpr int64_t large = int64_t(16) << 20, whole = vector_bytes / sizeof(R);
    return s.steps * s.rows * row * int64_t(sizeof(R)) >= large && s.width % whole == 0 && row % whole == 0 &&
           s.x_way % whole == 0 && uintptr_t(to) % vector_bytes == 0;
}

// A run of at most `block` columns of one row and direction.
template <class R>
struct Columns {
    const elman_scan& scan;
    int64_t way, row, first, length;
    int width;

    Columns(const elman_scan& s, int64_t unit, int64_t blocks) : scan(s) {
        first = unit % blocks * block, row = unit / blocks % s.rows, way = unit / blocks / s.rows;
        width = int(s.width - first < block ? s.width - first : block);
        length = s.lengths ? s.lengths[row] : s.steps;
    }
    bool reversed() const { return scan.reversed >> way & 1; }
    int64_t x_at(int64_t t) const { return (t * scan.rows + row) * scan.x_row + way * scan.x_way + first; }
    int64_t y_at(int64_t t) const { return ((t * scan.rows + row) * scan.ways + way) * scan.width + first; }
    int64_t state_at() const { return (way * scan.rows + row) * scan.width + first; }
    const R* own() const { return static_cast<const R*>(scan.own) + way * scan.width + first; }
};

// Calls step(j, n) for the vectors of `width` columns: n lanes from column j on.
template <class R, class F>
inline void each_vector(int width, F&& step) {
    int j = 0;
    for (; j + lanes<R> <= width; j += lanes<R>) step(j, std::integral_constant<int, lanes<R>>());
    if (j < width) step(j, width - j);
}

// Runs task(first unit, last unit) over all columns, a few runs of columns to a task and at least a task a thread.
template <class F>
void over_columns(const elman_scan& s, F&& task) {
    const int64_t blocks = (s.width + block - 1) / block, units = s.ways * s.rows * blocks;
    if (units == 0) return;
    const int64_t width = s.width < block ? s.width : block, padded = (width + 15) / 16 * 16;
    int64_t each = (units + s.threads - 1) / s.threads;
    if (each > most_kept / padded) each = most_kept / padded;
    const int64_t tasks = (units + each - 1) / each;
    parallel(tasks, [&](int64_t k) {
        const int64_t last = (k + 1) * each < units ? (k + 1) * each : units;
        task(k * each, last, blocks, padded);
        stream_done();
    });
}

template <class R, template <class> class Cell>
void forward(const elman_scan& s) {
    claim(s.y, s.steps * s.rows * s.ways * s.width * int64_t(sizeof(R)));
    const bool past_caches = streams<R>(s, s.y, s.ways * s.width);
    over_columns(s, [&](int64_t begin, int64_t end, int64_t blocks, int64_t padded) {
        alignas(64) R state[most_kept], own[Cell<R>::has_own ? most_kept : 1];
        for (int64_t unit = begin; unit < end; ++unit) {
            Columns<R> c(s, unit, blocks);
            R *h = state + (unit - begin) * padded, *kept = own + (Cell<R>::has_own ? (unit - begin) * padded : 0);
            each_vector<R>(c.width, [&](int j, auto n) {
                store(h + j, load(static_cast<const R*>(s.h_0) + c.state_at() + j, n));
                if (Cell<R>::has_own) store(kept + j, Cell<R>::prepare(load(c.own() + j, n)));
            });
        }
        for (int64_t k = 0; k < s.steps; ++k)
            for (int64_t unit = begin; unit < end; ++unit) {
                Columns<R> c(s, unit, blocks);
                const int64_t t = c.reversed() ? s.steps - 1 - k : k;
                R *h = state + (unit - begin) * padded, *kept = own + (Cell<R>::has_own ? (unit - begin) * padded : 0);
                R* y = static_cast<R*>(s.y) + c.y_at(t);
                if (t >= c.length) {
                    each_vector<R>(c.width, [&](int j, auto n) { store(y + j, fill(R(0)), n); });
                    continue;
                }
                const int64_t at = c.x_at(t);
                each_vector<R>(c.width, [&](int j, auto n) {
                    V<R> x[3];
                    for (int g = 0; g < Cell<R>::inputs; ++g) x[g] = load(static_cast<const R*>(s.x[g]) + at + j, n);
                    V<R> keep = Cell<R>::has_own ? load(kept + j) : V<R>{};
                    V<R> after = Cell<R>::forward(x, load(h + j), keep);
                    store(h + j, after);
                    past_caches ? stream(y + j, after) : store(y + j, after, n);
                });
            }
        for (int64_t unit = begin; unit < end; ++unit) {
            Columns<R> c(s, unit, blocks);
            R* h = state + (unit - begin) * padded;
            each_vector<R>(c.width, [&](int j, auto n) {
                store(static_cast<R*>(s.h_n) + c.state_at() + j, load(h + j), n);
            });
        }
    });
}

template <class R, template <class> class Cell>
void backward(const elman_scan& s) {
    constexpr int arrays = std::is_same_v<Cell<R>, Linear<R>> ? 2 : 1;  // a and b lie apart, gates side by side
    bool past_caches = true;
    for (int g = 0; g < arrays; ++g) {
        past_caches = past_caches && streams<R>(s, s.grad_x[g], s.x_row);
        claim(s.grad_x[g], s.steps * s.rows * s.x_row * int64_t(sizeof(R)));
    }
    over_columns(s, [&](int64_t begin, int64_t end, int64_t blocks, int64_t padded) {
        constexpr int kept_size = Cell<R>::has_own ? most_kept : 1;
        alignas(64) R carry[most_kept], own[kept_size], grad_own[kept_size];
        for (int64_t unit = begin; unit < end; ++unit) {
            Columns<R> c(s, unit, blocks);
            const int64_t at = (unit - begin) * padded;
            each_vector<R>(c.width, [&](int j, auto n) {
                const R* grad = static_cast<const R*>(s.grad_h_n);
                store(carry + at + j, grad ? load(grad + c.state_at() + j, n) : V<R>{});
                if constexpr (Cell<R>::has_own) {
                    store(own + at + j, Cell<R>::prepare(load(c.own() + j, n)));
                    store(grad_own + at + j, V<R>{});
                }
            });
        }
        for (int64_t k = 0; k < s.steps; ++k)
            for (int64_t unit = begin; unit < end; ++unit) {
                Columns<R> c(s, unit, blocks);
                const int64_t t = c.reversed() ? k : s.steps - 1 - k, kept = (unit - begin) * padded, at = c.x_at(t);
                R* to[3];
                for (int g = 0; g < Cell<R>::inputs; ++g) to[g] = static_cast<R*>(s.grad_x[g]) + at;
                if (t >= c.length) {
                    each_vector<R>(c.width, [&](int j, auto n) {
                        for (int g = 0; g < Cell<R>::inputs; ++g) store(to[g] + j, fill(R(0)), n);
                    });
                    continue;
                }
                const bool is_first = t == (c.reversed() ? c.length - 1 : 0);
                const R *y = static_cast<const R*>(s.y), *output = y + c.y_at(t);
                const R* before = is_first ? static_cast<const R*>(s.h_0) + c.state_at()
                                           : y + c.y_at(c.reversed() ? t + 1 : t - 1);
                const R* grad_y = s.grad_y ? static_cast<const R*>(s.grad_y) + c.y_at(t) : nullptr;
                each_vector<R>(c.width, [&](int j, auto n) {
                    V<R> x[3], grad = load(carry + kept + j);
                    if (grad_y) grad += load(grad_y + j, n);
                    for (int g = 0; g < Cell<R>::inputs; ++g) x[g] = load(static_cast<const R*>(s.x[g]) + at + j, n);
                    V<R> keep{}, after{};
                    if constexpr (Cell<R>::has_own) keep = load(own + kept + j);
                    if constexpr (Cell<R>::needs_output) after = load(output + j, n);
                    Back<R> back = Cell<R>::backward(x, load(before + j, n), keep, grad, after);
                    for (int g = 0; g < Cell<R>::inputs; ++g)
                        past_caches ? stream(to[g] + j, back.x[g]) : store(to[g] + j, back.x[g], n);
                    store(carry + kept + j, back.h);
                    if constexpr (Cell<R>::has_own)
                        store(grad_own + kept + j, load(grad_own + kept + j) + back.own);
                });
            }
        for (int64_t unit = begin; unit < end; ++unit) {
            Columns<R> c(s, unit, blocks);
            const int64_t kept = (unit - begin) * padded, at = c.state_at();
            each_vector<R>(c.width, [&](int j, auto n) {
                store(static_cast<R*>(s.grad_h_0) + at + j, load(carry + kept + j), n);
                if constexpr (Cell<R>::has_own) {
                    V<R> grad = Cell<R>::finish(load(grad_own + kept + j), load(c.own() + j, n));
                    store(static_cast<R*>(s.grad_own) + at + j, grad, n);
                }
            });
        }
    });
}

}  // namespace
}  // namespace elman

extern "C" {

#define ELMAN_SCAN(name, Cell)                                                                                  \
    void elman_scan_##name##_forward_f32(const elman_scan* s) { elman::forward<float, elman::Cell>(*s); }       \
    void elman_scan_##name##_forward_f64(const elman_scan* s) { elman::forward<double, elman::Cell>(*s); }      \
    void elman_scan_##name##_backward_f32(const elman_scan* s) { elman::backward<float, elman::Cell>(*s); }     \
    void elman_scan_##name##_backward_f64(const elman_scan* s) { elman::backward<double, elman::Cell>(*s); }

ELMAN_SCAN(linear, Linear)
ELMAN_SCAN(indrnn_tanh, IndTanh)
ELMAN_SCAN(indrnn_relu, IndRelu)
ELMAN_SCAN(mingru, MinGru)
ELMAN_SCAN(minlstm, MinLstm)
ELMAN_SCAN(rglru, RgLru)

#undef ELMAN_SCAN

}  // extern "C"
