// C = A W, or C + A W, for the few rows of one time step and a matrix W that was laid out in panels beforehand.
//
// Each element is summed over k = 0, 1, 2, ... in one chain of fused multiply-adds, so that a row's result depends on
// that row alone, never on how many rows are worked on together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#include "simd.h"

namespace elman {

// Memory that starts at a cache line.
template <class R>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(int64_t size)
        : data_(static_cast<R*>(::operator new(size_t(std::max<int64_t>(size, 1)) * sizeof(R), line))) {}
    Buffer(Buffer&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        return *this;
    }
    ~Buffer() {
        if (data_) ::operator delete(data_, line);
    }
    R* get() const { return data_; }

private:
    static constexpr std::align_val_t line{64};
    R* data_ = nullptr;
};

// The accumulators and one panel's row must fit the registers: 32 of them with AVX-512, else 16.
constexpr int block_rows = vector_bytes == 64 ? 8 : 4;
constexpr int panel_vectors = 3;

// How many columns of vectors panel p of `panels` has, where `vectors` are dealt out evenly.
inline int64_t panel_begin(int64_t p, int64_t panels, int64_t vectors) { return p * vectors / panels; }

// W, K x N, in panels of up to panel_vectors columns of vectors; inside a panel row k follows row k - 1.
template <class R>
class Panels {
public:
    Panels() = default;

    // W[k][n] = w[k * by_k + n * by_n].
    Panels(const R* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n)
        : inner_(inner), columns_(columns), vectors_((columns + lanes<R> - 1) / lanes<R>),
          panels_((vectors_ + panel_vectors - 1) / panel_vectors), data_(vectors_ * lanes<R> * inner) {
        for (int64_t p = 0; p < panels_; ++p) {
            const int64_t from = first(p) * lanes<R>, wide = first(p + 1) * lanes<R> - from;
            const int64_t real = std::min(wide, columns - from);
            R* panel = data_.get() + from * inner;
            if (by_n == 1) {
                for (int64_t k = 0; k < inner; ++k) {
                    std::memcpy(panel + k * wide, w + k * by_k + from, size_t(real) * sizeof(R));
                    std::fill(panel + k * wide + real, panel + (k + 1) * wide, R(0));
                }
            } else {
                // By squares, because the source runs along k and the panel along n.
                for (int64_t k0 = 0; k0 < inner; k0 += square)
                    for (int64_t n0 = 0; n0 < wide; n0 += square)
                        for (int64_t k = k0; k < std::min(k0 + square, inner); ++k)
                            for (int64_t n = n0; n < std::min(n0 + square, wide); ++n)
                                panel[k * wide + n] = n < real ? w[k * by_k + (from + n) * by_n] : R(0);
            }
        }
    }

    int64_t inner() const { return inner_; }
    int64_t columns() const { return columns_; }
    int64_t panels() const { return panels_; }
    int64_t first(int64_t panel) const { return panel_begin(panel, panels_, vectors_); }
    const R* panel(int64_t p) const { return data_.get() + first(p) * lanes<R> * inner_; }

private:
    static constexpr int64_t square = 16;
    int64_t inner_ = 0, columns_ = 0, vectors_ = 0, panels_ = 0;
    Buffer<R> data_;
};

enum class Start { zero, bias, onto };  // what the sums start from: 0, one row for all, what C holds

template <class R, int M, int N>
inline void block(int64_t inner, const R* a, int64_t a_stride, const R* panel, R* c, int64_t c_stride, int last,
                  Start start, const R* bias) {
    // `last` is how many lanes of the last column of vectors are real.
    V<R> sums[M][N];
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) {
            const R* from = start == Start::bias ? bias + n * lanes<R> : c + m * c_stride + n * lanes<R>;
            sums[m][n] = start == Start::zero ? V<R>{}
                         : n == N - 1 && last < lanes<R> ? load(from, last)
                                                         : load(from);
        }
    for (int64_t k = 0; k < inner; ++k) {
        V<R> w[N];
        for (int n = 0; n < N; ++n) w[n] = load(panel + (k * N + n) * lanes<R>);
        for (int m = 0; m < M; ++m) {
            const R x = a[m * a_stride + k];
            for (int n = 0; n < N; ++n) sums[m][n] += w[n] * x;
        }
    }
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) {
            R* to = c + m * c_stride + n * lanes<R>;
            if (n == N - 1 && last < lanes<R>)
                store(to, sums[m][n], last);
            else
                store(to, sums[m][n]);
        }
}

template <class R, int N>
inline void blocks(int64_t rows, int64_t inner, const R* a, int64_t a_stride, const R* panel, R* c, int64_t c_stride,
                   int last, Start start, const R* bias) {
    const int64_t count = (rows + block_rows - 1) / block_rows;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t from = i * rows / count, m = (i + 1) * rows / count - from;
        auto run = [&](auto run_block) {
            run_block(inner, a + from * a_stride, a_stride, panel, c + from * c_stride, c_stride, last, start, bias);
        };
        switch (m) {
            case 1: run(block<R, 1, N>); break;
            case 2: run(block<R, 2, N>); break;
            case 3: run(block<R, 3, N>); break;
            case 4: run(block<R, 4, N>); break;
            case 5: run(block<R, std::min(5, block_rows), N>); break;
            case 6: run(block<R, std::min(6, block_rows), N>); break;
            case 7: run(block<R, std::min(7, block_rows), N>); break;
            default: run(block<R, block_rows, N>);
        }
    }
}

// C (rows x N) from A (rows x K). `bias` (N) is read with Start::bias alone.
template <class R>
void multiply(int64_t rows, const R* a, int64_t a_stride, const Panels<R>& w, R* c, int64_t c_stride, Start start,
              const R* bias = nullptr) {
    for (int64_t p = 0; p < w.panels(); ++p) {
        const int64_t from = w.first(p) * lanes<R>;
        const int last = int(std::min<int64_t>(w.columns() - (w.first(p + 1) - 1) * lanes<R>, lanes<R>));
        const R* b = start == Start::bias ? bias + from : nullptr;
        switch (w.first(p + 1) - w.first(p)) {
            case 1: blocks<R, 1>(rows, w.inner(), a, a_stride, w.panel(p), c + from, c_stride, last, start, b); break;
            case 2: blocks<R, 2>(rows, w.inner(), a, a_stride, w.panel(p), c + from, c_stride, last, start, b); break;
            default: blocks<R, 3>(rows, w.inner(), a, a_stride, w.panel(p), c + from, c_stride, last, start, b);
        }
    }
}

}  // namespace elman
