"""Entropy of binary codes whose bits are drawn independently: of each vector, and of the mean over a batch.

Logits are those of the bits, log p(1) - log p(0): for codes +-s at inverse temperature t, 4 t s x.
`exact_entropies` looks at all 2^d codes, so d is at most 13; it never holds vectors x codes: the codes' probabilities
are outer products of those of two halves, the batch's mean is one matrix product, and the rest goes by rows that stay
in the cache. `factorised_entropies` needs O(d): the entropy of a vector is then exact, that of the batch is the sum of
its bits' and so an upper bound, which cannot see bits that always go together.

Papers: "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation" (2023), equation 5; "Image and Video
Tokenization with Binary Spherical Quantization" (2024), section 4.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from signalpiece.core.check import SignalPieceError

LARGEST = 13  # bits whose codes are all looked at
FLOOR = 1e-5  # probabilities below count with the logarithm of this one, as published
CHUNK = 1 << 17  # probabilities held at a time
LEAST = -40.0  # logarithms below count as this: products stay normal numbers, which processors are fast with

Entropies = tuple[Float[Tensor, ""], Float[Tensor, ""]]


def exact_entropies(logits: Float[Tensor, "n d"]) -> Entropies:
    """Mean entropy of the vectors, and entropy of their mean, in nats, over all 2^d codes.

    Raises:
        SignalPieceError: more than 13 bits.
    """
    bits = logits.shape[-1]
    if bits > LARGEST:
        raise SignalPieceError(f"the exact entropy looks at 2^{bits} codes; above 2^{LARGEST} use factorised_entropies")
    first, second = (_log_codes(part) for part in (logits[:, : bits // 2], logits[:, bits // 2 :]))
    mean = first.clamp(min=LEAST).exp().T @ second.clamp(min=LEAST).exp() / len(logits)
    batch = -(mean * mean.clamp(min=FLOOR).log()).sum()
    return _OfVectors.apply(first, second), batch  # type: ignore[return-value]


def factorised_entropies(logits: Float[Tensor, "n d"]) -> Entropies:
    """Mean entropy of the vectors, exact, and an upper bound of the entropy of their mean: the sum of the bits'."""
    p = logits.sigmoid()
    one, zero = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    vectors = -(p * one + (1 - p) * zero).sum(-1).mean()
    mean = p.mean(0)
    batch = torch.special.entr(mean).sum() + torch.special.entr(1 - mean).sum()
    return vectors, batch


def _log_codes(logits: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """Log probability of all 2^d codes, the first bit most significant."""
    both = torch.stack([functional.logsigmoid(-logits), functional.logsigmoid(logits)], -1)
    out = logits.new_zeros(len(logits), 1)
    for bit in both.unbind(1):
        out = (out[:, :, None] + bit[:, None, :]).flatten(1)
    return out


class _OfVectors(torch.autograd.Function):
    """Mean over rows of -sum p log max(p, floor), p = outer product of exp(first) and exp(second)."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        ctx.save_for_backward(first, second)
        low, total = math.log(FLOOR), first.new_zeros(())
        for a, b in _chunks(first, second):
            logs = a[:, :, None] + b[:, None, :]
            logs.clamp_(min=low)
            pa, pb = a.clamp(min=LEAST).exp(), b.clamp(min=LEAST).exp()
            total -= (pa * torch.bmm(logs, pb[:, :, None])[:, :, 0]).sum()
        return total / len(first)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        first, second = ctx.saved_tensors
        low, outs = math.log(FLOOR), ([], [])
        for a, b in _chunks(first, second):
            logs = a[:, :, None] + b[:, None, :]
            above = logs > low
            logs.clamp_(min=low).add_(above)  # -d/dp of p log max(p, floor)
            pa, pb = a.clamp(min=LEAST).exp(), b.clamp(min=LEAST).exp()
            outs[0].append(pa * torch.bmm(logs, pb[:, :, None])[:, :, 0])
            outs[1].append(pb * torch.bmm(pa[:, None, :], logs)[:, 0])
        scale = -grad / len(first)
        return torch.cat(outs[0]) * scale, torch.cat(outs[1]) * scale


def _chunks(first: Tensor, second: Tensor) -> Any:
    rows = max(CHUNK // (first.shape[1] * second.shape[1]), 1)
    return zip(first.split(rows), second.split(rows), strict=True)
