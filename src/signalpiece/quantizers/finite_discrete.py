"""Finite discrete tokens: a sample becomes a sparse mixture of learned tokens that several modalities share.

Paper: "Revisiting Multimodal Representation in Contrastive Learning: From Patch and Token Embeddings to Finite
Discrete Tokens" (2023), section 3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.sparse import sparsemax

HOT, COLD = 1000.0, 0.01  # temperature at the beginning and the end of training


class FiniteDiscrete(nn.Module):
    """Which of `size` shared tokens a set of features speaks of; continuous weights, most of them 0, no codes.

    Args:
        dim: width of the features of this modality; `like` shares the tokens of another one.
        size: number of tokens.
        code_dim: width of the tokens.
        norm: length of the tokens at the beginning, about; short ones make scores that differ by less than a cold
            temperature, so that many tokens stay active until training tells them apart.
        like: the module of another modality, whose table is used.

    Raises:
        SignalPieceError: fewer than 2 tokens.
    """

    codebook_sizes = ()
    temperature: Tensor

    def __init__(
        self,
        dim: int = 64,
        *,
        size: int = 1024,
        code_dim: int = 64,
        norm: float = 1.0,
        like: "FiniteDiscrete | None" = None,
    ) -> None:
        super().__init__()
        check_range("size", size, 2, 2**24)
        check_range("norm", norm, 1e-6, 1e6)
        own = like is None
        self.tokens = nn.Parameter(torch.randn(size, code_dim) * norm * code_dim**-0.5) if own else like.tokens
        width = self.tokens.shape[1]
        self.query = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, width)
        )
        self.register_buffer("temperature", torch.tensor(HOT))

    def anneal(self, share: float) -> None:
        """Sets the temperature after `share` of the training, 0 to 1: from 1000 down to .01, by equal factors."""
        check_range("share of the training", share, 0, 1)
        self.temperature.fill_(HOT * (COLD / HOT) ** share)

    def weights(self, x: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Float[Tensor, "b k"]:
        """Weights of the tokens: for each, its best match among the features, sparse over tokens, sum 1."""
        scores = self.query(x) @ self.tokens.T
        if valid is not None:
            scores = scores.masked_fill(~valid[..., None], -torch.inf)
        return sparsemax(scores.amax(1) / (self.tokens.shape[1] ** 0.5 * self.temperature))

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """One embedding "b 1 k" of all features together."""
        return Quantized((self.weights(z, valid) @ self.tokens)[:, None], None, z.new_zeros(()))
