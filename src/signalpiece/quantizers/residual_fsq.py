"""Residual finite scalar quantizer: each level rounds what is left on a grid finer by its number of values.

The vector is bounded once, smoothly, just outside the grid; the levels then clip and round, without a further squash.

Paper: "Finite Scalar Quantization: VQ-VAE Made Simple" (2023) with the residual chain of "SoundStream: An End-to-End
Neural Audio Codec" (2021).
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import straight_through
from signalpiece.quantizers.fsq import check_levels


class ResidualFSQ(nn.Module):
    """One code column per level; the first columns alone decode coarsely.

    Args:
        dim: width of the vectors; where it is not len(levels), a linear map leads to the grid and another one back.
        levels: number of values of each dimension, evenly spaced over [-1, 1], both ends included.
        depth: number of levels of the residual chain.

    Raises:
        SignalPieceError: a dimension has fewer than 2 values, or there are more than 2^31 codes.
    """

    sizes: Tensor
    place: Tensor

    def __init__(self, dim: int = 64, *, levels: Sequence[int] = (8, 5, 5, 3), depth: int = 4) -> None:
        super().__init__()
        check_levels(levels)
        check_range("depth", depth, 1, 64)
        self.codebook_sizes = (math.prod(levels),) * depth
        same = dim == len(levels)
        self.project_in = nn.Identity() if same else nn.Linear(dim, len(levels))
        self.project_out = nn.Identity() if same else nn.Linear(len(levels), dim)
        self.register_buffer("sizes", torch.tensor(levels), persistent=False)
        self.register_buffer("place", torch.tensor((1, *levels[:-1])).cumprod(0), persistent=False)

    def forward(self, z: Float[Tensor, "b n d"]) -> Quantized:
        """Rounds in fp32; the gradient passes the rounding unchanged. No loss, nothing to learn."""
        with torch.autocast(z.device.type, enabled=False):
            bound = 1 + 1 / (self.sizes - 1).float()
            x = (self.project_in(z.float()) / bound).tanh() * bound
            rest, values, codes = x.detach(), torch.zeros_like(x), []
            for scale in self._scales():
                digits = ((rest / scale).clamp(-1, 1) + 1).mul((self.sizes - 1) / 2).round()
                codes.append((digits.long() * self.place).sum(-1))
                part = self._values(digits, scale)
                rest, values = rest - part, values + part
            columns, loss = torch.stack(codes, -1), z.new_zeros(())
            if not self.training:
                return Quantized(self.decode(columns), columns, loss)
            return Quantized(self.project_out(straight_through(x, values)), columns, loss)

    def decode(self, codes: Int[Tensor, "b n q"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes, or of the first columns of them."""
        with torch.autocast(codes.device.type, enabled=False):
            total = torch.zeros(*codes.shape[:2], len(self.sizes), device=codes.device)
            for column, scale in zip(codes.long().unbind(-1), self._scales(), strict=False):
                total = total + self._values((column[..., None] // self.place % self.sizes).float(), scale)
            return self.project_out(total)

    def _scales(self) -> list[Float[Tensor, "k"]]:
        """Half the width of each level's grid."""
        return [self.sizes.float() ** -level for level in range(len(self.codebook_sizes))]

    def _values(self, digits: Float[Tensor, "*b k"], scale: Float[Tensor, "k"]) -> Float[Tensor, "*b k"]:
        return (digits * 2 / (self.sizes - 1) - 1) * scale
