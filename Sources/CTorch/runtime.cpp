#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/version.h>

#include <cstring>
#ifdef __GLIBC__
#include <dlfcn.h>
#include <malloc.h>
#endif

#include "include/CTorch.h"
#include "support.h"

using namespace ctorch;

const char *ct_version(void) { return TORCH_VERSION; }
int32_t ct_configuration(char *text, size_t capacity) {
  return guarded([&] {
    std::strncpy(text, (at::show_config() + at::get_parallel_info()).c_str(), capacity - 1);
    text[capacity - 1] = 0;
  });
}
int32_t ct_threads(void) { return at::get_num_threads(); }
void ct_set_threads(int32_t count) { at::set_num_threads(count); }

// A training step frees and takes the same megabytes again: handing them back to the kernel in between costs a page
// fault for every 4 KiB. Keep them.
void ct_tune_allocator(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

// CUDA registers itself with libtorch when its library is loaded, so one binary serves both.
static void loadCUDA() {
#ifdef __GLIBC__
  static bool once = [] { return dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr; }();
  (void)once;
#endif
}
int32_t ct_cuda_device_count(void) {
  loadCUDA();
  int32_t count = 0;
  guarded([&] { count = at::hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0; });
  return count;
}
int32_t ct_cuda_synchronize(void) {
  return guarded([&] {
    if (at::hasCUDA()) at::detail::getCUDAHooks().deviceSynchronize(at::detail::getCUDAHooks().getCurrentDevice());
  });
}
bool ct_has_onednn(void) { return at::hasMKLDNN(); }

int32_t ct_script_load(const char *path, const char *device, int32_t dtype, ct_script *result) {
  return guarded([&] {
    auto module = torch::jit::load(std::string(path));
    module.eval();
    module.to(at::Device(device), static_cast<at::ScalarType>(dtype));
    for (auto parameter : module.parameters()) parameter.set_requires_grad(false);
    *result = reinterpret_cast<ct_script>(new torch::jit::Module(std::move(module)));
  });
}
void ct_script_free(ct_script script) { delete reinterpret_cast<torch::jit::Module *>(script); }
int32_t ct_script_forward(ct_script script, ct_tensor input, ct_tensor *result) {
  return guarded([&] {
    *result = own(reinterpret_cast<torch::jit::Module *>(script)->forward({ref(input)}).toTensor());
  });
}
