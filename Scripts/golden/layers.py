"""Layers: output, and the gradients of input and parameters for a given upstream gradient."""

import torch
import torch.nn.functional as F
from torch import nn

from common import TORCH, Golden, deterministic


def main() -> None:
    deterministic(2)
    golden = Golden("layers.py")

    def layer(name, expression, module, input, train=True, differentiable_input=True):
        """Runs a module once. Buffers are stored before and after."""
        module.train(train)
        for parameter in module.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)  # so that no scale is one and no shift is zero
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight.data[module.padding_idx] = 0
        stored = {f"parameter.{key}": value.detach().clone() for key, value in module.named_parameters()}
        stored |= {f"buffer.{key}": value.clone() for key, value in module.named_buffers()}
        stored["input"] = input
        leaf = input.clone()
        if differentiable_input:
            leaf.requires_grad_()
        output = module(leaf)
        upstream = torch.randn(output.shape)
        stored["output"] = output
        if output.requires_grad:
            output.backward(upstream)
            stored["upstream"] = upstream
            if differentiable_input:
                stored["gradient.input"] = leaf.grad
            for key, parameter in module.named_parameters():
                stored[f"gradient.{key}"] = parameter.grad
        stored |= {f"after.{key}": value.clone() for key, value in module.named_buffers()}
        golden.add(name, expression, stored)
        return module

    image = torch.randn(2, 4, 7, 6)

    # Linear and convolutions.
    layer("linear", "Linear(5, 3)", nn.Linear(5, 3), torch.randn(4, 5))
    layer("linear_no_bias", "Linear(5, 3, bias false)", nn.Linear(5, 3, bias=False), torch.randn(4, 5))
    layer("linear_3d", "Linear(5, 3) on [2, 4, 5]", nn.Linear(5, 3), torch.randn(2, 4, 5))
    layer("conv2d", "Conv2d(4, 6, kernel 3)", nn.Conv2d(4, 6, 3), image)
    layer("conv2d_stride_padding", "Conv2d(4, 6, kernel 3, stride 2, padding 1)",
          nn.Conv2d(4, 6, 3, stride=2, padding=1), image)
    layer("conv2d_groups", "Conv2d(4, 6, kernel 3, padding 1, groups 2)",
          nn.Conv2d(4, 6, 3, padding=1, groups=2), image)
    layer("conv2d_depthwise", "Conv2d(4, 4, kernel 3, padding 1, groups 4, bias false)",
          nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), image)
    layer("conv2d_dilation", "Conv2d(4, 2, kernel 3, padding 2, dilation 2)",
          nn.Conv2d(4, 2, 3, padding=2, dilation=2), image)
    layer("conv2d_rectangle", "Conv2d(4, 2, kernel [3, 2], stride [2, 1], padding [1, 0])",
          nn.Conv2d(4, 2, (3, 2), stride=(2, 1), padding=(1, 0)), image)
    layer("conv2d_1x1", "Conv2d(4, 3, kernel 1, stride 2, bias false)",
          nn.Conv2d(4, 3, 1, stride=2, bias=False), image)
    layer("conv_transpose2d", "ConvTranspose2d(4, 3, kernel 3)", nn.ConvTranspose2d(4, 3, 3), image)
    layer("conv_transpose2d_stride",
          "ConvTranspose2d(4, 2, kernel 3, stride 2, padding 1, output padding 1, groups 2)",
          nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2), image)

    # Normalisation. Two training steps move the running statistics; the evaluation case uses what they left.
    for name, module, shape in (
        ("batchnorm1d", nn.BatchNorm1d(4), (6, 4)), ("batchnorm2d", nn.BatchNorm2d(4), (3, 4, 5, 2)),
    ):
        label = type(module).__name__
        first, second = torch.randn(shape) * 2 + 1, torch.randn(shape) - 0.5
        layer(f"{name}_train_1", f"{label}(4), training, first step", module, first)
        module.zero_grad()
        layer(f"{name}_train_2", f"{label}(4), training, second step, other parameters", module, second)
        module.zero_grad()
        layer(f"{name}_eval", f"{label}(4), evaluation after two training steps", module, torch.randn(shape),
              train=False)
    layer("batchnorm2d_momentum", "BatchNorm2d(4, momentum 0.3, eps 1e-3), training",
          nn.BatchNorm2d(4, momentum=0.3, eps=1e-3), image)
    layer("batchnorm2d_no_affine", "BatchNorm2d(4, affine false), training", nn.BatchNorm2d(4, affine=False), image)
    layer("layernorm", "LayerNorm(6)", nn.LayerNorm(6), torch.randn(3, 4, 6))
    layer("layernorm_2d", "LayerNorm([4, 6], eps 1e-6)", nn.LayerNorm([4, 6], eps=1e-6), torch.randn(3, 4, 6))
    layer("groupnorm", "GroupNorm(2 groups, 4 channels)", nn.GroupNorm(2, 4), image)

    # Dropout does nothing in evaluation; in training at p 0 as well.
    layer("dropout_eval", "Dropout(0.5), evaluation", nn.Dropout(0.5), torch.randn(3, 4), train=False)

    layer("embedding", "Embedding(7, 3)", nn.Embedding(7, 3), torch.tensor([[1, 6, 1], [0, 2, 6]]),
          differentiable_input=False)
    layer("embedding_padding", "Embedding(7, 3, padding index 2): no gradient for row 2",
          nn.Embedding(7, 3, padding_idx=2), torch.tensor([[1, 2, 1], [2, 2, 6]]), differentiable_input=False)

    # Pooling.
    layer("maxpool2d", "MaxPool2d(2)", nn.MaxPool2d(2), image)
    layer("maxpool2d_overlap", "MaxPool2d(kernel 3, stride 2, padding 1)", nn.MaxPool2d(3, stride=2, padding=1), image)
    layer("avgpool2d", "AvgPool2d(2)", nn.AvgPool2d(2), image)
    layer("avgpool2d_padding", "AvgPool2d(kernel 3, stride 2, padding 1), padding is counted",
          nn.AvgPool2d(3, stride=2, padding=1), image)
    layer("adaptive_avgpool2d_1", "AdaptiveAvgPool2d(1)", nn.AdaptiveAvgPool2d(1), image)
    layer("adaptive_avgpool2d_3x2", "AdaptiveAvgPool2d([3, 2])", nn.AdaptiveAvgPool2d((3, 2)), image)

    # Activations.
    x = torch.randn(3, 5) * 2
    for name, expression, module in (
        ("relu", "ReLU", nn.ReLU()), ("leaky_relu", "LeakyReLU(0.01)", nn.LeakyReLU()),
        ("leaky_relu_0.2", "LeakyReLU(0.2)", nn.LeakyReLU(0.2)), ("elu", "ELU(1)", nn.ELU()),
        ("gelu", "GELU, exact", nn.GELU()), ("gelu_tanh", "GELU, tanh approximation", nn.GELU(approximate="tanh")),
        ("silu", "SiLU", nn.SiLU()), ("sigmoid", "Sigmoid", nn.Sigmoid()), ("tanh", "Tanh", nn.Tanh()),
        ("softplus", "Softplus", nn.Softplus()), ("hardtanh", "Hardtanh", nn.Hardtanh()),
        ("relu6", "ReLU6", nn.ReLU6()), ("softmax", "Softmax(dim -1)", nn.Softmax(dim=-1)),
        ("log_softmax", "LogSoftmax(dim -1)", nn.LogSoftmax(dim=-1)), ("flatten", "Flatten", nn.Flatten()),
        ("identity", "Identity", nn.Identity()),
    ):
        layer(f"activation_{name}", expression, module, image if name == "flatten" else x)

    # Attention: embedding 8, 2 heads, sequence 5, batch 2, batch first.
    def attention(name, expression, query, key=None, value=None, **arguments):
        module = nn.MultiheadAttention(8, 2, batch_first=True)
        for parameter in module.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
        named = {"query": query} if key is None else {"query": query, "key": key, "value": value}
        leaves = {label: tensor.clone().requires_grad_() for label, tensor in named.items()}
        triple = list(leaves.values()) * 3 if key is None else list(leaves.values())
        output, weights = module(*triple[:3], need_weights=True, **arguments)
        upstream = torch.randn(output.shape)
        output.backward(upstream)
        stored = {f"input.{label}": tensor for label, tensor in named.items()}
        stored |= {f"parameter.{label}": tensor for label, tensor in module.named_parameters()}
        stored |= {f"gradient.{label}": leaf.grad for label, leaf in leaves.items()}
        stored |= {f"gradient.{label}": tensor.grad for label, tensor in module.named_parameters()}
        stored |= {label: tensor for label, tensor in arguments.items() if isinstance(tensor, torch.Tensor)}
        stored |= {"output": output, "output.weights": weights, "upstream": upstream}
        golden.add(name, expression, stored)

    sequence = torch.randn(2, 5, 8)
    causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
    padding = torch.tensor([[False, False, False, True, True], [False, False, False, False, True]])
    attention("attention", "MultiheadAttention(8, 2 heads), self-attention; weights averaged over heads", sequence)
    attention("attention_causal", "the same with attn_mask; true means not attended", sequence, attn_mask=causal)
    attention("attention_padding", "the same with key_padding_mask; true means not attended", sequence,
              key_padding_mask=padding)
    attention("attention_cross", "query [2, 3, 8], key and value [2, 5, 8]", torch.randn(2, 3, 8), sequence,
              torch.randn(2, 5, 8))

    def scaled(name, expression, **arguments):
        leaves = {
            label: torch.randn(2, 2, length, 4).requires_grad_()
            for label, length in (("query", 3 if name.endswith("mask") else 5), ("key", 5), ("value", 5))
        }
        output = F.scaled_dot_product_attention(*leaves.values(), **arguments)
        upstream = torch.randn(output.shape)
        output.backward(upstream)
        stored = {f"input.{label}": leaf for label, leaf in leaves.items()}
        stored |= {f"gradient.{label}": leaf.grad for label, leaf in leaves.items()}
        stored |= {label: tensor for label, tensor in arguments.items() if isinstance(tensor, torch.Tensor)}
        golden.add(name, expression, stored | {"output": output, "upstream": upstream})

    scaled("scaled_dot_product", "scaled_dot_product_attention(query, key, value)")
    scaled("scaled_dot_product_causal", "the same, causal", is_causal=True)
    scaled("scaled_dot_product_scale", "the same, scale 0.25", scale=0.25)
    allowed = torch.rand(3, 5) > 0.4
    allowed[:, 0] = True
    scaled("scaled_dot_product_bool_mask", "the same with attn_mask; true means attended", attn_mask=allowed)
    scaled("scaled_dot_product_float_mask", "the same with attn_mask added to the scores", attn_mask=torch.randn(3, 5))

    golden.write(TORCH / "layers.safetensors")
