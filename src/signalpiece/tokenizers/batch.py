"""Tokens of several recordings as one batch, shorter ones padded with rows that are not valid."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Tokens


def stack(tokens: Sequence[Tokens]) -> Tokens:
    """One batch of tokens; `tokens[i]` takes them apart again (annotations stay behind).

    Raises:
        SignalPieceError: there are none, or they differ in their number of columns.
    """
    if not tokens:
        raise SignalPieceError("encode needs at least one signal, got an empty list")
    bodies = [t.codes for t in tokens if t.codes is not None]
    if len(bodies) < len(tokens) or len({b.shape[2] for b in bodies}) > 1:
        raise SignalPieceError("tokens of a batch must have the same code columns")
    rows = max(b.shape[1] for b in bodies)
    codes = np.zeros((len(bodies), rows, bodies[0].shape[2]), np.int32)
    valid = np.zeros(codes.shape[:2], bool)
    for i, body in enumerate(bodies):
        codes[i, : body.shape[1]], valid[i, : body.shape[1]] = body[0], True
    sides = [t.side for t in tokens if t.side is not None]
    return replace(
        tokens[0],
        headers=tuple(t.header for t in tokens),
        codes=codes,
        side=stack(sides) if len(sides) == len(tokens) else None,
        valid=valid,
        annotations=(),
    )
