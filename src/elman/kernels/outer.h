// C = A^T B over the rows of both: the gradient of a weight from that of its product and from its input.
//
// Each element is one chain of fused multiply-adds over the rows in order, whatever part of C is asked for.
#pragma once

#include "gemm.h"

namespace elman {

template <class R, int M, int N>
inline void outer_tile(int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride, R* c,
                       int64_t c_stride, int last, bool onto) {
    V<R> sums[M][N];
    for (int m = 0; m < M; ++m)
        for (int n = 0; n < N; ++n) {
            const R* from = c + m * c_stride + n * lanes<R>;
            sums[m][n] = !onto ? V<R>{} : n == N - 1 && last < lanes<R> ? load(from, last) : load(from);
        }
    for (int64_t r = 0; r < rows; ++r) {
        V<R> w[N];
        for (int n = 0; n < N; ++n) {
            const R* from = b + r * b_stride + n * lanes<R>;
            w[n] = n == N - 1 && last < lanes<R> ? load(from, last) : load(from);
        }
        for (int m = 0; m < M; ++m) {
            const R x = a[r * a_stride + m];
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
inline void outer_strip(int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride, R* c,
                        int64_t c_stride, int last, bool onto, int64_t from, int64_t to) {
    int64_t m = from;
    for (; m + block_rows <= to; m += block_rows)
        outer_tile<R, block_rows, N>(rows, a + m, a_stride, b, b_stride, c + m * c_stride, c_stride, last, onto);
    for (; m < to; ++m)
        outer_tile<R, 1, N>(rows, a + m, a_stride, b, b_stride, c + m * c_stride, c_stride, last, onto);
}

// Rows [from, to) of C (M x columns), C = A^T B for A (rows x M) and B (rows x columns).
template <class R>
void outer(int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride, int64_t columns, R* c,
           int64_t c_stride, int64_t from, int64_t to) {
    constexpr int64_t depth = 128;  // so many rows of A and B stay in the cache while all tiles use them
    const int64_t vectors = (columns + lanes<R> - 1) / lanes<R>, strips = (vectors + panel_vectors - 1) / panel_vectors;
    for (int64_t r = 0; r < rows || r == 0; r += depth) {
        const int64_t count = std::min(depth, rows - r);
        for (int64_t s = 0; s < strips; ++s) {
            const int64_t first = panel_begin(s, strips, vectors), end = panel_begin(s + 1, strips, vectors);
            const int last = int(std::min<int64_t>(columns - (end - 1) * lanes<R>, lanes<R>));
            const R *from_a = a + r * a_stride, *from_b = b + r * b_stride + first * lanes<R>;
            R* into = c + first * lanes<R>;
            switch (end - first) {
                case 1: outer_strip<R, 1>(count, from_a, a_stride, from_b, b_stride, into, c_stride, last, r, from, to); break;
                case 2: outer_strip<R, 2>(count, from_a, a_stride, from_b, b_stride, into, c_stride, last, r, from, to); break;
                default: outer_strip<R, 3>(count, from_a, a_stride, from_b, b_stride, into, c_stride, last, r, from, to);
            }
        }
    }
}

// sums[m] over all rows of A's columns [from, to).
template <class R>
void column_sums(int64_t rows, const R* a, int64_t a_stride, R* sums, int64_t from, int64_t to) {
    for (int64_t m = from; m < to; m += lanes<R>) {
        const int n = int(std::min<int64_t>(to - m, lanes<R>));
        V<R> sum{};
        for (int64_t r = 0; r < rows; ++r) sum += load(a + r * a_stride + m, n);
        store(sums + m, sum, n);
    }
}

}  // namespace elman
