"""Retrieval: does the best match belong to the query?"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError


def recall_at_1(
    similarity: Float[np.ndarray, "q g"], queries: Sequence[object], gallery: Sequence[object]
) -> Float[np.ndarray, "q"]:
    """1 for each query whose most similar entry of the gallery has its label, else 0; ties share.

    Args:
        similarity: of each query to each entry.
        queries: label of each query.
        gallery: label of each entry.

    Raises:
        SignalPieceError: not one label each.
    """
    if similarity.shape != (len(queries), len(gallery)):
        got = f"{len(queries)} and {len(gallery)}"
        raise SignalPieceError(f"similarity of shape {similarity.shape} needs one label per row and column, got {got}")
    best = similarity == similarity.max(1, keepdims=True)
    right = np.asarray([[q == g for g in gallery] for q in queries])
    return (best & right).sum(1) / best.sum(1)
