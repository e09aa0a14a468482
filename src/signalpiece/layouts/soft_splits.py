"""Overlapping patches of overlapping patches: each stage unfolds what the one before it made.

Paper: "Tokens-to-Token ViT: Training Vision Transformers from Scratch on ImageNet" (2021). A model mixes between the
stages: it takes one layout of one stage each. Differs: where the official unfold leaves out the last samples, one more
window covers them, so that join is exact.
"""

import math
from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int, Real

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks
from signalpiece.layouts.frames import add_frames, check_frames, cut_signal, hold_edges, join_slots
from signalpiece.layouts.separable import Separable


class _Stage:
    """One unfold along one axis: windows of `window` every `hop`, the first from -lead; zeros stand outside."""

    def __init__(self, window: int, hop: int, lead: int) -> None:
        self.dim = self.window = window
        self.hop, self.lead = hop, lead

    def frames(self, length: int) -> int:
        return 1 + max(0, -(-(length + self.lead - self.window) // self.hop)) if length > 0 else 0

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n w"]:
        xp, length = array_namespace(x), x.shape[-1]
        count = self.frames(length)
        after = max(0, (count - 1) * self.hop + self.window - self.lead - length) if count else 0
        sides = [xp.zeros((*x.shape[:-1], n), dtype=x.dtype, device=device(x)) for n in (self.lead, after)]
        at = np.arange(count)[:, None] * self.hop + np.arange(self.window)
        taken = xp.take(xp.concat([sides[0], x, sides[1]], axis=-1), xp.asarray(at.ravel(), device=device(x)), axis=-1)
        return xp.reshape(taken, (*x.shape[:-1], count, self.window))

    def synthesise(self, y: Float[Array, "*c n w"], length: int) -> Float[Array, "*c t"]:
        cover = add_frames(np.ones(tuple(y.shape[-2:])), self, length)
        total = add_frames(y, self, length)
        return total / array_namespace(y).asarray(cover, dtype=y.dtype, device=device(y))


class TimeSoftSplits:
    """Soft splits along time: one slot per product of the strides, as many numbers as the product of the kernels.

    In a slot the last stage's place is the fastest. Zeros stand before and after the signal; join averages overlaps.

    Args:
        kernels: samples, then slots, that each stage takes together.
        strides: from window to window, per stage.
        pads: how far the first window of each stage begins before the start.

    Raises:
        SignalPieceError: not as many strides and pads as kernels, strides or pads that would leave samples out.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self, *, kernels: Sequence[int] = (7, 3, 3), strides: Sequence[int] = (4, 2, 2), pads: Sequence[int] = (2, 1, 1)
    ) -> None:
        if not len(kernels) == len(strides) == len(pads) > 0:
            raise SignalPieceError(f"kernels, strides and pads must be one per stage, got {kernels}, {strides}, {pads}")
        self.stages, self.hop, self.window, self.lead = list[_Stage](), 1, 1, 0
        for kernel, stride, pad in zip(kernels, strides, pads, strict=True):
            check_range("kernels", kernel, 1, 2**16)
            check_range("strides", stride, 1, kernel)
            check_range("pads", pad, 0, kernel - 1)
            self.stages.append(_Stage(kernel, stride, pad))
            self.window, self.lead = self.window + (kernel - 1) * self.hop, self.lead + pad * self.hop
            self.hop *= stride
        self.dim = math.prod(kernels)

    def frames(self, length: int) -> int:
        """How many slots `length` samples need."""
        return self._lengths(length)[-1]

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to slots."""
        xp = array_namespace(x)
        y = hold_edges(x, 0, 0)[..., None]
        for stage in self.stages:
            windows = xp.moveaxis(stage.analyse(xp.moveaxis(y, -1, -2)), -3, -2)  # n d w
            y = xp.reshape(windows, (*windows.shape[:-2], windows.shape[-2] * stage.window))
        return y

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Slots to the first `length` samples."""
        xp = array_namespace(y)
        check_frames(self, y.shape[-2], length)
        if not length:
            return xp.zeros((*y.shape[:-2], 0), dtype=y.dtype, device=device(y))
        for stage, size in zip(reversed(self.stages), reversed(self._lengths(length)[:-1]), strict=True):
            windows = xp.reshape(y, (*y.shape[:-1], y.shape[-1] // stage.window, stage.window))
            y = xp.moveaxis(stage.synthesise(xp.moveaxis(windows, -2, -3), size), -1, -2)
        return y[..., 0]

    def cut(self, signal: Signal) -> Slots:
        """Slots of a signal of channels."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of slots."""
        return join_slots(self, slots)

    def _lengths(self, length: int) -> list[int]:
        """Samples, then slots after each stage."""
        lengths = [length]
        for stage in self.stages:
            lengths.append(stage.frames(lengths[-1]))
        return lengths


class SoftSplits:
    """Soft splits of pictures, or of other axes: numbers as torch's unfold has them, colour the slowest.

    Args:
        axes: what is cut: ("row", "column") also of every frame of a film, ("x", "y", "z") also of every volume.
        kernels: samples, then slots, that each stage takes together along each axis.
        strides: from window to window, per stage.
        pads: how far the first window of each stage begins before the start.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.

    Raises:
        SignalPieceError: not as many strides and pads as kernels, strides or pads that would leave samples out.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        kernels: Sequence[int] = (7, 3, 3),
        strides: Sequence[int] = (4, 2, 2),
        pads: Sequence[int] = (2, 1, 1),
        colors: int | None = None,
    ) -> None:
        part = TimeSoftSplits(kernels=kernels, strides=strides, pads=pads)
        blocks = Blocks.of(axes, [part] * len(axes), colors)
        self.transform = Separable(blocks, order=_unfold_order(kernels, len(axes), max(blocks.colors, 1)))
        self.dim = self.transform.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are `axes` and colour, to rows."""
        return self.transform.analyse(x)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Rows to samples of `sizes` along `axes`."""
        return self.transform.synthesise(y, sizes)

    def cut(self, signal: Signal) -> Slots:
        """Rows of a signal."""
        return self.transform.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of rows."""
        return self.transform.join(slots)


def _unfold_order(kernels: Sequence[int], axes: int, colors: int) -> Int[np.ndarray, "d"]:
    """From axis, stage, colour (the fastest) to colour, stage, axis."""
    stages = len(kernels)
    places = np.arange(math.prod(kernels) ** axes * colors).reshape(*tuple(kernels) * axes, colors)
    turned = [axis * stages + stage for stage in range(stages) for axis in range(axes)]
    return places.transpose(stages * axes, *turned).ravel()
