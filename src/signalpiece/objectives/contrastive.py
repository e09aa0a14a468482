"""Contrastive loss of two views: each one should find its partner among all others of the batch, both ways.

Papers: "Representation Learning with Contrastive Predictive Coding" (2018); both ways as in "Learning Transferable
Visual Models From Natural Language Supervision" (2021).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from signalpiece.core.check import SignalPieceError


def info_nce(
    first: Float[Tensor, "b d"], second: Float[Tensor, "b d"], *, scale: float | Float[Tensor, ""] = 10.0
) -> Float[Tensor, ""]:
    """Mean cross-entropy of finding row i of one among all rows of the other, by cosine times `scale`; 0 at best.

    Args:
        first: one view of each item.
        second: the other view of the same items.
        scale: inverse temperature.

    Raises:
        SignalPieceError: fewer than 2 items, which leaves nothing to tell apart.
    """
    if len(first) < 2:
        raise SignalPieceError(f"a contrastive loss needs 2 items or more, got {len(first)}; enlarge the batch")
    logits = scale * functional.normalize(first, dim=-1) @ functional.normalize(second, dim=-1).mT
    own = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.mT, own)) / 2
