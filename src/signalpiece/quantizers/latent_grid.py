"""Latent quantization: every dimension has a few learned values of its own, all dimensions together are one code.

Paper: "Disentanglement via Latent Quantization" (2023), section 3.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import straight_through
from signalpiece.quantizers.fsq import check_levels


class LatentGrid(nn.Module):
    """One code per vector out of prod(levels), the first dimension counting fastest.

    Args:
        dim: width of the vectors; where it is not len(levels), a linear map leads to the grid and another one back.
        levels: number of values of each dimension, at first evenly spaced over [-1/2, 1/2].
        commitment: weight of the mean squared distance of the vectors to their values.
        learning: weight of the mean squared distance of the values to their vectors.

    Raises:
        SignalPieceError: a dimension has fewer than 2 values, or there are more than 2^31 codes.
    """

    place: Tensor
    sizes: Tensor

    def __init__(
        self,
        dim: int = 64,
        *,
        levels: Sequence[int] = (5, 5, 8),
        commitment: float = 0.1,
        learning: float = 0.1,
    ) -> None:
        super().__init__()
        check_levels(levels)
        self.codebook_sizes = (math.prod(levels),)
        self.commitment, self.learning = commitment, learning
        same = dim == len(levels)
        self.project_in = nn.Identity() if same else nn.Linear(dim, len(levels))
        self.project_out = nn.Identity() if same else nn.Linear(len(levels), dim)
        self.values = nn.ParameterList(
            nn.Parameter(torch.linspace(-0.5, 0.5, n) if n % 2 else torch.arange(n) / n - 0.5) for n in levels
        )
        self.register_buffer("sizes", torch.tensor(levels), persistent=False)
        self.register_buffer("place", torch.tensor((1, *levels[:-1])).cumprod(0), persistent=False)

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Embeddings, codes and the loss of the `valid` vectors (default: all)."""
        with torch.autocast(z.device.type, enabled=False):
            x = self.project_in(z.float())
            digits = torch.stack([(x[..., i, None] - v).abs().argmin(-1) for i, v in enumerate(self.values)], -1)
            codes = (digits * self.place).sum(-1, keepdim=True)
            if not self.training:
                return Quantized(self.decode(codes), codes, z.new_zeros(()))
            values, keep = self._of(digits), slice(None) if valid is None else valid
            loss = z.new_zeros(())
            if values[keep].numel():
                loss = self.commitment * functional.mse_loss(x[keep], values[keep].detach())
                loss = loss + self.learning * functional.mse_loss(values[keep], x[keep].detach())
            return Quantized(self.project_out(straight_through(x, values)), codes, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes."""
        with torch.autocast(codes.device.type, enabled=False):
            return self.project_out(self._of(codes.long() // self.place % self.sizes))

    def _of(self, digits: Int[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
        return torch.stack([v[digits[..., i]] for i, v in enumerate(self.values)], -1)
