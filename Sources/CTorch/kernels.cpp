#include "kernels.h"
#include "parallel.h"
#include "support.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

namespace perennial {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Loops over floats are compiled for several processors, and the one at hand chooses. Products and sums are rounded one by
// one on all of them, so that results do not depend on the choice.
#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
#define VECTORIZED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORIZED
#endif
#pragma clang fp contract(off)

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

/// Outputs `begin..<end` of x wᵀ (+ b) for few rows, where reading the weights is all the work. Thirty-two partial sums a dot
/// product, added in a fixed order.
VECTORIZED void dotProducts(float *y, const float *x, const float *w, const float *b, int64_t rows, int64_t inputs,
                            int64_t outputs, int64_t begin, int64_t end) {
  constexpr int lanes = 32;
  int64_t whole = inputs - inputs % lanes;
  for (int64_t o = begin; o < end; o++) {
    const float *weights = w + o * inputs;
    for (int64_t r = 0; r < rows; r++) {
      const float *values = x + r * inputs;
      float sums[lanes] = {};
      for (int64_t i = 0; i < whole; i += lanes)
        for (int l = 0; l < lanes; l++) sums[l] += weights[i + l] * values[i + l];
      for (int64_t i = whole; i < inputs; i++) sums[i - whole] += weights[i] * values[i];
      for (int half = lanes / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sums[l] += sums[l + half];
      y[r * outputs + o] = b ? sums[0] + b[o] : sums[0];
    }
  }
}

/// x wᵀ (+ b) of so few rows is faster without a BLAS, which reads a vector's weights on one thread.
constexpr int64_t fewRows = 4;

at::Tensor linearOfFewRows(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, bool relu) {
  ctorch::countMultiplications(x.numel() * w.size(0));
  auto shape = x.sizes().vec();
  int64_t inputs = w.size(1), outputs = w.size(0), rows = x.numel() / inputs;
  shape.back() = outputs;
  auto y = at::empty(shape, x.options());
  auto values = x.expect_contiguous();
  auto bias = b ? b->contiguous() : at::Tensor();
  auto *out = y.mutable_data_ptr<float>();
  auto *in = elements<float>(*values), *weights = elements<float>(w),
       *shift = b ? elements<float>(bias) : nullptr;
  inParallel(outputs, std::max<int64_t>(1, (1 << 15) / (inputs * rows)), [=](int64_t begin, int64_t end) {
    dotProducts(out, in, weights, shift, rows, inputs, outputs, begin, end);
  });
  return relu ? y.relu_() : y;
}

thread_local bool direct = false;

struct DirectGuard {
  DirectGuard() { direct = true; }
  ~DirectGuard() { direct = false; }
};

/// x wᵀ (+ b), optionally through max(·, 0), by oneDNN.
at::Tensor onednn(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, bool relu) {
  using Signature = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &,
                               std::string_view, c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static auto op = c10::Dispatcher::singleton()
                       .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                       .typed<Signature>();
  return op.call(x, w, b, relu ? "relu" : "none", c10::List<std::optional<at::Scalar>>(), "");
}

/// The gradient slot of a leaf, when this thread is in `directBackward` and the slot can take a product in place.
at::Tensor slot(const at::Tensor &leaf) {
  if (!direct || !leaf.is_leaf()) return {};
  auto gradient = leaf.grad();
  return gradient.defined() && gradient.is_contiguous() ? gradient : at::Tensor();
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor product(const at::Tensor &input, const at::Tensor &w, const std::optional<at::Tensor> &b, bool relu,
                            int64_t backend) {
    auto x = rows(input);
    at::Tensor y;
    if (backend == 1) {
      y = onednn(x, w, b, relu);
    } else {
      y = b ? at::addmm(*b, x, w.t()) : at::mm(x, w.t());
      if (relu) y.relu_();
    }
    return input.dim() == 2 ? y : like(y, input);
  }

  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &input, const at::Tensor &w,
                            const std::optional<at::Tensor> &b, bool relu, int64_t backend) {
    auto y = product(input, w, b, relu, backend);
    ctx->saved_data["relu"] = relu;
    ctx->saved_data["backend"] = backend;
    ctx->save_for_backward({input, w, b ? *b : at::Tensor(), relu ? y : at::Tensor()});
    return y;
  }

  static variable_list backward(AutogradContext *ctx, variable_list gradients) {
    auto saved = ctx->get_saved_variables();
    const auto &input = saved[0], &w = saved[1], &b = saved[2];
    bool useDNN = ctx->saved_data["backend"].toInt() == 1 && !at::GradMode::is_enabled();
    auto g = rows(gradients[0]);
    if (ctx->saved_data["relu"].toBool()) {
      auto y = rows(saved[3]);
      g = at::GradMode::is_enabled() ? g * (y > 0).to(g.dtype()) : at::threshold_backward(g, y, 0);
    }
    at::Tensor dx, dw, db;
    if (ctx->needs_input_grad(0)) {
      dx = useDNN ? onednn(g, w.t(), std::nullopt, false) : g.mm(w);
      if (input.dim() != 2) dx = like(dx, input);
    }
    if (ctx->needs_input_grad(1)) {
      auto x = rows(input);
      if (auto into = slot(w); into.defined() && !useDNN) {
        at::addmm_out(into, into, g.t(), x);
      } else {
        dw = useDNN ? onednn(g.t(), x.t(), std::nullopt, false) : g.t().mm(x);
      }
    }
    if (b.defined() && ctx->needs_input_grad(2)) {
      if (auto into = slot(b); into.defined()) {
        into.add_(g.sum(0));
      } else {
        db = g.sum(0);
      }
    }
    return {dx, dw, db, at::Tensor(), at::Tensor()};
  }

 private:
  /// `[…, width]` as one matrix.
  static at::Tensor rows(const at::Tensor &x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

  /// A matrix of rows with the leading dimensions of `model`.
  static at::Tensor like(const at::Tensor &matrix, const at::Tensor &model) {
    auto shape = model.sizes().vec();
    shape.back() = matrix.size(1);
    return matrix.reshape(shape);
  }
};

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

at::Tensor linear(const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias, bool relu,
                  int64_t backend) {
  bool plain = !input.is_cpu() || !weight.is_cpu() || input.scalar_type() != at::kFloat ||
               weight.scalar_type() != at::kFloat || input.dim() < 2 || weight.dim() != 2 ||
               input.size(-1) != weight.size(1) || input.numel() == 0 || weight.numel() == 0;
  // oneDNN reads as many bias values as there are outputs, whatever the bias holds.
  plain = plain || (bias && (!bias->is_cpu() || bias->scalar_type() != at::kFloat || bias->dim() != 1 ||
                             bias->size(0) != weight.size(0)));
  if (plain) {
    auto y = at::linear(input, weight, bias);
    return relu ? at::relu(y) : y;
  }
  if (!at::GradMode::is_enabled())
    return input.numel() <= fewRows * input.size(-1) && weight.is_contiguous()
               ? linearOfFewRows(input, weight, bias, relu)
               : LinearFunction::product(input, weight, bias, relu, backend);
  return LinearFunction::apply(input, weight, bias, relu, backend);
}

at::Tensor attachGradients(const at::Tensor &value, at::TensorList inputs, at::TensorList gradients) {
  TORCH_CHECK(value.numel() == 1 && inputs.size() == gradients.size(), "a scalar needs one gradient for each input");
  for (size_t i = 0; i < inputs.size(); i++)
    TORCH_CHECK(inputs[i].sizes() == gradients[i].sizes(), "a gradient of shape ", gradients[i].sizes(),
                " is not that of an input of shape ", inputs[i].sizes());
  return KnownGradients::apply(inputs, value, KnownGradients::Gradients{gradients.vec()});
}

void directBackward(const at::Tensor &loss) {
  DirectGuard guard;
  loss.backward();
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
