// What every file of the shim shares: handles, conversions, and the one place that catches C++ exceptions.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/CPUGeneratorImpl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "include/ctorch_types.h"

namespace ctorch {

inline const at::Tensor &ref(ct_tensor t) { return *reinterpret_cast<const at::Tensor *>(t); }
inline at::Tensor &mut(const at::Tensor &t) { return const_cast<at::Tensor &>(t); }
inline ct_tensor own(at::Tensor t) { return reinterpret_cast<ct_tensor>(new at::Tensor(std::move(t))); }

inline std::optional<at::Tensor> maybe(ct_tensor t) {
  return t ? std::optional<at::Tensor>(ref(t)) : std::nullopt;
}
inline std::optional<double> maybe(const double *v) { return v ? std::optional<double>(*v) : std::nullopt; }
inline std::optional<int64_t> maybe(const int64_t *v) { return v ? std::optional<int64_t>(*v) : std::nullopt; }
inline std::optional<at::Generator> maybe(ct_generator g) {
  return g ? std::optional<at::Generator>(*reinterpret_cast<at::Generator *>(g)) : std::nullopt;
}
inline std::optional<at::Scalar> scalar(const std::optional<double> &v) {
  return v ? std::optional<at::Scalar>(*v) : std::nullopt;
}
inline at::Scalar scalar(ct_scalar s) { return s.is_integer ? at::Scalar(s.integer) : at::Scalar(s.floating); }

inline std::vector<at::Tensor> list(const ct_tensor *tensors, size_t count) {
  std::vector<at::Tensor> result;
  result.reserve(count);
  for (size_t i = 0; i < count; i++) result.push_back(ref(tensors[i]));
  return result;
}
inline at::TensorOptions options(at::ScalarType dtype, const std::string &device) {
  return at::TensorOptions().dtype(dtype).device(at::Device(device));
}

template <typename... Tensors>
void give(ct_tensor *result, Tensors &&...tensors) {
  (void)std::initializer_list<int>{(*result++ = own(tensors), 0)...};
}
inline void give(std::vector<at::Tensor> tensors, ct_tensor **result, size_t *count) {
  *count = tensors.size();
  *result = new ct_tensor[tensors.size()];
  for (size_t i = 0; i < tensors.size(); i++) (*result)[i] = own(std::move(tensors[i]));
}

/// Keeps the exception in flight as this thread's error; called inside a catch block.
void recordError() noexcept;

/// Adds to what `ct_count_begin` has this thread count: for products that libtorch does not see.
void countMultiplications(int64_t count);

template <typename Body>
int32_t guarded(Body &&body) noexcept {
  try {
    body();
    return 0;
  } catch (...) {
    recordError();
    return -1;
  }
}

}  // namespace ctorch
