"""What layouts of pictures share: which signals they take, grey values, and which rectangles hold an invalid pixel."""

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Array, Grid, Signal

PICTURE, FILM = ("row", "column", "color"), ("time", "row", "column", "color")


def check_axes(grid: Grid, axes: tuple[str, ...], colors: int) -> None:
    """Raises SignalPieceError unless the grid has these axes and that many colours."""
    if grid.axes != axes:
        raise SignalPieceError(f"this layout cuts {' x '.join(axes)}, got a signal of axes {' x '.join(grid.axes)}")
    if grid.size("color") != colors:
        got = grid.size("color")
        raise SignalPieceError(f"colors must be what the signal has, got {colors} for {got}; set colors={got}")


def check_rows(values: Array, wanted: tuple[int, ...]) -> None:
    """Raises SignalPieceError unless slots have the shape that their grid and coordinates ask for."""
    if tuple(values.shape) != wanted:
        raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")


def gray_of(pixels: Float[np.ndarray, "*b h w c"]) -> Float[np.ndarray, "*b h w"]:
    """Luma of three colours (ITU-R BT.601), else the mean."""
    if pixels.shape[-1] == 3:
        return pixels @ np.array([0.299, 0.587, 0.114], pixels.dtype)
    return pixels.mean(-1)


def bad_pixels(signal: Signal) -> Bool[np.ndarray, "..."] | None:
    """Pixels of which some colour is invalid; None where all are valid."""
    if signal.valid is None:
        return None
    return np.any(~np.broadcast_to(np.asarray(signal.valid), signal.grid.shape), axis=-1, keepdims=True)[..., 0]


def valid_boxes(bad: Bool[np.ndarray, "h w"], boxes: Int[np.ndarray, "n 4"]) -> Bool[np.ndarray, "n"]:
    """Rectangles (top, left, bottom, right) without a bad pixel."""
    total = np.pad(bad.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, left, bottom, right = boxes.T
    return total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left] == 0
