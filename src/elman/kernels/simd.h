// Vectors as wide as the registers this library is compiled for; + - * / and comparisons are the compiler's own.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace elman {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class R>
struct Vector;

template <>
struct Vector<float> {
    using Bits = int32_t;
    typedef float type __attribute__((vector_size(vector_bytes)));
    typedef int32_t mask __attribute__((vector_size(vector_bytes)));
};

template <>
struct Vector<double> {
    using Bits = int64_t;
    typedef double type __attribute__((vector_size(vector_bytes)));
    typedef int64_t mask __attribute__((vector_size(vector_bytes)));
};

template <class R>
using V = typename Vector<R>::type;

// What a comparison of two V<R> gives: all bits set where it holds. Also the integers that V<R>'s bits spell.
template <class R>
using M = typename Vector<R>::mask;

template <class R>
constexpr int lanes = vector_bytes / int(sizeof(R));

template <class R>
inline V<R> fill(R value) {
    return V<R>{} + value;
}

template <class R>
inline V<R> load(const R* from) {
    V<R> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class R>
inline void store(R* to, V<R> v) {
    std::memcpy(to, &v, sizeof v);
}

// load(from, n) takes the first n lanes, 0 <= n <= lanes, and zeros for the others; store(to, v, n) writes only n.
// max and min give their second argument where either is NaN, so that max(limit, x) lets NaN through.

#if defined(__AVX512F__)

inline V<float> load(const float* from, int n) { return _mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), from); }
inline V<double> load(const double* from, int n) { return _mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), from); }
inline void store(float* to, V<float> v, int n) { _mm512_mask_storeu_ps(to, __mmask16((1u << n) - 1), v); }
inline void store(double* to, V<double> v, int n) { _mm512_mask_storeu_pd(to, __mmask8((1u << n) - 1), v); }

// The masked forms, with every lane on, because GCC 12 warns of its own header where it leaves lanes undefined.
inline V<float> sqrt(V<float> v) { return _mm512_maskz_sqrt_ps(__mmask16(-1), v); }
inline V<double> sqrt(V<double> v) { return _mm512_maskz_sqrt_pd(__mmask8(-1), v); }
inline V<float> max(V<float> a, V<float> b) { return _mm512_maskz_max_ps(__mmask16(-1), a, b); }
inline V<double> max(V<double> a, V<double> b) { return _mm512_maskz_max_pd(__mmask8(-1), a, b); }
inline V<float> min(V<float> a, V<float> b) { return _mm512_maskz_min_ps(__mmask16(-1), a, b); }
inline V<double> min(V<double> a, V<double> b) { return _mm512_maskz_min_pd(__mmask8(-1), a, b); }

#elif defined(__AVX2__)

inline M<float> first(float, int n) { return n > M<float>{0, 1, 2, 3, 4, 5, 6, 7}; }
inline M<double> first(double, int n) { return n > M<double>{0, 1, 2, 3}; }
inline V<float> load(const float* from, int n) { return _mm256_maskload_ps(from, (__m256i)first(0.0f, n)); }
inline V<double> load(const double* from, int n) { return _mm256_maskload_pd(from, (__m256i)first(0.0, n)); }
inline void store(float* to, V<float> v, int n) { _mm256_maskstore_ps(to, (__m256i)first(0.0f, n), v); }
inline void store(double* to, V<double> v, int n) { _mm256_maskstore_pd(to, (__m256i)first(0.0, n), v); }

inline V<float> sqrt(V<float> v) { return _mm256_sqrt_ps(v); }
inline V<double> sqrt(V<double> v) { return _mm256_sqrt_pd(v); }
inline V<float> max(V<float> a, V<float> b) { return _mm256_max_ps(a, b); }
inline V<double> max(V<double> a, V<double> b) { return _mm256_max_pd(a, b); }
inline V<float> min(V<float> a, V<float> b) { return _mm256_min_ps(a, b); }
inline V<double> min(V<double> a, V<double> b) { return _mm256_min_pd(a, b); }

#else

template <class R>
inline V<R> load(const R* from, int n) {
    V<R> v{};
    for (int i = 0; i < n; ++i) v[i] = from[i];
    return v;
}

template <class R>
inline void store(R* to, V<R> v, int n) {
    for (int i = 0; i < n; ++i) to[i] = v[i];
}

template <class W>
inline W sqrt(W v) {
    for (int i = 0; i < int(sizeof v / sizeof v[0]); ++i) v[i] = std::sqrt(v[i]);
    return v;
}

template <class W>
inline W max(W a, W b) {
    return a > b ? a : b;
}

template <class W>
inline W min(W a, W b) {
    return a < b ? a : b;
}

#endif

// Halves are added to halves: the order of the additions depends on nothing but the width.
template <class R, int n>
inline R sum_halves(const R* v) {
    if constexpr (n == 1) {
        return v[0];
    } else {
        typedef R Half __attribute__((vector_size(n / 2 * sizeof(R))));
        Half low, high;
        std::memcpy(&low, v, sizeof low);
        std::memcpy(&high, v + n / 2, sizeof high);
        low += high;
        return sum_halves<R, n / 2>(reinterpret_cast<const R*>(&low));
    }
}

inline float sum(V<float> v) { return sum_halves<float, lanes<float>>(reinterpret_cast<const float*>(&v)); }
inline double sum(V<double> v) { return sum_halves<double, lanes<double>>(reinterpret_cast<const double*>(&v)); }

// Writes past the caches, for results larger than they are: `to` aligned to vector_bytes, and stream_done() at the end,
// before another thread reads them.
template <class R>
inline void stream(R* to, V<R> v) {
#if defined(__AVX512F__)
    _mm512_stream_pd(reinterpret_cast<double*>(to), (__m512d)v);
#elif defined(__AVX2__)
    _mm256_stream_pd(reinterpret_cast<double*>(to), (__m256d)v);
#elif defined(__SSE2__)
    _mm_stream_pd(reinterpret_cast<double*>(to), (__m128d)v);
#else
    store(to, v);
#endif
}

inline void stream_done() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

template <class W, class K>
inline W select(K mask, W where, W otherwise) {
    return mask ? where : otherwise;
}

}  // namespace elman
