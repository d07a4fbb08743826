// One step, forward and backward, of each recurrence whose units see only themselves; the reference of the same name
// in this folder is the definition. x holds the step's inputs, own what a unit keeps over time, h the state before
// the step.
#pragma once

#include "activations.h"

namespace elman {

// What a step passes back: to its inputs, to the state before it, and to what the unit keeps over time.
template <class R>
struct Back {
    V<R> x[3], h, own = V<R>{};
};

// h' = a h + b.
template <class R>
struct Linear {
    static constexpr int inputs = 2;
    static constexpr bool has_own = false, needs_output = false;
    static V<R> prepare(V<R> own) { return own; }
    static V<R> forward(const V<R>* x, V<R> h, V<R>) { return x[0] * h + x[1]; }
    static Back<R> backward(const V<R>* x, V<R> h, V<R>, V<R> grad, V<R>) {
        return {{grad * h, grad}, grad * x[0]};
    }
};

// h' = f(x + u h); the slope of f follows from h'.
template <class R>
struct IndTanh {
    static constexpr int inputs = 1;
    static constexpr bool has_own = true, needs_output = true;
    static V<R> prepare(V<R> u) { return u; }
    static V<R> finish(V<R> grad, V<R>) { return grad; }
    static V<R> forward(const V<R>* x, V<R> h, V<R> u) { return tanh(x[0] + u * h); }
    static Back<R> backward(const V<R>*, V<R> h, V<R> u, V<R> grad, V<R> output) {
        V<R> inside = grad * (R(1) - output * output);
        return {{inside}, inside * u, inside * h};
    }
};

template <class R>
struct IndRelu : IndTanh<R> {
    static V<R> forward(const V<R>* x, V<R> h, V<R> u) { return max(fill(R(0)), x[0] + u * h); }
    static Back<R> backward(const V<R>*, V<R> h, V<R> u, V<R> grad, V<R> output) {
        V<R> inside = select(output > R(0), grad, fill(R(0)));
        return {{inside}, inside * u, inside * h};
    }
};

// z = σ(x0), h' = (1 - z) h + z x1.
template <class R>
struct MinGru {
    static constexpr int inputs = 2;
    static constexpr bool has_own = false, needs_output = false;
    struct Gate {
        V<R> z, keep;
        explicit Gate(V<R> x) {
            V<R> e = exp_clamped<R>(-x);
            z = divide<R>(fill(R(1)), R(1) + e);
            keep = e * z;
        }
    };
    static V<R> prepare(V<R> own) { return own; }
    static V<R> forward(const V<R>* x, V<R> h, V<R>) {
        Gate gate(x[0]);
        return gate.keep * h + gate.z * x[1];
    }
    static Back<R> backward(const V<R>* x, V<R> h, V<R>, V<R> grad, V<R>) {
        Gate gate(x[0]);
        return {{grad * (x[1] - h) * (gate.z * gate.keep), grad * gate.z}, grad * gate.keep};
    }
};

// f = σ(x0), i = σ(x1), h' = (f h + i x2) / (f + i).
template <class R>
struct MinLstm {
    static constexpr int inputs = 3;
    static constexpr bool has_own = false, needs_output = false;
    struct Gates {
        V<R> f, i, one_minus_f, one_minus_i;  // f and i already divided by their sum
        Gates(V<R> xf, V<R> xi) {
            // 1/σ(x) = 1 + exp(-x), and both times exp(least), so that one of them is about 1 whatever the inputs.
            xf = max(fill(R(-1e30)), xf), xi = max(fill(R(-1e30)), xi);
            V<R> least = min(min(fill(R(0)), xf), xi), common = exp_clamped<R>(least);
            V<R> ef = exp_clamped<R>(least - xf), ei = exp_clamped<R>(least - xi);
            V<R> over_f = common + ef, over_i = common + ei, share = divide<R>(fill(R(1)), over_f + over_i);
            f = over_i * share, i = over_f * share;
            one_minus_f = divide<R>(ef, over_f), one_minus_i = divide<R>(ei, over_i);
        }
    };
    static V<R> prepare(V<R> own) { return own; }
    static V<R> forward(const V<R>* x, V<R> h, V<R>) {
        Gates gates(x[0], x[1]);
        return gates.f * h + gates.i * x[2];
    }
    static Back<R> backward(const V<R>* x, V<R> h, V<R>, V<R> grad, V<R>) {
        Gates gates(x[0], x[1]);
        V<R> odds = grad * (h - x[2]) * (gates.f * gates.i);
        return {{odds * gates.one_minus_f, -odds * gates.one_minus_i, grad * gates.i}, grad * gates.f};
    }
};

// w = k σ(x0), a = exp(w), h' = a h + sqrt(1 - a²) σ(x1) x2, with k = -8 softplus(Λ).
template <class R>
struct RgLru {
    static constexpr int inputs = 3;
    static constexpr bool has_own = true, needs_output = false;
    static constexpr R rate = 8;
    struct Gates {
        V<R> r, i, a, scale;
        Gates(const V<R>* x, V<R> k) : r(sigmoid(x[0])), i(sigmoid(x[1])) {
            V<R> below_one = expm1_clamped<R>(k * r);
            a = R(1) + below_one;
            scale = sqrt(-below_one * (R(1) + a));
        }
    };
    static V<R> prepare(V<R> decay) { return -rate * softplus(decay); }
    static V<R> finish(V<R> grad, V<R> decay) { return grad * -rate * sigmoid(decay); }
    static V<R> forward(const V<R>* x, V<R> h, V<R> k) {
        Gates gates(x, k);
        return gates.a * h + gates.scale * (gates.i * x[2]);
    }
    static Back<R> backward(const V<R>* x, V<R> h, V<R> k, V<R> grad, V<R>) {
        Gates gates(x, k);
        V<R> new_input = gates.i * x[2], to_input = grad * gates.scale;
        // A scale of 0 has no slope, and what the slope would be multiplied with is far smaller than the limit is.
        V<R> slope = divide<R>(gates.a * gates.a, max(fill(R(1e-20)), gates.scale));
        V<R> w = grad * (gates.a * h - new_input * slope);
        return {{w * k * (gates.r * (R(1) - gates.r)), to_input * x[2] * (gates.i * (R(1) - gates.i)),
                 to_input * gates.i},
                grad * gates.a, w * gates.r};
    }
};

}  // namespace elman
