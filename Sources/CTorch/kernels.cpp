#include "kernels.h"
#include "parallel.h"
#include "support.h"
#include "vectorized.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

namespace perennial {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

VECTORIZED void quadraticPenalty(float *g, const float *p, const float *f, const float *a, float s, int64_t begin,
                                 int64_t end) {
  for (int64_t i = begin; i < end; i++) g[i] += s * (f[i] * p[i] - a[i]);
}

VECTORIZED void pathIntegral(float *w, const float *g, const float *b, const float *a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) w[i] += g[i] * (b[i] - a[i]);
}

VECTORIZED void scaleAndShift(float *out, const uint8_t *in, float scale, float shift, int64_t count) {
  for (int64_t j = 0; j < count; j++) out[j] = static_cast<float>(in[j]) * scale + shift;
}

/// A value whose derivatives are known already.
struct KnownGradients : torch::autograd::Function<KnownGradients> {
  struct Gradients {
    std::vector<at::Tensor> values;
  };

  static at::Tensor forward(AutogradContext *ctx, at::TensorList inputs, const at::Tensor &value,
                            const Gradients &gradients) {
    ctx->saved_data["gradients"] = gradients.values;
    ctx->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    return value.clone();
  }

  static variable_list backward(AutogradContext *ctx, variable_list upstream) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a loss in pieces is differentiated once; its gradient is not recorded");
    variable_list result;
    for (const auto &gradient : ctx->saved_data["gradients"].toTensorVector())
      result.push_back(gradient * upstream[0]);
    result.resize(static_cast<size_t>(ctx->saved_data["inputs"].toInt()) + 2);
    return result;
  }
};

}  // namespace

at::Tensor attachGradients(const at::Tensor &value, at::TensorList inputs, at::TensorList gradients) {
  TORCH_CHECK(value.numel() == 1 && inputs.size() == gradients.size(), "a scalar needs one gradient for each input");
  for (size_t i = 0; i < inputs.size(); i++)
    TORCH_CHECK(inputs[i].sizes() == gradients[i].sizes(), "a gradient of shape ", gradients[i].sizes(),
                " is not that of an input of shape ", inputs[i].sizes());
  return KnownGradients::apply(inputs, value, KnownGradients::Gradients{gradients.vec()});
}

/// Whether all are contiguous float32 vectors of one length in main memory.
static bool areFlat(std::initializer_list<const at::Tensor *> tensors) {
  for (const at::Tensor *t : tensors)
    if (!t->is_cpu() || t->scalar_type() != at::kFloat || !t->is_contiguous() ||
        t->numel() != (*tensors.begin())->numel())
      return false;
  return true;
}

void addQuadraticPenalty(at::Tensor &gradient, const at::Tensor &parameter, const at::Tensor &precision,
                         const at::Tensor &weighted, double scale) {
  if (!areFlat({&gradient, &parameter, &precision, &weighted})) {
    at::NoGradGuard guard;
    gradient.addcmul_(precision, parameter, scale).sub_(weighted, scale);
    return;
  }
  auto *g = gradient.mutable_data_ptr<float>();
  auto *p = elements<float>(parameter), *f = elements<float>(precision),
       *a = elements<float>(weighted);
  auto s = static_cast<float>(scale);
  inParallel(gradient.numel(), 1 << 15,
             [=](int64_t begin, int64_t end) { quadraticPenalty(g, p, f, a, s, begin, end); });
}

void addPathIntegral(at::Tensor &integral, const at::Tensor &gradient, const at::Tensor &before,
                     const at::Tensor &after) {
  if (!areFlat({&integral, &gradient, &before, &after})) {
    at::NoGradGuard guard;
    integral.addcmul_(gradient, before - after);
    return;
  }
  auto *w = integral.mutable_data_ptr<float>();
  auto *g = elements<float>(gradient), *b = elements<float>(before), *a = elements<float>(after);
  inParallel(integral.numel(), 1 << 15,
             [=](int64_t begin, int64_t end) { pathIntegral(w, g, b, a, begin, end); });
}

at::Tensor gatherNormalized(const at::Tensor &data, const at::Tensor &index, const at::Tensor &scale,
                            const at::Tensor &shift) {
  int64_t channels = scale.numel();
  TORCH_CHECK(data.dim() >= 2 && data.size(1) == channels && shift.numel() == channels, "data of shape ", data.sizes(),
              " needs one scale and one shift for each of its ", data.dim() >= 2 ? data.size(1) : 0, " channels, not ",
              channels);
  bool fast = data.is_cpu() && data.scalar_type() == at::kByte && data.is_contiguous() &&
              index.is_cpu() && index.scalar_type() == at::kLong && index.is_contiguous() && index.dim() == 1;
  if (!fast) {
    std::vector<int64_t> shape(static_cast<size_t>(data.dim()), 1);
    shape[1] = channels;
    return data.index_select(0, index).to(at::kFloat).mul_(scale.view(shape)).add_(shift.view(shape));
  }
  auto shape = data.sizes().vec();
  int64_t rows = shape[0];
  shape[0] = index.numel();
  auto result = at::empty(shape, data.options().dtype(at::kFloat));
  auto *from = elements<uint8_t>(data);
  auto *at_ = elements<int64_t>(index);
  for (int64_t i = 0; i < index.numel(); i++)
    TORCH_CHECK_INDEX(at_[i] >= 0 && at_[i] < rows, "index ", at_[i], " is out of range for ", rows, " examples");
  if (result.numel() == 0) return result;
  int64_t row = data.numel() / rows, area = row / channels;
  auto scales = scale.to(at::kCPU, at::kFloat).contiguous(), shifts = shift.to(at::kCPU, at::kFloat).contiguous();
  auto *s = elements<float>(scales), *b = elements<float>(shifts);
  auto *to = result.mutable_data_ptr<float>();
  inParallel(index.numel(), std::max<int64_t>(1, (1 << 15) / row), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      for (int64_t c = 0; c < channels; c++)
        scaleAndShift(to + i * row + c * area, from + at_[i] * row + c * area, s[c], b[c], area);
  });
  return result;
}

}  // namespace perennial

namespace ctorch {

// The fused kernels read every vector as far as the parameter goes, without looking.
static void checkVectors(const at::Tensor &parameter, std::initializer_list<const at::Tensor *> vectors) {
  for (auto vector : vectors)
    TORCH_CHECK(vector->sizes() == parameter.sizes(), "an optimizer's vector has the shape ", vector->sizes(),
                ", the parameters have ", parameter.sizes());
  for (auto vector : vectors)
    TORCH_CHECK(vector->scalar_type() == parameter.scalar_type(), "an optimizer's vector has the dtype ",
                vector->dtype(), ", the parameters have ", parameter.dtype());
}

void fusedSGD(at::Tensor &parameter, const at::Tensor &gradient, const std::optional<at::Tensor> &momentum,
              double weightDecay, double momentumFactor, double lr, double dampening, bool nesterov, bool first) {
  checkVectors(parameter, {&gradient, momentum ? &*momentum : &gradient});
  std::vector<at::Tensor> buffers;
  if (momentum) buffers.push_back(*momentum);
  at::_fused_sgd_({parameter}, {gradient}, buffers, weightDecay, momentumFactor, lr, dampening, nesterov,
                  /*maximize=*/false, first, std::nullopt, std::nullopt);
}

void fusedAdam(at::Tensor &parameter, const at::Tensor &gradient, const at::Tensor &mean, const at::Tensor &square,
               const at::Tensor &step, double lr, double beta1, double beta2, double weightDecay, double eps,
               bool decoupled) {
  checkVectors(parameter, {&gradient, &mean, &square});
  TORCH_CHECK(step.numel() == 1 && step.scalar_type() == at::kFloat, "Adam's step is one float32, not ",
              step.sizes(), " of dtype ", step.dtype());
  auto apply = decoupled ? [](at::TensorList p, at::TensorList g, at::TensorList m, at::TensorList v, at::TensorList s,
                              double lr, double b1, double b2, double wd, double eps) {
    at::_fused_adamw_(p, g, m, v, {}, s, lr, b1, b2, wd, eps, false, false, std::nullopt, std::nullopt);
  } : [](at::TensorList p, at::TensorList g, at::TensorList m, at::TensorList v, at::TensorList s, double lr, double b1,
         double b2, double wd, double eps) {
    at::_fused_adam_(p, g, m, v, {}, s, lr, b1, b2, wd, eps, false, false, std::nullopt, std::nullopt);
  };
  apply({parameter}, {gradient}, {mean}, {square}, {step}, lr, beta1, beta2, weightDecay, eps);
}

}  // namespace ctorch
