#include "kernels.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace perennial {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Divergence {
  /// KL of each row, `[N]`.
  at::Tensor values;
  /// softmax(student / T) − softmax(teacher / T) at the student's units that take part, 0 at others, `[N, K]`: T times what
  /// the values change by with the student's logits.
  at::Tensor differences;
};

/// Up to so many logits a loop is faster than a dozen operators of libtorch.
constexpr int64_t few = 1 << 12;

/// exp((z − max z) / T) of one row, and its sum.
float exponentials(const float *logits, int64_t units, float largest, float temperature, float *result) {
  float sum = 0;
  for (int64_t c = 0; c < units; c++) sum += result[c] = std::exp((logits[c] - largest) / temperature);
  return sum;
}

Divergence divergenceOfFew(const at::Tensor &student, const at::Tensor &teacher, int64_t first, float temperature) {
  int64_t units = teacher.size(1), width = student.size(1);
  Divergence result{at::empty({student.size(0)}, student.options()),
                    units == width ? at::empty_like(student) : at::zeros_like(student)};
  auto *values = result.values.mutable_data_ptr<float>(), *differences = result.differences.mutable_data_ptr<float>();
  std::vector<float> wanted(static_cast<size_t>(units));
  for (int64_t row = 0; row < student.size(0); row++) {
    const float *s = elements<float>(student) + row * width + first, *t = elements<float>(teacher) + row * units;
    float *own = differences + row * width + first;
    float largestS = *std::max_element(s, s + units), largestT = *std::max_element(t, t + units);
    float sumS = exponentials(s, units, largestS, temperature, own);
    float sumT = exponentials(t, units, largestT, temperature, wanted.data());
    float distance = 0;
    for (int64_t c = 0; c < units; c++) {
      distance += wanted[static_cast<size_t>(c)] * ((t[c] - largestT) - (s[c] - largestS));
      own[c] = own[c] / sumS - wanted[static_cast<size_t>(c)] / sumT;
    }
    values[row] = distance / temperature / sumT + std::log(sumS / sumT);
  }
  return result;
}

/// Zeros before and after the columns.
at::Tensor padded(const at::Tensor &columns, int64_t before, int64_t after) {
  return before == 0 && after == 0 ? columns : at::constant_pad_nd(columns, {before, after});
}

Divergence divergenceOfMany(const at::Tensor &student, const at::Tensor &teacher, int64_t first, double temperature) {
  int64_t units = teacher.size(1), after = student.size(1) - first - units;
  auto own = at::log_softmax(student.narrow(1, first, units) / temperature, 1);
  auto wanted = at::log_softmax(teacher / temperature, 1), share = wanted.exp();
  auto values = wanted.sub_(own).mul_(share).sum(1);
  return {values, padded(own.exp_().sub_(share), first, after)};
}

/// One node in place of the nine of the formula.
struct SoftenedDivergence : torch::autograd::Function<SoftenedDivergence> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &student, const at::Tensor &teacher, int64_t first,
                            double temperature) {
    bool isFew = student.is_cpu() && student.scalar_type() == at::kFloat && student.numel() <= few && teacher.numel() > 0;
    auto divergence =
        isFew ? divergenceOfFew(student.contiguous(), teacher.contiguous(), first, static_cast<float>(temperature))
              : divergenceOfMany(student, teacher, first, temperature);
    ctx->saved_data["temperature"] = temperature;
    ctx->saved_data["first"] = first;
    ctx->saved_data["units"] = teacher.size(1);
    ctx->save_for_backward({student, divergence.differences});
    return divergence.values;
  }

  static variable_list backward(AutogradContext *ctx, variable_list upstream) {
    auto saved = ctx->get_saved_variables();
    double temperature = ctx->saved_data["temperature"].toDouble();
    auto difference = saved[1];
    if (at::GradMode::is_enabled()) {
      // A derivative of the derivative follows the student's softmax.
      int64_t first = ctx->saved_data["first"].toInt(), units = ctx->saved_data["units"].toInt();
      auto own = at::softmax(saved[0].narrow(1, first, units) / temperature, 1);
      own = padded(own, first, saved[0].size(1) - first - units);
      difference = difference + (own - own.detach());
    }
    return {difference * (upstream[0] / temperature).unsqueeze(1), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor softenedDivergence(const at::Tensor &student, const at::Tensor &teacher, int64_t first, double temperature) {
  bool isAll = first < 0;
  if (isAll) first = 0;
  TORCH_CHECK(student.dim() == 2 && teacher.dim() == 2 && student.size(0) == teacher.size(0) &&
                  (isAll ? student.size(1) == teacher.size(1) : first <= student.size(1) - teacher.size(1)),
              "logits of a teacher of shape [N, C] are compared with those of a student [N, C], or with C of [N, K] from a "
              "first one on, not ", teacher.sizes(), " with ", student.sizes(), isAll ? "" : " from ",
              isAll ? "" : std::to_string(first));
  TORCH_CHECK(student.device() == teacher.device(), "logits on ", student.device(), " and on ", teacher.device(),
              " are on no one device");
  TORCH_CHECK(student.scalar_type() == teacher.scalar_type(), "logits of dtype ", student.dtype(), " and ",
              teacher.dtype(), " are of no one dtype");
  TORCH_CHECK_VALUE(temperature > 0, "a temperature is above 0, not ", temperature);
  return SoftenedDivergence::apply(student, teacher.detach(), first, temperature);
}

}  // namespace perennial
