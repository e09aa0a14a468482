"""What a trained start says that each magnitude costs: rates for the encoder's search; no decoder needs them."""

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.entropy.adaptive_state import CELLS, NODES, start_of, unpack_start


def level_bits(start: Shaped[np.ndarray, "s"]) -> Float[np.ndarray, "2 cell level"]:
    """Bits of each level of magnitude by grid and cell of the expected size, sign and bits within the level included.

    Raises:
        SignalPieceError: `start` is not that of a codec with two grids.
    """
    counters = unpack_start(start, 2)[0]
    more = ((counters[: int(CELLS[0]) * 2 * NODES] >> 10) / (1 << 22)).reshape(CELLS[0], 2, NODES).transpose(1, 0, 2)
    reached = np.concatenate([np.ones((*more.shape[:2], 1)), np.cumprod(more, axis=2)], axis=2)
    chance = reached * np.concatenate([1 - more, np.ones((*more.shape[:2], 1))], axis=2)
    spans = [start_of(level + 1) - start_of(level) for level in range(NODES + 1)]
    return np.log2(spans) + (np.arange(NODES + 1) > 0) - np.log2(np.maximum(chance, 1e-12))
