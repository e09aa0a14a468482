"""Squares of several sizes over a picture, each as crop x crop means: rows from pixels, and pixels from rows.

A leaf of level k is a square of crop * 2^k pixels, held as the means of its squares of 2^k. What that loses is the
squared distance of the pixels from these means. Geometry is NumPy; values are NumPy or torch, differentiable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Grid, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import hold_edges
from signalpiece.layouts.pictures import PICTURE, bad_pixels, check_axes, check_rows, valid_boxes


@dataclass(frozen=True)
class Leaves:
    """Sizes: means along each side of a leaf, levels above the smallest leaf, colours."""

    crop: int
    levels: int
    colors: int

    def __post_init__(self) -> None:
        check_range("crop", self.crop, 1, 2**12)
        check_range("levels", self.levels, 0, 12)
        check_range("colors", self.colors, 1, 2**16)

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return self.crop**2 * self.colors

    def side(self, level: int) -> int:
        """Pixels along a leaf."""
        return self.crop * 2**level

    def nodes(self, height: int, width: int, level: int) -> tuple[int, int]:
        """Squares of a level that touch the picture, down and across."""
        side = self.side(level)
        return -(-height // side), -(-width // side)

    def means(self, x: Float[Array, "h w c"]) -> list[Float[Array, "_ _ c"]]:
        """The picture, and its means over squares of 2, 4, ... pixels; beyond the edge the last pixel holds."""
        xp, (height, width, _), largest = array_namespace(x), x.shape, self.side(self.levels)
        x = xp.permute_dims(x, (2, 0, 1))
        x = hold_edges(x, 0, -width % largest)
        x = xp.permute_dims(hold_edges(xp.permute_dims(x, (0, 2, 1)), 0, -height % largest), (2, 1, 0))
        found = [x]
        for _ in range(self.levels):
            h, w, c = found[-1].shape
            found.append(xp.mean(xp.reshape(found[-1], (h // 2, 2, w // 2, 2, c)), axis=(1, 3)))
        return found

    def losses(self, x: Float[np.ndarray, "h w c"]) -> list[Float[np.ndarray, "_ _"]]:
        """What the squares of level 1, 2, ... would lose as leaves; never less than their parts."""
        means = self.means(x.astype(np.float64))
        height, width, _ = x.shape
        lost, found = np.zeros(means[0].shape[:2]), []
        for level in range(1, self.levels + 1):
            apart = means[level - 1] - means[level].repeat(2, 0).repeat(2, 1)
            lost = _sum_squares(lost + 4.0 ** (level - 1) * (apart**2).sum(-1), 2)
            down, across = self.nodes(height, width, level)
            whole = _sum_squares(lost, self.crop)[:down, :across]
            if found:
                parts = np.pad(found[-1], [(0, 2 * n - m) for n, m in zip(whole.shape, found[-1].shape, strict=True)])
                whole = np.maximum(whole, parts.reshape(down, 2, across, 2).max((1, 3)))
            found.append(whole)
        return found

    def boxes(self, height: int, width: int, split: Sequence[Bool[np.ndarray, "_ _"]]) -> Int[np.ndarray, "n 3"]:
        """Top, left and level of the leaves, by top, then left; split[k]: which squares of level k + 1 are split."""
        exists, found = np.ones(self.nodes(height, width, self.levels), bool), []
        for level in range(self.levels, -1, -1):
            parted = split[level - 1] & exists if level else np.zeros_like(exists)
            at = np.argwhere(exists & ~parted) * self.side(level)
            found.append(np.concatenate([at, np.full((len(at), 1), level)], 1))
            if level:
                down, across = self.nodes(height, width, level - 1)
                exists = parted.repeat(2, 0).repeat(2, 1)[:down, :across]
        boxes = np.concatenate(found)
        return boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]

    def cut(self, signal: Signal, boxes: Int[np.ndarray, "n 3"]) -> Slots:
        """The rows of leaves; coordinates are row and column of the middle, height and width, in pixels."""
        values, (height, width, _) = signal.values, signal.grid.shape
        xp, rows, order = array_namespace(values), [], []
        for level, means in enumerate(self.means(values)):
            mine = np.flatnonzero(boxes[:, 2] == level)
            order.append(mine)
            rows.append(xp.take(self._patches(means), self._places(boxes[mine], means.shape[1], like=values), axis=0))
        back = xp.asarray(np.argsort(np.concatenate(order)), device=device(values))
        side = self.crop * 2.0 ** boxes[:, 2:]
        coords = np.concatenate([boxes[:, :2] + (side - 1) / 2, side, side], 1)
        bad = bad_pixels(signal)
        ends = np.minimum(boxes[:, :2] + side.astype(np.int64), [height, width])
        valid = None if bad is None else valid_boxes(bad, np.concatenate([boxes[:, :2], ends], 1))[None]
        return Slots(xp.take(xp.concat(rows), back, axis=0)[None], signal.grid, coords[None], valid)

    def join(self, slots: Slots) -> Signal:
        """The picture of leaves.

        Raises:
            SignalPieceError: slots of no picture, without coordinates, or of another shape.
        """
        check_axes(slots.grid, PICTURE, self.colors)
        if slots.coords is None:
            raise SignalPieceError("leaves are joined by their coordinates; these slots have none")
        coords = np.asarray(slots.coords)[0]
        check_rows(slots.values, (1, len(coords), self.dim))
        level = np.round(np.log2(coords[:, 2] / self.crop)).astype(np.int64)
        corner = np.round(coords[:, :2] - (coords[:, 2:] - 1) / 2).astype(np.int64)
        boxes = np.concatenate([corner, level[:, None]], 1)
        valid = None
        if slots.valid is not None:
            bad = np.repeat(~np.asarray(slots.valid)[0, :, None], self.dim, 1).astype(np.float32)
            valid = self._paint(bad, boxes, slots.grid) == 0
        return Signal(slots.grid, self._paint(slots.values[0], boxes, slots.grid), valid)

    def _paint(self, rows: Float[Array, "n d"], boxes: Int[np.ndarray, "n 3"], grid: Grid) -> Float[Array, "h w c"]:
        xp, (height, width, colors), where = array_namespace(rows), grid.shape, device(rows)
        none = xp.zeros((1, rows.shape[1]), dtype=rows.dtype, device=where)
        rows, total = xp.concat([rows, none]), None
        down, across = (n * 2**self.levels for n in self.nodes(height, width, self.levels))
        for level in range(self.levels + 1):
            mine, size = np.flatnonzero(boxes[:, 2] == level), (down >> level, across >> level)
            row = np.full(size[0] * size[1], len(boxes))
            row[np.asarray(self._places(boxes[mine], size[1] * self.crop))] = mine
            part = xp.take(rows, xp.asarray(row, device=where), axis=0)
            part = xp.permute_dims(xp.reshape(part, (*size, self.crop, self.crop, colors)), (0, 2, 1, 3, 4))
            h, w, step = size[0] * self.crop, size[1] * self.crop, 2**level
            part = xp.broadcast_to(xp.reshape(part, (h, 1, w, 1, colors)), (h, step, w, step, colors))
            part = xp.reshape(part, (h * step, w * step, colors))
            total = part if total is None else total + part
        assert total is not None
        return total[:height, :width]

    def _patches(self, x: Float[Array, "i j c"]) -> Float[Array, "n d"]:
        xp, (h, w, c), p = array_namespace(x), x.shape, self.crop
        return xp.reshape(xp.permute_dims(xp.reshape(x, (h // p, p, w // p, p, c)), (0, 2, 1, 3, 4)), (-1, self.dim))

    def _places(self, boxes: Int[np.ndarray, "n 3"], width: int, like: Array = None) -> Int[Array, "n"]:
        """Numbers of leaves of one level among all squares of that level; `width` in means."""
        side = self.crop * 2 ** boxes[:, 2]
        places = boxes[:, 0] // side * (width // self.crop) + boxes[:, 1] // side
        return places if like is None else array_namespace(like).asarray(places, device=device(like))


def _sum_squares(x: Float[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "i j"]:
    h, w = x.shape
    return x.reshape(h // side, side, w // side, side).sum((1, 3))
