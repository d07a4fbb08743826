// The products in bfloat16, their tiles filled and multiplied.
#include "amx.h"

#if defined(ELMAN_AMX)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace elman::amx {
namespace {

constexpr int64_t tile_rows = 16, tile_inner = 32, tile_size = tile_rows * tile_inner;

alignas(64) constexpr float zero[16] = {};

// So many tiles along k at once: a strip of a few rows then stays in the nearest cache.
constexpr int64_t slice_tiles = 32;

inline int64_t up(int64_t size, int64_t by) { return (size + by - 1) / by; }

// The instructions, by number of their registers: in assembly, because compilers take these only as literals.

template <int tile>
inline void load_tile(const void* from, int64_t stride_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride_bytes), "i"(tile) : "memory");
}

template <int tile>
inline void store_tile(void* to, int64_t stride_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride_bytes), "i"(tile) : "memory");
}

template <int sum, int a, int b>
inline void add_product() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sum), "i"(a), "i"(b));
}

// 32 numbers rounded to the nearest, ties to even.
inline __m512i rounded(V<float> first, V<float> second) {
    __m512i halves;
    asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(first), "v"(second));
    return halves;
}

inline V<float> load_up_to(const float* from, int64_t n) {
    return n >= lanes<float> ? load(from) : load(from, int(std::max<int64_t>(n, 0)));
}

template <class F, int... I>
inline void each(F&& f, std::integer_sequence<int, I...>) {
    (f(std::integral_constant<int, I>{}), ...);
}
template <int count, class F>
inline void each(F&& f) {
    each(f, std::make_integer_sequence<int, count>{});
}

thread_local Buffer<Half> room;
thread_local int64_t room_size = 0;

// Room for so many values, the thread's own until the next call.
Half* scratch(int64_t size) {
    if (size > room_size) {
        room = {};
        room = Buffer<Half>(size);
        room_size = size;
    }
    return room.get();
}

// A tile's 16 vectors from 16 rows of up to 32 neighbouring numbers.
inline void take_rows(const float* from, int64_t stride, int64_t rows, int64_t columns, V<float> (&tile)[tile_rows]) {
    for (int64_t i = 0; i < tile_rows; ++i) {
        const float* row = from + i * stride;
        tile[i] = i >= rows        ? V<float>{}
                  : columns >= 32 ? V<float>(rounded(load(row), load(row + 16)))
                                  : V<float>(rounded(load_up_to(row, columns),
                                                     columns > 16 ? load_up_to(row + 16, columns - 16) : V<float>{}));
    }
}

// A tile's 16 vectors from up to 32 rows, two by two: their numbers by turns.
inline void take_pairs(const float* from, int64_t stride, int64_t rows, int64_t columns, V<float> (&tile)[tile_rows]) {
    alignas(64) static constexpr int16_t by_turns[] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8,  24, 9,  25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i order = _mm512_load_si512(by_turns);
    for (int64_t i = 0; i < tile_rows; ++i) {
        const float* row = from + 2 * i * stride;
        const V<float> first = 2 * i < rows ? load_up_to(row, columns) : V<float>{};
        const V<float> second = 2 * i + 1 < rows ? load_up_to(row + stride, columns) : V<float>{};
        tile[i] = V<float>(_mm512_permutexvar_epi16(order, rounded(first, second)));
    }
}

// Lays out a matrix, M[k][n] = m[k * by_k + n * by_n], where one of by_k and by_n is 1: for the side
// where k's pairs lie in a row of a tile (`paired`, W's) or the rows' own k (A's).
inline void lay_out(const float* m, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n, bool paired, Half* to) {
    const bool along_k = by_k == 1;
    const int64_t strip = up(inner, tile_inner) * tile_size;
    auto fill = [&](int64_t k, int64_t n) {
        V<float> tile[tile_rows];
        const float* from = m + k * by_k + n * by_n;
        if (along_k)
            take_rows(from, by_n, columns - n, inner - k, tile);
        else
            take_pairs(from, by_k, inner - k, columns - n, tile);
        if (along_k == paired) transpose<float>(tile);
        float* into = reinterpret_cast<float*>(to + n / tile_rows * strip + k / tile_inner * tile_size);
        for (int64_t i = 0; i < tile_rows; ++i) store(into + i * 16, tile[i]);
    };
    // What lies side by side is read one after the other.
    if (along_k)
        for (int64_t n = 0; n < columns; n += tile_rows)
            for (int64_t k = 0; k < inner; k += tile_inner) fill(k, n);
    else
        for (int64_t k = 0; k < inner; k += tile_inner)
            for (int64_t n = 0; n < columns; n += tile_rows) fill(k, n);
}

inline int64_t laid_out(int64_t inner, int64_t columns) {
    return up(inner, tile_inner) * up(columns, tile_rows) * tile_size;
}

// M x N tiles of C, of which so many rows and columns are real, over `depth` tiles of k.
template <int M, int N>
void block(int64_t depth, const Half* a, int64_t a_strip, const Half* b, int64_t b_strip, float* c, int64_t c_stride,
           int64_t rows, int64_t columns, Start start, const float* bias) {
    alignas(64) float edge[M * 16][N * 16];
    alignas(64) float whole_bias[N * 16];
    const bool whole = rows >= M * 16 && columns >= N * 16;
    rows = std::min<int64_t>(rows, M * 16), columns = std::min<int64_t>(columns, N * 16);
    float* to = whole ? c : edge[0];
    const int64_t stride = whole ? c_stride : N * 16;
    if (start == Start::onto && !whole)
        for (int64_t r = 0; r < rows; ++r) std::copy_n(c + r * c_stride, columns, edge[r]);
    if (start == Start::bias && columns < N * 16) {
        std::fill_n(std::copy_n(bias, columns, whole_bias), N * 16 - columns, 0.0f);
        bias = whole_bias;
    }
    each<M>([&](auto m) {
        constexpr int i = m;
        each<N>([&](auto n) {
            const float* from = start == Start::onto   ? to + i * 16 * stride + n * 16
                                : start == Start::bias ? bias + n * 16
                                                       : zero;
            load_tile<i * N + n>(from, start == Start::onto ? stride * 4 : 0);
        });
    });
    for (int64_t k = 0; k < depth * tile_size; k += tile_size) {
        each<M>([&](auto m) { load_tile<4 + m>(a + m * a_strip + k, 64); });
        each<N>([&](auto n) {
            constexpr int j = n, w = 4 + M + j % (4 - M);
            load_tile<w>(b + j * b_strip + k, 64);
            each<M>([](auto m) { add_product<m * N + j, 4 + m, w>(); });
        });
    }
    each<M>([&](auto m) {
        constexpr int i = m;
        each<N>([&](auto n) { store_tile<i * N + n>(to + i * 16 * stride + n * 16, stride * 4); });
    });
    if (!whole)
        for (int64_t r = 0; r < rows; ++r) std::copy_n(edge[r], columns, c + r * c_stride);
}

// C from both operands laid out.
void product(int64_t rows, int64_t columns, int64_t inner, const Half* a, const Half* b, float* c, int64_t c_stride,
             Start start, const float* bias) {
    const int64_t depth = up(inner, tile_inner), strip = depth * tile_size;
    const int64_t slices = std::max<int64_t>(1, up(depth, slice_tiles));
    for (int64_t slice = 0; slice < slices; ++slice) {
        const int64_t k = slice * depth / slices, deep = (slice + 1) * depth / slices - k;
        auto run = [&](auto block, int64_t i, int64_t j) {
            block(deep, a + i / 16 * strip + k * tile_size, strip, b + j / 16 * strip + k * tile_size, strip,
                  c + i * c_stride + j, c_stride, rows - i, columns - j, slice == 0 ? start : Start::onto,
                  start == Start::bias ? bias + j : nullptr);
        };
        auto pair = [&](int64_t i, int64_t j) { columns - j > 16 ? run(block<2, 2>, i, j) : run(block<2, 1>, i, j); };
        auto single = [&](int64_t i, int64_t j) {
            switch (up(columns - j, 16)) {
                case 1: run(block<1, 1>, i, j); break;
                case 2: run(block<1, 2>, i, j); break;
                case 3: run(block<1, 3>, i, j); break;
                default: run(block<1, 4>, i, j);
            }
        };
        // The side with less to it stays in the nearest cache, and the other one passes.
        const int64_t paired = up(rows, 16) / 2 * 32;
        if (rows < columns) {
            for (int64_t j = 0; j < columns; j += 32)
                for (int64_t i = 0; i < paired; i += 32) pair(i, j);
        } else {
            for (int64_t i = 0; i < paired; i += 32)
                for (int64_t j = 0; j < columns; j += 32) pair(i, j);
        }
        if (paired < rows)
            for (int64_t j = 0; j < columns; j += 64) single(paired, j);
    }
}

bool asked() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24, avx512_bf16 = 1u << 5;
    if (!(d & amx_bf16) || !(d & amx_tile) || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & avx512_bf16))
        return false;
    // The tiles' state is large, and Linux saves it for those alone who asked: arch_prctl(ARCH_REQ_XCOMP_PERM, tiles).
    constexpr long request = 0x1023, tiles = 18;
    return syscall(SYS_arch_prctl, request, tiles) == 0;
}

}  // namespace

bool allowed() {
    static const bool answer = asked();
    return answer;
}

void begin() {
    struct alignas(64) {
        uint8_t palette = 1, start = 0, reserved[14] = {};
        uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } configuration;
    asm volatile("ldtilecfg %0" : : "m"(configuration));
}

void end() {
    asm volatile("tilerelease");
    room = {};
    room_size = 0;
}

Tiles::Tiles(const float* w, int64_t inner, int64_t columns, int64_t by_k, int64_t by_n)
    : inner_(inner), columns_(columns), data_(laid_out(inner, columns)) {
    lay_out(w, inner, columns, by_k, by_n, true, data_.get());
}

void multiply(int64_t rows, const float* a, int64_t a_stride, const Tiles& w, float* c, int64_t c_stride, Start start,
              const float* bias) {
    Half* left = scratch(laid_out(w.inner(), rows));
    lay_out(a, w.inner(), rows, 1, a_stride, false, left);
    product(rows, w.columns(), w.inner(), left, w.data(), c, c_stride, start, bias);
}

void outer(int64_t rows, const float* a, int64_t a_stride, int64_t width, const float* b, int64_t b_stride,
           int64_t columns, float* c, int64_t c_stride, bool onto) {
    const int64_t size = laid_out(rows, width);
    Half* left = scratch(size + laid_out(rows, columns));
    lay_out(a, rows, width, a_stride, 1, false, left);
    lay_out(b, rows, columns, b_stride, 1, true, left + size);
    product(width, columns, rows, left, left + size, c, c_stride, onto ? Start::onto : Start::zero, nullptr);
}

}  // namespace elman::amx

#endif
