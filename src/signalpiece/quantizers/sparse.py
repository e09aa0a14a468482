"""Sparsemax: the point of the simplex nearest to the scores, so that most weights are exactly 0.

Paper: "From Softmax to Sparsemax: A Sparse Model of Attention and Multi-Label Classification" (2016), algorithm 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def sparsemax(scores: Float[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
    """Weights that are not negative and sum to 1 along the last axis."""
    x = scores.float()
    x = x - x.amax(-1, keepdim=True)
    ordered = x.sort(-1, descending=True).values
    total = ordered.cumsum(-1)
    place = torch.arange(1, x.shape[-1] + 1, device=x.device)
    count = (1 + place * ordered > total).sum(-1, keepdim=True)
    threshold = (total.gather(-1, count - 1) - 1) / count
    return (x - threshold).clamp(min=0)
