"""Pulls the opening probabilities of gates, over a batch, to a distribution with most mass near 0 and 1.

Papers: "Batch-Shaping for Learning Conditional Channel Gated Networks" (2020): the Cramer-von Mises distance to a Beta
distribution; "MSViT: Dynamic Mixed-Scale Tokenization for Vision Transformers" (2023): every place has its own mean,
which is learned under a hyperprior around the share wanted.
Differs: the hyperprior is a normal distribution, as the text has it; slopes in the mean are central differences of
.01, where the published code averages over .05.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from signalpiece.core.check import check_range

STEP, LOWEST, STEEPEST, FLATTEST = 0.01, 0.02, 100.0, 1e-3


def batch_shaping_loss(probabilities: Float[Tensor, "b n"], means: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """Mean squared distance, for every place, of sorted probabilities from the Beta distribution of its mean.

    The distribution is Beta(mean, 1 - mean); zero when the i-th of b probabilities is its quantile i / (b + 1).
    Gradients reach both.

    Args:
        probabilities: of every sample and place.
        means: of every place, kept in .02 to .98.
    """
    held = means.clamp(LOWEST, 1 - LOWEST)
    expected = _BetaCDF.apply(probabilities.sort(0)[0], held)
    return (expected - _ranks(probabilities)[:, None]).square().mean()


def hyperprior_loss(means: Float[Tensor, "n"], share: float, spread: float = 0.1) -> Float[Tensor, ""]:
    """Mean squared distance of sorted means from a normal distribution around the share wanted: the hyperprior.

    Args:
        means: learned, of every place.
        share: of gates that shall be open, in the mean over places.
        spread: standard deviation between places.

    Raises:
        SignalPieceError: a share outside 0..1, a spread that is not above 0.
    """
    check_range("share", share, 0, 1)
    check_range("spread", spread, 1e-9, float("inf"))
    expected = 0.5 * (1 + torch.erf((means.sort()[0] - share) / (spread * math.sqrt(2))))
    return (expected - _ranks(means)).square().mean()


def _ranks(x: Float[Tensor, "b *n"]) -> Float[Tensor, "b"]:
    return torch.arange(1, len(x) + 1, dtype=x.dtype, device=x.device) / (len(x) + 1)


class _BetaCDF(torch.autograd.Function):
    """Distribution function of Beta(a, 1 - a), by SciPy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor) -> Any:
        from scipy.special import betainc

        ctx.save_for_backward(x, a)
        at, mean = x.double().cpu().numpy(), a.double().cpu().numpy()
        higher, lower = (betainc(mean + s, 1 - mean - s, at) for s in (STEP, -STEP))
        ctx.by_mean = torch.from_numpy((higher - lower) / (2 * STEP)).to(x)
        return torch.from_numpy(np.asarray(betainc(mean, 1 - mean, at))).to(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        x, a = ctx.saved_tensors
        inside = x.clamp(1e-12, 1 - 1e-7)
        density = (torch.pi * a).sin() / torch.pi * inside ** (a - 1) * (1 - inside) ** -a
        return grad * density.clamp(FLATTEST, STEEPEST), (grad * ctx.by_mean).sum(0)
