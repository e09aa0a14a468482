"""Bernoulli bits: each token is a few dozen coin flips in training and their better sides afterwards.

Paper: "Instella-T2I: Pushing the Limits of 1D Discrete Latent Space Image Generation" (2025), known here by its
summaries.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from signalpiece.core.types import Quantized
from signalpiece.quantizers.backward import is_backward
from signalpiece.quantizers.bits import group_sizes, pack_bits, unpack_bits
from signalpiece.quantizers.estimators import straight_through


class Bernoulli(nn.Module):
    """Bits drawn with probability sigmoid(logit); the embedding is the sum of the table rows of the bits that are set.

    Args:
        dim: width of the vectors.
        bits: per vector.
        group: bits of one code column, at most 16.
        weight: of the mean of p (1 - p), which drives the probabilities to 0 and 1.
        seed: of the draws.

    Raises:
        SignalPieceError: a group of more than 16 bits, or more than 128 bits.
    """

    steps: Tensor

    def __init__(self, dim: int = 64, *, bits: int = 64, group: int = 16, weight: float = 0.1, seed: int = 0) -> None:
        super().__init__()
        self.sizes = group_sizes(bits, group)
        self.codebook_sizes = tuple(1 << size for size in self.sizes)
        self.weight, self.seed = weight, seed
        self.logits = nn.Linear(dim, bits)
        self.rows = nn.Parameter(torch.randn(bits, dim) * bits**-0.5)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Drawn bits in training, thresholds at 1/2 in eval; the gradient is that of the probabilities."""
        with torch.autocast(z.device.type, enabled=False):
            logits = self.logits(z.float())
            if not self.training:
                codes = pack_bits(logits > 0, self.sizes)
                return Quantized(self.decode(codes), codes, z.new_zeros(()))
            p = logits.sigmoid()
            if not is_backward():
                self.steps += 1
            generator = torch.Generator().manual_seed((self.seed << 32) + int(self.steps))
            drawn = torch.rand(p.shape, generator=generator).to(p) < p.detach()
            doubt = p * (1 - p) if valid is None else (p * (1 - p))[valid]
            loss = self.weight * doubt.mean() if doubt.numel() else z.new_zeros(())
            return Quantized(straight_through(p, drawn.float()) @ self.rows, pack_bits(drawn, self.sizes), loss)

    def decode(self, codes: Int[Tensor, "b n q"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes."""
        with torch.autocast(codes.device.type, enabled=False):
            return unpack_bits(codes, self.sizes).float() @ self.rows
