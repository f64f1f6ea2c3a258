// Loops over several threads.
#pragma once
#include <c10/util/FunctionRef.h>

#include <cstdint>

namespace perennial {

/// Calls `body(begin, end)` for parts of 0..<count, on the threads that libtorch's own operators use and split as they
/// split: into no more parts than there are times `grain` items. `body` must not throw.
///
/// In place of `at::parallel_for`, a template that only runs in parallel where the compiler that sees it speaks the OpenMP
/// of libtorch. Clang, with which SwiftPM compiles, does not speak GNU's, and then the template is a plain loop.
void inParallel(int64_t count, int64_t grain, c10::function_ref<void(int64_t begin, int64_t end)> body);

/// How many threads `inParallel` uses for a loop that is long enough.
int64_t parallelThreads();

}  // namespace perennial
