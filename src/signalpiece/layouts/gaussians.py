"""A picture as Gaussians: one for each region, with the pixels of the region resampled to one size.

Paper: "GPSToken: Gaussian Parameterized Spatially-adaptive Tokenization for Image Representation and Generation"
(2025). A learned encoder refines shapes and contents; what `cut` gives is where it starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.pictures import PICTURE, bad_pixels, check_axes, check_rows, gray_of, valid_boxes
from signalpiece.layouts.pixels import pixels_of
from signalpiece.layouts.region_split import entropy_regions
from signalpiece.layouts.splatting import splat

SAMPLES = 2  # points along each side of a cell of a crop, as RoIAlign takes them


class Gaussians:
    """One slot per region: crop x crop x color values, and as coordinates x, y, sigma x, sigma y, correlation.

    Coordinates are those of `splat`: the middles of the first and last pixel of an axis lie at -1 and 1. A Gaussian
    begins in the middle of its region, with 2/3 of its extent as sigma, uncorrelated. Gradients pass into the crops
    and, in join, to whatever coordinates are given.

    Args:
        num: Gaussians, at most (a small picture has fewer regions).
        crop: points along each side of a region.
        colors: size of the colour axis.
        regions: grey picture and number to rectangles: `entropy_regions`, or `uniform_regions` to compare with.

    Raises:
        SignalPieceError: no Gaussian, an empty crop.
    """

    arrays = ("torch",)
    loss = "join blends the mean colours of the regions, weighed by their Gaussians; only even pictures come back whole"

    def __init__(
        self,
        *,
        num: int = 128,
        crop: int = 8,
        colors: int = 3,
        regions: Callable[[Float[np.ndarray, "h w"], int], Int[np.ndarray, "n 4"]] = entropy_regions,
    ) -> None:
        check_range("num", num, 1, 2**20)
        check_range("crop", crop, 1, 256)
        check_range("colors", colors, 1, 2**16)
        self.num, self.crop, self.colors, self.regions = num, crop, colors, regions
        self.dim = crop * crop * colors

    def cut(self, signal: Signal) -> Slots:
        """Crops and shapes of the regions of a picture.

        Raises:
            SignalPieceError: the signal is no picture of so many colours.
        """
        pixels = pixels_of(signal, PICTURE, self.colors)
        boxes = self.regions(gray_of(pixels.detach().cpu().numpy()), self.num)
        bad = bad_pixels(signal)
        valid = None if bad is None else valid_boxes(bad, boxes)[None]
        shapes = torch.as_tensor(region_shapes(boxes, *pixels.shape[:2]), dtype=pixels.dtype, device=pixels.device)
        return Slots(crop_regions(pixels, boxes, self.crop).flatten(1)[None], signal.grid, shapes[None], valid)

    def join(self, slots: Slots) -> Signal:
        """The picture that the mean colours make.

        Raises:
            SignalPieceError: slots without coordinates, or of another width.
        """
        return blend_gaussians(slots, self.colors, self.dim)


def blend_gaussians(slots: Slots, colors: int, dim: int) -> Signal:
    """The picture of Gaussians, each in its mean colour: what they draw, divided by what they weigh.

    Raises:
        SignalPieceError: slots of no picture, without coordinates, or of another width.
    """
    grid, coords = slots.grid, slots.coords
    check_axes(grid, PICTURE, colors)
    if coords is None:
        raise SignalPieceError("Gaussians are joined by their coordinates; these slots have none")
    check_rows(slots.values, (1, coords.shape[1], dim))
    values, coords = torch.as_tensor(slots.values), torch.as_tensor(coords)
    means = values.unflatten(2, (-1, colors)).mean(2)
    weighed = torch.cat([means, torch.ones_like(means[..., :1])], 2)
    drawn = splat(weighed, coords[..., :2], coords[..., 2:], *grid.shape[:2])[0]
    return Signal(grid, drawn[..., :-1] / drawn[..., -1:].clamp(min=1e-12))


def region_shapes(boxes: Int[np.ndarray, "n 4"], height: int, width: int) -> Float[np.ndarray, "n 5"]:
    """x, y, sigma x, sigma y and correlation of a Gaussian in the middle of each rectangle (top, left, bottom, right).

    A rectangle one pixel wide has the sigma of one two pixels wide.
    """
    top, left, bottom, right = boxes.T
    x = (left + right - 1) / max(width - 1, 1) - 1
    y = (top + bottom - 1) / max(height - 1, 1) - 1
    sigma_x, sigma_y = (
        np.maximum(n - 1, 1) / size * 2 / 3 for n, size in ((right - left, width), (bottom - top, height))
    )
    return np.stack([x, y, sigma_x, sigma_y, np.zeros(len(boxes))], 1)


def crop_regions(
    pixels: Float[Tensor, "h w c"], boxes: Int[np.ndarray, "n 4"], crop: int
) -> Float[Tensor, "n crop crop c"]:
    """Every rectangle resampled to crop x crop cells, each the mean of 2 x 2 points between pixels (RoIAlign)."""
    top, left, bottom, right = (torch.as_tensor(x, device=pixels.device) for x in boxes.T)
    rows, columns = _Line.through(top, bottom, crop, pixels), _Line.through(left, right, crop, pixels)
    total: Any = 0
    for at_row, weight_row in rows.ends:
        for at_column, weight_column in columns.ends:
            weight = (weight_row[:, :, None] * weight_column[:, None])[..., None]
            total = total + pixels[at_row[:, :, None], at_column[:, None]] * weight
    cells = total.unflatten(2, (crop, SAMPLES)).unflatten(1, (crop, SAMPLES))
    return cells.mean((2, 4))


@dataclass(frozen=True)
class _Line:
    """Points along an axis: the pixels on both sides and what each weighs."""

    ends: tuple[tuple[Int[Tensor, "n p"], Float[Tensor, "n p"]], ...]

    @classmethod
    def through(cls, start: Int[Tensor, "n"], stop: Int[Tensor, "n"], crop: int, like: Tensor) -> "_Line":
        count = crop * SAMPLES
        share = (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count
        at = (start[:, None] - 0.5 + (stop - start)[:, None] * share).clamp(start[:, None], stop[:, None] - 1)
        first = at.floor().long()
        second = torch.minimum(first + 1, stop[:, None] - 1)
        return cls(((first, 1 - (at - first)), (second, at - first)))
