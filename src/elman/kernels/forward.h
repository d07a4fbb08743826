// One task's forward pass: states carried, dropped out, zoned out, projected and normalised around a cell's arithmetic.
#pragma once

#include "task.h"

namespace elman {

template <class R>
struct Forward : Task<R> {
    using Task<R>::layer, Task<R>::way, Task<R>::prepared, Task<R>::n, Task<R>::base;
    Rows<R> state[4];  // h, c, n, m as they stand
    Rows<R> product;   // W_hh h + b_hh, normalised if so
    Rows<R> masked, unprojected;
    Buffer<R> passing;  // gates, where nobody will read them after their step
    int64_t from = 0, to = 0;          // the packed rows whose input part is there
    int64_t together;                  // so many steps' input parts are made at once
    static constexpr int64_t few = 64;  // while their rows are no more than this

    explicit Forward(const Task<R>& task) : Task<R>(task) {
        const int64_t p = this->outputs(), h = this->hidden(), rows = this->count;
        for (int s = 0; s < 4; ++s) {
            if (!way.first[s]) continue;
            state[s] = Rows<R>(rows, s ? h : p);
            state[s].take(way.first[s], this->first, rows, s ? h : p);
        }
        product = Rows<R>(rows, this->width());
        together = std::max<int64_t>(1, few / std::max<int64_t>(rows, 1));
        if (!way.gates) passing = Buffer<R>(rows * together * this->width());
        if (way.drop) masked = Rows<R>(rows, p);
        if (way.weight_hr) unprojected = Rows<R>(rows, h);
    }

    void finish() {
        for (int s = 0; s < 4; ++s)
            if (way.first[s]) state[s].give(way.last[s], this->first, this->count, s ? this->hidden() : this->outputs());
    }

    // Row r's gates of this step: what goes into the nonlinearities from x, and then what comes out.
    R* gates(int64_t r) const {
        return way.gates ? this->packed(way.gates, r, this->width()) : passing.get() + (base - from + r) * this->width();
    }

    // The gates' input part, of several steps at once where they have few rows: W_ih is read once for all of them.
    void ascend() {
        if (!way.weight_ih || (base >= from && base < to)) return;
        from = base, to = base + n;
        if (layer.tasks == 1) {
            // All rows are this task's, so those of neighbouring steps lie side by side.
            const int64_t u = way.reverse ? std::max<int64_t>(0, this->t + 1 - together)
                                          : std::min(layer.steps, this->t + together);
            (way.reverse ? from : to) = layer.begin[u];
        }
        const int64_t f = layer.inputs, wide = this->width(), rows = to - from;
        const R* bias = way.gain_ih ? nullptr : way.bias_ih;
        R* into = way.gates ? way.gates + from * wide : passing.get();
        prepared.input(rows, layer.x + from * f, f, into, wide, bias ? Start::bias : Start::zero, bias);
        if (way.gain_ih)
            for (int64_t r = 0; r < rows; ++r)
                normalise(from + r, into + r * wide, way.gain_ih, way.bias_ih, way.normal_ih, way.scale_ih);
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
            for (int64_t r = 0; r < n; ++r)
                normalise(base + r, product[r], way.gain_hh, way.bias_hh, way.normal_hh, way.scale_hh);
    }

    // What belongs to one of the packed rows, keeping for the backward pass what that needs.
    void normalise(int64_t place, R* row, const R* gain, const R* bias, R* normals, R* scales) {
        const int64_t wide = this->width();
        const R scale = elman::normalise(row, wide, gain, bias, layer.training ? normals + place * wide : nullptr);
        if (layer.training) scales[place] = scale;
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

}  // namespace elman
