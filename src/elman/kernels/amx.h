// Products of float32 matrices with their elements rounded to bfloat16 and the sums in float32, on CPUs with AMX.
//
// Operands are laid out in tiles of 1 KiB, which a tile register takes whole: of A 16 rows by 32 values of k, of W
// 16 pairs of k by 16 columns. Each element of C is summed in the order of k, whatever rows are worked on beside it.
#pragma once

#include <type_traits>

#include "gemm.h"

namespace elman::amx {

#if defined(ELMAN_AMX)
constexpr bool built = true;
#else
constexpr bool built = false;
#endif

// What is made for this type here; the functions below exist where this is true of float.
template <class R>
constexpr bool has = built && std::is_same_v<R, float>;

using Half = uint16_t;  // a bfloat16's bits

// Whether this CPU has the instructions, and the system lets this process use them: it is asked once.
bool allowed();

// Between the two, this thread has tile registers set up for the products below, and keeps room for their operands.
void begin();
void end();

// W, K x N, in strips of 16 columns; inside a strip tile follows tile along k.
class Tiles {
public:
    Tiles() = default;

    // W[k][n] = w[k * by_k + n * by_n], where one of by_k and by_n is 1.
    Tiles(const float* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n);

    int64_t inner() const { return inner_; }
    int64_t columns() const { return columns_; }
    const Half* data() const { return data_.get(); }

private:
    int64_t inner_ = 0, columns_ = 0;
    Buffer<Half> data_;
};

// C (rows x N) from A (rows x K), as `multiply` in gemm.h; between begin and end.
void multiply(int64_t rows, const float* a, int64_t a_stride, const Tiles& w, float* c, int64_t c_stride, Start start,
              const float* bias);

// C = A^T B, or C + A^T B with `onto`, for A (rows x M) and B (rows x N); between begin and end.
void outer(int64_t rows, const float* a, int64_t a_stride, int64_t width, const float* b, int64_t b_stride,
           int64_t columns, float* c, int64_t c_stride, bool onto);

}  // namespace elman::amx
