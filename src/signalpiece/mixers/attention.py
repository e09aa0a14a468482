"""Self-attention over a set of tokens, and the pre-norm block around it.

Papers: "An Image is Worth 16x16 Words" (2021) for the block; queries and values with a bias, keys without, as in
"BEiT: BERT Pre-Training of Image Transformers" (2022), since a key's bias cancels in the softmax.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention; scores are scaled by 1 / sqrt(dim / heads).

    Args:
        dim: width; `heads` divides it.
        heads: number of heads.
        rotate: turns queries and keys by their coordinates, as `positions.rotate` does.
    """

    def __init__(self, dim: int = 16, *, heads: int = 2, rotate: Callable[..., Tensor] | None = None) -> None:
        super().__init__()
        self.heads, self.rotate = heads, rotate
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(dim))
        self.value_bias = nn.Parameter(torch.zeros(dim))
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        valid: Bool[Tensor, "b n"] | None = None,
        coords: Real[Tensor, "b n a"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """All tokens look at the valid ones; `coords` matter to `rotate` alone."""
        b, n, d = x.shape
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        q, k, v = functional.linear(x, self.qkv.weight, bias).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.rotate is not None and coords is not None:
            q, k = self.rotate(q, coords), self.rotate(k, coords)
        mask = None if valid is None else valid[:, None, None, :]
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).reshape(b, n, d))


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)) with an exact GELU.

    Args:
        dim: width.
        heads: number of heads.
        expand: width of the MLP's middle, in widths.
        eps: of both layer norms.
        rotate: as in `Attention`.
    """

    def __init__(
        self,
        dim: int = 16,
        *,
        heads: int = 2,
        expand: int = 4,
        eps: float = 1e-6,
        rotate: Callable[..., Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim, eps=eps)
        self.attention = Attention(dim, heads=heads, rotate=rotate)
        self.mlp_norm = nn.LayerNorm(dim, eps=eps)
        self.mlp = nn.Sequential(nn.Linear(dim, expand * dim), nn.GELU(), nn.Linear(expand * dim, dim))

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        valid: Bool[Tensor, "b n"] | None = None,
        coords: Real[Tensor, "b n a"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """Tokens in, tokens out; invalid ones influence nothing else."""
        x = x + self.attention(self.attention_norm(x), valid, coords)
        return x + self.mlp(self.mlp_norm(x))
