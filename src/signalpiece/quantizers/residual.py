"""Residual quantizer: each level quantizes what the levels before it left over.

Paper: "SoundStream: An End-to-End Neural Audio Codec" (2021), section 3.3, quantizer dropout included.
Differs: the residual carries gradient, so that the sum of all levels passes it once and not once per level.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.level_dropout import levels_of_batch
from signalpiece.quantizers.vq import VQ


class Residual(nn.Module):
    """One code column (or as many as the inner quantizer has) per level; the first columns alone decode coarsely.

    Args:
        dim: width of the vectors.
        levels: number of quantizers in a row.
        quantizer: makes one level from `dim`.
        dropout: probability that a training batch uses only the first few levels, a random number of them.

    Raises:
        SignalPieceError: no level, or a dropout that is no probability.
    """

    steps: Tensor

    def __init__(
        self, dim: int = 64, *, levels: int = 6, quantizer: Callable[[int], nn.Module] = VQ, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_range("levels", levels, 1, 64)
        check_range("dropout", dropout, 0, 1)
        self.levels = nn.ModuleList(quantizer(dim) for _ in range(levels))
        self.columns = tuple(len(level.codebook_sizes) for level in self.levels)  # type: ignore[arg-type]
        self.codebook_sizes = tuple(size for level in self.levels for size in level.codebook_sizes)  # type: ignore
        self.dropout = dropout
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Sum of all levels, their codes, mean of their losses; of a batch with dropout, of the levels it uses."""
        used = self._levels_of_this_batch()
        rest, embeddings, codes, loss = z, 0.0, [], z.new_zeros(())
        for level in self.levels[:used]:
            out = level(rest) if valid is None else level(rest, valid)
            codes.append(out.codes)
            rest, embeddings, loss = rest - out.embeddings, embeddings + out.embeddings, loss + out.loss
        return Quantized(embeddings, torch.cat(codes, 2), loss / used)

    def decode(self, codes: Int[Tensor, "b n q"]) -> Float[Tensor, "b n d"]:
        """Sum of the levels that `codes` has columns of, first level first."""
        parts = zip(self.levels, codes.split(self._split(codes.shape[2]), 2), strict=False)
        total = None
        for level, part in parts:
            values = level.decode(part)  # type: ignore[operator]
            total = values if total is None else total + values
        assert total is not None
        return total

    def _split(self, columns: int) -> list[int]:
        out: list[int] = []
        for width in self.columns:
            if sum(out) < columns:
                out.append(width)
        check_range("columns of codes", columns, sum(out), sum(out))
        return out

    def _levels_of_this_batch(self) -> int:
        if not (self.training and self.dropout):
            return len(self.levels)
        return levels_of_batch(self.steps, len(self.levels), self.dropout)
