// exp, sigmoid, tanh, softplus and log_sigmoid of whole vectors, by polynomials: no tables, no branches. NaN gives
// NaN. float and double are within 4 ulp of the true value, tanh and softplus near their zeros too. sigmoid is held
// to at least about exp(-86) in float and exp(-708) in double: never 0, never denormal.
#pragma once

#include "simd.h"

namespace elman {

template <class R>
struct Numbers;

// ln 2 is split so that n * ln2_high is exact. `round` is 1.5 * 2^mantissa plus the exponent's bias: a number added
// to it is rounded to an integer, which the lowest bits of the sum then spell, biased as an exponent is. expm1:
// (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2; atanh: 2 (atanh(s)/s - 1) / s^2 as a polynomial in s^2 for s <= 1/3.
// Both are Remez fits of least relative error, 0.2 ulp or less.
template <>
struct Numbers<float> {
    static constexpr float log2_e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr int mantissa = 23, bias = 127;
    static constexpr float round = 12582912.0f + bias;
    static constexpr float lowest = -104.0f, highest = 89.0f, normal = 86.0f, tanh_is_one = 20.0f;
    static constexpr float expm1[] = {0.50000000620427228f, 0.16666542792167922f, 0.041666281432790317f,
                                      0.0083666107824959442f, 0.0013946497246960898f};
    static constexpr float atanh[] = {0.66666675627514572f, 0.3999887719477643f, 0.2861690143825557f,
                                      0.21427460679370925f, 0.24301733414614766f};
};

template <>
struct Numbers<double> {
    static constexpr double log2_e = 1.4426950408889634, ln2_high = 0.693145751953125,
                            ln2_low = 1.4286068203094172e-6;
    static constexpr int mantissa = 52, bias = 1023;
    static constexpr double round = 6755399441055744.0 + bias;
    static constexpr double lowest = -746.0, highest = 710.0, normal = 708.0, tanh_is_one = 44.0;
    static constexpr double expm1[] = {0.50000000000000056,    0.16666666666666687,    0.041666666666573324,
                                       0.008333333333314525,   0.0013888888932484494,  0.00019841269903196117,
                                       2.4801504311654959e-5,  2.755722779199034e-6,   2.762638245071202e-7,
                                       2.5114527886374156e-8};
    static constexpr double atanh[] = {0.66666666666666389, 0.40000000000134482, 0.2857142855015989,
                                       0.22222223848839517, 0.18181747633945052, 0.15386489598185574,
                                       0.13301808571762823, 0.12100039860866065, 0.083645194731188851,
                                       0.16976418569362437};
};

template <class R, int n>
inline V<R> polynomial(V<R> x, const R (&coefficients)[n]) {
    V<R> sum = fill(coefficients[n - 1]);
    for (int k = n - 2; k >= 0; --k) sum = sum * x + coefficients[k];
    return sum;
}

// a / b for normal b below 2^126; a full division of 16 floats takes longer than the rest of a sigmoid.
template <class R>
inline V<R> divide(V<R> a, V<R> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(R) == 4) {
        V<R> guess = _mm512_maskz_rcp14_ps(__mmask16(-1), b), ratio = a * guess;
        return ratio + guess * (a - b * ratio);
    }
#endif
    return a / b;
}

// exp(x) = 2^n (1 + fraction), |fraction| <= sqrt(2) - 1; `exponent` holds n + bias in its lowest bits.
template <class R>
struct Split {
    V<R> n, fraction;
    M<R> exponent;
    // 2^n for n in the exponents of normal numbers.
    V<R> scale() const { return (V<R>)(exponent << Numbers<R>::mantissa); }
};

template <class R>
inline Split<R> split_exp(V<R> x) {
    using N = Numbers<R>;
    V<R> rounded = x * N::log2_e + N::round, n = rounded - N::round;
    V<R> r = (x - n * N::ln2_high) - n * N::ln2_low;
    return {n, r + r * r * polynomial<R>(r, N::expm1), (M<R>)rounded};
}

template <class R>
inline V<R> clamp(V<R> x, R lowest, R highest) {
    return min(fill(highest), max(fill(lowest), x));
}

inline V<float> times_power(V<float> x, const Split<float>& power) {
#if defined(__AVX512F__)
    return _mm512_maskz_scalef_ps(__mmask16(-1), x, power.n);
#else
    // In two steps, because 2^n itself may be beyond the numbers' range where x 2^n is not.
    M<float> n = (power.exponent & 0x3fffff) - 127, half = n >> 1;
    return x * (V<float>)((half + 127) << 23) * (V<float>)((n - half + 127) << 23);
#endif
}

inline V<double> times_power(V<double> x, const Split<double>& power) {
#if defined(__AVX512F__)
    return _mm512_maskz_scalef_pd(__mmask8(-1), x, power.n);
#else
    M<double> n = (power.exponent & 0x3fffffffffffff) - 1023, half = n >> 1;
    return x * (V<double>)((half + 1023) << 52) * (V<double>)((n - half + 1023) << 52);
#endif
}

// exp(x) over the whole range: denormal and 0 below, infinity above.
template <class R>
inline V<R> exp_of(V<R> x) {
    Split<R> power = split_exp<R>(clamp<R>(x, Numbers<R>::lowest, Numbers<R>::highest));
    return times_power(R(1) + power.fraction, power);
}

// exp(x) in fewer steps, x clamped to where exp(x) and 1 / exp(x) are normal numbers.
template <class R>
inline V<R> exp_clamped(V<R> x) {
    Split<R> power = split_exp<R>(clamp<R>(x, -Numbers<R>::normal, Numbers<R>::normal));
    V<R> scale = power.scale();
    return scale + scale * power.fraction;
}

template <class R>
inline V<R> sigmoid_of(V<R> x) {
    return divide<R>(fill(R(1)), R(1) + exp_clamped<R>(-x));
}

// exp(x) - 1 without cancellation near 0, x clamped to [-limit, limit].
template <class R>
inline V<R> expm1_clamped(V<R> x, R limit = Numbers<R>::normal) {
    Split<R> power = split_exp<R>(clamp<R>(x, -limit, limit));
    V<R> scale = power.scale();
    return scale * power.fraction + (scale - R(1));
}

// (exp(2x) - 1) / (exp(2x) + 1).
template <class R>
inline V<R> tanh_of(V<R> x) {
    V<R> expm1 = expm1_clamped<R>(x + x, Numbers<R>::tanh_is_one);
    return divide<R>(expm1, expm1 + R(2));
}

// log(1 + exp(x)) = max(x, 0) + log1p(u), u = exp(-|x|); log1p(u) = 2 atanh(u / (2 + u)).
template <class R>
inline V<R> softplus_of(V<R> x) {
    V<R> u = exp_of<R>(-max(-x, x)), s = divide<R>(u, R(2) + u), s2 = s * s;
    return max(fill(R(0)), x) + (s + s + s * s2 * polynomial<R>(s2, Numbers<R>::atanh));
}

inline V<float> exp(V<float> x) { return exp_of<float>(x); }
inline V<double> exp(V<double> x) { return exp_of<double>(x); }
inline V<float> sigmoid(V<float> x) { return sigmoid_of<float>(x); }
inline V<double> sigmoid(V<double> x) { return sigmoid_of<double>(x); }
inline V<float> tanh(V<float> x) { return tanh_of<float>(x); }
inline V<double> tanh(V<double> x) { return tanh_of<double>(x); }
inline V<float> softplus(V<float> x) { return softplus_of<float>(x); }
inline V<double> softplus(V<double> x) { return softplus_of<double>(x); }
inline V<float> log_sigmoid(V<float> x) { return -softplus(-x); }
inline V<double> log_sigmoid(V<double> x) { return -softplus(-x); }

}  // namespace elman
