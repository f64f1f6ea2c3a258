// Gradients, and blocks that are run again in the backward pass instead of being remembered (Chen et al. 2016).
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>

#include "include/CTorch.h"
#include "support.h"

using namespace ctorch;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What the graph keeps of a block.
struct Block : torch::CustomClassHolder {
  at::Tensor value;
  void *context;
  ct_recompute recompute;
  void (*release)(void *context);

  Block(at::Tensor value, void *context, ct_recompute recompute, void (*release)(void *))
      : value(std::move(value)), context(context), recompute(recompute), release(release) {}
  ~Block() override { release(context); }
};

struct CheckpointFunction : torch::autograd::Function<CheckpointFunction> {
  static at::Tensor forward(AutogradContext *ctx, at::TensorList inputs, const c10::intrusive_ptr<Block> &block) {
    ctx->saved_data["block"] = c10::IValue::make_capsule(block);
    ctx->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    return std::move(block->value);
  }

  static variable_list backward(AutogradContext *ctx, variable_list upstream) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a checkpointed block is differentiated once; its gradient is not recorded");
    auto capsule = ctx->saved_data["block"].toCapsule();
    auto &block = static_cast<Block &>(*capsule);
    auto count = static_cast<size_t>(ctx->saved_data["inputs"].toInt());
    std::vector<ct_tensor> gradients(count, nullptr);
    char message[1024] = "";
    auto failed = block.recompute(block.context, reinterpret_cast<ct_tensor>(&upstream[0]), gradients.data(), message,
                                  sizeof message);
    variable_list result;
    for (auto gradient : gradients) {
      result.push_back(gradient ? ref(gradient) : at::Tensor());
      if (gradient) ct_tensor_free(gradient);
    }
    TORCH_CHECK(!failed, message);
    result.emplace_back();
    return result;
  }
};

}  // namespace

bool ct_grad_mode(void) { return at::GradMode::is_enabled(); }
void ct_set_grad_mode(bool enabled) { at::GradMode::set_enabled(enabled); }

int32_t ct_checkpoint(ct_tensor value, const ct_tensor *inputs, size_t input_count, void *context,
                      ct_recompute recompute, void (*release)(void *context), ct_tensor *result) {
  return guarded([&] {
    auto block = c10::make_intrusive<Block>(ref(value), context, recompute, release);
    *result = own(CheckpointFunction::apply(at::TensorList(list(inputs, input_count)), block));
  });
}

int32_t ct_gradients(const ct_tensor *outputs, size_t output_count, const ct_tensor *inputs, size_t input_count,
                     const ct_tensor *seeds, bool retain_graph, bool create_graph, bool allow_unused,
                     ct_tensor *results) {
  return guarded([&] {
    std::vector<at::Tensor> seed;
    for (size_t i = 0; seeds && i < output_count; i++) seed.push_back(seeds[i] ? ref(seeds[i]) : at::Tensor());
    auto gradients = torch::autograd::grad(list(outputs, output_count), list(inputs, input_count), seed, retain_graph,
                                           create_graph, allow_unused);
    for (size_t i = 0; i < input_count; i++) results[i] = own(gradients[i]);
  });
}
