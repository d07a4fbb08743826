// The way through time that every gated cell shares: rows dealt to tasks, and each task through its pass. A cell adds the
// arithmetic of one step, forward and backward, for the rows that take it.
#pragma once

#include "backward.h"
#include "forward.h"
#include "parallel.h"

namespace elman {

// Deals every way's rows to layer.tasks tasks of about the same number of steps, and runs Cell in each.
template <class R, class Cell>
int run_layer(const Layer<R>& layer, bool backward) {
    try {
        std::vector<Prepared<R>> prepared;
        for (int64_t w = 0; w < layer.ways; ++w)
            prepared.emplace_back(layer, layer.way[w], Cell::gates, backward);

        std::vector<int64_t> cuts(size_t(layer.tasks) + 1, layer.rows);
        const int64_t total = layer.begin[layer.steps];
        int64_t row = 0, taken = 0;
        for (int64_t k = 0; k < layer.tasks; ++k) {
            cuts[size_t(k)] = row;
            while (row < layer.rows && taken * layer.tasks < (k + 1) * total) {
                // Rows are sorted, so a row's length is the first step that has no more rows than its place.
                const int64_t* end = std::partition_point(
                    layer.begin, layer.begin + layer.steps,
                    [&](const int64_t& b) { return (&b)[1] - b > row; });
                taken += end - layer.begin;
                ++row;
            }
        }
        cuts.back() = layer.rows;

        std::vector<char> failed(size_t(layer.ways * layer.tasks), 0);
        parallel(layer.ways * layer.tasks, [&](int64_t i) {
            const int64_t w = i / layer.tasks, k = i % layer.tasks;
            try {
                Task<R> task{layer, layer.way[w], prepared[size_t(w)], Cell::gates, k,
                             cuts[size_t(k)], cuts[size_t(k) + 1] - cuts[size_t(k)]};
                const Session<R> session(layer.half);
                if (backward) {
                    Backward<R> pass(task);
                    pass.over_time(true, [&] {
                        Cell::backward(pass);
                        pass.descend();
                        pass.weigh(false);
                    });
                    pass.finish();
                } else {
                    Forward<R> pass(task);
                    pass.over_time(false, [&] {
                        pass.ascend();
                        Cell::forward(pass);
                    });
                    pass.finish();
                }
            } catch (const std::bad_alloc&) {
                failed[size_t(i)] = 1;
            }
        });
        return int(std::count(failed.begin(), failed.end(), 1));
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

}  // namespace elman

// The four functions that Python calls for a cell; each gives 0, or 1 and more where memory ran out.
#define ELMAN_RECURRENCE(name, Cell)                                                               \
    extern "C" {                                                                                   \
    int elman_##name##_forward_f32(const elman::Layer<float>* layer) {                             \
        return elman::run_layer<float, Cell<float>>(*layer, false);                                \
    }                                                                                              \
    int elman_##name##_forward_f64(const elman::Layer<double>* layer) {                            \
        return elman::run_layer<double, Cell<double>>(*layer, false);                              \
    }                                                                                              \
    int elman_##name##_backward_f32(const elman::Layer<float>* layer) {                            \
        return elman::run_layer<float, Cell<float>>(*layer, true);                                 \
    }                                                                                              \
    int elman_##name##_backward_f64(const elman::Layer<double>* layer) {                           \
        return elman::run_layer<double, Cell<double>>(*layer, true);                               \
    }                                                                                              \
    }
