"""Annealed one-hot quantizer: weights over tokens that turn from soft to hard while a model trains.

Paper: "MEG-GPT: A transformer-based foundation model for magnetoencephalography data" (2025), tokeniser.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized

SHARP = 0.1  # the normalised scores are divided by this


class AnnealedOneHot(nn.Module):
    """One code per vector; the embedding is the one-hot vector, softened in training by `softness`.

    The gradient comes through the soft share alone, so softness should end a little above 0.

    Args:
        dim: width of the vectors and number of codes.
    """

    softness: Tensor

    def __init__(self, dim: int = 64) -> None:
        super().__init__()
        self.codebook_sizes = (dim,)
        self.scores = nn.Sequential(nn.Linear(dim, dim), nn.LayerNorm(dim))
        self.register_buffer("softness", torch.ones(()))

    def anneal(self, share: float) -> None:
        """Sets the softness after `share` of the training, 0 to 1: from 1 down to .001 in a straight line."""
        check_range("share of the training", share, 0, 1)
        self.softness.fill_(1 - share * (1 - 1e-3))

    def forward(self, z: Float[Tensor, "b n d"]) -> Quantized:
        """One-hot vectors, their places, no loss."""
        with torch.autocast(z.device.type, enabled=False):
            scores = self.scores(z.float()) / SHARP
            codes = scores.argmax(-1, keepdim=True)
            hard = self.decode(codes)
            if not self.training:
                return Quantized(hard, codes, z.new_zeros(()))
            soft = scores.softmax(-1)
            return Quantized(self.softness * soft + (1 - self.softness) * hard, codes, z.new_zeros(()))

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """One-hot vectors."""
        return functional.one_hot(codes[..., 0].long(), self.codebook_sizes[0]).float()
