// What library.py asks of a native library before any kernel runs.
#include "amx.h"
#include "parallel.h"

elman::ParallelFor elman::parallel_for = nullptr;

extern "C" {

// The number library.py expects: one more on both sides whenever a function of the libraries changes its arguments.
int elman_abi() { return 4; }

void elman_set_parallel(void* torch_parallel_for) {
    elman::parallel_for = reinterpret_cast<elman::ParallelFor>(torch_parallel_for);
}

// Whether a layer may be handed over with `half` set.
int elman_amx() {
    if constexpr (elman::amx::has<float>)
        return elman::amx::allowed();
    else
        return 0;
}

}  // extern "C"
