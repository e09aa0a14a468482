"""Tables of codecs from recordings: how widely each coefficient spreads, or what an adaptive codec starts from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.tokenizers.blocks import BlockStream
from signalpiece.tokenizers.intake import Intake
from signalpiece.tokenizers.resample import Resampler

if TYPE_CHECKING:
    from signalpiece.tokenizers.transform import TransformCoder

STEP_RATIOS = (0.085, 0.15, 0.27, 0.48, 0.85, 1.5, 2.6)  # in SD of each channel: about 400 to 20 bits/s/channel
FLOOR = 1 / 16  # of the widest coefficient: what a filter took out of the data may be there in other recordings


def relative_spectrum(coder: "TransformCoder", groups: Sequence[Sequence[Signal]]) -> Float[np.ndarray, "k"]:
    """Mean magnitude of each coefficient over that of the whole channel; recordings of a group, then groups, averaged.

    Raises:
        SignalPieceError: there is nothing to estimate from.
    """
    means = [np.mean([_of_one(coder, s) for s in group], axis=0) for group in groups if len(group)]
    if not means:
        raise SignalPieceError("estimate needs at least one recording, got none")
    scales = np.mean(means, axis=0)
    return np.maximum(scales, scales.max() * FLOOR)


def trained_start(coder: "TransformCoder", signals: Sequence[Signal]) -> Shaped[np.ndarray, "s"]:
    """What the adaptive codec starts from, learnt on the codes of recordings at steps from fine to coarse.

    Raises:
        SignalPieceError: there is nothing to learn from.
    """
    from signalpiece.entropy.train_start import train_start

    cubes = [coder.encode(s, step_ratio=ratio).cube() for s in signals for ratio in STEP_RATIOS]
    if not hasattr(coder.quantizer, "learnt"):
        return train_start(cubes, channels=coder.codec.channels)
    units = [*cubes, *(cube[:, c : c + 1] for cube in cubes for c in range(cube.shape[1]))]  # for groups of any size
    if coder.spatial is None:
        joint = coder.arranged(mode="spatial")
        units += [joint.encode(s, step_ratio=ratio).cube() for s in signals for ratio in STEP_RATIOS]
    return train_start(units, channels=0, grids=2)


def _of_one(coder: "TransformCoder", signal: Signal) -> Float[np.ndarray, "k"]:
    x = Intake(signal.grid, coder.title).push(signal)[0]
    if not x.shape[1]:
        raise SignalPieceError("estimate needs recordings with samples, got an empty one")
    z = Resampler.between(signal.grid.time_rate, coder.rate or signal.grid.time_rate)(x)
    z = z - np.median(z, axis=1, keepdims=True)
    z = z / np.maximum(z.std(axis=1, keepdims=True), np.float32(1e-30))
    analysis = BlockStream(coder.analysis)
    y = np.concatenate([analysis.push(z), analysis.close(coder.layout.frames(z.shape[1]))], axis=1)
    size = np.abs(y).mean(axis=1, dtype=np.float64)
    lively = size.sum(axis=1) > 0
    if not lively.any():
        return np.ones(y.shape[2])
    return (size[lively] / size[lively].mean(axis=1, keepdims=True)).mean(axis=0)
