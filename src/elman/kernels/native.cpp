// What library.py asks of a native library before any kernel runs.
#include "parallel.h"

elman::ParallelFor elman::parallel_for = nullptr;

extern "C" {

// The number library.py expects: one more on both sides whenever a function of the libraries changes its arguments.
int elman_abi() { return 3; }

void elman_set_parallel(void* torch_parallel_for) {
    elman::parallel_for = reinterpret_cast<elman::ParallelFor>(torch_parallel_for);
}

}  // extern "C"
