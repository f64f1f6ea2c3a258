#include "parallel.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>

#include "include/CTorch.h"

namespace perennial {
namespace {

/// What libtorch's OpenMP offers to GNU's compiler; null where it is one that offers nothing to it.
struct OpenMP {
  void (*run)(void (*body)(void *), void *context, unsigned threads, unsigned flags);
  int (*thread)();
  int (*threads)();

  static const OpenMP &shared() {
    static const OpenMP found{find<decltype(run)>("GOMP_parallel"), find<decltype(thread)>("omp_get_thread_num"),
                              find<decltype(threads)>("omp_get_num_threads")};
    return found;
  }

  bool isThere() const { return run && thread && threads; }

 private:
  template <typename Function> static Function find(const char *name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  }
};

struct Loop {
  c10::function_ref<void(int64_t, int64_t)> body;
  int64_t count, grain;

  /// The part of the calling thread.
  void runPart() const {
    auto &openMP = OpenMP::shared();
    int64_t parts = std::min<int64_t>(openMP.threads(), (count + grain - 1) / grain);
    int64_t length = (count + parts - 1) / parts, begin = openMP.thread() * length;
    if (begin < count) body(begin, std::min(count, begin + length));
  }
};

}  // namespace

void inParallel(int64_t count, int64_t grain, c10::function_ref<void(int64_t, int64_t)> body) {
  if (count <= 0) return;
  Loop loop{body, count, std::max<int64_t>(grain, 1)};
  if (count <= loop.grain || !OpenMP::shared().isThere() || at::in_parallel_region() || at::get_num_threads() == 1)
    return body(0, count);
  // No number of threads: GNU's OpenMP ends and starts threads when it changes between loops.
  OpenMP::shared().run([](void *loop) { static_cast<const Loop *>(loop)->runPart(); }, &loop, 0, 0);
}

int64_t parallelThreads() {
  std::atomic<int64_t> parts = 0;
  inParallel(1 << 20, 1, [&](int64_t, int64_t) { parts++; });
  return parts;
}

}  // namespace perennial

int32_t ct_loop_threads(void) { return static_cast<int32_t>(perennial::parallelThreads()); }
