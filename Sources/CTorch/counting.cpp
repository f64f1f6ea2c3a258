// Multiplications of a piece of work, as libtorch's own observers see them: whatever calls the products is counted.
// libtorch was built with NDEBUG, which this header must know: without it, it looks for a member that is not there.
#ifndef NDEBUG
#define NDEBUG
#endif
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <string_view>

#include "include/CTorch.h"
#include "support.h"

namespace {

thread_local int64_t multiplications = 0;
thread_local at::CallbackHandle observer = at::INVALID_CALLBACK_HANDLE;

int64_t last(const at::Tensor &tensor) { return tensor.size(-1); }

// A weight of `[out, in / groups, …]` meets each place of the output once; of `[in, out / groups, …]`, transposed, each of
// the input.
int64_t ofConvolution(c10::ArrayRef<const c10::IValue> inputs) {
  const auto &input = inputs[0].toTensor(), &weight = inputs[1].toTensor();
  auto stride = inputs[3].toIntVector(), padding = inputs[4].toIntVector(), dilation = inputs[5].toIntVector();
  int64_t places = input.size(0);
  for (int64_t axis = 2; axis < input.dim(); ++axis) {
    auto at = [&](const std::vector<int64_t> &sizes) {
      return sizes[sizes.size() == 1 ? 0 : static_cast<size_t>(axis - 2)];
    };
    auto window = at(dilation) * (weight.size(axis) - 1) + 1;
    places *= inputs[6].toBool() ? input.size(axis) : (input.size(axis) + 2 * at(padding) - window) / at(stride) + 1;
  }
  return places * weight.numel();
}

int64_t multiplicationsOf(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  auto tensor = [&](size_t place) -> const at::Tensor & { return inputs[place].toTensor(); };
  if (name == "aten::mm" || name == "aten::bmm") return tensor(0).numel() * last(tensor(1));
  if (name == "aten::addmm" || name == "aten::baddbmm") return tensor(1).numel() * last(tensor(2));
  if (name == "aten::mv" || name == "aten::dot") return tensor(0).numel();
  if (name == "mkldnn::_linear_pointwise") return tensor(0).numel() * tensor(1).size(0);
  if (name == "aten::convolution") return ofConvolution(inputs);
  // [N, heads, T, d] with [N, heads, S, d], and what comes of it with the values.
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu" || name == "aten::_scaled_dot_product_flash_attention" ||
      name == "aten::_scaled_dot_product_efficient_attention" || name == "aten::_scaled_dot_product_cudnn_attention")
    return tensor(0).numel() * tensor(1).size(-2) + tensor(0).numel() / last(tensor(0)) * tensor(2).size(-2) * last(tensor(2));
  return 0;
}

std::unique_ptr<at::ObserverContext> observe(const at::RecordFunction &function) {
  multiplications += multiplicationsOf(function.name(), function.inputs());
  return nullptr;
}

}  // namespace

void ctorch::countMultiplications(int64_t count) { multiplications += count; }

int32_t ct_count_begin(void) {
  return ctorch::guarded([] {
    TORCH_CHECK(observer == at::INVALID_CALLBACK_HANDLE, "multiplications are being counted on this thread already");
    multiplications = 0;
    observer = at::addThreadLocalCallback(
        at::RecordFunctionCallback(observe).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  });
}
int64_t ct_count_end(void) {
  if (observer != at::INVALID_CALLBACK_HANDLE) at::removeCallback(observer);
  observer = at::INVALID_CALLBACK_HANDLE;
  return multiplications;
}
