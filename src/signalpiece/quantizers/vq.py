"""Vector quantizer: each vector becomes the number of the nearest vector of a learned codebook.

Paper: "Neural Discrete Representation Learning" (2017); low-dimensional lookup after "Vector-quantized Image Modeling
with Improved VQGAN" (2021), section 3.2.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.types import Quantized
from signalpiece.quantizers.codebook import Codebook
from signalpiece.quantizers.estimators import straight_through
from signalpiece.quantizers.learning import EMA, Learning

Estimator = Callable[[Tensor, Tensor], Tensor]


class VQ(nn.Module):
    """One code per vector.

    Args:
        dim: width of the vectors.
        codebook_size: number of codes.
        code_dim: width of the codes; if given, a linear map leads to it and another one back.
        distance: `euclidean`; `cosine`, where codes have unit length and the angle decides, but loss and learning see
            the vector itself; or `sphere`, where the vector is set to unit length first.
        learn: how the codebook learns: `EMA`, `UnitEMA` or `Gradient`.
        commitment: weight of the mean squared distance of the vectors to their codes.
        estimate: how the gradient passes the choice: `straight_through` or `rotation`.

    Raises:
        SignalPieceError: an unknown distance, or fewer than one code.
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        codebook_size: int = 1024,
        code_dim: int | None = None,
        distance: str = "euclidean",
        learn: Learning = EMA(),  # noqa: B008 - frozen
        commitment: float = 0.25,
        estimate: Estimator = straight_through,
    ) -> None:
        super().__init__()
        check_option("distance", distance, ("euclidean", "cosine", "sphere"))
        if codebook_size < 1:
            raise SignalPieceError(f"codebook_size must be at least 1, got {codebook_size}")
        self.codebook_sizes = (codebook_size,)
        self.distance, self.commitment, self.estimate = distance, commitment, estimate
        self.project_in = nn.Identity() if code_dim is None else nn.Linear(dim, code_dim)
        self.project_out = nn.Identity() if code_dim is None else nn.Linear(code_dim, dim)
        self.codebook = Codebook(codebook_size, code_dim or dim, learn=learn, unit=distance != "euclidean")

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Embeddings, codes and loss. In training the codebook learns from the `valid` vectors (default: all)."""
        with torch.autocast(z.device.type, enabled=False):  # codes are decided in fp32
            flat = self.project_in(z.float()).flatten(0, 1)
        if self.distance == "sphere":
            flat = functional.normalize(flat, dim=-1)
        keep = slice(None) if valid is None else valid.flatten()
        if self.training:
            self.codebook.start(flat[keep])
        codes = self.codebook.search(functional.normalize(flat, dim=-1) if self.distance == "cosine" else flat)
        columns = codes.reshape(*z.shape[:2], 1)
        if not self.training:
            return Quantized(self.decode(columns), columns, z.new_zeros(()))
        chosen = functional.embedding(codes, self.codebook.table())
        loss = z.new_zeros(())
        if codes[keep].numel():
            loss = self.commitment * functional.mse_loss(flat[keep], chosen[keep].detach())
            loss = loss + self.codebook.learn.loss(flat[keep], chosen[keep])
            self.codebook.update(flat[keep], codes[keep])
        embeddings = self.project_out(self.estimate(flat, chosen.detach()))
        return Quantized(embeddings.reshape(z.shape), columns, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes, by lookup in the projected table: the same bits whatever the batch."""
        with torch.autocast(codes.device.type, enabled=False):
            return functional.embedding(codes[..., 0].long(), self.project_out(self.codebook.table()))
