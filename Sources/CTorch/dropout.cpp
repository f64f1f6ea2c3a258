#include "kernels.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace perennial {

/// Sixteen random bits an element: libtorch draws its own masks one number at a time, on one thread, at four times the cost.
at::Tensor dropoutMask(const at::Tensor &input, double probability, const std::optional<at::Generator> &generator) {
  constexpr int64_t values = 1 << 16, lanes = 4;
  TORCH_CHECK(probability >= 0 && probability <= 1, "dropout takes a probability of 0 to 1, not ", probability);
  c10::NoGradGuard guard;
  auto kept = std::llround((1 - probability) * values);
  auto options = input.options().requires_grad(false);
  if (kept <= 0) return at::zeros(input.sizes(), options);
  if (kept >= values) return at::ones(input.sizes(), options);
  auto count = input.numel();
  auto bits = at::empty({(count + lanes - 1) / lanes}, options.dtype(at::kLong));
  bits.random_(std::numeric_limits<int64_t>::min(), std::nullopt, generator);
  auto isKept = bits.view(at::kShort).slice(0, 0, count).lt(kept + std::numeric_limits<int16_t>::min());
  // By what is kept, not by what was asked for: then the expectation is exact.
  return isKept.to(input.scalar_type()).mul_(static_cast<double>(values) / kept).view(input.sizes());
}

}  // namespace perennial
