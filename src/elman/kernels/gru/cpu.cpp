// The gated recurrent unit, its reset gate after the recurrent product or before it; gates in the order r z n.
#include "recurrence.h"

namespace elman {
namespace {

template <class R>
struct Gru {
    static constexpr int64_t gates = 3;

    static void forward(Forward<R>& s) {
        if (s.layer.reset_before)
            forward_before(s);
        else
            forward_after(s);
    }

    static void backward(Backward<R>& s) {
        s.gather();
        if (s.layer.reset_before)
            backward_before(s);
        else
            backward_after(s);
    }

    // n = tanh(x_n + r u), u = W_hn h + b_hn
    static void forward_after(Forward<R>& s) {
        s.recur();
        const int64_t h = s.hidden();
        const bool training = s.layer.training;
        for (int64_t row = 0; row < s.n; ++row) {
            R* a = s.gates(row);
            const R *product = s.product[row], *state = s.state[0][row];
            R* unreset = training ? s.packed(s.way.unreset, row, h) : nullptr;
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> r = sigmoid(s.clipped(load(a + j, m) + load(product + j, m)));
                const V<R> z = sigmoid(s.clipped(load(a + h + j, m) + load(product + h + j, m)));
                const V<R> u = load(product + 2 * h + j, m);
                const V<R> n = tanh(s.clipped(load(a + 2 * h + j, m) + r * u));
                if (training) {
                    store_gates(a + j, h, r, z, n, m);
                    store(unreset + j, u, m);
                }
                s.emit(row, j, n + z * (load(state + j, m) - n), m);
            });
        }
    }

    static void backward_after(Backward<R>& s) {
        const int64_t h = s.hidden();
        const Limits limits(s.layer.clip);
        for (int64_t row = 0; row < s.n; ++row) {
            const R* a = s.packed(static_cast<const R*>(s.way.gates), row, 3 * h);
            const R* unreset = s.packed(static_cast<const R*>(s.way.unreset), row, h);
            const R *state = s.h_before(row), *dh = s.gradient()[row];
            R* out = s.d_gates(row);
            R* product = s.d_product(row);
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> r = load(a + j, m), z = load(a + h + j, m), n = load(a + 2 * h + j, m);
                const V<R> d = load(dh + j, m);
                const V<R> d_n = s.passing(d * (R(1) - z) * (R(1) - n * n), n, limits.low_n, limits.high_n);
                const V<R> d_z =
                    s.passing(d * (load(state + j, m) - n) * z * (R(1) - z), z, limits.low, limits.high);
                const V<R> d_r =
                    s.passing(d_n * load(unreset + j, m) * r * (R(1) - r), r, limits.low, limits.high);
                store_gates(out + j, h, d_r, d_z, d_n, m);
                store_gates(product + j, h, d_r, d_z, d_n * r, m);
                s.direct(row, j, d * z, m);
            });
        }
        if (s.way.gain_hh) s.unnormalise();
        s.recur(s.prepared.all, true);
    }

    // n = tanh(x_n + W_hn (r h) + b_hn)
    static void forward_before(Forward<R>& s) {
        const int64_t h = s.hidden();
        const Rows<R>& seen = s.visible();
        const R* bias = s.way.bias_hh;
        const Start start = bias ? Start::bias : Start::zero;
        s.prepared.gates(s.n, seen[0], seen.stride, s.product[0], s.product.stride, start, bias);
        for (int64_t row = 0; row < s.n; ++row) {
            R *a = s.gates(row), *product = s.product[row];
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> r = sigmoid(s.clipped(load(a + j, m) + load(product + j, m)));
                const V<R> z = sigmoid(s.clipped(load(a + h + j, m) + load(product + h + j, m)));
                store(a + j, r, m);
                store(a + h + j, z, m);
                store(product + j, r * load(seen[row] + j, m), m);
            });
        }
        R* into = s.product[0] + 2 * h;
        s.prepared.candidate(s.n, s.product[0], s.product.stride, into, s.product.stride, start,
                             bias ? bias + 2 * h : nullptr);
        for (int64_t row = 0; row < s.n; ++row) {
            R* a = s.gates(row);
            const R *product = s.product[row] + 2 * h, *state = s.state[0][row];
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> z = load(a + h + j, m);
                const V<R> n = tanh(s.clipped(load(a + 2 * h + j, m) + load(product + j, m)));
                if (s.layer.training) store(a + 2 * h + j, n, m);
                s.emit(row, j, n + z * (load(state + j, m) - n), m);
            });
        }
    }

    static void backward_before(Backward<R>& s) {
        const int64_t h = s.hidden();
        const Limits limits(s.layer.clip);
        for (int64_t row = 0; row < s.n; ++row) {
            const R* a = s.packed(static_cast<const R*>(s.way.gates), row, 3 * h);
            const R *state = s.h_before(row), *seen = s.seen(row);
            const R* dh = s.gradient()[row];
            R* out = s.d_gates(row);
            R* reset = s.seen_reset(row);
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> r = load(a + j, m), z = load(a + h + j, m), n = load(a + 2 * h + j, m);
                const V<R> d = load(dh + j, m);
                store(out + h + j, s.passing(d * (load(state + j, m) - n) * z * (R(1) - z), z, limits.low, limits.high), m);
                store(out + 2 * h + j, s.passing(d * (R(1) - z) * (R(1) - n * n), n, limits.low_n, limits.high_n), m);
                store(reset + j, r * load(seen + j, m), m);
                s.direct(row, j, d * z, m);
            });
        }
        // What reaches r h through W_hn, then r by itself and h by way of it.
        s.prepared.candidate(s.n, s.d_gates(0) + 2 * h, 3 * h, s.reset[0], s.reset.stride, Start::zero);
        for (int64_t row = 0; row < s.n; ++row) {
            const R* a = s.packed(static_cast<const R*>(s.way.gates), row, 3 * h);
            const R* seen = s.seen(row);
            const R* drop = s.way.drop ? s.way.drop + (s.first + row) * h : nullptr;
            R *out = s.d_gates(row), *dh = s.d_state[0][row];
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> r = load(a + j, m), d = load(s.reset[row] + j, m);
                store(out + j, s.passing(d * load(seen + j, m) * r * (R(1) - r), r, limits.low, limits.high), m);
                V<R> d_h = d * r;
                if (drop) d_h *= load(drop + j, m);
                store(dh + j, load(dh + j, m) + d_h, m);
            });
        }
        s.recur(s.prepared.gates, true);
    }

    struct Limits {
        V<R> low, high, low_n, high_n;
        explicit Limits(double clip)
            : low(sigmoid(fill(R(-clip)))), high(sigmoid(fill(R(clip)))), low_n(tanh(fill(R(-clip)))),
              high_n(tanh(fill(R(clip)))) {}
    };

    template <class N>
    static void store_gates(R* to, int64_t h, V<R> r, V<R> z, V<R> n, N m) {
        store(to, r, m);
        store(to + h, z, m);
        store(to + 2 * h, n, m);
    }
};

}  // namespace
}  // namespace elman

ELMAN_RECURRENCE(gru, elman::Gru)
