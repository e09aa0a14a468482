"""SimVQ: a frozen random codebook times one learned matrix, so that every code moves with every step.

Paper: "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer" (2024), section 4.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import rotation
from signalpiece.quantizers.nearest import nearest_code
from signalpiece.quantizers.vq import Estimator


class SimVQ(nn.Module):
    """One code per vector; no running statistics, no dead codes to revive.

    Args:
        dim: width of the vectors and of the codes.
        codebook_size: number of codes.
        commitment: weight of the mean squared distance of the vectors to their codes; the codes' has weight 1.
        estimate: how the gradient passes the choice: `straight_through` or `rotation`.

    Raises:
        SignalPieceError: fewer than one code.
    """

    frozen: Tensor

    def __init__(
        self, dim: int = 64, *, codebook_size: int = 1024, commitment: float = 0.25, estimate: Estimator = rotation
    ) -> None:
        super().__init__()
        check_range("codebook_size", codebook_size, 1, 2**24)
        self.codebook_sizes = (codebook_size,)
        self.commitment, self.estimate = commitment, estimate
        self.register_buffer("frozen", torch.randn(codebook_size, dim) * dim**-0.5)
        self.transform = nn.Linear(dim, dim, bias=False)

    def table(self) -> Float[Tensor, "k d"]:
        """The code vectors."""
        return self.transform(self.frozen)

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Embeddings, codes and the loss of the `valid` vectors (default: all)."""
        with torch.autocast(z.device.type, enabled=False):
            table, x = self.table(), z.float()
            codes = nearest_code(x.flatten(0, 1), table).reshape(*z.shape[:2], 1)
            if not self.training:
                return Quantized(functional.embedding(codes[..., 0], table), codes, z.new_zeros(()))
            chosen = functional.embedding(codes[..., 0], table)
            keep = slice(None) if valid is None else valid
            loss = z.new_zeros(())
            if codes[keep].numel():
                loss = functional.mse_loss(chosen[keep], x[keep].detach())
                loss = loss + self.commitment * functional.mse_loss(x[keep], chosen[keep].detach())
            return Quantized(self.estimate(x, chosen), codes, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes."""
        with torch.autocast(codes.device.type, enabled=False):
            return functional.embedding(codes[..., 0].long(), self.table())
