"""Two codebooks with one shared index: what a code means to one encoder and to another is chosen together.

Paper: "TokenFlow: Unified Image Tokenizer for Multimodal Understanding and Generation" (2024), section 3.2.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.codebook import Codebook
from signalpiece.quantizers.estimators import straight_through
from signalpiece.quantizers.learning import EMA, Learning


class Dual(nn.Module):
    """One code per vector, whose first `first` values and the rest have a codebook each.

    The index is argmin |a - A_i|^2 + weight |b - B_i|^2: one nearest-code search with the second part scaled by
    sqrt(weight), so no distance is computed twice.

    Args:
        dim: width of the vectors, both parts side by side.
        first: width of the first part; default half.
        codebook_size: number of codes.
        weight: how much the second part counts in the choice.
        learn: how both codebooks learn.
        commitment: weight of the mean squared distances of the vectors to their codes.

    Raises:
        SignalPieceError: a part without values, a weight that is not above 0.
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        first: int | None = None,
        codebook_size: int = 1024,
        weight: float = 1.0,
        learn: Learning = EMA(),  # noqa: B008 - frozen
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        self.first = dim // 2 if first is None else first
        check_range("width of the first part", self.first, 1, dim - 1)
        if not weight > 0:
            raise SignalPieceError(f"weight must be above 0, got {weight:g}; a part of weight 0 needs a VQ alone")
        self.codebook_sizes = (codebook_size,)
        self.scale, self.commitment = weight**0.5, commitment
        self.codebook = Codebook(codebook_size, dim, learn=learn)

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Embeddings of both parts side by side, codes and loss; in training the codebooks learn."""
        with torch.autocast(z.device.type, enabled=False):
            scaled = self.scaled(z.float().flatten(0, 1))
            keep = slice(None) if valid is None else valid.flatten()
            if self.training:
                self.codebook.start(scaled[keep])
            codes = self.codebook.search(scaled)
            columns = codes.reshape(*z.shape[:2], 1)
            if not self.training:
                return Quantized(self.decode(columns), columns, z.new_zeros(()))
            chosen = functional.embedding(codes, self.codebook.table())
            loss = z.new_zeros(())
            if codes[keep].numel():
                loss = self.commitment * functional.mse_loss(scaled[keep], chosen[keep].detach())
                loss = loss + self.codebook.learn.loss(scaled[keep], chosen[keep])
                self.codebook.update(scaled[keep], codes[keep])
            out = self._unscaled(straight_through(scaled, chosen.detach()))
            return Quantized(out.reshape(z.shape), columns, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes, both parts side by side."""
        with torch.autocast(codes.device.type, enabled=False):
            return functional.embedding(codes[..., 0].long(), self._unscaled(self.codebook.table()))

    def scaled(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Vectors as the codebook has them: the second part by the root of its weight."""
        return torch.cat([x[:, : self.first], x[:, self.first :] * self.scale], -1)

    def _unscaled(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return torch.cat([x[:, : self.first], x[:, self.first :] / self.scale], -1)
