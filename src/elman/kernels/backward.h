// One task's backward pass: the gradients of the states carried back, and of the weights summed up on the way.
#pragma once

#include "outer.h"
#include "task.h"

namespace elman {

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
        gates_ = Buffer<R>(room * this->width());
        if (apart()) products_ = Buffer<R>(room * this->width());
        seen_ = Buffer<R>(room * p);
        if (layer.reset_before) seen_reset_ = Buffer<R>(room * h);
        if (way.d_weight_ih) inputs_ = Buffer<R>(room * layer.inputs);
        if (way.weight_hr) projected_ = Buffer<R>(room * p), unprojected_ = Buffer<R>(room * h);
        clear(way.d_weight_ch, 3 * h), clear(way.d_gain_hh, this->width()), clear(way.d_bias_hh, this->width());
        clear(way.d_gain_ih, this->width()), clear(way.d_bias_ih, this->width());
        clear(way.d_gain_c, h), clear(way.d_bias_c, h);
    }

    // Whether the gradient of W_hh h is another than that of W_ih x: layer norm or a reset gate lies between.
    bool apart() const { return way.gain_hh || way.unreset; }

    // Row r of this step: the gradients of W_ih x + b_ih and of W_hh h, what W_hh was multiplied with, and what W_hn was.
    R* d_gates(int64_t r) const { return gates_.get() + (at + r) * this->width(); }
    R* d_product(int64_t r) const {
        return apart() ? products_.get() + (at + r) * this->width() : d_gates(r);
    }
    R* seen(int64_t r) const { return seen_.get() + (at + r) * this->outputs(); }
    R* seen_reset(int64_t r) const { return seen_reset_.get() + (at + r) * this->outputs(); }

    // From the gates down to x.
    void descend() {
        if (way.gain_ih)
            for (int64_t r = 0; r < n; ++r)
                unnormalise(r, d_gates(r), way.gain_ih, way.normal_ih, way.scale_ih, way.d_gain_ih, way.d_bias_ih);
        if (!way.d_x) return;
        const int64_t f = layer.inputs;
        prepared.input(n, d_gates(0), this->width(), this->packed(way.d_x, 0, f), f, Start::zero);
    }

    // Once there are enough rows, or at the end, adds them to the weights' gradients.
    void weigh(bool end) {
        if (!end && filled + this->count <= room) return;
        const int64_t f = layer.inputs, h = this->hidden(), p = this->outputs(), wide = this->width();
        // With layer norm the biases' sums are unnormalise's to make.
        const R* product = apart() ? products_.get() : gates_.get();
        auto mine = [&](R* shares, int64_t size) { return shares ? shares + this->slot * size : nullptr; };
        R *d_hh = mine(way.d_weight_hh, wide * p / layer.heads), *b_ih = way.gain_ih ? nullptr : mine(way.d_bias_ih, wide);
        if (way.d_weight_ih)
            outer(filled, gates_.get(), wide, inputs_.get(), f, f, mine(way.d_weight_ih, wide * f), f, 0, wide, b_ih,
                  begun, layer.half);
        R* b_hh = way.gain_hh ? nullptr : mine(way.d_bias_hh, wide);
        if (layer.reset_before) {
            outer(filled, product, wide, seen_.get(), p, p, d_hh, p, 0, 2 * h,
                  static_cast<R*>(nullptr), begun, layer.half);
            outer(filled, product, wide, seen_reset_.get(), p, p, d_hh, p, 2 * h, wide,
                  static_cast<R*>(nullptr), begun, layer.half);
            if (b_hh) column_sums(filled, product, wide, b_hh, 0, wide, begun);
        } else if (layer.heads > 1) {
            const int64_t size = h / layer.heads;
            for (int64_t row = 0; row < wide; row += size)
                outer(filled, product + row, wide, seen_.get() + row % h, p, size, d_hh + row * size, size, 0, size,
                      static_cast<R*>(nullptr), begun, layer.half);
        } else {
            outer(filled, product, wide, seen_.get(), p, p, d_hh, p, 0, wide, b_hh, begun, layer.half);
        }
        if (way.weight_hr)
            outer(filled, projected_.get(), p, unprojected_.get(), h, h, mine(way.d_weight_hr, p * h), h, 0, p,
                  static_cast<R*>(nullptr), begun, layer.half);
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

    // Where layer norm lies between the products and the gates: d_product becomes the gradient of W_hh h.
    void unnormalise() {
        for (int64_t r = 0; r < n; ++r)
            unnormalise(r, d_product(r), way.gain_hh, way.normal_hh, way.scale_hh, way.d_gain_hh, way.d_bias_hh);
    }

    void unnormalise(int64_t r, R* d, const R* gain, const R* normals, const R* scales, R* d_gains, R* d_biases) {
        const int64_t size = this->width();
        const R* normal = this->packed(normals, r, size);
        R* d_gain = d_gains + this->slot * size;
        R* d_bias = d_biases ? d_biases + this->slot * size : nullptr;
        V<R> total{}, aligned{};
        each_vector<R>(size, [&](int64_t j, auto m) {
            const V<R> v = load(d + j, m), x = load(normal + j, m), w = v * load(gain + j, m);
            store(d_gain + j, load(d_gain + j, m) + v * x, m);
            if (d_bias) store(d_bias + j, load(d_bias + j, m) + v, m);
            total += w;
            aligned += w * x;
        });
        const R mean = sum(total) / R(size), slope = sum(aligned) / R(size), scale = scales[base + r];
        each_vector<R>(size, [&](int64_t j, auto m) {
            const V<R> w = load(d + j, m) * load(gain + j, m);
            store(d + j, scale * (w - mean - load(normal + j, m) * slope), m);
        });
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

}  // namespace elman
