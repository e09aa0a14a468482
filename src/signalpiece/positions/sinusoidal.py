"""Sinusoidal positions: sines and cosines of each coordinate at wavelengths in geometric progression.

Papers: "Attention Is All You Need" (2017), section 3.5; axis by axis for pictures as in "An Empirical Study of Training
Self-Supervised Vision Transformers" (2021).
"""

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from signalpiece.core.check import SignalPieceError


class Sinusoidal(nn.Module):
    """Every axis has an equal part of the width: first its sines, then its cosines. Nothing is learned.

    Args:
        dim: width; twice the number of axes divides it.
        axes: number of coordinates per token.
        base: ratio of the longest wavelength to the shortest, which is 2 pi.

    Raises:
        SignalPieceError: the axes do not divide the width.
    """

    frequencies: Tensor

    def __init__(self, dim: int = 16, *, axes: int = 1, base: float = 10000.0) -> None:
        super().__init__()
        if dim % (2 * axes):
            raise SignalPieceError(f"the width must be a multiple of {2 * axes} for {axes} axes, got {dim}")
        count = dim // (2 * axes)
        self.register_buffer("frequencies", base ** (-torch.arange(count) / count), persistent=False)

    def forward(self, coords: Real[Tensor, "b n a"]) -> Float[Tensor, "b n d"]:
        """Values between -1 and 1."""
        angles = coords[..., None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], -1).flatten(2)
