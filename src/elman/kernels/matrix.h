// A weight laid out for products, in panels (gemm.h) or in tiles of bfloat16 (amx.h).
#pragma once

#include "amx.h"

namespace elman {

// Lets this thread multiply tiles, if it is to, as long as it lives.
template <class R>
class Session {
public:
    explicit Session(bool half) : half_(half) {
        if constexpr (amx::has<R>)
            if (half_) amx::begin();
    }
    ~Session() {
        if constexpr (amx::has<R>)
            if (half_) amx::end();
    }
    Session(const Session&) = delete;

private:
    [[maybe_unused]] const bool half_;
};

template <class R>
class Matrix {
public:
    Matrix() = default;

    // W[k][n] = w[k * by_k + n * by_n], where one of by_k and by_n is 1.
    Matrix(const R* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n, bool half) : half_(half) {
        if constexpr (amx::has<R>) {
            if (half) {
                tiles_ = amx::Tiles(w, inner, columns, by_k, by_n);
                return;
            }
        }
        panels_ = Panels<R>(w, inner, columns, by_k, by_n);
    }

    // As `multiply` in gemm.h.
    void operator()(int64_t rows, const R* a, int64_t a_stride, R* c, int64_t c_stride, Start start,
                    const R* bias = nullptr) const {
        if constexpr (amx::has<R>) {
            if (half_) {
                amx::multiply(rows, a, a_stride, tiles_, c, c_stride, start, bias);
                return;
            }
        }
        multiply(rows, a, a_stride, panels_, c, c_stride, start, bias);
    }

private:
    bool half_ = false;
    Panels<R> panels_;
    amx::Tiles tiles_;
};

}  // namespace elman
