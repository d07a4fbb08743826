// What both passes of a recurrence share: weights laid out for products, working rows, and a task's way through time.
#pragma once

#include <vector>

#include "activations.h"
#include "layer.h"
#include "matrix.h"

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
        Matrix<R> matrix;
    };
    std::vector<Part> parts;

    // W_hh's rows [from, to) as h -> W h.
    static Product of_state(const Layer<R>& layer, const R* weight, int64_t from, int64_t to) {
        Product product;
        if (layer.heads == 1) {
            const int64_t inner = layer.outputs;
            product.parts.push_back({0, 0, Matrix<R>(weight + from * inner, inner, to - from, 1, inner, layer.half)});
            return product;
        }
        const int64_t size = layer.hidden / layer.heads;
        for (int64_t row = from; row < to; row += size)
            product.parts.push_back(
                {row % layer.hidden, row, Matrix<R>(weight + row * size, size, size, 1, size, layer.half)});
        return product;
    }

    // The same rows as d -> d W, for the way back.
    static Product of_gradient(const Layer<R>& layer, const R* weight, int64_t from, int64_t to) {
        Product product;
        if (layer.heads == 1) {
            const int64_t columns = layer.outputs;
            product.parts.push_back(
                {0, 0, Matrix<R>(weight + from * columns, to - from, columns, columns, 1, layer.half)});
            return product;
        }
        const int64_t size = layer.hidden / layer.heads;
        for (int64_t row = from; row < to; row += size)
            product.parts.push_back(
                {row, row % layer.hidden, Matrix<R>(weight + row * size, size, size, size, 1, layer.half)});
        return product;
    }

    void operator()(int64_t rows, const R* a, int64_t a_stride, R* c, int64_t c_stride, Start start,
                    const R* bias = nullptr) const {
        for (const Part& part : parts)
            part.matrix(rows, a + part.a, a_stride, c + part.c, c_stride, start, bias ? bias + part.c : bias);
    }
};

// A way's weights, laid out for the forward or for the backward pass.
template <class R>
struct Prepared {
    Product<R> all, gates, candidate, projection;  // `gates` and `candidate` where a GRU resets before
    Matrix<R> input;

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
        if (way.weight_ih && !backward) input = Matrix<R>(way.weight_ih, f, width, 1, f, layer.half);
        if (way.d_x && backward) input = Matrix<R>(way.weight_ih, width, f, f, 1, layer.half);
        if (way.weight_hr) {
            projection.parts.push_back({0, 0, backward ? Matrix<R>(way.weight_hr, p, h, h, 1, layer.half)
                                                       : Matrix<R>(way.weight_hr, h, p, 1, h, layer.half)});
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

// Turns a row into gain N(row) + bias, keeping N(row) where `normal` is not null; gives one over the deviation.
template <class R>
inline R normalise(R* row, int64_t size, const R* gain, const R* bias, R* normal) {
    const auto [mean, scale] = moments(static_cast<const R*>(row), size);
    each_vector<R>(size, [&, mean = mean, scale = scale](int64_t j, auto m) {
        const V<R> v = (load(row + j, m) - mean) * scale;
        if (normal) store(normal + j, v, m);
        V<R> out = load(gain + j, m) * v;
        if (bias) out += load(bias + j, m);
        store(row + j, out, m);
    });
    return scale;
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

}  // namespace elman
