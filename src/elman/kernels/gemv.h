// c = a W, or c + a W, for one row: what counts is how fast W, read once, comes out of the cache.
//
// Each element is summed as in gemm.h, over k = 0, 1, 2, ... in one chain, and so is the same to the bit.
#pragma once

#include "gemm.h"

namespace elman {

// As many chains of additions as hide the latency of one, and no more than 16 registers hold.
constexpr int row_vectors = 8;

// W, K x N, in wide panels of up to row_vectors columns of vectors; inside a panel row k follows row k - 1.
template <class R>
class Columns {
public:
    Columns() = default;

    // W[k][n] = w[k * by_k + n * by_n].
    Columns(const R* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n)
        : inner_(inner), columns_(columns), vectors_((columns + lanes<R> - 1) / lanes<R>),
          panels_((vectors_ + row_vectors - 1) / row_vectors), data_(vectors_ * lanes<R> * inner) {
        for (int64_t p = 0; p < panels_; ++p) {
            const int64_t from = first(p) * lanes<R>, wide = first(p + 1) * lanes<R> - from;
            R* panel = data_.get() + from * inner;
            // By squares, because the source may run along k and the panel runs along n.
            for (int64_t k0 = 0; k0 < inner; k0 += lanes<R>)
                for (int64_t n0 = 0; n0 < wide; n0 += lanes<R>)
                    for (int64_t k = k0; k < std::min<int64_t>(k0 + lanes<R>, inner); ++k)
                        for (int64_t n = n0; n < n0 + lanes<R>; ++n)
                            panel[k * wide + n] = from + n < columns ? w[k * by_k + (from + n) * by_n] : R(0);
        }
    }

    int64_t inner() const { return inner_; }
    int64_t columns() const { return columns_; }
    int64_t panels() const { return panels_; }
    int64_t first(int64_t panel) const { return panel_begin(panel, panels_, vectors_); }
    const R* panel(int64_t p) const { return data_.get() + first(p) * lanes<R> * inner_; }

private:
    int64_t inner_ = 0, columns_ = 0, vectors_ = 0, panels_ = 0;
    Buffer<R> data_;
};

// c (N) from a (K). `bias` (N) is read with Start::bias alone. With `backward` the last panels come first, which a call
// before that went forward has left in the cache.
template <class R>
void multiply(const R* a, const Columns<R>& w, R* c, Start start, const R* bias = nullptr, bool backward = false) {
    for (int64_t i = 0; i < w.panels(); ++i) {
        const int64_t p = backward ? w.panels() - 1 - i : i;
        const int64_t from = w.first(p) * lanes<R>;
        const int last = int(std::min<int64_t>(w.columns() - (w.first(p + 1) - 1) * lanes<R>, lanes<R>));
        const R* b = start == Start::bias ? bias + from : nullptr;
        switch (w.first(p + 1) - w.first(p)) {
            case 1: block<R, 1, 1>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 2: block<R, 1, 2>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 3: block<R, 1, 3>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 4: block<R, 1, 4>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 5: block<R, 1, 5>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 6: block<R, 1, 6>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            case 7: block<R, 1, 7>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b); break;
            default: block<R, 1, row_vectors>(w.inner(), a, 0, w.panel(p), c + from, 0, last, start, b);
        }
    }
}

}  // namespace elman
