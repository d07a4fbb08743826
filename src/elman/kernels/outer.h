// C = A^T B over the rows of both: the gradient of a weight from that of its product and from its input.
//
// Each element is one chain of fused multiply-adds over the rows in order, whatever part of C is asked for.
#pragma once

#include "matrix.h"

namespace elman {

// So many columns of B at most that each vector of A's is loaded but once, and laying either out would not pay.
constexpr int64_t narrow_columns = block_rows;

// So many columns of B at least that A, read once for each of B's panels, is better laid out as well.
constexpr int64_t wide_columns = 96;

// So many rows of A stay in the second cache, and of one of B's panels in the first.
constexpr int64_t strip_depth = 192;

// All M columns of B against A's columns [from, to), in strips of N vectors: C transposed, so that the vectors run
// along the longer side.
template <class R, int M, int N>
inline void outer_narrow(int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride, R* c,
                         int64_t c_stride, int64_t from, int64_t to, bool onto) {
    constexpr int64_t wide = N * lanes<R>;
    R result[M * wide];
    auto take = [&](int64_t m, int64_t width) {
        for (int64_t i = 0; onto && i < width; ++i)
            for (int n = 0; n < M; ++n) result[n * wide + i] = c[(m + i) * c_stride + n];
    };
    auto give = [&](int64_t m, int64_t width) {
        for (int64_t i = 0; i < width; ++i)
            for (int n = 0; n < M; ++n) c[(m + i) * c_stride + n] = result[n * wide + i];
    };
    const Start start = onto ? Start::onto : Start::zero;
    if (to - from >= wide) {
        int64_t m = from;
        for (; m + wide <= to; m += wide) {
            take(m, wide);
            sum_block<R, M, N, false>(rows, b, 1, b_stride, a + m, a_stride, result, wide, lanes<R>, start, nullptr,
                                      nullptr, 0);
            give(m, wide);
        }
        if (m < to) outer_narrow<R, M, (N + 1) / 2>(rows, a, a_stride, b, b_stride, c, c_stride, m, to, onto);
    } else if constexpr (N > 1) {
        outer_narrow<R, M, N / 2>(rows, a, a_stride, b, b_stride, c, c_stride, from, to, onto);
    } else {
        const Panels<R> panels(a + from, rows, to - from, a_stride, 1);  // no whole vector can be read in place
        take(from, to - from);
        multiply_strided(M, b, 1, b_stride, panels, result, wide, start);
        give(from, to - from);
    }
}

template <class R, int M = 1>
inline void outer_narrow_by(int64_t columns, int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride,
                            R* c, int64_t c_stride, int64_t from, int64_t to, bool onto) {
    // With few sums to a vector, many vectors hide how long an addition takes.
    if (columns == M)
        outer_narrow<R, M, M <= 2 ? 8 / M : 3>(rows, a, a_stride, b, b_stride, c, c_stride, from, to, onto);
    else if constexpr (M < narrow_columns)
        outer_narrow_by<R, M + 1>(columns, rows, a, a_stride, b, b_stride, c, c_stride, from, to, onto);
}

// sums[m], or sums[m] + those, over all rows of A's columns [from, to).
template <class R>
void column_sums(int64_t rows, const R* a, int64_t a_stride, R* sums, int64_t from, int64_t to, bool onto = false) {
    constexpr int together = 8;  // vectors: enough to hide how long an addition takes
    int64_t m = from;
    for (; m + together * lanes<R> <= to; m += together * lanes<R>) {
        V<R> sum[together];
        for (int i = 0; i < together; ++i) sum[i] = onto ? load(sums + m + i * lanes<R>) : V<R>{};
        for (int64_t r = 0; r < rows; ++r)
            for (int i = 0; i < together; ++i) sum[i] += load(a + r * a_stride + m + i * lanes<R>);
        for (int i = 0; i < together; ++i) store(sums + m + i * lanes<R>, sum[i]);
    }
    for (; m < to; m += lanes<R>) {
        const int n = int(std::min<int64_t>(to - m, lanes<R>));
        V<R> sum = onto ? load(sums + m, n) : V<R>{};
        for (int64_t r = 0; r < rows; ++r) sum += load(a + r * a_stride + m, n);
        store(sums + m, sum, n);
    }
}

// Rows [from, to) of C (M x columns), C = A^T B, or C + A^T B with `onto`, for A (rows x M) and B (rows x columns); and, where `sums` (M) is not
// null, the sums of A's columns [from, to). With `half` what is multiplied is rounded to bfloat16.
template <class R>
void outer(int64_t rows, const R* a, int64_t a_stride, const R* b, int64_t b_stride, int64_t columns, R* c,
           int64_t c_stride, int64_t from, int64_t to, R* sums = nullptr, bool onto = false, bool half = false) {
    if constexpr (amx::has<R>) {
        if (half) {
            amx::outer(rows, a + from, a_stride, to - from, b, b_stride, columns, c + from * c_stride, c_stride, onto);
            if (sums) column_sums(rows, a, a_stride, sums, from, to, onto);
            return;
        }
    }
    if (columns <= narrow_columns) {
        outer_narrow_by(columns, rows, a, a_stride, b, b_stride, c, c_stride, from, to, onto);
        if (sums) column_sums(rows, a, a_stride, sums, from, to, onto);
        return;
    }
    for (int64_t r = 0; r < rows || r == 0; r += strip_depth) {
        const int64_t count = std::min(strip_depth, rows - r);
        const Panels<R> right(b + r * b_stride, count, columns, b_stride, 1);
        const Start start = r == 0 && !onto ? Start::zero : Start::onto;
        if (columns < wide_columns) {
            multiply_strided(to - from, a + r * a_stride + from, 1, a_stride, right, c + from * c_stride, c_stride,
                             start);
        } else {
            const Panels<R> left(a + r * a_stride + from, count, to - from, a_stride, 1);
            for (int64_t p = 0; p < left.panels(); ++p) {
                const int64_t m = left.first(p) * lanes<R>, wide = left.first(p + 1) * lanes<R> - m;
                multiply_strided(std::min(wide, to - from - m), left.panel(p), 1, wide, right,
                                 c + (from + m) * c_stride, c_stride, start);
            }
        }
        if (sums) column_sums(count, a + r * a_stride, a_stride, sums, from, to, onto || r > 0);
    }
}

}  // namespace elman
