// Kernels that libtorch does not have, or has only as several passes over memory.
#pragma once
#include <ATen/ATen.h>

namespace perennial {

/// The elements of a contiguous tensor. ATen's own template for it is constrained up to libtorch 2.11, and a symbol that Clang
/// and the compiler of the wheel name differently.
template <typename T> const T *elements(const at::Tensor &tensor) {
  return static_cast<const T *>(tensor.const_data_ptr());
}

/// y = x Wᵀ + b, with max(y, 0) when `relu`; backend 0 is the default BLAS, 1 oneDNN, 2 multiplies in bfloat16. Where weights are
/// kept in bfloat16, few rows are not rounded, and more are multiplied in it.
at::Tensor linear(const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias, bool relu,
                  int64_t backend);

/// GELU (Hendrycks & Gimpel 2016); `approximate`: by tanh.
at::Tensor gelu(const at::Tensor &input, bool approximate);

/// loss.backward(), during which linear layers add their weight gradients straight into `.grad`.
void directBackward(const at::Tensor &loss);

/// A scalar with these gradients for these inputs, for losses whose graph was never whole.
at::Tensor attachGradients(const at::Tensor &value, at::TensorList inputs, at::TensorList gradients);

/// KL(softmax(teacher / T) ‖ softmax(student / T)) of each row, for logits [N, C] of a teacher and those of a student
/// [N, K] from column `first` on, or of as many where it is -1; nothing flows back to the teacher.
at::Tensor softenedDivergence(const at::Tensor &student, const at::Tensor &teacher, int64_t first, double temperature);

/// What dropout multiplies `input` by: zero with `probability`, else what keeps the expectation.
at::Tensor dropoutMask(const at::Tensor &input, double probability, const std::optional<at::Generator> &generator);

/// gradient += scale · (precision ⊙ parameter − weighted), in one pass.
void addQuadraticPenalty(at::Tensor &gradient, const at::Tensor &parameter, const at::Tensor &precision,
                         const at::Tensor &weighted, double scale);

/// integral += gradient ⊙ (before − after), in one pass.
void addPathIntegral(at::Tensor &integral, const at::Tensor &gradient, const at::Tensor &before, const at::Tensor &after);

/// Rows `index` of uint8 `data` [N, C, …] as float32: row · scale[C] + shift[C], in one pass.
at::Tensor gatherNormalized(const at::Tensor &data, const at::Tensor &index, const at::Tensor &scale,
                            const at::Tensor &shift);

}  // namespace perennial

namespace ctorch {

/// One step of torch.optim.SGD over a flat vector.
void fusedSGD(at::Tensor &parameter, const at::Tensor &gradient, const std::optional<at::Tensor> &momentum,
              double weightDecay, double momentumFactor, double lr, double dampening, bool nesterov, bool first);

/// One step of torch.optim.Adam, or AdamW when `decoupled`, over a flat vector.
void fusedAdam(at::Tensor &parameter, const at::Tensor &gradient, const at::Tensor &mean, const at::Tensor &square,
               const at::Tensor &step, double lr, double beta1, double beta2, double weightDecay, double eps,
               bool decoupled);

}  // namespace ctorch
