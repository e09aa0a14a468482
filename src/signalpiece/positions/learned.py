"""Learned positions: one vector per place, electrode or other identity that can be counted.

Papers: "Convolutional Sequence to Sequence Learning" (2017) for places; one vector per electrode as in "A Brain Wave
Encodes a Thousand Tokens: Modeling Inter-Cortical Neural Interactions for Effective EEG-based Emotion Recognition"
(2025).
"""

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from signalpiece.core.check import SignalPieceError, check_range


class LearnedTable(nn.Module):
    """A row of a table for each token; its coordinate is the number of the row.

    Args:
        dim: width.
        size: rows of the table.

    Raises:
        SignalPieceError: an empty table; in a call, coordinates of more than one axis or beyond the table.
    """

    def __init__(self, dim: int = 16, *, size: int = 64) -> None:
        super().__init__()
        check_range("size", size, 1, 2**24)
        self.table = nn.Parameter(torch.randn(size, dim) * 0.02)

    def forward(self, coords: Real[Tensor, "b n a"]) -> Float[Tensor, "b n d"]:
        """Rows of whole numbers."""
        if coords.shape[2] != 1:
            raise SignalPieceError(f"a table of positions takes coordinates of 1 axis, got {coords.shape[2]}")
        rows = coords[..., 0].long()
        if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < len(self.table):
            limits = f"{int(rows.min())} to {int(rows.max())}"
            raise SignalPieceError(f"positions must be between 0 and {len(self.table) - 1}, got {limits}; enlarge size")
        return self.table[rows]
