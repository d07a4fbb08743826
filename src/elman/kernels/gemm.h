// C = A W, or C + A W, for the few rows of one time step and a matrix W that was laid out in panels beforehand.
//
// Each element is summed over k = 0, 1, 2, ... in one chain of fused multiply-adds, so that a row's result depends on
// that row alone, never on how many rows are worked on together. A chain may rest in C between two slices of a panel.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

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

// How many columns of vectors come before panel p of `panels`, where `vectors` are dealt out evenly.
inline int64_t panel_begin(int64_t p, int64_t panels, int64_t vectors) { return p * vectors / panels; }

// How much of a panel all blocks of rows work through in turn: it must stay in the nearest cache.
constexpr int64_t slice_bytes = 24 * 1024;

// The lanes of a and b by turns, from lane `from` of each.
template <class R, int from, size_t... I>
inline V<R> zip(V<R> a, V<R> b, std::index_sequence<I...>) {
    return V<R>{(I % 2 ? b : a)[from + I / 2]...};
}

// Lane j of vector i goes to lane i of vector j. A round halves the distance between lanes that belong together.
template <class R>
inline void transpose(V<R> (&v)[lanes<R>]) {
    constexpr int half = lanes<R> / 2;
    constexpr std::make_index_sequence<lanes<R>> all{};
    for (int round = 1; round < lanes<R>; round *= 2) {
        V<R> w[lanes<R>];
        for (int i = 0; i < half; ++i) {
            w[2 * i] = zip<R, 0>(v[i], v[i + half], all);
            w[2 * i + 1] = zip<R, half>(v[i], v[i + half], all);
        }
        std::copy_n(w, lanes<R>, v);
    }
}

// W, K x N, in panels of up to panel_vectors columns of vectors; inside a panel row k follows row k - 1.
template <class R>
class Panels {
public:
    Panels() = default;

    // W[k][n] = w[k * by_k + n * by_n], where one of by_k and by_n is 1.
    Panels(const R* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n)
        : inner_(inner), columns_(columns), vectors_((columns + lanes<R> - 1) / lanes<R>),
          panels_((vectors_ + panel_vectors - 1) / panel_vectors), data_(vectors_ * lanes<R> * inner) {
        for (int64_t p = 0; p < panels_; ++p) {
            const int64_t from = first(p) * lanes<R>, wide = first(p + 1) * lanes<R> - from;
            R* panel = data_.get() + from * inner;
            const R* source = w + from * by_n;
            const int64_t real = std::min(wide, columns - from);
            if (by_n == 1)
                copy(source, by_k, real, panel, wide);
            else
                copy_transposed(source, by_n, real, panel, wide);
        }
    }

    int64_t inner() const { return inner_; }
    int64_t columns() const { return columns_; }
    int64_t panels() const { return panels_; }
    int64_t first(int64_t panel) const { return panel_begin(panel, panels_, vectors_); }
    const R* panel(int64_t p) const { return data_.get() + first(p) * lanes<R> * inner_; }

private:
    void copy(const R* source, int64_t by_k, int64_t real, R* panel, int64_t wide) const {
        for (int64_t k = 0; k < inner_; ++k)
            for (int64_t n = 0; n < wide; n += lanes<R>) {
                const R* from = source + k * by_k + n;
                store(panel + k * wide + n, real - n < lanes<R> ? load(from, int(real - n)) : load(from));
            }
    }

    void copy_transposed(const R* source, int64_t by_n, int64_t real, R* panel, int64_t wide) const {
        for (int64_t n = 0; n < wide; n += lanes<R>)
            for (int64_t k = 0; k < inner_; k += lanes<R>) {
                const int width = int(std::min<int64_t>(real - n, lanes<R>));
                const int depth = int(std::min<int64_t>(inner_ - k, lanes<R>));
                const R* from = source + n * by_n + k;
                V<R> square[lanes<R>] = {};
                for (int i = 0; i < width; ++i)
                    square[i] = depth < lanes<R> ? load(from + i * by_n, depth) : load(from + i * by_n);
                transpose<R>(square);
                for (int j = 0; j < depth; ++j) store(panel + (k + j) * wide + n, square[j]);
            }
    }

    int64_t inner_ = 0, columns_ = 0, vectors_ = 0, panels_ = 0;
    Buffer<R> data_;
};

enum class Start { zero, bias, onto };  // what the sums start from: 0, one row for all, what C holds

// C += A W for M rows, `depth` values of k and N vectors of columns, of whose last `last` lanes are real. W's rows lie
// w_by_k apart. Meanwhile what lies `ahead` is fetched, ahead_step bytes for each k.
template <class R, int M, int N, bool fetch>
inline void sum_block(int64_t depth, const R* a, int64_t by_row, int64_t by_k, const R* w, int64_t w_by_k, R* c,
                      int64_t c_stride, int last, Start start, const R* bias, const char* ahead, int64_t ahead_step) {
    V<R> sums[M][N];
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) {
            const R* from = start == Start::bias ? bias + n * lanes<R> : c + m * c_stride + n * lanes<R>;
            sums[m][n] = start == Start::zero ? V<R>{}
                         : n == N - 1 && last < lanes<R> ? load(from, last)
                                                         : load(from);
        }
    for (int64_t k = 0; k < depth; ++k) {
        V<R> row[N];
        for (int n = 0; n < N; ++n) row[n] = load(w + k * w_by_k + n * lanes<R>);
        if (fetch) __builtin_prefetch(ahead + k * ahead_step, 0, 2);
        for (int m = 0; m < M; ++m) {
            const R x = a[m * by_row + k * by_k];
            for (int n = 0; n < N; ++n) sums[m][n] += row[n] * x;
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

// The same for a whole panel and rows of A whose k lie side by side.
template <class R, int M, int N>
inline void block(int64_t inner, const R* a, int64_t a_stride, const R* panel, R* c, int64_t c_stride, int last,
                  Start start, const R* bias) {
    sum_block<R, M, N, false>(inner, a, a_stride, 1, panel, N * lanes<R>, c, c_stride, last, start, bias, nullptr, 0);
}

template <class R, int N>
inline void blocks(int64_t rows, int64_t inner, const R* a, int64_t by_row, int64_t by_k, const R* panel, R* c,
                   int64_t c_stride, int last, Start start, const R* bias) {
    constexpr int64_t row_bytes = N * vector_bytes, slice_depth = slice_bytes / row_bytes;
    const int64_t count = (rows + block_rows - 1) / block_rows;
    const int64_t slices = count == 1 ? 1 : std::max<int64_t>((inner + slice_depth / 2) / slice_depth, 1);
    // While a slice is worked on, its blocks together fetch the next one, which may be the next panel's first.
    const int64_t ahead_step = (row_bytes + count - 1) / std::max<int64_t>(count, 1);
    for (int64_t slice = 0; slice < slices; ++slice) {
        const int64_t k = slice * inner / slices, depth = (slice + 1) * inner / slices - k;
        const R* w = panel + k * N * lanes<R>;
        for (int64_t i = 0; i < count; ++i) {
            const int64_t from = i * rows / count, m = (i + 1) * rows / count - from;
            const char* ahead = reinterpret_cast<const char*>(w) + depth * (row_bytes + i * ahead_step);
            auto run = [&](auto run_block) {
                run_block(depth, a + from * by_row + k * by_k, by_row, by_k, w, N * lanes<R>, c + from * c_stride,
                          c_stride, last, slice == 0 ? start : Start::onto, bias, ahead, ahead_step);
            };
            switch (m) {
                // A single row waits for the loads of W themselves, which more loads would only delay.
                case 1: run(sum_block<R, 1, N, false>); break;
                case 2: run(sum_block<R, 2, N, true>); break;
                case 3: run(sum_block<R, 3, N, true>); break;
                case 4: run(sum_block<R, 4, N, true>); break;
                case 5: run(sum_block<R, std::min(5, block_rows), N, true>); break;
                case 6: run(sum_block<R, std::min(6, block_rows), N, true>); break;
                case 7: run(sum_block<R, std::min(7, block_rows), N, true>); break;
                default: run(sum_block<R, block_rows, N, true>);
            }
        }
    }
}

// C (rows x N) from A (rows x K), A[m][k] = a[m * by_row + k * by_k]. `bias` (N) is read with Start::bias alone.
template <class R>
void multiply_strided(int64_t rows, const R* a, int64_t by_row, int64_t by_k, const Panels<R>& w, R* c,
                      int64_t c_stride, Start start, const R* bias = nullptr) {
    for (int64_t p = 0; p < w.panels(); ++p) {
        const int64_t from = w.first(p) * lanes<R>;
        const int last = int(std::min<int64_t>(w.columns() - (w.first(p + 1) - 1) * lanes<R>, lanes<R>));
        auto run = [&](auto run_blocks) {
            run_blocks(rows, w.inner(), a, by_row, by_k, w.panel(p), c + from, c_stride, last, start,
                       start == Start::bias ? bias + from : nullptr);
        };
        switch (w.first(p + 1) - w.first(p)) {
            case 1: run(blocks<R, 1>); break;
            case 2: run(blocks<R, 2>); break;
            default: run(blocks<R, 3>);
        }
    }
}

// C (rows x N) from A (rows x K) whose k lie side by side.
template <class R>
void multiply(int64_t rows, const R* a, int64_t a_stride, const Panels<R>& w, R* c, int64_t c_stride, Start start,
              const R* bias = nullptr) {
    multiply_strided(rows, a, a_stride, 1, w, c, c_stride, start, bias);
}

}  // namespace elman
