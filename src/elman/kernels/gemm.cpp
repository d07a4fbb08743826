// The products over whole matrices, for the tests of their arithmetic.
#include "outer.h"

extern "C" {

#define ELMAN_PRODUCTS(type, suffix)                                                                                 \
    void elman_multiply_##suffix(int64_t rows, int64_t inner, int64_t columns, const type* a, int64_t a_stride,      \
                                 const type* w, int64_t by_k, int64_t by_n, type* c, int64_t c_stride, int start,    \
                                 const type* bias) {                                                                 \
        const elman::Panels<type> panels(w, inner, columns, by_k, by_n);                                             \
        elman::multiply(rows, a, a_stride, panels, c, c_stride, elman::Start(start), bias);                          \
    }                                                                                                                \
    void elman_outer_##suffix(int64_t rows, const type* a, int64_t a_stride, const type* b, int64_t b_stride,        \
                              int64_t columns, type* c, int64_t c_stride, int64_t from, int64_t to, type* sums) {    \
        elman::outer(rows, a, a_stride, b, b_stride, columns, c, c_stride, from, to, sums);                          \
    }

ELMAN_PRODUCTS(float, f32)
ELMAN_PRODUCTS(double, f64)

#undef ELMAN_PRODUCTS

}  // extern "C"
