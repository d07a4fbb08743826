// The sLSTM of xLSTM: exponential input gates, held in range by the largest exponent m; gates in the order i f z o.
//
//     k = log sigmoid(f~) + m_{t-1},  m = max(k, i~),  i = exp(i~ - m),  f = exp(k - m)
//     c = f c_{t-1} + i tanh(z~),  n = f n_{t-1} + i,  h = sigmoid(o~) c / n
#include "recurrence.h"

namespace elman {
namespace {

template <class R>
struct SLstm {
    static constexpr int64_t gates = 4;

    // The input and the forget gate from lead = i~ - k. The larger is exactly 1, so one exponential makes both.
    struct Pair {
        V<R> i, f;
        explicit Pair(V<R> lead) {
            const V<R> smaller = exp(-max(-lead, lead));
            i = select(lead >= R(0), fill(R(1)), smaller);
            f = select(lead <= R(0), fill(R(1)), smaller);
        }
    };

    static void forward(Forward<R>& s) {
        s.recur();
        const int64_t h = s.hidden();
        const bool training = s.layer.training;
        for (int64_t r = 0; r < s.n; ++r) {
            R* a = s.gates(r);
            const R* product = s.product[r];
            R *c_row = s.state[1][r], *n_row = s.state[2][r], *m_row = s.state[3][r];
            R* kept_c = training ? s.packed(s.way.cells[0], r, s.layer.cells_stride) : nullptr;
            R* kept_n = training ? s.packed(s.way.cells[1], r, s.layer.cells_stride) : nullptr;
            each_vector<R>(h, [&](int64_t j, auto v) {
                auto sum_of = [&](int64_t gate) {
                    return load(a + gate * h + j, v) + load(product + gate * h + j, v);
                };
                const V<R> raw_i = sum_of(0), raw_f = sum_of(1);
                const V<R> k = log_sigmoid(raw_f) + load(m_row + j, v), lead = raw_i - k;
                const Pair gate(lead);
                const V<R> z = tanh(sum_of(2)), o = sigmoid(sum_of(3));
                const V<R> c = gate.f * load(c_row + j, v) + gate.i * z;
                const V<R> n = gate.f * load(n_row + j, v) + gate.i;
                store(c_row + j, c, v);
                store(n_row + j, n, v);
                // `lead` where k and i~ cannot be compared: a NaN in either is m's too.
                store(m_row + j, select(lead <= R(0), k, select(lead > R(0), raw_i, lead)), v);
                if (training) {
                    store_gates(a + j, h, lead, sigmoid(-raw_f), z, o, v);
                    store(kept_c + j, c, v);
                    store(kept_n + j, n, v);
                }
                s.emit(r, j, o * c / n, v);
            });
        }
    }

    static void backward(Backward<R>& s) {
        s.gather();
        const int64_t h = s.hidden();
        for (int64_t r = 0; r < s.n; ++r) {
            const R* a = s.packed(static_cast<const R*>(s.way.gates), r, 4 * h);
            const R *c_before = s.cell_before(1, r), *n_before = s.cell_before(2, r);
            const R* dh = s.gradient()[r];
            R *dc = s.d_state[1][r], *dn = s.d_state[2][r], *dm = s.d_state[3][r];
            R* out = s.d_gates(r);
            each_vector<R>(h, [&](int64_t j, auto v) {
                const V<R> lead = load(a + j, v), forgotten = load(a + h + j, v);  // forgotten: 1 - sigmoid(f~)
                const V<R> z = load(a + 2 * h + j, v), o = load(a + 3 * h + j, v);
                const V<R> c_old = load(c_before + j, v), n_old = load(n_before + j, v);
                const Pair gate(lead);
                const V<R> n = gate.f * n_old + gate.i, ratio = (gate.f * c_old + gate.i * z) / n;
                const V<R> d = load(dh + j, v), share = d * o / n;
                const V<R> d_c = load(dc + j, v) + share, d_n = load(dn + j, v) - share * ratio;
                store(dc + j, d_c * gate.f, v);
                store(dn + j, d_n * gate.f, v);

                // What reaches the exponents i~ - m and k - m, and then m, which is the larger of i~ and k or both.
                const V<R> to_i = (d_c * z + d_n) * gate.i, to_f = (d_c * c_old + d_n * n_old) * gate.f;
                const V<R> d_m = load(dm + j, v), half = R(0.5) * (d_m - to_i - to_f);
                const V<R> d_i = select(lead > R(0), d_m - to_f, select(lead < R(0), to_i, to_i + half));
                const V<R> d_k = select(lead < R(0), d_m - to_i, select(lead > R(0), to_f, to_f + half));
                store(dm + j, d_k, v);
                store_gates(out + j, h, d_i, d_k * forgotten, d_c * gate.i * (R(1) - z * z),
                            d * ratio * o * (R(1) - o), v);
            });
        }
        s.recur(s.prepared.all, false);
    }

    template <class N>
    static void store_gates(R* to, int64_t h, V<R> i, V<R> f, V<R> z, V<R> o, N v) {
        store(to, i, v);
        store(to + h, f, v);
        store(to + 2 * h, z, v);
        store(to + 3 * h, o, v);
    }
};

}  // namespace
}  // namespace elman

ELMAN_RECURRENCE(slstm, elman::SLstm)
