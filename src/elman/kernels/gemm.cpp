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

#if defined(ELMAN_AMX)

void elman_multiply_bf16(int64_t rows, int64_t inner, int64_t columns, const float* a, int64_t a_stride, const float* w,
                         int64_t by_k, int64_t by_n, float* c, int64_t c_stride, int start, const float* bias) {
    const elman::Session<float> session(true);
    const elman::amx::Tiles tiles(w, inner, columns, by_k, by_n);
    elman::amx::multiply(rows, a, a_stride, tiles, c, c_stride, elman::Start(start), bias);
}

void elman_outer_bf16(int64_t rows, const float* a, int64_t a_stride, int64_t width, const float* b, int64_t b_stride,
                      int64_t columns, float* c, int64_t c_stride, bool onto) {
    const elman::Session<float> session(true);
    elman::amx::outer(rows, a, a_stride, width, b, b_stride, columns, c, c_stride, onto);
}

#endif

}  // extern "C"
