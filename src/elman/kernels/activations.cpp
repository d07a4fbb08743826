// The activations over whole arrays, for the tests of their precision.
#include "activations.h"

namespace {

template <class R, class F>
void apply(const R* x, R* y, int64_t n, F f) {
    for (int64_t i = 0; i < n; i += elman::lanes<R>) {
        int left = n - i < elman::lanes<R> ? int(n - i) : elman::lanes<R>;
        elman::store(y + i, f(elman::load(x + i, left)), left);
    }
}

}  // namespace

extern "C" {

#define ELMAN_APPLY(name)                                                    \
    void elman_apply_##name##_f32(const float* x, float* y, int64_t n) {     \
        apply(x, y, n, [](elman::V<float> v) { return elman::name(v); });    \
    }                                                                        \
    void elman_apply_##name##_f64(const double* x, double* y, int64_t n) {   \
        apply(x, y, n, [](elman::V<double> v) { return elman::name(v); });   \
    }

ELMAN_APPLY(exp)
ELMAN_APPLY(sigmoid)
ELMAN_APPLY(tanh)
ELMAN_APPLY(softplus)
ELMAN_APPLY(log_sigmoid)

#undef ELMAN_APPLY

}  // extern "C"
