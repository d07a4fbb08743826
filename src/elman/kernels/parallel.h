// Tasks on torch's own threads: torch.set_num_threads rules here too, and no second thread pool competes with torch's.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace elman {

// torch_parallel_for of torch's stable C interface: 0 when body ran over all of [begin, end).
using ParallelFor = int (*)(int64_t begin, int64_t end, int64_t grain, void (*body)(int64_t, int64_t, void*),
                            void* context);

extern ParallelFor parallel_for;  // null until library.py hands it over

// Runs f(task) once for each task in [0, tasks), in any order and on any thread; returns when all are done.
// f must not throw: as elsewhere in code called from C, an exception ends the process.
template <class F>
void parallel(int64_t tasks, F&& f) {
    auto body = [](int64_t begin, int64_t end, void* context) {
        F& run = *static_cast<std::remove_reference_t<F>*>(context);
        for (int64_t task = begin; task < end; ++task) run(task);
    };
    void* context = const_cast<void*>(static_cast<const void*>(&f));
    if (parallel_for == nullptr || tasks <= 1) {
        body(0, tasks, context);
    } else if (parallel_for(0, tasks, 1, body, context) != 0) {
        // Some tasks ran and some did not, so neither going on nor running them again would be right.
        std::fputs("elman: torch_parallel_for failed in a native kernel, as an exception in it would cause\n", stderr);
        std::abort();
    }
}

}  // namespace elman
