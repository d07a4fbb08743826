// Long short-term memory, with peepholes, layer norm and zoneout where the layer has them; gates in the order i f g o.
#include "recurrence.h"

namespace elman {
namespace {

template <class R>
struct Lstm {
    static constexpr int64_t gates = 4;

    static void forward(Forward<R>& s) {
        s.recur();
        const int64_t h = s.hidden();
        const R* peephole = s.way.weight_ch;
        const bool normal = s.way.gain_c, training = s.layer.training;
        for (int64_t r = 0; r < s.n; ++r) {
            R* a = s.gates(r);
            const R* product = s.product[r];
            R* c_row = s.state[1][r];
            R* kept = s.way.cells[0] ? s.packed(s.way.cells[0], r, s.layer.cells_stride) : nullptr;
            const R* zone = s.way.zone_c ? s.packed(s.way.zone_c, r, h) : nullptr;
            each_vector<R>(h, [&](int64_t j, auto m) {
                auto sum_of = [&](int64_t gate) {
                    return load(a + gate * h + j, m) + load(product + gate * h + j, m);
                };
                const V<R> before = load(c_row + j, m);
                V<R> i = sum_of(0), f = sum_of(1), o = sum_of(3);
                if (peephole) {
                    i += load(peephole + j, m) * before;
                    f += load(peephole + h + j, m) * before;
                }
                i = sigmoid(s.clipped(i));
                f = sigmoid(s.clipped(f));
                const V<R> g = tanh(s.clipped(sum_of(2)));
                const V<R> c = f * before + i * g;
                if (peephole) o += load(peephole + 2 * h + j, m) * c;
                o = sigmoid(s.clipped(o));
                if (training) {
                    store(a + j, i, m);
                    store(a + h + j, f, m);
                    store(a + 2 * h + j, g, m);
                }
                if (training || normal) store(a + 3 * h + j, o, m);
                V<R> carried = c;
                if (zone) {
                    const V<R> z = load(zone + j, m);
                    carried = z * before + (R(1) - z) * c;
                }
                store(c_row + j, carried, m);
                if (kept) store(kept + j, carried, m);
                if (normal)
                    store(s.product[r] + j, c, m);  // the row's first part, which has been read
                else
                    s.emit(r, j, o * tanh(c), m);
            });
            if (normal) normalised(s, r, a + 3 * h);
        }
        s.project();
    }

    static void normalised(Forward<R>& s, int64_t r, const R* o) {
        const R* c = s.product[r];
        const auto [mean, scale] = moments(c, s.hidden());
        each_vector<R>(s.hidden(), [&, mean = mean, scale = scale](int64_t j, auto m) {
            V<R> v = load(s.way.gain_c + j, m) * ((load(c + j, m) - mean) * scale);
            if (s.way.bias_c) v += load(s.way.bias_c + j, m);
            s.emit(r, j, load(o + j, m) * tanh(v), m);
        });
    }

    static void backward(Backward<R>& s) {
        s.gather();
        const int64_t h = s.hidden();
        const R* peephole = s.way.weight_ch;
        const bool normal = s.way.gain_c, apart = s.apart();
        const V<R> limit = fill(R(s.layer.clip));
        const V<R> low = sigmoid(-limit), high = sigmoid(limit), low_g = tanh(-limit), high_g = tanh(limit);
        R* d_peephole = peephole ? s.way.d_weight_ch + s.slot * 3 * h : nullptr;
        for (int64_t r = 0; r < s.n; ++r) {
            const R* a = s.packed(static_cast<const R*>(s.way.gates), r, 4 * h);
            const R* before = s.cell_before(1, r);
            R* dh = s.gradient()[r];
            R* dc = s.d_state[1][r];
            R* out = s.d_gates(r);
            R* product = s.d_product(r);
            const R* zone = s.way.zone_c ? s.packed(s.way.zone_c, r, h) : nullptr;
            const R* d_cells = s.way.d_cells ? s.packed(s.way.d_cells, r, s.layer.cells_stride) : nullptr;
            // With layer norm: d_c through N(c~), and tanh of what came out of it.
            R* through = normal ? s.share[r] : nullptr;
            if (normal) unnormalised(s, a, before, dh, out + 3 * h, through);
            each_vector<R>(h, [&](int64_t j, auto m) {
                const V<R> i = load(a + j, m), f = load(a + h + j, m), g = load(a + 2 * h + j, m);
                const V<R> o = load(a + 3 * h + j, m), c_before = load(before + j, m);
                V<R> d_o, d_c;
                if (normal) {
                    d_o = load(out + 3 * h + j, m);
                    d_c = load(through + j, m);
                } else {
                    const V<R> d = load(dh + j, m), squashed = tanh(f * c_before + i * g);
                    d_o = d * squashed;
                    d_c = d * o * (R(1) - squashed * squashed);
                }
                d_o = s.passing(d_o * o * (R(1) - o), o, low, high);
                V<R> carried = load(dc + j, m);
                if (d_cells) carried += load(d_cells + j, m);
                V<R> d_before{};
                if (zone) {
                    const V<R> z = load(zone + j, m);
                    d_before = z * carried;
                    carried = (R(1) - z) * carried;
                }
                d_c += carried;
                if (peephole) d_c += d_o * load(peephole + 2 * h + j, m);
                const V<R> d_i = s.passing(d_c * g * i * (R(1) - i), i, low, high);
                const V<R> d_f = s.passing(d_c * c_before * f * (R(1) - f), f, low, high);
                const V<R> d_g = s.passing(d_c * i * (R(1) - g * g), g, low_g, high_g);
                d_before += d_c * f;
                if (peephole) {
                    d_before += d_i * load(peephole + j, m) + d_f * load(peephole + h + j, m);
                    add(d_peephole + j, d_i * c_before, m);
                    add(d_peephole + h + j, d_f * c_before, m);
                    add(d_peephole + 2 * h + j, d_o * (f * c_before + i * g), m);
                }
                store(dc + j, d_before, m);
                store_gates(out + j, h, d_i, d_f, d_g, d_o, m);
                if (apart) store_gates(product + j, h, d_i, d_f, d_g, d_o, m);
            });
        }
        if (apart) s.unnormalise();
        s.recur(s.prepared.all, s.way.zone_h);
    }

    template <class N>
    static void store_gates(R* to, int64_t h, V<R> i, V<R> f, V<R> g, V<R> o, N m) {
        store(to, i, m);
        store(to + h, f, m);
        store(to + 2 * h, g, m);
        store(to + 3 * h, o, m);
    }

    template <class N>
    static void add(R* to, V<R> v, N m) {
        store(to, load(to, m) + v, m);
    }

    // h~ = o tanh(v), v = gain N(c~) + bias: writes what reaches o into d_o and what reaches c~ into
    // through; dh is used up.
    static void unnormalised(Backward<R>& s, const R* a, const R* before, R* dh, R* d_o, R* through) {
        const int64_t h = s.hidden();
        const R *gain = s.way.gain_c, *bias = s.way.bias_c;
        R* d_gain = s.way.d_gain_c + s.slot * h;
        R* d_bias = bias ? s.way.d_bias_c + s.slot * h : nullptr;
        each_vector<R>(h, [&](int64_t j, auto m) {
            store(through + j, load(a + h + j, m) * load(before + j, m) + load(a + j, m) * load(a + 2 * h + j, m), m);
        });
        const auto [mean, scale] = moments(static_cast<const R*>(through), h);
        V<R> total{}, aligned{};
        each_vector<R>(h, [&, mean = mean, scale = scale](int64_t j, auto m) {
            const V<R> x = (load(through + j, m) - mean) * scale, g = load(gain + j, m), d = load(dh + j, m);
            const V<R> squashed = tanh(bias ? g * x + load(bias + j, m) : g * x);
            const V<R> d_v = d * load(a + 3 * h + j, m) * (R(1) - squashed * squashed);
            store(d_o + j, d * squashed, m);
            add(d_gain + j, d_v * x, m);
            if (bias) add(d_bias + j, d_v, m);
            // Lanes past the row's end hold g = 0 and add nothing.
            store(dh + j, d_v * g, m);
            total += d_v * g;
            aligned += d_v * g * x;
        });
        const R middle = sum(total) / R(h), slope = sum(aligned) / R(h);
        each_vector<R>(h, [&, mean = mean, scale = scale](int64_t j, auto m) {
            const V<R> x = (load(through + j, m) - mean) * scale;
            store(through + j, scale * (load(dh + j, m) - middle - x * slope), m);
        });
    }
};

}  // namespace
}  // namespace elman

ELMAN_RECURRENCE(lstm, elman::Lstm)
