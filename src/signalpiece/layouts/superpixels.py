"""A picture as regions of any shape, each as its mean colour.

Paper: "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods" (2012) for the default regions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from signalpiece.core.assignment import Assignment
from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.pictures import PICTURE, bad_pixels, check_axes, check_rows
from signalpiece.layouts.pixels import pixels_of
from signalpiece.layouts.slic import slic

Segment = Callable[[Float[np.ndarray, "h w c"], int], Int[np.ndarray, "h w"]]


class Superpixels:
    """One slot per region: its mean colour. Coordinates: row and column of its middle, standard deviations of both.

    Args:
        num: regions wanted.
        colors: size of the colour axis.
        segment: pixels and number to labels from 0; -1 belongs to no region and comes back as 0.

    Raises:
        SignalPieceError: no region.
    """

    arrays = ("torch",)
    loss = "all pixels of a region come back as their mean, pixels of no region as 0"

    def __init__(self, *, num: int = 256, colors: int = 3, segment: Segment = slic) -> None:
        check_range("num", num, 1, 2**30)
        check_range("colors", colors, 1, 2**16)
        self.num, self.segment = num, segment
        self.dim = self.colors = colors

    def cut(self, signal: Signal) -> Slots:
        """Mean colours of the regions of a picture.

        Raises:
            SignalPieceError: the signal is no picture of so many colours, or the labels do not fit it.
        """
        pixels = pixels_of(signal, PICTURE, self.colors)
        num = min(self.num, pixels.shape[0] * pixels.shape[1])
        labels = check_labels(self.segment(pixels.detach().cpu().numpy(), num), pixels)
        return pool_labels(signal, pixels, labels, int(labels.max()) + 1)

    def join(self, slots: Slots) -> Signal:
        """The picture of regions.

        Raises:
            SignalPieceError: slots without an assignment, or of another picture.
        """
        return restore_labels(slots, PICTURE, self.colors)


def check_labels(labels: Any, pixels: Float[Tensor, "*t h w c"]) -> Int[np.ndarray, "*t h w"]:
    """Returns `labels` as an array if every pixel has one.

    Raises:
        SignalPieceError: labels of another shape than the pixels.
    """
    labels, wanted = np.asarray(labels), tuple(pixels.shape[:-1])
    if labels.shape != wanted:
        raise SignalPieceError(f"labels must have the shape of the pixels, {wanted}, got {labels.shape}")
    return labels


def pool_labels(
    signal: Signal, pixels: Float[Tensor, "*t h w c"], labels: Int[np.ndarray, "*t h w"], num: int
) -> Slots:
    """Means of colours over labels 0 .. num - 1 (-1: none); a row is valid where it has pixels and all are valid.

    Coordinates are means and standard deviations of row and column.
    """
    flat = torch.as_tensor(labels.reshape(1, -1), device=pixels.device)
    old = torch.arange(flat.shape[1], device=pixels.device)[None]
    to_rows = Assignment(old, flat.clamp(min=0), (flat >= 0).to(pixels), flat.shape[1], max(num, 1))
    height, width = labels.shape[-2:]
    place = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), 2).to(pixels)
    at = place.expand(*labels.shape, 2).reshape(1, -1, 2)
    middle = to_rows.reduce(at)
    # two passes: squares of places less squares of means would lose what they differ by
    apart = at - middle[0][flat[0].clamp(min=0)]
    spread = to_rows.reduce(apart.square()).sqrt()
    valid, bad = to_rows.valid, bad_pixels(signal)
    if bad is not None:
        hurt = torch.as_tensor(bad.reshape(1, -1, 1), device=pixels.device).to(pixels)
        valid = valid & (to_rows.sum(hurt)[..., 0] == 0)
    known = None if valid.all() else valid.cpu().numpy()
    values = to_rows.reduce(pixels.reshape(1, -1, pixels.shape[-1]))
    return Slots(values, signal.grid, torch.cat([middle, spread], 2), known, to_rows)


def restore_labels(slots: Slots, axes: tuple[str, ...], colors: int) -> Signal:
    """Every pixel as the row that it went to; a pixel is valid where that row is.

    Raises:
        SignalPieceError: slots without an assignment, or of another signal.
    """
    grid, to_rows = slots.grid, slots.assignment
    check_axes(grid, axes, colors)
    if to_rows is None:
        raise SignalPieceError("regions are joined by their assignment; these slots have none")
    check_rows(slots.values, (1, to_rows.num_new, colors))
    values = torch.as_tensor(slots.values)
    valid = None
    if slots.valid is not None:
        good = to_rows.restore(torch.as_tensor(slots.valid).to(values)[..., None]) > 0.5
        covered = to_rows.transpose().valid[..., None]  # where no region is there is nothing to doubt
        valid = (good | ~covered).cpu().numpy().reshape(*grid.shape[:-1], 1)
    return Signal(grid, to_rows.restore(values).reshape(grid.shape), valid)
