// The way through time that every gated cell shares: rows dealt to tasks, states carried, dropped, zoned out, projected
// and normalised. A cell adds the arithmetic of one step, forward and backward, for the rows that take it.
#pragma once

#include <vector>

#include "activations.h"
#include "gemm.h"
#include "layer.h"
#include "outer.h"
#include "parallel.h"

namespace elman {

// f(j, n) for each vector of `size` numbers: n is All, or how many lanes the last one has.
struct All {};

template <class R>
inline V<R> load(const R* from, All) {
    return load(from);
}
template <class R>
inline void store(R* to, V<R> v, All) {
    store(to, v);
}

template <class R, class F>
inline void each_vector(int64_t size, F&& f) {
    int64_t j = 0;
    for (; j + lanes<R> <= size; j += lanes<R>) f(j, All{});
    if (j < size) f(j, int(size - j));
}

// Several products that together make one: W may be block diagonal, or only some gates' rows.
template <class R>
struct Product {
    struct Part {
        int64_t a, c;  // the columns of A and C where this part begins
        Panels<R> panels;
    };
    std::vector<Part> parts;

    // W_hh's rows [from, to) as h -> W h.
    static Product of_state(const Layer<R>& layer, const R* weight, int64_t from, int64_t to) {
        Product product;
        if (layer.heads == 1) {
            const int64_t inner = layer.outputs;
            product.parts.push_back({0, 0, Panels<R>(weight + from * inner, inner, to - from, 1, inner)});
            return product;
        }
        const int64_t size = layer.hidden / layer.heads;
        for (int64_t row = from; row < to; row += size)
            product.parts.push_back({row % layer.hidden, row, Panels<R>(weight + row * size, size, size, 1, size)});
        return product;
    }

    // The same rows as d -> d W, for the way back.
    static Product of_gradient(const Layer<R>& layer, const R* weight, int64_t from, int64_t to) {
        Product product;
        if (layer.heads == 1) {
            const int64_t columns = layer.outputs;
            product.parts.push_back({0, 0, Panels<R>(weight + from * columns, to - from, columns, columns, 1)});
            return product;
        }
        const int64_t size = layer.hidden / layer.heads;
        for (int64_t row = from; row < to; row += size)
            product.parts.push_back({row, row % layer.hidden, Panels<R>(weight + row * size, size, size, size, 1)});
        return product;
    }

    void operator()(int64_t rows, const R* a, int64_t a_stride, R* c, int64_t c_stride, Start start,
                    const R* bias = nullptr) const {
        for (const Part& part : parts)
            multiply(rows, a + part.a, a_stride, part.panels, c + part.c, c_stride, start, bias ? bias + part.c : bias);
    }
};

// A way's weights, laid out for the forward or for the backward pass.
template <class R>
struct Prepared {
    Product<R> all, gates, candidate, projection;  // `gates` and `candidate` where a GRU resets before
    Panels<R> input;

    Prepared(const Layer<R>& layer, const Way<R>& way, int64_t gate_count, bool backward) {
        const auto product = backward ? Product<R>::of_gradient : Product<R>::of_state;
        const int64_t h = layer.hidden, p = layer.outputs;
        if (layer.reset_before) {
            gates = product(layer, way.weight_hh, 0, 2 * h);
            candidate = product(layer, way.weight_hh, 2 * h, 3 * h);
        } else {
            all = product(layer, way.weight_hh, 0, gate_count * h);
        }
        const int64_t width = gate_count * h, f = layer.inputs;
        if (way.weight_ih && !backward) input = Panels<R>(way.weight_ih, f, width, 1, f);
        if (way.d_x && backward) input = Panels<R>(way.weight_ih, width, f, f, 1);
        if (way.weight_hr) {
            projection.parts.push_back(
                {0, 0, backward ? Panels<R>(way.weight_hr, p, h, h, 1) : Panels<R>(way.weight_hr, h, p, 1, h)});
        }
    }
};

// Strides of working rows are no power of two, which would crowd few sets of the cache.
template <class R>
inline int64_t row_stride(int64_t size) {
    return (size + lanes<R> - 1) / lanes<R> * lanes<R> + 64 / int64_t(sizeof(R));
}

// Working rows of one task, one row of numbers for each of its sequences.
template <class R>
struct Rows {
    int64_t stride = 0;
    Buffer<R> buffer;

    Rows() = default;
    Rows(int64_t rows, int64_t size) : stride(row_stride<R>(size)), buffer(rows * stride) {}
    R* operator[](int64_t r) const { return buffer.get() + r * stride; }

    void take(const R* from, int64_t first, int64_t rows, int64_t size) {
        for (int64_t r = 0; r < rows; ++r) {
            if (from)
                std::copy_n(from + (first + r) * size, size, (*this)[r]);
            else
                std::fill_n((*this)[r], size, R(0));
        }
    }
    void give(R* to, int64_t first, int64_t rows, int64_t size) const {
        if (!to) return;
        for (int64_t r = 0; r < rows; ++r) std::copy_n((*this)[r], size, to + (first + r) * size);
    }
};

template <class R>
struct Moments {
    R mean, scale;
};

// Mean and one over the deviation, in the order that the lanes give.
template <class R>
inline Moments<R> moments(const R* x, int64_t size) {
    V<R> total{};
    each_vector<R>(size, [&](int64_t j, auto n) { total += load(x + j, n); });
    const R mean = sum(total) / R(size);
    V<R> squares{};
    int64_t j = 0;
    for (; j + lanes<R> <= size; j += lanes<R>) {
        const V<R> v = load(x + j) - mean;
        squares += v * v;
    }
    R rest = 0;
    for (; j < size; ++j) rest += (x[j] - mean) * (x[j] - mean);
    return {mean, R(1) / std::sqrt((sum(squares) + rest) / R(size) + R(1e-5))};
}

// What both passes of one task know: its way and its rows [first, first + count) of the batch.
template <class R>
struct Task {
    const Layer<R>& layer;
    const Way<R>& way;
    const Prepared<R>& prepared;
    int64_t gate_count, slot, first, count;

    int64_t t = 0, base = 0, n = 0;  // this step, where its rows of this task begin among the packed ones, how many

    int64_t hidden() const { return layer.hidden; }
    int64_t outputs() const { return layer.outputs; }
    int64_t width() const { return gate_count * layer.hidden; }

    // Calls step() for each time step with rows of this task, in this way's order or, backward, against it.
    template <class F>
    void over_time(bool backward, F&& step) {
        for (int64_t s = 0; s < layer.steps; ++s) {
            t = bool(way.reverse) != backward ? layer.steps - 1 - s : s;
            n = std::min(first + count, layer.begin[t + 1] - layer.begin[t]) - first;
            base = layer.begin[t] + first;
            if (n > 0) step();
        }
    }

    R* packed(R* matrix, int64_t r, int64_t stride) const { return matrix + (base + r) * stride; }
    const R* packed(const R* matrix, int64_t r, int64_t stride) const { return matrix + (base + r) * stride; }

    // Row r as it was before this step: in `matrix` at the step before, or in `start` where this is its first.
    const R* before(const R* matrix, int64_t stride, const R* start, int64_t size, int64_t r) const {
        const int64_t row = first + r, u = way.reverse ? t + 1 : t - 1;
        if (u < 0 || u >= layer.steps || row >= layer.begin[u + 1] - layer.begin[u]) return start + row * size;
        return matrix + (layer.begin[u] + row) * stride;
    }

    inline V<R> clipped(V<R> a) const {
        return layer.clip > 0 ? max(fill(R(-layer.clip)), min(fill(R(layer.clip)), a)) : a;
    }
};

template <class R>
struct Forward : Task<R> {
    using Task<R>::layer, Task<R>::way, Task<R>::prepared, Task<R>::n, Task<R>::base;
    Rows<R> state[4];  // h, c, n, m as they stand
    Rows<R> product;   // W_hh h + b_hh, normalised if so
    Rows<R> masked, unprojected;

    explicit Forward(const Task<R>& task) : Task<R>(task) {
        const int64_t p = this->outputs(), h = this->hidden(), rows = this->count;
        for (int s = 0; s < 4; ++s) {
            if (!way.first[s]) continue;
            state[s] = Rows<R>(rows, s ? h : p);
            state[s].take(way.first[s], this->first, rows, s ? h : p);
        }
        product = Rows<R>(rows, this->width());
        if (way.drop) masked = Rows<R>(rows, p);
        if (way.weight_hr) unprojected = Rows<R>(rows, h);
    }

    void finish() {
        for (int s = 0; s < 4; ++s)
            if (way.first[s]) state[s].give(way.last[s], this->first, this->count, s ? this->hidden() : this->outputs());
    }

    // The gates' input part.
    void ascend() {
        if (!way.weight_ih) return;
        const int64_t f = layer.inputs;
        multiply(n, this->packed(layer.x, 0, f), f, prepared.input, this->packed(way.gates, 0, this->width()),
                 this->width(), way.bias_ih ? Start::bias : Start::zero, way.bias_ih);
    }

    // h, or what of it recurrent dropout leaves: what W_hh is multiplied with.
    const Rows<R>& visible() {
        if (!way.drop) return state[0];
        const int64_t p = this->outputs();
        for (int64_t r = 0; r < n; ++r) {
            const R* mask = way.drop + (this->first + r) * p;
            each_vector<R>(p, [&](int64_t j, auto m) {
                store(masked[r] + j, load(state[0][r] + j, m) * load(mask + j, m), m);
            });
        }
        return masked;
    }

    void recur() {
        const Rows<R>& h = visible();
        const R* bias = way.gain_hh ? nullptr : way.bias_hh;
        prepared.all(n, h[0], h.stride, product[0], product.stride, bias ? Start::bias : Start::zero, bias);
        if (way.gain_hh)
            for (int64_t r = 0; r < n; ++r) normalise(r);
    }

    void normalise(int64_t r) {
        R* row = product[r];
        const auto [mean, scale] = moments(row, this->width());
        if (layer.training) way.scale[base + r] = scale;
        R* normal = layer.training ? this->packed(way.normal, r, this->width()) : nullptr;
        each_vector<R>(this->width(), [&, mean = mean, scale = scale](int64_t j, auto m) {
            const V<R> v = (load(row + j, m) - mean) * scale;
            if (normal) store(normal + j, v, m);
            V<R> out = load(way.gain_hh + j, m) * v;
            if (way.bias_hh) out += load(way.bias_hh + j, m);
            store(row + j, out, m);
        });
    }

    // Takes what the cell gives at units j .. of row r: h, or what the projection will make it of.
    template <class N>
    inline void emit(int64_t r, int64_t j, V<R> h, N m) {
        if (way.weight_hr) {
            store(unprojected[r] + j, h, m);
            if (layer.training) store(this->packed(way.unprojected, r, this->hidden()) + j, h, m);
        } else {
            keep(r, j, h, m);
        }
    }

    template <class N>
    inline void keep(int64_t r, int64_t j, V<R> h, N m) {
        if (way.zone_h) {
            const V<R> zone = load(this->packed(way.zone_h, r, this->outputs()) + j, m);
            h = zone * load(state[0][r] + j, m) + (R(1) - zone) * h;
        }
        store(state[0][r] + j, h, m);
        store(this->packed(way.y, r, layer.y_stride) + j, h, m);
    }

    void project() {
        if (!way.weight_hr) return;
        const int64_t p = this->outputs();
        prepared.projection(n, unprojected[0], unprojected.stride, product[0], product.stride, Start::zero);
        for (int64_t r = 0; r < n; ++r)
            each_vector<R>(p, [&](int64_t j, auto m) { keep(r, j, load(product[r] + j, m), m); });
    }
};

template <class R>
struct Backward : Task<R> {
    using Task<R>::layer, Task<R>::way, Task<R>::prepared, Task<R>::n, Task<R>::base;
    Rows<R> d_state[4];
    Rows<R> through;  // the gradient of what the cell gave, where zoneout or a projection comes after it
    Rows<R> share;    // room for a row of the cell's own, and for what comes through W_hh where a mask follows
    Rows<R> reset;    // what reaches r h where a GRU resets before

    // The rows of several steps, until there are enough for the products that make the weights' gradients: so few that
    // they stay in the cache until then.
    Buffer<R> gates_, products_, seen_, seen_reset_, inputs_, projected_, unprojected_;
    int64_t room = 0, filled = 0, at = 0;  // rows in all, rows taken, and where those of this step begin
    bool begun = false;                    // whether the weights' gradients hold anything yet
    static constexpr int64_t enough = strip_depth;

    explicit Backward(const Task<R>& task) : Task<R>(task) {
        const int64_t p = this->outputs(), h = this->hidden(), rows = this->count;
        for (int s = 0; s < 4; ++s) {
            if (!way.first[s]) continue;
            d_state[s] = Rows<R>(rows, s ? h : p);
            d_state[s].take(way.d_last[s], this->first, rows, s ? h : p);
        }
        if (between()) through = Rows<R>(rows, h);
        if (way.drop || way.gain_c) share = Rows<R>(rows, std::max(h, p));
        if (layer.reset_before) reset = Rows<R>(rows, h);
        room = rows * std::max<int64_t>(1, enough / std::max<int64_t>(rows, 1));
        if (!way.d_gates) gates_ = Buffer<R>(room * this->width());
        if (apart()) products_ = Buffer<R>(room * this->width());
        seen_ = Buffer<R>(room * p);
        if (layer.reset_before) seen_reset_ = Buffer<R>(room * h);
        if (way.d_weight_ih) inputs_ = Buffer<R>(room * layer.inputs);
        if (way.weight_hr) projected_ = Buffer<R>(room * p), unprojected_ = Buffer<R>(room * h);
        clear(way.d_weight_ch, 3 * h), clear(way.d_gain_hh, this->width()), clear(way.d_bias_hh, this->width());
        clear(way.d_gain_c, h), clear(way.d_bias_c, h);
    }

    // Whether the gradient of W_hh h is another than that of W_ih x: layer norm or a reset gate lies between.
    bool apart() const { return way.gain_hh || way.unreset; }

    // Row r of this step: the gradients of W_ih x + b_ih and of W_hh h, what W_hh was multiplied with, and what W_hn was.
    R* d_gates(int64_t r) const {
        return way.d_gates ? this->packed(way.d_gates, r, this->width()) : gates_.get() + (at + r) * this->width();
    }
    R* d_product(int64_t r) const {
        return apart() ? products_.get() + (at + r) * this->width() : d_gates(r);
    }
    R* seen(int64_t r) const { return seen_.get() + (at + r) * this->outputs(); }
    R* seen_reset(int64_t r) const { return seen_reset_.get() + (at + r) * this->outputs(); }

    // From the gates down to x.
    void descend() {
        if (!way.d_x) return;
        const int64_t f = layer.inputs;
        multiply(n, d_gates(0), this->width(), prepared.input, this->packed(way.d_x, 0, f), f, Start::zero);
    }

    // Once there are enough rows, or at the end, adds them to the weights' gradients.
    void weigh(bool end) {
        if (!end && filled + this->count <= room) return;
        const int64_t f = layer.inputs, h = this->hidden(), p = this->outputs(), wide = this->width();
        const R* product = apart() ? products_.get() : gates_.get();
        auto mine = [&](R* shares, int64_t size) { return shares ? shares + this->slot * size : nullptr; };
        R *d_hh = mine(way.d_weight_hh, wide * p / layer.heads), *b_ih = mine(way.d_bias_ih, wide);
        if (way.d_weight_ih)
            outer(filled, gates_.get(), wide, inputs_.get(), f, f, mine(way.d_weight_ih, wide * f), f, 0, wide, b_ih, begun);
        // With layer norm the sums for b_hh are unnormalise's to make.
        R* b_hh = way.gain_hh ? nullptr : mine(way.d_bias_hh, wide);
        if (layer.reset_before) {
            outer(filled, product, wide, seen_.get(), p, p, d_hh, p, 0, 2 * h, static_cast<R*>(nullptr), begun);
            outer(filled, product, wide, seen_reset_.get(), p, p, d_hh, p, 2 * h, wide, static_cast<R*>(nullptr), begun);
            if (b_hh) column_sums(filled, product, wide, b_hh, 0, wide, begun);
        } else if (layer.heads > 1) {
            const int64_t size = h / layer.heads;
            for (int64_t row = 0; row < wide; row += size)
                outer(filled, product + row, wide, seen_.get() + row % h, p, size, d_hh + row * size, size, 0, size,
                      static_cast<R*>(nullptr), begun);
        } else {
            outer(filled, product, wide, seen_.get(), p, p, d_hh, p, 0, wide, b_hh, begun);
        }
        if (way.weight_hr)
            outer(filled, projected_.get(), p, unprojected_.get(), h, h, mine(way.d_weight_hr, p * h), h, 0, p,
                  static_cast<R*>(nullptr), begun);
        begun = true;
        filled = 0;
    }

    void clear(R* sums, int64_t size) {
        if (sums) std::fill_n(sums + this->slot * size, size, R(0));
    }

    bool between() const { return way.zone_h || way.weight_hr; }

    void finish() {
        weigh(true);
        for (int s = 0; s < 4; ++s)
            if (way.first[s])
                d_state[s].give(way.d_first[s], this->first, this->count, s ? this->hidden() : this->outputs());
    }

    const R* h_before(int64_t r) const {
        return this->before(way.y, layer.y_stride, way.first[0], this->outputs(), r);
    }
    const R* cell_before(int s, int64_t r) const {
        return this->before(way.cells[s - 1], layer.cells_stride, way.first[s], this->hidden(), r);
    }

    // The gradient that reaches what the cell gave; row r is gradient()[r].
    const Rows<R>& gradient() const { return between() ? through : d_state[0]; }

    void gather() {
        const int64_t p = this->outputs(), f = layer.inputs, units = this->hidden();
        at = filled;
        filled += n;
        if (way.d_weight_ih) std::copy_n(this->packed(layer.x, 0, f), n * f, inputs_.get() + at * f);
        if (way.weight_hr) {
            const R* kept = this->packed(static_cast<const R*>(way.unprojected), 0, units);
            std::copy_n(kept, n * units, unprojected_.get() + at * units);
        }
        R* projected = projected_.get() + at * p;
        for (int64_t r = 0; r < n; ++r) {
            R* d = d_state[0][r];
            const R* d_y = this->packed(way.d_y, r, layer.y_stride);
            const R* zone = way.zone_h ? this->packed(way.zone_h, r, p) : nullptr;
            R* cell = way.weight_hr ? projected + r * p : between() ? through[r] : d;
            const R* h = h_before(r);
            R* before = seen(r);
            const R* drop = way.drop ? way.drop + (this->first + r) * p : nullptr;
            each_vector<R>(p, [&](int64_t j, auto m) {
                V<R> v = load(d + j, m) + load(d_y + j, m);
                if (zone) {
                    const V<R> z = load(zone + j, m);
                    store(d + j, z * v, m);
                    v = (R(1) - z) * v;
                }
                store(cell + j, v, m);
                V<R> seen = load(h + j, m);
                if (drop) seen *= load(drop + j, m);
                store(before + j, seen, m);
            });
        }
        if (way.weight_hr)
            prepared.projection(n, projected, p, through[0], through.stride, Start::zero);
    }

    // Adds the cell's own way from h_{t-1} to h_t, beside W_hh, at units j .. of row r.
    template <class N>
    inline void direct(int64_t r, int64_t j, V<R> d, N m) {
        R* to = d_state[0][r] + j;
        store(to, way.zone_h ? load(to, m) + d : d, m);
    }

    // Where layer norm lies between the product and the gates, turns d_product into the gradient of W_hh h.
    void unnormalise() {
        const int64_t size = this->width();
        for (int64_t r = 0; r < n; ++r) {
            R* d = d_product(r);
            const R* normal = this->packed(way.normal, r, size);
            R* d_gain = way.d_gain_hh + this->slot * size;
            R* d_bias = way.d_bias_hh ? way.d_bias_hh + this->slot * size : nullptr;
            V<R> total{}, aligned{};
            each_vector<R>(size, [&](int64_t j, auto m) {
                const V<R> v = load(d + j, m), x = load(normal + j, m), w = v * load(way.gain_hh + j, m);
                store(d_gain + j, load(d_gain + j, m) + v * x, m);
                if (d_bias) store(d_bias + j, load(d_bias + j, m) + v, m);
                total += w;
                aligned += w * x;
            });
            const R mean = sum(total) / R(size), slope = sum(aligned) / R(size), scale = way.scale[base + r];
            each_vector<R>(size, [&](int64_t j, auto m) {
                const V<R> w = load(d + j, m) * load(way.gain_hh + j, m);
                store(d + j, scale * (w - mean - load(normal + j, m) * slope), m);
            });
        }
    }

    // d_state[0] takes what comes through W_hh: beside what is there if `onto`, or in its place.
    void recur(const Product<R>& product, bool onto) {
        Rows<R>& dh = d_state[0];
        const R* d = d_product(0);
        const int64_t d_stride = this->width();
        if (!way.drop) {
            product(n, d, d_stride, dh[0], dh.stride, start_of(product, dh, onto));
            return;
        }
        product(n, d, d_stride, share[0], share.stride, start_of(product, share, false));
        for (int64_t r = 0; r < n; ++r) {
            const R* drop = way.drop + (this->first + r) * this->outputs();
            each_vector<R>(this->outputs(), [&](int64_t j, auto m) {
                const V<R> v = load(share[r] + j, m) * load(drop + j, m);
                store(dh[r] + j, onto ? load(dh[r] + j, m) + v : v, m);
            });
        }
    }

    // Several parts of a block diagonal product add into the same columns.
    Start start_of(const Product<R>& product, const Rows<R>& rows, bool onto) {
        if (onto) return Start::onto;
        if (product.parts.size() == 1) return Start::zero;
        for (int64_t r = 0; r < n; ++r) std::fill_n(rows[r], this->outputs(), R(0));
        return Start::onto;
    }

    // Whether the gradient of a nonlinearity's argument is to pass: where `a`, its value, lies between its limits.
    inline V<R> passing(V<R> d, V<R> a, V<R> low, V<R> high) const {
        return layer.clip > 0 ? select((a > low) & (a < high), d, V<R>{}) : d;
    }
};

// Deals every way's rows to layer.tasks tasks of about the same number of steps, and runs Cell in each.
template <class R, class Cell>
int run_layer(const Layer<R>& layer, bool backward) {
    try {
        std::vector<Prepared<R>> prepared;
        for (int64_t w = 0; w < layer.ways; ++w)
            prepared.emplace_back(layer, layer.way[w], Cell::gates, backward);

        std::vector<int64_t> cuts(size_t(layer.tasks) + 1, layer.rows);
        const int64_t total = layer.begin[layer.steps];
        int64_t row = 0, taken = 0;
        for (int64_t k = 0; k < layer.tasks; ++k) {
            cuts[size_t(k)] = row;
            while (row < layer.rows && taken * layer.tasks < (k + 1) * total) {
                // Rows are sorted, so a row's length is the first step that has no more rows than its place.
                const int64_t* end = std::partition_point(
                    layer.begin, layer.begin + layer.steps,
                    [&](const int64_t& b) { return (&b)[1] - b > row; });
                taken += end - layer.begin;
                ++row;
            }
        }
        cuts.back() = layer.rows;

        std::vector<char> failed(size_t(layer.ways * layer.tasks), 0);
        parallel(layer.ways * layer.tasks, [&](int64_t i) {
            const int64_t w = i / layer.tasks, k = i % layer.tasks;
            try {
                Task<R> task{layer, layer.way[w], prepared[size_t(w)], Cell::gates, k,
                             cuts[size_t(k)], cuts[size_t(k) + 1] - cuts[size_t(k)]};
                if (backward) {
                    Backward<R> pass(task);
                    pass.over_time(true, [&] {
                        Cell::backward(pass);
                        pass.descend();
                        pass.weigh(false);
                    });
                    pass.finish();
                } else {
                    Forward<R> pass(task);
                    pass.over_time(false, [&] {
                        pass.ascend();
                        Cell::forward(pass);
                    });
                    pass.finish();
                }
            } catch (const std::bad_alloc&) {
                failed[size_t(i)] = 1;
            }
        });
        return int(std::count(failed.begin(), failed.end(), 1));
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

}  // namespace elman

// The four functions that Python calls for a cell; each gives 0, or 1 and more where memory ran out.
#define ELMAN_RECURRENCE(name, Cell)                                                               \
    extern "C" {                                                                                   \
    int elman_##name##_forward_f32(const elman::Layer<float>* layer) {                             \
        return elman::run_layer<float, Cell<float>>(*layer, false);                                \
    }                                                                                              \
    int elman_##name##_forward_f64(const elman::Layer<double>* layer) {                            \
        return elman::run_layer<double, Cell<double>>(*layer, false);                              \
    }                                                                                              \
    int elman_##name##_backward_f32(const elman::Layer<float>* layer) {                            \
        return elman::run_layer<float, Cell<float>>(*layer, true);                                 \
    }                                                                                              \
    int elman_##name##_backward_f64(const elman::Layer<double>* layer) {                           \
        return elman::run_layer<double, Cell<double>>(*layer, true);                               \
    }                                                                                              \
    }
