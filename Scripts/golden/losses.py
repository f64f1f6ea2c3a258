"""Losses: value, and gradients. A loss that is not reduced is differentiated with a stored upstream gradient."""

import torch
import torch.nn.functional as F

from common import TORCH, Golden, deterministic


def main() -> None:
    deterministic(3)
    golden = Golden("losses.py")

    def loss(name, expression, function, inputs, **constants):
        """`inputs` are differentiated, `constants` only stored and passed on."""
        leaves = {key: value.clone().requires_grad_() for key, value in inputs.items()}
        output = function(**leaves, **constants)
        stored = {**inputs, **constants, "output": output}
        if output.dim() == 0:
            output.backward()
        else:
            stored["upstream"] = torch.rand(output.shape)
            output.backward(stored["upstream"])
        golden.add(name, expression, stored | {f"gradient.{key}": leaf.grad for key, leaf in leaves.items()})

    logits, labels = torch.randn(6, 5) * 2, torch.tensor([0, 4, 2, 2, 1, 3])
    weight = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5])
    ignored = torch.tensor([0, -100, 2, -100, 1, 3])
    soft = torch.randn(6, 5).softmax(dim=1)
    one = {"input": logits}

    def cross_entropy(**arguments):
        return lambda input, target, weight=None: F.cross_entropy(input, target, weight=weight, **arguments)

    loss("cross_entropy", "mean", cross_entropy(), one, target=labels)
    loss("cross_entropy_sum", "sum", cross_entropy(reduction="sum"), one, target=labels)
    loss("cross_entropy_none", "one value per item", cross_entropy(reduction="none"), one, target=labels)
    loss("cross_entropy_smoothing", "mean, label smoothing 0.1", cross_entropy(label_smoothing=0.1), one,
         target=labels)
    loss("cross_entropy_weight", "mean weighted by the class weights of the targets", cross_entropy(), one,
         target=labels, weight=weight)
    loss("cross_entropy_ignore", "mean over items whose target is not -100", cross_entropy(), one, target=ignored)
    loss("cross_entropy_weight_smoothing", "class weights and label smoothing 0.2",
         cross_entropy(label_smoothing=0.2), one, target=labels, weight=weight)
    loss("cross_entropy_soft", "targets are probabilities", cross_entropy(), one, target=soft)
    loss("cross_entropy_soft_smoothing", "targets are probabilities, label smoothing 0.1",
         cross_entropy(label_smoothing=0.1), one, target=soft)
    loss("cross_entropy_large", "mean, logits of ±150", cross_entropy(), {"input": logits.sign() * 150},
         target=labels)
    loss("cross_entropy_2d", "mean, input [2, 3, 4], target [2, 4]", cross_entropy(), {"input": torch.randn(2, 3, 4)},
         target=torch.tensor([[0, 1, 2, 2], [1, 1, 0, 2]]))
    log_probabilities = {"input": logits.log_softmax(dim=1)}
    loss("nll", "mean", lambda input, target: F.nll_loss(input, target), log_probabilities, target=labels)
    loss("nll_none", "one value per item", lambda input, target: F.nll_loss(input, target, reduction="none"),
         log_probabilities, target=labels)
    loss("nll_weight_ignore", "mean, class weights, target -100 ignored",
         lambda input, target, weight: F.nll_loss(input, target, weight=weight), log_probabilities,
         target=ignored, weight=weight)

    bits = torch.randint(0, 2, (6, 5)).float()
    loss("bce_with_logits", "mean", lambda input, target: F.binary_cross_entropy_with_logits(input, target), one,
         target=bits)
    loss("bce_with_logits_none", "one value per element",
         lambda input, target: F.binary_cross_entropy_with_logits(input, target, reduction="none"), one, target=bits)
    loss("bce_with_logits_positive_weight", "mean, positive weight per class",
         lambda input, target, weight: F.binary_cross_entropy_with_logits(input, target, pos_weight=weight), one,
         target=bits, weight=weight)
    loss("bce_with_logits_large", "mean, logits of ±150",
         lambda input, target: F.binary_cross_entropy_with_logits(input, target), {"input": logits.sign() * 150},
         target=bits)
    loss("binary_cross_entropy", "mean, input are probabilities",
         lambda input, target: F.binary_cross_entropy(input, target), {"input": logits.sigmoid()}, target=bits)

    pair = {"input": torch.randn(4, 3) * 2, "target": torch.randn(4, 3)}
    for name, function in (("mse", F.mse_loss), ("l1", F.l1_loss)):
        for reduction in ("mean", "sum", "none"):
            loss(name if reduction == "mean" else f"{name}_{reduction}", reduction,
                 lambda input, target: function(input, target, reduction=reduction), pair)
    loss("smooth_l1", "mean, beta 1", lambda input, target: F.smooth_l1_loss(input, target), pair)
    loss("smooth_l1_beta", "mean, beta 0.5", lambda input, target: F.smooth_l1_loss(input, target, beta=0.5), pair)
    loss("huber", "mean, delta 1", lambda input, target: F.huber_loss(input, target), pair)
    loss("huber_delta", "mean, delta 0.5", lambda input, target: F.huber_loss(input, target, delta=0.5), pair)

    # input is log q, target is p: the sum over classes of p (log p − log q).
    q, p = torch.randn(6, 5).log_softmax(dim=1), torch.randn(6, 5).softmax(dim=1)
    for reduction in ("batchmean", "mean", "sum", "none"):
        loss(f"kl_div_{reduction}", f"KL(target ‖ exp input), {reduction}",
             lambda input, target: F.kl_div(input, target, reduction=reduction), {"input": q}, target=p)
    loss("kl_div_log_target", "KL(exp target ‖ exp input), batchmean",
         lambda input, target: F.kl_div(input, target, reduction="batchmean", log_target=True), {"input": q},
         target=p.log())
    loss("kl_div_zero_target", "KL(target ‖ exp input), batchmean, targets with zeros",
         lambda input, target: F.kl_div(input, target, reduction="batchmean"), {"input": q},
         target=F.one_hot(labels, 5).float())

    twins = {"a": torch.randn(6, 4), "b": torch.randn(6, 4)}
    signs = torch.tensor([1, -1, 1, -1, 1, -1])
    for margin in (0.0, 0.3):
        loss(f"cosine_embedding_{margin}", f"mean, margin {margin}",
             lambda a, b, target: F.cosine_embedding_loss(a, b, target, margin=margin), twins, target=signs)
    three = {"anchor": torch.randn(6, 4), "positive": torch.randn(6, 4), "negative": torch.randn(6, 4)}
    loss("triplet", "mean, margin 1, p 2", lambda **x: F.triplet_margin_loss(**x), three)
    loss("triplet_margin_none", "one value per item, margin 0.2, p 2",
         lambda **x: F.triplet_margin_loss(**x, margin=0.2, reduction="none"), three)

    golden.write(TORCH / "losses.safetensors")
