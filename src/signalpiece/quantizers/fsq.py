"""Finite scalar quantizer: each dimension is rounded to a few values, so the codebook is a fixed grid.

Paper: "Finite Scalar Quantization: VQ-VAE Made Simple" (2023), section 3.1.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.check import SignalPieceError
from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import straight_through


class FSQ(nn.Module):
    """One code per vector out of prod(levels), the first dimension counting fastest. No loss, nothing to learn.

    Args:
        dim: width of the vectors; where it is not len(levels), a linear map leads to the grid and another one back.
        levels: number of values of each dimension of the grid.
        symmetric: the values of each dimension are evenly spaced over [-1, 1], both ends included.

    Raises:
        SignalPieceError: a dimension has fewer than 2 values, or there are more than 2^31 codes.
    """

    sizes: Tensor
    place: Tensor

    def __init__(self, dim: int = 64, *, levels: Sequence[int] = (8, 5, 5, 5), symmetric: bool = False) -> None:
        super().__init__()
        check_levels(levels)
        self.codebook_sizes = (math.prod(levels),)
        self.symmetric = symmetric
        same = dim == len(levels)
        self.project_in = nn.Identity() if same else nn.Linear(dim, len(levels))
        self.project_out = nn.Identity() if same else nn.Linear(len(levels), dim)
        self.register_buffer("sizes", torch.tensor(levels), persistent=False)
        self.register_buffer("place", torch.tensor((1, *levels[:-1])).cumprod(0), persistent=False)

    def forward(self, z: Float[Tensor, "b n d"]) -> Quantized:
        """Rounds in fp32; the gradient passes the rounding unchanged."""
        with torch.autocast(z.device.type, enabled=False):
            soft = self._bound(self.project_in(z.float()))
        digits = soft.detach().round()
        first = 0 if self.symmetric else self.sizes // 2
        codes = ((digits + first).long() * self.place).sum(-1, keepdim=True)
        loss = z.new_zeros(())
        if not self.training:
            return Quantized(self.decode(codes), codes, loss)
        return Quantized(self.project_out(self._value(straight_through(soft, digits))), codes, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes."""
        digits = codes.long() // self.place % self.sizes
        if not self.symmetric:
            digits = digits - self.sizes // 2
        with torch.autocast(codes.device.type, enabled=False):
            return self.project_out(self._value(digits.float()))

    def _bound(self, z: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
        """Squashed so that rounding gives exactly `levels` values: 0 .. L-1 if symmetric, else around 0."""
        if self.symmetric:
            return (self.sizes - 1) * (z.tanh() + 1) / 2
        half = (self.sizes - 1) * 1.001 / 2
        offset = torch.where(self.sizes % 2 == 0, 0.5, 0.0)
        return (z + (offset / half).atanh()).tanh() * half - offset

    def _value(self, digits: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
        if self.symmetric:
            return digits * 2 / (self.sizes - 1) - 1
        return digits / (self.sizes // 2)


def check_levels(levels: Sequence[int]) -> None:
    """Raises SignalPieceError if a dimension has fewer than 2 values, or all together make more than 2^31 codes."""
    if min(levels) < 2 or math.prod(levels) > 2**31:
        raise SignalPieceError(f"levels must each be at least 2 and make at most 2^31 codes, got {tuple(levels)}")
