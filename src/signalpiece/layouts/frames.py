"""What all layouts share: where frames lie in time, samples into frames and back, signals into slots and back.

Frame i covers samples [i * hop - lead, i * hop - lead + window). Samples that a frame wants before the first or after
the last one hold the value there, so that an edge is no jump.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from jaxtyping import Bool, Float, Real

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Array, Grid, Signal
from signalpiece.core.types import Slots


@runtime_checkable
class FramedLayout(Protocol):
    """A layout whose slots are frames of one channel; everything here works from these names."""

    dim: int
    hop: int
    window: int
    lead: int

    def frames(self, length: int) -> int:
        """How many frames `length` samples need."""
        ...

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to coefficients."""
        ...

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Coefficients to the first `length` samples."""
        ...


def frames_for(length: int, hop: int, lead: int) -> int:
    """Frames that start before sample `length` when the first one starts at -lead."""
    return max(0, -(-(length + lead) // hop)) if length > 0 else 0


def hold_edges(x: Real[Array, "*c t"], before: int, after: int) -> Float[Array, "*c s"]:
    """`before` copies of the first sample, all samples, `after` copies of the last one; integers become float32."""
    xp = array_namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        x = xp.astype(x, xp.float32)
    if not (before or after):
        return x
    lead = xp.broadcast_to(x[..., :1], (*x.shape[:-1], before))
    tail = xp.broadcast_to(x[..., -1:], (*x.shape[:-1], after))
    return xp.concat([lead, x, tail], axis=-1)


def split_frames(x: Real[Array, "*c t"], layout: FramedLayout) -> Float[Array, "*c n w"]:
    """The samples of every frame; where frames overlap, a view of NumPy that cannot be written to."""
    xp, length = array_namespace(x), x.shape[-1]
    count, window, hop = layout.frames(length), layout.window, layout.hop
    if not count:
        return xp.zeros((*x.shape[:-1], 0, window), dtype=hold_edges(x, 0, 0).dtype, device=device(x))
    after = (count - 1) * hop + window - layout.lead - length
    x = hold_edges(x, layout.lead, after)
    if hop == window:
        return xp.reshape(x, (*x.shape[:-1], count, window))
    if is_numpy_array(x):
        return np.lib.stride_tricks.sliding_window_view(x, window, axis=-1)[..., ::hop, :]
    return x.unfold(-1, window, hop)


def add_frames(y: Float[Array, "*c n w"], layout: FramedLayout, length: int) -> Float[Array, "*c t"]:
    """The sum of overlapping frames, cut to samples 0 .. length."""
    xp, hop, (count, window) = array_namespace(y), layout.hop, y.shape[-2:]
    check_frames(layout, count, length)
    if not count:
        return xp.zeros((*y.shape[:-2], length), dtype=y.dtype, device=device(y))
    if hop == window:
        return xp.reshape(y, (*y.shape[:-2], count * hop))[..., layout.lead : layout.lead + length]
    pieces = -(-window // hop)
    out = xp.zeros((*y.shape[:-2], count + pieces - 1, hop), dtype=y.dtype, device=device(y))
    for k in range(pieces):
        part = y[..., k * hop : (k + 1) * hop]
        out[..., k : k + count, : part.shape[-1]] += part
    out = xp.reshape(out, (*y.shape[:-2], (count + pieces - 1) * hop))
    return out[..., layout.lead : layout.lead + length]


def check_frames(layout: FramedLayout, count: int, length: int) -> None:
    """Raises SignalPieceError unless `count` frames are what `length` samples need."""
    if count != layout.frames(length):
        raise SignalPieceError(f"{length} samples need {layout.frames(length)} frames, got {count}")


def cut_signal(layout: FramedLayout, signal: Signal) -> Slots:
    """Slots of a signal channel x time: rows by frame, then channel; a row is valid where all its samples are.

    Raises:
        SignalPieceError: the signal has other axes.
    """
    _check_axes(signal.grid)
    y = layout.analyse(signal.values)
    xp, (channels, count, dim) = array_namespace(y), y.shape
    rows = xp.reshape(xp.permute_dims(y, (1, 0, 2)), (1, count * channels, dim))
    if is_numpy_array(rows) and not rows.flags.writeable:
        rows = rows.copy()
    valid = None if signal.valid is None else _valid_frames(layout, signal)[None]
    return Slots(rows, signal.grid, _coords(layout, signal.grid, count)[None], valid)


def join_slots(layout: FramedLayout, slots: Slots) -> Signal:
    """The signal of slots that `cut_signal` made; a sample is valid where all frames that cover it are.

    Raises:
        SignalPieceError: the rows do not fit the grid.
    """
    grid, values = slots.grid, slots.values
    _check_axes(grid)
    channels, length = grid.shape
    count = layout.frames(length)
    if tuple(values.shape) != (1, count * channels, layout.dim):
        wanted = (1, count * channels, layout.dim)
        raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")
    xp = array_namespace(values)
    y = xp.permute_dims(xp.reshape(values, (count, channels, layout.dim)), (1, 0, 2))
    valid = None
    if slots.valid is not None:
        bad = ~np.asarray(slots.valid).reshape(count, channels).T
        spread = np.repeat(bad[..., None].astype(np.float32), layout.window, axis=2)
        valid = add_frames(spread, layout, length) == 0
    return Signal(grid, layout.synthesise(y, length), valid)


def _check_axes(grid: Grid) -> None:
    if grid.axes != ("channel", "time"):
        raise SignalPieceError(f"this layout cuts channel x time, got a signal of axes {' x '.join(grid.axes)}")


def _valid_frames(layout: FramedLayout, signal: Signal) -> Bool[np.ndarray, "n"]:
    bad: Any = ~np.broadcast_to(np.asarray(signal.valid), signal.grid.shape)
    return ~split_frames(bad.astype(np.float32), layout).any(-1).T.ravel()


def _coords(layout: FramedLayout, grid: Grid, count: int) -> Float[np.ndarray, "n 4"]:
    """Centre of every row in seconds of the recording, position of its sensor in metres (NaN where unknown)."""
    centre = grid.start + (np.arange(count) * layout.hop - layout.lead + layout.window / 2) / grid.time_rate
    places = np.full((grid.size("channel"), 3), np.nan)
    for row, sensor in zip(places, grid.sensors, strict=False):
        row[:] = sensor.position or np.nan
    return np.concatenate([np.repeat(centre, len(places))[:, None], np.tile(places, (count, 1))], 1)
