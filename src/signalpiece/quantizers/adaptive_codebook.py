"""A codebook of one sample's own: k-means over its vectors, the centres being side information of the sample.

Paper: "Neural Discrete Representation Learning for Extreme Token Reduction in Video Large Language Models" (2025),
section 3.2. Vectors far apart start the centres, so that equal vectors never share two.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from signalpiece.core.check import check_range

ENOUGH = 0.99  # of the best score that a smaller codebook must reach


@dataclass(frozen=True)
class OwnCodebook:
    """Centres and which of them each vector has; the embeddings are `centres[codes]`, sample by sample."""

    centres: Float[Tensor, "b k d"]
    codes: Int[Tensor, "b n"]

    def decode(self) -> Float[Tensor, "b n d"]:
        """The centre of every vector."""
        return torch.take_along_dim(self.centres, self.codes[..., None], 1)


@torch.no_grad()
def own_codebook(x: Float[Tensor, "b n d"], size: int = 32, *, steps: int = 10) -> OwnCodebook:
    """k-means of each sample by itself, all samples at once.

    Args:
        x: vectors.
        size: number of centres.
        steps: of k-means.

    Raises:
        SignalPieceError: more centres than vectors.
    """
    check_range("size of a sample's codebook", size, 1, x.shape[1])
    x = x.float()
    centres = _spread(x, size)
    codes = _nearest(x, centres)
    for _ in range(steps):
        counts = torch.zeros(len(x), size, device=x.device).scatter_add_(1, codes, torch.ones_like(x[..., 0]))
        sums = torch.zeros_like(centres).scatter_add_(1, codes[..., None].expand_as(x), x)
        centres = torch.where(counts[..., None] > 0, sums / counts.clamp(min=1)[..., None], centres)
        codes = _nearest(x, centres)
    return OwnCodebook(centres, codes)


@torch.no_grad()
def own_codebook_size(x: Float[Tensor, "n d"], largest: int = 32) -> int:
    """The smallest of 2, 3, 4, 6, 8, ... `largest` centres whose silhouette is nearly the best of all.

    The silhouette is that of distances to centres: (to the second nearest - to the nearest) / the larger, averaged.

    Raises:
        SignalPieceError: fewer than 2 centres, or not fewer than vectors.
    """
    check_range("largest codebook", largest, 2, x.shape[0] - 1)
    sizes = sorted({min(int(2 ** (k / 2) + 0.5), largest) for k in range(2, 64)})
    scores = []
    for size in sizes:
        distance = torch.cdist(x.float()[None], own_codebook(x[None], size).centres)[0]
        two = distance.topk(2, largest=False).values
        scores.append(float(((two[:, 1] - two[:, 0]) / two[:, 1].clamp(min=1e-12)).mean()))
    return next(size for size, score in zip(sizes, scores, strict=True) if score >= ENOUGH * max(scores))


def _spread(x: Float[Tensor, "b n d"], size: int) -> Float[Tensor, "b k d"]:
    """The vector furthest from the mean, then again and again the one furthest from those chosen."""
    away = (x - x.mean(1, keepdim=True)).square().sum(-1)
    chosen = []
    for k in range(size):
        at = away.argmax(1)
        chosen.append(torch.take_along_dim(x, at[:, None, None], 1))
        distance = (x - chosen[-1]).square().sum(-1)
        away = distance if k == 0 else torch.minimum(away, distance)
    return torch.cat(chosen, 1)


def _nearest(x: Float[Tensor, "b n d"], centres: Float[Tensor, "b k d"]) -> Int[Tensor, "b n"]:
    return (torch.bmm(x, centres.mT) - centres.square().sum(-1)[:, None] / 2).argmax(-1)
