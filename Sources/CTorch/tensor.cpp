// Handles: life, metadata, bytes in and out; generators.
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>

#include "include/CTorch.h"
#include "support.h"

using namespace ctorch;

void ct_tensor_free(ct_tensor tensor) { delete reinterpret_cast<at::Tensor *>(tensor); }
void ct_tensor_list_free(ct_tensor *list) { delete[] list; }

int32_t ct_tensor_from_bytes(const void *bytes, size_t count, const int64_t *shape, size_t rank, int32_t dtype,
                             ct_tensor *result) {
  return guarded([&] {
    auto tensor = at::empty(at::IntArrayRef(shape, rank), at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)));
    TORCH_CHECK(tensor.nbytes() == count, "shape ", tensor.sizes(), " of ", tensor.dtype(), " takes ", tensor.nbytes(),
                " bytes, not ", count);
    if (count) std::memcpy(tensor.mutable_data_ptr(), bytes, count);
    *result = own(std::move(tensor));
  });
}

int32_t ct_tensor_from_mapping(void *bytes, const int64_t *shape, size_t rank, int32_t dtype, void *context,
                               void (*release)(void *context), ct_tensor *result) {
  return guarded([&] {
    *result = own(at::from_blob(
        bytes, at::IntArrayRef(shape, rank), [context, release](void *) { release(context); },
        at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype))));
  });
}

int32_t ct_tensor_copy_bytes(ct_tensor tensor, void *bytes, size_t count) {
  return guarded([&] {
    auto source = ref(tensor).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(source.nbytes() == count, "the tensor holds ", source.nbytes(), " bytes, not ", count);
    if (count) std::memcpy(bytes, source.const_data_ptr(), count);
  });
}

int32_t ct_tensor_data(ct_tensor tensor, void **result) {
  return guarded([&] {
    TORCH_CHECK(ref(tensor).is_cpu() && ref(tensor).is_contiguous(), "direct access needs a contiguous CPU tensor");
    *result = ref(tensor).data_ptr();
  });
}

int64_t ct_tensor_rank(ct_tensor tensor) { return ref(tensor).dim(); }
void ct_tensor_sizes(ct_tensor tensor, int64_t *sizes) {
  auto s = ref(tensor).sizes();
  std::copy(s.begin(), s.end(), sizes);
}
void ct_tensor_strides(ct_tensor tensor, int64_t *strides) {
  auto s = ref(tensor).strides();
  std::copy(s.begin(), s.end(), strides);
}
int64_t ct_tensor_count(ct_tensor tensor) { return ref(tensor).numel(); }
int32_t ct_tensor_dtype(ct_tensor tensor) { return static_cast<int32_t>(ref(tensor).scalar_type()); }
bool ct_tensor_defined(ct_tensor tensor) { return ref(tensor).defined(); }
int32_t ct_tensor_device(ct_tensor tensor, char *text, size_t capacity) {
  return guarded([&] { std::strncpy(text, ref(tensor).device().str().c_str(), capacity); });
}

int32_t ct_generator_new(uint64_t seed, const char *device, ct_generator *result) {
  return guarded([&] {
    at::Device where{std::string(device)};
    auto generator = where.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                    : at::globalContext().defaultGenerator(where).clone();
    generator.set_current_seed(seed);
    *result = reinterpret_cast<ct_generator>(new at::Generator(generator));
  });
}
void ct_generator_free(ct_generator generator) { delete reinterpret_cast<at::Generator *>(generator); }
int32_t ct_generator_state(ct_generator generator, ct_tensor *result) {
  return guarded([&] { *result = own(reinterpret_cast<at::Generator *>(generator)->get_state()); });
}
int32_t ct_generator_set_state(ct_generator generator, ct_tensor state) {
  return guarded([&] { reinterpret_cast<at::Generator *>(generator)->set_state(ref(state)); });
}
