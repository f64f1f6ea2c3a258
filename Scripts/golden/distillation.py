"""Distillation losses and what other libraries compute in their place, with the gradient for the student's logits.

The canonical loss is T² · mean over items of Σ_c p_t(c) (log p_t(c) − log p_s(c)), both softmaxes at temperature T and,
where old classes are meant, over the old classes only: logits are sliced before the softmax. Every formula is written
out here from log_softmax and exp, not taken from `kl_div`.
"""

import torch

from common import PERENNIAL, Golden, deterministic

OLD = 6  # of ten classes, the first six are old


def forward_kl(student, teacher, temperature):
    """Per item: Σ_c p_t (log p_t − log p_s), without T²."""
    log_s, log_t = (student / temperature).log_softmax(1), (teacher / temperature).log_softmax(1)
    return (log_t.exp() * (log_t - log_s)).sum(1)


def reverse_kl(student, teacher, temperature):
    return forward_kl(teacher, student, temperature)


def soft_cross_entropy(student, teacher, temperature):
    log_s = (student / temperature).log_softmax(1)
    return -((teacher / temperature).softmax(1) * log_s).sum(1)


def main() -> None:
    deterministic(7)
    student, teacher = torch.randn(8, 10) * 2, torch.randn(8, 10) * 2

    def case(golden, name, expression, function, constants=None):
        leaf = student.clone().requires_grad_()
        value = function(leaf)
        stored = {"value": value, **(constants or {})}
        if value.dim() == 0:
            value.backward()
        else:
            stored["upstream"] = torch.rand(value.shape)
            value.backward(stored["upstream"])
        golden.add(name, expression, stored | {"gradient.student": leaf.grad})
        return value.detach()

    golden = Golden("distillation.py")
    golden.case("logits", "student and teacher [8, 10]; upstream belongs to values per item",
                student=student, teacher=teacher)
    for temperature in (1.0, 2.0, 4.0):
        case(golden, f"forward_kl_T{temperature:g}", f"T² mean_n KL(teacher ‖ student), T = {temperature:g}",
             lambda s: temperature**2 * forward_kl(s, teacher, temperature).mean())
    case(golden, "forward_kl_items", "T² KL(teacher ‖ student) per item, T = 2",
         lambda s: 4 * forward_kl(s, teacher, 2.0))
    case(golden, "reverse_kl_T2", "T² mean_n KL(student ‖ teacher), T = 2",
         lambda s: 4 * reverse_kl(s, teacher, 2.0).mean())
    case(golden, "soft_cross_entropy_T2", "T² mean_n −Σ_c p_t log p_s, T = 2: the gradient of forward_kl_T2",
         lambda s: 4 * soft_cross_entropy(s, teacher, 2.0).mean())

    def jensen_shannon(s):
        log_s, log_t = (s / 2).log_softmax(1), (teacher / 2).log_softmax(1)
        mix = ((log_s.exp() + log_t.exp()) / 2).log()
        return 4 * (0.5 * (log_t.exp() * (log_t - mix)).sum(1) + 0.5 * (log_s.exp() * (log_s - mix)).sum(1)).mean()

    case(golden, "jensen_shannon_T2", "T² mean_n ½ KL(t ‖ m) + ½ KL(s ‖ m), m = (s + t) / 2, T = 2", jensen_shannon)
    case(golden, "logit_mse", "mean over items and classes of (z_s − z_t)²", lambda s: (s - teacher).square().mean())
    case(golden, "logit_centred_limit",
         "the limit of T² KL for T → ∞: mean_n Σ_c (z_s − z_t, both centred per item)² / (2 C)",
         lambda s: ((s - s.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))).square().sum(1).mean()
         / 20)

    # Only items with a true mask count, in the sum and in N.
    valid = torch.tensor([True, False, True, True, False, True, False, True])
    case(golden, "forward_kl_masked", "T² Σ_valid KL / number of valid items, T = 2",
         lambda s: 4 * (forward_kl(s, teacher, 2.0) * valid).sum() / valid.sum(), {"valid": valid})
    weights = torch.tensor([1.0, 0.0, 0.5, 2.0, 1.0, 0.25, 0.0, 1.0])
    case(golden, "forward_kl_weighted", "T² Σ weight KL / number of items, T = 2",
         lambda s: 4 * (forward_kl(s, teacher, 2.0) * weights).sum() / 8, {"weights": weights})
    case(golden, "identity", "the student is its own teacher: value 0, gradient 0",
         lambda s: 4 * forward_kl(s, student, 2.0).mean())

    # A linear mix as KD is trained with: (1 − w) cross-entropy + w T² KL.
    labels = torch.tensor([0, 3, 9, 6, 2, 2, 7, 5])
    case(golden, "mixed", "0.1 cross-entropy(labels) + 0.9 T² KL, T = 4",
         lambda s: 0.1 * -s.log_softmax(1)[torch.arange(8), labels].mean()
         + 0.9 * 16 * forward_kl(s, teacher, 4.0).mean(), {"labels": labels})

    # How far apart the habits of different libraries are, on the same 64 × 100 logits at T = 4.
    wide_student, wide_teacher = torch.randn(64, 100) * 3, torch.randn(64, 100) * 3
    items = forward_kl(wide_student, wide_teacher, 4.0)
    golden.case("scale", "T = 4: sum, batch mean, mean over items × classes, canonical T² · batch mean",
                student=wide_student, teacher=wide_teacher, sum=items.sum(), batch_mean=items.mean(),
                element_mean=items.sum() / 6400, canonical=16 * items.mean())
    assert abs(16 * items.mean() / (items.sum() / 6400) - 1600) < 1
    golden.write(PERENNIAL / "distillation.safetensors")

    golden = Golden("distillation.py")
    golden.case("logits", f"student and teacher [8, 10]; the first {OLD} classes are old, the teacher knew only those",
                student=student, teacher=teacher)
    valid_items = {"valid": valid}
    old_teacher = teacher[:, :OLD]
    canonical = case(
        golden, "canonical", "T² mean_n KL(teacher ‖ student), T = 2, both sliced to old classes before the softmax",
        lambda s: 4 * forward_kl(s[:, :OLD], old_teacher, 2.0).mean())
    case(golden, "canonical_masked", "canonical over valid items only, divided by their number",
         lambda s: 4 * (forward_kl(s[:, :OLD], old_teacher, 2.0) * valid).sum() / valid.sum(), valid_items)
    classes = torch.tensor([7, 1, 4])
    case(golden, "canonical_classes", "canonical with the old classes 7, 1, 4",
         lambda s: 4 * forward_kl(s[:, classes], teacher[:, classes], 2.0).mean(), {"classes": classes})
    case(golden, "avalanche", "Avalanche 0.6: no T²; mean_n KL(teacher ‖ student), T = 2, sliced; alpha = 1",
         lambda s: forward_kl(s[:, :OLD], old_teacher, 2.0).mean())

    def padded(s, temperature=2.0):
        targets = torch.cat([(old_teacher / temperature).softmax(1), torch.zeros(8, 10 - OLD)], dim=1)
        return -(targets * (s / temperature).log_softmax(1)).sum(1).mean()

    case(golden, "van_de_ven",
         "van de Ven: mean_n −Σ_c p_t log p_s, T = 2, no T²; the student's softmax is over all 10 classes, the teacher's "
         "over 6 padded with zeros, so new classes are pushed down", padded)
    case(golden, "van_de_ven_normalised", "the same times T²", lambda s: 4 * padded(s))

    def mammoth(s, temperature=2.0):
        def smooth(p):
            root = p ** (1 / temperature)
            return root / root.sum(1, keepdim=True)
        new, old = smooth(s[:, :OLD].softmax(1)), smooth(old_teacher.softmax(1))
        return -(old * new.log()).sum(1).mean()

    case(golden, "mammoth",
         "Mammoth: mean_n −Σ_c p_t log p_s, sliced, no T²; probabilities are raised to 1/T and renormalised, T = 2; "
         "alpha = 1", mammoth)
    case(golden, "pycil",
         "PyCIL: −Σ p_t log p_s / N, sliced, no T², T = 2 (its LwF multiplies by 3): equals mammoth",
         lambda s: soft_cross_entropy(s[:, :OLD], old_teacher, 2.0).sum() / 8)

    def softmax_then_slice(s):
        p_s, p_t = (s / 2).softmax(1)[:, :OLD], (teacher / 2).softmax(1)[:, :OLD]
        return 4 * (p_t * (p_t.log() - p_s.log())).sum(1).mean()

    wrong = case(golden, "softmax_then_slice",
                 "WRONG on purpose: softmax over all classes, then sliced: not distributions, can be negative",
                 softmax_then_slice)
    unrestricted = case(golden, "unrestricted", "WRONG for growing heads: T² KL over all 10 classes",
                        lambda s: 4 * forward_kl(s, teacher, 2.0).mean())
    assert abs(wrong - canonical) > 0.05 and abs(unrestricted - canonical) > 0.05
    golden.write(PERENNIAL / "lwf.safetensors")
