"""Lookup-free quantizers: a vector becomes the signs of its values, so the codebook is the corners of a cube.

Papers: "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation" (2023), section 3.1; on the sphere,
"Image and Video Tokenization with Binary Spherical Quantization" (2024), section 4.1.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.types import Quantized
from signalpiece.quantizers.bit_entropy import Entropies, exact_entropies
from signalpiece.quantizers.bits import group_sizes, pack_bits, unpack_bits
from signalpiece.quantizers.estimators import straight_through


class LFQ(nn.Module):
    """One code per group of bits; nothing to look up, 2^bits codes in all.

    Args:
        dim: width of the vectors; where it is not `bits`, a linear map leads to the bits and another one back.
        bits: how many signs.
        group: bits of one code column, at most 16; the entropies are those of groups.
        entropies: of each vector and of the batch: `exact_entropies` (groups of up to 13 bits) or
            `factorised_entropies`.
        weight: of (entropy of each vector - `diversity` * entropy of the batch) in the loss.
        diversity: how much the use of all codes counts.
        commitment: weight of the mean squared distance to the signs.
        sharpness: inverse temperature of the probabilities in the entropies.

    Raises:
        SignalPieceError: a group of more than 16 bits, or more than 128 bits.
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        bits: int = 10,
        group: int = 16,
        entropies: Callable[[Tensor], Entropies] = exact_entropies,
        weight: float = 0.1,
        diversity: float = 1.0,
        commitment: float = 0.0,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        self.sizes = group_sizes(bits, group)
        self.codebook_sizes = tuple(1 << size for size in self.sizes)
        self.entropies, self.sharpness = entropies, sharpness
        self.weight, self.diversity, self.commitment = weight, diversity, commitment
        self.size = 1.0  # of the values of a code
        self.project_in = nn.Identity() if dim == bits else nn.Linear(dim, bits)
        self.project_out = nn.Identity() if dim == bits else nn.Linear(bits, dim)

    def onto(self, x: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
        """Vectors where codes may lie."""
        return x

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Signs in fp32; the gradient passes them unchanged. The loss is that of the `valid` vectors (default: all)."""
        with torch.autocast(z.device.type, enabled=False):
            x = self.onto(self.project_in(z.float()))
            positive = x > 0
            codes = pack_bits(positive, self.sizes)
            if not self.training:
                return Quantized(self.decode(codes), codes, z.new_zeros(()))
            signs = torch.where(positive, self.size, -self.size)
            flat = x.flatten(0, 1) if valid is None else x[valid]
            loss = self._loss(flat) if len(flat) else z.new_zeros(())
            return Quantized(self.project_out(straight_through(x, signs)), codes, loss)

    def decode(self, codes: Int[Tensor, "b n q"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes."""
        signs = torch.where(unpack_bits(codes, self.sizes), self.size, -self.size)
        with torch.autocast(codes.device.type, enabled=False):
            return self.project_out(signs)

    def _loss(self, x: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
        loss = x.new_zeros(())
        if self.weight:
            parts = [self.entropies(4 * self.sharpness * self.size * part) for part in x.split(self.sizes, -1)]
            vectors, batch = (torch.stack(part).mean() for part in zip(*parts, strict=True))
            loss = self.weight * (vectors - self.diversity * batch)
        if self.commitment:
            signs = torch.where(x > 0, self.size, -self.size)
            loss = loss + self.commitment * functional.mse_loss(x, signs)
        return loss


class BSQ(LFQ):
    """The same on the unit sphere: the vector is set to unit length first, and so are the corners."""

    def __init__(self, dim: int = 64, *, bits: int = 10, **options: object) -> None:
        super().__init__(dim, bits=bits, **options)  # type: ignore[arg-type]
        self.size = bits**-0.5

    def onto(self, x: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
        """Vectors of unit length."""
        return functional.normalize(x, dim=-1)
