#include "kernels.h"
#include "parallel.h"
#include "support.h"
#include "vectorized.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include <bit>

namespace perennial {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

inline float single(float value) { return value; }

/// A bfloat16 is the upper half of a float.
inline float single(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/// Outputs `begin..<end` of x wᵀ (+ b) for few rows, where reading the weights is all the work. Thirty-two partial sums a dot
/// product, added in a fixed order.
template <typename Weight>
[[gnu::always_inline]] inline void dots(float *y, const float *x, const Weight *w, const float *b, int64_t rows,
                                        int64_t inputs, int64_t outputs, int64_t begin, int64_t end) {
  constexpr int lanes = 32;
  int64_t whole = inputs - inputs % lanes;
  for (int64_t o = begin; o < end; o++) {
    const Weight *weights = w + o * inputs;
    for (int64_t r = 0; r < rows; r++) {
      const float *values = x + r * inputs;
      float sums[lanes] = {};
      for (int64_t i = 0; i < whole; i += lanes)
        for (int l = 0; l < lanes; l++) sums[l] += single(weights[i + l]) * values[i + l];
      for (int64_t i = whole; i < inputs; i++) sums[i - whole] += single(weights[i]) * values[i];
      for (int half = lanes / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sums[l] += sums[l + half];
      y[r * outputs + o] = b ? sums[0] + b[o] : sums[0];
    }
  }
}

VECTORIZED void dotProducts(float *y, const float *x, const float *w, const float *b, int64_t rows, int64_t inputs,
                            int64_t outputs, int64_t begin, int64_t end) {
  dots(y, x, w, b, rows, inputs, outputs, begin, end);
}

VECTORIZED void dotProductsOfHalves(float *y, const float *x, const uint16_t *w, const float *b, int64_t rows,
                                    int64_t inputs, int64_t outputs, int64_t begin, int64_t end) {
  dots(y, x, w, b, rows, inputs, outputs, begin, end);
}

/// x wᵀ (+ b) of so few rows is faster without a BLAS, which reads a vector's weights on one thread.
constexpr int64_t fewRows = 4;

bool haveFewRows(const at::Tensor &x, const at::Tensor &w) {
  return !at::GradMode::is_enabled() && x.numel() <= fewRows * x.size(-1) && w.is_contiguous();
}

at::Tensor linearOfFewRows(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, bool relu) {
  ctorch::countMultiplications(x.numel() * w.size(0));
  auto shape = x.sizes().vec();
  int64_t inputs = w.size(1), outputs = w.size(0), rows = x.numel() / inputs;
  shape.back() = outputs;
  auto y = at::empty(shape, x.options());
  auto values = x.expect_contiguous();
  auto bias = b ? b->contiguous() : at::Tensor();
  auto *out = y.mutable_data_ptr<float>();
  auto *in = elements<float>(*values), *shift = b ? elements<float>(bias) : nullptr;
  bool halves = w.scalar_type() == at::kBFloat16;
  auto *halfWeights = halves ? reinterpret_cast<const uint16_t *>(elements<at::BFloat16>(w)) : nullptr;
  auto *weights = halves ? nullptr : elements<float>(w);
  inParallel(outputs, std::max<int64_t>(1, (1 << 15) / (inputs * rows)), [=](int64_t begin, int64_t end) {
    if (halves)
      dotProductsOfHalves(out, in, halfWeights, shift, rows, inputs, outputs, begin, end);
    else
      dotProducts(out, in, weights, shift, rows, inputs, outputs, begin, end);
  });
  return relu ? y.relu_() : y;
}

/// Backends beside the default BLAS.
constexpr int64_t oneDNN = 1, inHalves = 2;

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

/// `[…, width]` as one matrix.
at::Tensor matrix(const at::Tensor &x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

/// A matrix of rows with the leading dimensions of a shape.
at::Tensor like(const at::Tensor &matrix, at::IntArrayRef model) {
  if (model.size() == 2) return matrix;
  auto shape = model.vec();
  shape.back() = matrix.size(1);
  return matrix.reshape(shape);
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor product(const at::Tensor &input, const at::Tensor &w, const std::optional<at::Tensor> &b, bool relu,
                            int64_t backend) {
    auto x = matrix(input);
    at::Tensor y;
    if (backend == oneDNN) {
      y = onednn(x, w, b, relu);
    } else {
      y = b ? at::addmm(*b, x, w.t()) : at::mm(x, w.t());
      if (relu) y.relu_();
    }
    return like(y, input.sizes());
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
    bool useDNN = ctx->saved_data["backend"].toInt() == oneDNN && !at::GradMode::is_enabled();
    auto g = matrix(gradients[0]);
    if (ctx->saved_data["relu"].toBool()) {
      auto y = matrix(saved[3]);
      g = at::GradMode::is_enabled() ? g * (y > 0).to(g.dtype()) : at::threshold_backward(g, y, 0);
    }
    at::Tensor dx, dw, db;
    if (ctx->needs_input_grad(0)) {
      dx = useDNN ? onednn(g, w.t(), std::nullopt, false) : g.mm(w);
      dx = like(dx, input.sizes());
    }
    if (ctx->needs_input_grad(1)) {
      auto x = matrix(input);
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
};

at::Tensor half(const at::Tensor &x) { return x.to(at::kBFloat16); }

/// The same with products of bfloat16, to which factors and products are rounded; sums over an example's inputs are not, and what
/// goes in and comes out is of the types that it was.
struct HalvesFunction : torch::autograd::Function<HalvesFunction> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &input, const at::Tensor &w,
                            const std::optional<at::Tensor> &b, bool relu) {
    auto x = half(matrix(input)), weights = half(w).t();
    auto y = (b ? at::addmm(half(*b), x, weights) : at::mm(x, weights)).to(at::kFloat);
    if (relu) y.relu_();
    ctx->saved_data["relu"] = relu;
    ctx->saved_data["type"] = static_cast<int64_t>(input.scalar_type());
    ctx->saved_data["shape"] = input.sizes().vec();
    ctx->save_for_backward({w.requires_grad() ? input : at::Tensor(), w, b ? *b : at::Tensor(), relu ? y : at::Tensor()});
    return like(y, input.sizes());
  }

  // What a second derivative needs is recorded as it is computed.
  static variable_list backward(AutogradContext *ctx, variable_list gradients) {
    auto saved = ctx->get_saved_variables();
    const auto &input = saved[0], &w = saved[1], &b = saved[2];
    auto g = matrix(gradients[0]);
    if (ctx->saved_data["relu"].toBool()) g = g * (saved[3] > 0).to(g.dtype());
    auto rounded = half(g);
    at::Tensor dx, dw, db;
    if (ctx->needs_input_grad(0)) {
      auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
      dx = like(rounded.mm(half(w)).to(type), ctx->saved_data["shape"].toIntVector());
    }
    if (ctx->needs_input_grad(1)) {
      auto sum = rounded.t().mm(half(matrix(input)));
      if (auto into = slot(w); into.defined())
        into.add_(sum);
      else
        dw = sum.to(w.scalar_type());
    }
    if (b.defined() && ctx->needs_input_grad(2)) {
      if (auto into = slot(b); into.defined())
        into.add_(g.sum(0));
      else
        db = g.sum(0);
    }
    return {dx, dw, db, at::Tensor()};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias, bool relu,
                  int64_t backend) {
  bool isFloat = input.scalar_type() == at::kFloat, isKept = isFloat && weight.scalar_type() == at::kBFloat16;
  bool plain = !input.is_cpu() || !weight.is_cpu() || !isFloat || (weight.scalar_type() != at::kFloat && !isKept) ||
               input.dim() < 2 || weight.dim() != 2 || input.size(-1) != weight.size(1) || input.numel() == 0 ||
               weight.numel() == 0;
  // oneDNN reads as many bias values as there are outputs, whatever the bias holds.
  plain = plain || (bias && (!bias->is_cpu() || bias->scalar_type() != at::kFloat || bias->dim() != 1 ||
                             bias->size(0) != weight.size(0)));
  if (!plain && backend != inHalves && haveFewRows(input, weight)) return linearOfFewRows(input, weight, bias, relu);
  if (isKept || backend == inHalves) {
    if (input.numel() > 0) return HalvesFunction::apply(input, weight, bias, relu);
    return linear(input.to(at::kFloat), weight.to(at::kFloat), bias, relu, 0);
  }
  if (plain) {
    auto y = at::linear(input, weight, bias);
    return relu ? at::relu(y) : y;
  }
  if (!at::GradMode::is_enabled()) return LinearFunction::product(input, weight, bias, relu, backend);
  return LinearFunction::apply(input, weight, bias, relu, backend);
}

void directBackward(const at::Tensor &loss) {
  DirectGuard guard;
  loss.backward();
}

}  // namespace perennial
