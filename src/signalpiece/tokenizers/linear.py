"""A linear layout as two block maps, read off by impulses: samples to coefficients, and back."""

from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.tokenizers.blocks import BlockMap


def balance(layout: Any) -> Float[np.ndarray, "d"]:
    """Energy that one unit of each coefficient gives the signal, as an amplitude: 1 for an orthonormal layout.

    Coefficients multiplied by it may share one step: each then adds the same noise.
    """
    matrix, _ = _synthesis(layout)
    gains = np.sqrt((matrix.reshape(-1, layout.dim, layout.hop) ** 2).sum((0, 2)))
    return np.where(abs(gains - 1) < 1e-9, 1.0, gains)


def analysis_map(layout: Any, gains: Float[np.ndarray, "d"]) -> BlockMap:
    """Samples to balanced coefficients, a frame a block."""
    frame = -(-layout.lead // layout.hop) + 1
    start = frame * layout.hop - layout.lead
    impulses = np.zeros((layout.window, start + layout.window + layout.hop))
    impulses[np.arange(layout.window), start + np.arange(layout.window)] = 1
    matrix = np.asarray(layout.analyse(impulses))[:, frame] * gains
    return BlockMap(matrix.astype(np.float32), layout.hop, layout.lead)


def synthesis_map(layout: Any, gains: Float[np.ndarray, "d"]) -> BlockMap:
    """Balanced coefficients, frame after frame, to samples, `hop` of them a block."""
    matrix, lowest = _synthesis(layout)
    matrix = matrix / np.tile(gains, len(matrix) // layout.dim)[:, None]
    return BlockMap(matrix.astype(np.float32), layout.dim, -lowest * layout.dim)


def _synthesis(layout: Any) -> tuple[Float[np.ndarray, "w h"], int]:
    """Coefficients of all frames that touch a block of `hop` samples, to that block; the first frame less the block."""
    hop, lead = layout.hop, layout.lead
    lowest, highest = (lead - layout.window) // hop + 1, -(-(hop + lead) // hop) - 1
    block = max(-lowest, 0) + 1
    length = (block + highest + 2) * hop
    count, touching = layout.frames(length), highest - lowest + 1
    units = np.zeros((touching * layout.dim, count, layout.dim))
    for k in range(touching):
        at = np.arange(layout.dim)
        units[k * layout.dim + at, block + lowest + k, at] = 1
    return np.asarray(layout.synthesise(units, length))[:, block * hop : (block + 1) * hop], lowest
