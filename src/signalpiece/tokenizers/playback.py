"""Decoding of a transform coder: codes of any run of frames to the samples that they determine.

Nothing of the input is needed, and every sample is a sum in a fixed order, so that a range equals the same range of the
whole bit for bit.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Signal
from signalpiece.core.tokens import Header, Tokens
from signalpiece.tokenizers.decide import as_steps
from signalpiece.tokenizers.intake import valid_samples
from signalpiece.tokenizers.klt import rotation_from
from signalpiece.tokenizers.resample import Resampler
from signalpiece.tokenizers.steps import Steps
from signalpiece.tokenizers.stream import OFFSET_STEPS

if TYPE_CHECKING:
    from signalpiece.tokenizers.transform import TransformCoder


def play(coder: "TransformCoder", tokens: Tokens, rate: str) -> Signal:
    """The samples that these tokens determine, at the coder's rate or the source's."""
    check_option("rate", rate, ("model", "source"))
    header, side = tokens.header, tokens.side
    resampler = _check(coder, header, side)
    first, end = tokens.first, tokens.first + tokens.num_frames
    total = resampler.length(header.grid.size("time"))
    start, stop = samples_of(coder, first, end, total)
    x = _samples(coder, tokens, start, stop)
    valid = _valid(coder, tokens, start, stop, resampler)
    assert header.frames is not None
    hertz = header.frames.rate
    if rate == "source" and not resampler.is_identity:
        back, begun = resampler.inverse(), start
        start, stop = back.within(start, stop, total)
        stop = min(stop, header.grid.size("time"))
        x = back.between_samples(x, begun, start, stop)
        valid = valid_samples(header.invalid, len(x), start, stop)
        hertz = header.grid.time_rate
    grid = replace(
        header.grid, rate=(None, float(hertz)), shape=x.shape, start=header.grid.start + start / float(hertz)
    )
    return Signal(grid, x, valid, tokens.annotations)


def samples_of(coder: "TransformCoder", first: int, end: int, total: int) -> tuple[int, int]:
    """Samples (start, stop) at the coder's rate that frames first to end determine, of `total`."""
    layout = coder.layout
    start = 0 if first <= 0 else (first - 1) * layout.hop + layout.window - layout.lead
    last = end >= layout.frames(total)
    stop = total if last else end * layout.hop - layout.lead
    return min(max(start, 0), total), max(min(stop, total), min(max(start, 0), total))


def _check(coder: "TransformCoder", header: Header, side: Tokens | None) -> Resampler:
    """The recording's resampler.

    Raises:
        SignalPieceError: the tokens do not belong to this coder.
    """
    have = dict(header.model)
    if have.get("hash") != coder.model_hash:
        raise SignalPieceError(
            f"these tokens are of recipe {have.get('recipe')} with hash {have.get('hash')}, "
            f"not of {coder.title} with hash {coder.model_hash}; load the model that made them"
        )
    if side is None or side.codes is None:
        raise SignalPieceError("these tokens lack their side information (steps), so they cannot be decoded")
    spatial = header.preprocessing.get("spatial")
    if spatial is not None and spatial["channels"] != header.grid.size("channel"):
        raise SignalPieceError(
            f"a transform over channels needs all {spatial['channels']} rows to decode any channel, "
            f"got {header.grid.size('channel')}; decode all of them, then pick"
        )
    up, down = header.preprocessing["ratio"]
    return Resampler(int(up), int(down))


def _samples(coder: "TransformCoder", tokens: Tokens, start: int, stop: int) -> Float[np.ndarray, "c t"]:
    header, side, layout = tokens.header, tokens.side, coder.layout
    assert side is not None
    numbers = side.cube()[0] if side.cube().shape[0] else np.zeros((header.grid.size("channel"), 2), np.int32)
    z = _synthesised(coder, tokens, start, stop)
    spatial = header.preprocessing.get("spatial")
    if spatial is not None:
        z = rotation_from(numbers[:, 2:], tuple(spatial["precision"])).unmix(z)
    steps = Steps(float(header.preprocessing["step"]), numbers[:, 0]).values
    assert layout.hop > 0
    return z * steps.astype(np.float32)[:, None] + (numbers[:, 1] * OFFSET_STEPS * steps).astype(np.float32)[:, None]


def _synthesised(coder: "TransformCoder", tokens: Tokens, start: int, stop: int) -> Float[np.ndarray, "c t"]:
    layout, cube = coder.layout, tokens.cube()
    if cube.shape[2] < layout.dim:  # truncated: the bands left out are 0
        cube = np.pad(cube, ((0, 0), (0, 0), (0, layout.dim - cube.shape[2])))
    if not coder.fixed_rate and not getattr(coder.quantizer, "shift", 0):
        y = as_steps(cube, getattr(coder.quantizer, "unit", 1.0))
    else:
        values = coder.quantizer.decode(cube.reshape(1, -1, cube.shape[2]))
        y = np.asarray(values, np.float32).reshape(cube.shape).transpose(1, 0, 2)
    if stop <= start:
        return np.zeros((cube.shape[1], 0), np.float32)
    flat = np.ascontiguousarray(y).reshape(len(y), -1)
    first, end = start // layout.hop, -(-stop // layout.hop)
    z = coder.synthesis.between(flat, tokens.first * layout.dim, first, end, edge=False).reshape(len(y), -1)
    return z[:, start - first * layout.hop : stop - first * layout.hop]


def _valid(
    coder: "TransformCoder", tokens: Tokens, start: int, stop: int, resampler: Resampler
) -> Bool[np.ndarray, "c t"] | None:
    header, layout = tokens.header, coder.layout
    channels = header.grid.size("channel")
    valid = valid_samples(header.invalid, channels, start, stop, (resampler.up, resampler.down))
    if tokens.valid is None or tokens.valid.all():
        return valid
    valid = np.ones((channels, stop - start), bool) if valid is None else valid
    for frame, channel in np.argwhere(~np.asarray(tokens.valid[0]).reshape(-1, channels)):
        at = (tokens.first + frame) * layout.hop - layout.lead - start
        valid[channel, max(at, 0) : max(at + layout.window, 0)] = False
    return valid
