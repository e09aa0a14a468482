"""Trains what the adaptive codec starts from, so that a unit does not pay for learning what all have in common."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Shaped

from signalpiece.core.check import SignalPieceError


def train_start(
    cubes: Sequence[Int[np.ndarray, "n c q"]], *, channels: int = 1, grids: int = 1, seed: int = 0
) -> Shaped[np.ndarray, "s"]:
    """The `start` of an `AdaptiveBinary` for codes like these.

    Args:
        cubes: codes of training recordings, at the rates that will be used.
        grids: of the codec: 2 for a `TrellisBinary`.
        channels: 1 if units will hold one channel, 0 if all.
        seed: of the order in which the recordings are coded.

    Raises:
        SignalPieceError: there are no codes.
    """
    from signalpiece.entropy.adaptive_binary import code_unit
    from signalpiece.entropy.adaptive_state import new_state, pack_start

    units = [cube[:, c : c + 1] for cube in cubes for c in range(cube.shape[1])] if channels == 1 else list(cubes)
    units = [unit for unit in units if unit.size]
    if not units:
        raise SignalPieceError("a start cannot be trained on no codes")
    learnt = new_state(1, 1, grids=grids)
    for number in np.random.default_rng(seed).permutation(len(units)):
        codes = np.array(units[number], np.int32, order="C")
        fresh = new_state(codes.shape[1], codes.shape[2], grids=grids)
        learnt = fresh._replace(counters=learnt.counters, mixers=learnt.mixers, signs=learnt.signs)
        code_unit(codes, learnt)
    return pack_start(learnt)
