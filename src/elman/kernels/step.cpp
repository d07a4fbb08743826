// One time step through a stack of layers, for streams: weights are laid out once and states kept between the calls.
//
// A stepper of streams has room for more states than it steps at a time: each call names the rows of h and c that step.
#include <deque>

#include "gemv.h"
#include "recurrence.h"

// The cells themselves, without the entry points of their pages.
#undef ELMAN_RECURRENCE
#define ELMAN_RECURRENCE(name, Cell)
#include "gru/cpu.cpp"
#include "lstm/cpu.cpp"
#include "rnn/cpu.cpp"

namespace elman {
namespace {

// One layer as stepper.py hands it over, which mirrors this field by field; a pointer is null for what there is not.
template <class R>
struct Given {
    int64_t rows, inputs, hidden, outputs;
    int64_t activation, reset_before;  // as in Layer
    int64_t residual;                  // whether x is added to what the layer hands on
    double clip;                       // 0 for none
    // read here
    const R* weight_ih;  // (G*H, F)
    const R* weight_hh;  // (G*H, P)
    const R* weight_hr;  // (P, H)
    // read at every step
    const R* bias_ih;    // (G*H)
    const R* bias_hh;    // (G*H)
    const R* weight_ch;  // (3, H)
    const R* gain_ih;    // (G*H)
    const R* gain_hh;    // (G*H)
    const R* gain_c;     // (H)
    const R* bias_c;     // (H)
    const R* zone_h;     // (B, P)
    const R* zone_c;     // (B, H)
    // states, read by load and written by save, and the layer's output
    R* h;  // (B, P), of streams (S, P)
    R* c;  // (B, H), of streams (S, H)
    R* y;  // (B, P)
};

// a (n, K) to W a + b (n, N), n at most `most`.
template <class R>
class Affine {
public:
    Affine(int64_t most, const R* w, int64_t inner, int64_t columns, const R* bias) : most_(most), bias_(bias) {
        if (most == 1)
            one_ = Columns<R>(w, inner, columns, 1, inner);
        else
            many_ = Panels<R>(w, inner, columns, 1, inner);
    }

    void operator()(int64_t n, const R* a, int64_t a_stride, R* c, int64_t c_stride, bool backward = false) const {
        const Start start = bias_ ? Start::bias : Start::zero;
        if (most_ == 1)
            multiply(a, one_, c, start, bias_, backward);
        else
            multiply(n, a, a_stride, many_, c, c_stride, start, bias_);
    }

private:
    int64_t most_;
    const R* bias_;
    Columns<R> one_;
    Panels<R> many_;
};

// One layer: `input` and `recur`, in either order, then `finish`.
template <class R>
class Stage {
public:
    Stage(int64_t operation, const Given<R>& given)
        : given_(given), width_(gate_counts[operation] * given.hidden), cell_(cells[operation]),
          input_(given.rows, given.weight_ih, given.inputs, width_, given.gain_ih ? nullptr : given.bias_ih),
          recurrent_(given.rows, given.weight_hh, given.outputs, given.reset_before ? 2 * given.hidden : width_,
                     given.gain_hh ? nullptr : given.bias_hh),
          gates_(given.rows * width_), own_(given.rows * given.outputs),
          layer_(layer(given, gates_.get(), given.residual ? own_.get() : given.y)),
          prepared_(layer_, layer_.way[0], gate_counts[operation], false),
          pass_(Task<R>{layer_, layer_.way[0], prepared_, gate_counts[operation], 0, 0, given.rows}) {
        pass_.n = given.rows;
        // The cell finds its first product made, and makes no other in its place.
        prepared_.all.parts.clear();
        prepared_.gates.parts.clear();
    }
    Stage(const Stage&) = delete;  // pass_ refers to its neighbours

    // From x (B, F).
    void input(const R* x, bool backward) {
        R* gates = gates_.get();
        input_(pass_.n, x, given_.inputs, gates, width_, backward);
        if (given_.gain_ih)
            for (int64_t r = 0; r < pass_.n; ++r)
                normalise<R>(gates + r * width_, width_, given_.gain_ih, given_.bias_ih, nullptr);
    }

    // From the state.
    void recur(bool backward) {
        const Rows<R>&h = pass_.state[0], &product = pass_.product;
        recurrent_(pass_.n, h[0], h.stride, product[0], product.stride, backward);
    }

    // Gives y (B, P).
    const R* finish(const R* x) {
        cell_(pass_);
        const R* own = own_.get();
        if (given_.residual)
            each_vector<R>(pass_.n * given_.outputs,
                           [&](int64_t j, auto m) { store(given_.y + j, load(x + j, m) + load(own + j, m), m); });
        return given_.y;
    }

    void load_state() {
        pass_.state[0].take(given_.h, 0, given_.rows, given_.outputs);
        if (given_.c) pass_.state[1].take(given_.c, 0, given_.rows, given_.hidden);
    }
    void save_state() { pass_.finish(); }

    // The states of n streams, those at these rows of h and c.
    void load_state(int64_t n, const int64_t* at) {
        pass_.n = n;
        for (int64_t r = 0; r < n; ++r) {
            std::copy_n(given_.h + at[r] * given_.outputs, given_.outputs, pass_.state[0][r]);
            if (given_.c) std::copy_n(given_.c + at[r] * given_.hidden, given_.hidden, pass_.state[1][r]);
        }
    }
    void save_state(int64_t n, const int64_t* at) {
        for (int64_t r = 0; r < n; ++r) {
            std::copy_n(pass_.state[0][r], given_.outputs, given_.h + at[r] * given_.outputs);
            if (given_.c) std::copy_n(pass_.state[1][r], given_.hidden, given_.c + at[r] * given_.hidden);
        }
    }

private:
    static constexpr int64_t gate_counts[] = {Rnn<R>::gates, Lstm<R>::gates, Gru<R>::gates};
    static constexpr void (*cells[])(Forward<R>&) = {Rnn<R>::forward, Lstm<R>::forward, Gru<R>::forward};

    static Layer<R> layer(const Given<R>& given, R* gates, R* y) {
        Layer<R> layer{};
        layer.steps = layer.ways = layer.tasks = layer.heads = 1;
        layer.rows = given.rows, layer.hidden = given.hidden, layer.outputs = layer.y_stride = given.outputs;
        layer.activation = given.activation, layer.reset_before = given.reset_before, layer.clip = given.clip;
        Way<R>& way = layer.way[0];
        way.weight_hh = given.weight_hh, way.weight_hr = given.weight_hr, way.weight_ch = given.weight_ch;
        way.bias_hh = given.bias_hh, way.gain_hh = given.gain_hh, way.gain_c = given.gain_c, way.bias_c = given.bias_c;
        way.zone_h = given.zone_h, way.zone_c = given.zone_c;
        way.first[0] = way.last[0] = given.h;
        way.first[1] = way.last[1] = given.c;
        way.gates = gates, way.y = y;
        return layer;
    }

    const Given<R> given_;
    const int64_t width_;
    void (*const cell_)(Forward<R>&);
    const Affine<R> input_, recurrent_;
    Buffer<R> gates_;  // (B, G*H)
    Buffer<R> own_;    // (B, P): what the cell gives where x is added to it; x may lie where y goes
    const Layer<R> layer_;
    Prepared<R> prepared_;
    Forward<R> pass_;
};

template <class R>
class Stepper {
public:
    Stepper(int64_t operation, int64_t layers, const Given<R>* given) {
        for (int64_t l = 0; l < layers; ++l) stages.emplace_back(operation, given[l]);
    }

    // Weights that do not fit the cache would all be fetched anew if each step went the same way through them. So every
    // other step goes back the way that the last one came, as far as the layers allow: h_{t-1} is known in all of them.
    void step(const R* x) {
        if (back_)
            for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) stage->recur(true);
        for (Stage<R>& stage : stages) {
            stage.input(x, back_);
            if (!back_) stage.recur(false);
            x = stage.finish(x);
        }
        back_ = !back_;
    }

    // x (n, F) of the streams whose states lie at these rows.
    void step_at(int64_t n, const int64_t* at, const R* x) {
        for (Stage<R>& stage : stages) stage.load_state(n, at);
        step(x);
        for (Stage<R>& stage : stages) stage.save_state(n, at);
    }

    std::deque<Stage<R>> stages;

private:
    bool back_ = false;
};

}  // namespace
}  // namespace elman

// operation: 0 rnn, 1 lstm, 2 gru. open gives null where memory runs out; step leaves its result in the last layer's y.
// An affine is what stands behind a stack: a head, whose rows do not depend on each other either.
#define ELMAN_STEPPER(R, suffix)                                                                        \
    extern "C" {                                                                                        \
    void* elman_stepper_open_##suffix(int64_t operation, int64_t layers, const elman::Given<R>* given) {\
        try {                                                                                           \
            return new elman::Stepper<R>(operation, layers, given);                                     \
        } catch (const std::bad_alloc&) {                                                               \
            return nullptr;                                                                             \
        }                                                                                               \
    }                                                                                                   \
    void elman_stepper_step_##suffix(elman::Stepper<R>* stepper, const R* x) { stepper->step(x); }      \
    void elman_stepper_step_at_##suffix(elman::Stepper<R>* stepper, int64_t n, const int64_t* at, const R* x) { \
        stepper->step_at(n, at, x);                                                                     \
    }                                                                                                   \
    void elman_stepper_load_##suffix(elman::Stepper<R>* stepper) {                                      \
        for (auto& stage : stepper->stages) stage.load_state();                                         \
    }                                                                                                   \
    void elman_stepper_save_##suffix(elman::Stepper<R>* stepper) {                                      \
        for (auto& stage : stepper->stages) stage.save_state();                                         \
    }                                                                                                   \
    void elman_stepper_close_##suffix(elman::Stepper<R>* stepper) { delete stepper; }                   \
    void* elman_affine_open_##suffix(int64_t most, const R* w, int64_t inner, int64_t columns, const R* bias) { \
        try {                                                                                           \
            return new elman::Affine<R>(most, w, inner, columns, bias);                                 \
        } catch (const std::bad_alloc&) {                                                               \
            return nullptr;                                                                             \
        }                                                                                               \
    }                                                                                                   \
    void elman_affine_run_##suffix(const elman::Affine<R>* affine, int64_t n, const R* a, int64_t a_stride, R* c, int64_t c_stride) { \
        (*affine)(n, a, a_stride, c, c_stride);                                                         \
    }                                                                                                   \
    void elman_affine_close_##suffix(elman::Affine<R>* affine) { delete affine; }                       \
    }

ELMAN_STEPPER(float, f32)
ELMAN_STEPPER(double, f64)
