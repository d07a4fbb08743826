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
    Buffer<R> passing;  // the gates of one step, where nobody will read them after it

    explicit Forward(const Task<R>& task) : Task<R>(task) {
        const int64_t p = this->outputs(), h = this->hidden(), rows = this->count;
        for (int s = 0; s < 4; ++s) {
            if (!way.first[s]) continue;
            state[s] = Rows<R>(rows, s ? h : p);
            state[s].take(way.first[s], this->first, rows, s ? h : p);
        }
        product = Rows<R>(rows, this->width());
        if (!way.gates) passing = Buffer<R>(rows * this->width());
        if (way.drop) masked = Rows<R>(rows, p);
        if (way.weight_hr) unprojected = Rows<R>(rows, h);
    }

    void finish() {
        for (int s = 0; s < 4; ++s)
            if (way.first[s]) state[s].give(way.last[s], this->first, this->count, s ? this->hidden() : this->outputs());
    }

    // Row r's gates of this step: what goes into the nonlinearities from x, and then what comes out.
    R* gates(int64_t r) const {
        return way.gates ? this->packed(way.gates, r, this->width()) : passing.get() + r * this->width();
    }

    // The gates' input part.
    void ascend() {
        if (!way.weight_ih) return;
        const int64_t f = layer.inputs;
        const R* bias = way.gain_ih ? nullptr : way.bias_ih;
        multiply(n, this->packed(layer.x, 0, f), f, prepared.input, gates(0), this->width(),
                 bias ? Start::bias : Start::zero, bias);
        if (way.gain_ih)
            for (int64_t r = 0; r < n; ++r)
                normalise(r, gates(r), way.gain_ih, way.bias_ih, way.normal_ih, way.scale_ih);
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
                normalise(r, product[r], way.gain_hh, way.bias_hh, way.normal_hh, way.scale_hh);
    }

    // Row r of this step, keeping for the backward pass what that needs.
    void normalise(int64_t r, R* row, const R* gain, const R* bias, R* normals, R* scales) {
        R* normal = layer.training ? this->packed(normals, r, this->width()) : nullptr;
        const R scale = elman::normalise(row, this->width(), gain, bias, normal);
        if (layer.training) scales[base + r] = scale;
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
