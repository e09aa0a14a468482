"""Codebook bottleneck of hidden states: a vector becomes the sum of its few most similar codes.

Paper: "Codebook Features: Sparse and Discrete Interpretability for Neural Networks" (2023), section 2.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import straight_through

ROWS = 1024  # of one product: the similarities of a chunk, never of all vectors


class TopK(nn.Module):
    """`active` codes per vector, most similar first; they learn by gradient to rebuild the vector.

    Args:
        dim: width of the vectors.
        codebook_size: number of codes.
        active: codes that are summed.
        weight: of the mean squared distance to the original vector in the loss.

    Raises:
        SignalPieceError: more active codes than there are.
    """

    def __init__(self, dim: int = 64, *, codebook_size: int = 1024, active: int = 8, weight: float = 1.0) -> None:
        super().__init__()
        check_range("active", active, 1, codebook_size)
        self.codebook_sizes = (codebook_size,) * active
        self.weight = weight
        self.vectors = nn.Parameter(torch.randn(codebook_size, dim) * dim**-0.5)

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Sums of codes, the codes, and the loss of the `valid` vectors (default: all)."""
        with torch.autocast(z.device.type, enabled=False):
            x = z.float()
            codes = self.search(x.detach().flatten(0, 1)).reshape(*z.shape[:2], -1)
            if not self.training:
                return Quantized(self.decode(codes), codes, z.new_zeros(()))
            total = functional.embedding(codes, self.vectors).sum(-2)
            keep = slice(None) if valid is None else valid
            loss = self.weight * functional.mse_loss(total[keep], x[keep].detach()) if x[keep].numel() else x.sum() * 0
            return Quantized(straight_through(x, total), codes, loss)

    @torch.no_grad()
    def search(self, x: Float[Tensor, "n d"]) -> Int[Tensor, "n k"]:
        """The most similar codes of each row, by cosine."""
        table = functional.normalize(self.vectors, dim=-1).T
        count = len(self.codebook_sizes)
        parts = [(functional.normalize(part, dim=-1) @ table).topk(count).indices for part in x.split(ROWS)]
        return torch.cat(parts) if parts else x.new_zeros(0, count, dtype=torch.int64)

    def decode(self, codes: Int[Tensor, "b n k"]) -> Float[Tensor, "b n d"]:
        """Sums of codes."""
        return functional.embedding(codes.long(), self.vectors).sum(-2)
