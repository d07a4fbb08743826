// The simple recurrent network: h = f(a), a = W_ih x + b_ih + W_hh h + b_hh.
#include "recurrence.h"

namespace elman {
namespace {

enum { use_tanh, use_relu, use_sigmoid };

template <class R>
struct Rnn {
    static constexpr int64_t gates = 1;

    static V<R> apply(int64_t activation, V<R> a) {
        switch (activation) {
            case use_tanh: return tanh(a);
            case use_relu: return max(V<R>{}, a);
            default: return sigmoid(a);
        }
    }

    static void forward(Forward<R>& s) {
        s.recur();
        const int64_t size = s.hidden(), activation = s.layer.activation;
        for (int64_t r = 0; r < s.n; ++r) {
            R* a = s.gates(r);
            const R* product = s.product[r];
            each_vector<R>(size, [&](int64_t j, auto m) {
                const V<R> h = apply(activation, s.clipped(load(a + j, m) + load(product + j, m)));
                if (s.layer.training) store(a + j, h, m);
                s.emit(r, j, h, m);
            });
        }
    }

    static void backward(Backward<R>& s) {
        s.gather();
        const int64_t size = s.hidden(), activation = s.layer.activation;
        const V<R> low = apply(activation, fill(R(-s.layer.clip))), high = apply(activation, fill(R(s.layer.clip)));
        const bool apart = s.apart();
        for (int64_t r = 0; r < s.n; ++r) {
            const R* value = s.packed(static_cast<const R*>(s.way.gates), r, size);
            const R* d = s.gradient()[r];
            R* out = s.d_gates(r);
            R* product = s.d_product(r);
            each_vector<R>(size, [&](int64_t j, auto m) {
                const V<R> h = load(value + j, m), dh = load(d + j, m);
                V<R> da;
                switch (activation) {
                    case use_tanh: da = dh * (R(1) - h * h); break;
                    case use_relu: da = select(h > V<R>{}, dh, V<R>{}); break;
                    default: da = dh * h * (R(1) - h);
                }
                da = s.passing(da, h, low, high);
                store(out + j, da, m);
                if (apart) store(product + j, da, m);
            });
        }
        if (apart) s.unnormalise();
        s.recur(s.prepared.all, s.way.zone_h);
    }
};

}  // namespace
}  // namespace elman

ELMAN_RECURRENCE(rnn, elman::Rnn)
