"""Entropy penalty of a vector quantizer: each vector should be sure of its code, all together should use every code.

Paper: "Taming Transformers for High-Resolution Image Synthesis" (2021) has the quantizer, "Language Model Beats
Diffusion: Tokenizer is Key to Visual Generation" (2023) the penalty, here with squared distances as logits.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256  # vectors whose distances to all codes are held at a time
NEAR_ZERO = 1e-5  # added before logarithms, as published


def code_entropy(
    x: Float[Tensor, "n d"], table: Float[Tensor, "k d"], *, temperature: float = 0.01
) -> Float[Tensor, ""]:
    """Mean entropy of the codes of a vector minus the entropy of their mean, in nats; never vectors x codes at once.

    Args:
        x: vectors.
        table: code vectors; the gradient reaches both.
        temperature: of the softmax over negative squared distances.
    """
    return _Penalty.apply(x, table, temperature)  # type: ignore[return-value]


class _Penalty(torch.autograd.Function):
    """Rows are seen twice: once for the mean of the probabilities, once more for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, temperature: float) -> Tensor:
        mean, sure = x.new_zeros(len(table)), x.new_zeros(())
        for part in x.split(ROWS):
            logs = _log_probabilities(part, table, temperature)
            p = logs.exp()
            mean += p.sum(0)
            sure -= (p * logs).sum()
        mean = mean / len(x)
        ctx.save_for_backward(x, table, mean)
        ctx.temperature = temperature
        return sure / len(x) + (mean * (mean + NEAR_ZERO).log()).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        x, table, mean = ctx.saved_tensors
        pull = (mean + NEAR_ZERO).log() + mean / (mean + NEAR_ZERO)
        grad_x, grad_table = torch.empty_like(x), torch.zeros_like(table)
        for start in range(0, len(x), ROWS):
            part = x[start : start + ROWS]
            logs = _log_probabilities(part, table, ctx.temperature)
            p = logs.exp()
            slope = p * (pull - logs - 1)
            slope -= p * slope.sum(1, keepdim=True)  # to the logits
            slope *= 2 / (ctx.temperature * len(x)) * grad
            grad_x[start : start + ROWS] = slope @ table - slope.sum(1, keepdim=True) * part
            grad_table += slope.T @ part - slope.sum(0)[:, None] * table
        return grad_x, grad_table, None


def _log_probabilities(x: Tensor, table: Tensor, temperature: float) -> Tensor:
    distance = x.square().sum(1, keepdim=True) - 2 * x @ table.T + table.square().sum(1)
    return (-distance / temperature).log_softmax(1)
