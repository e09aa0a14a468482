"""Where pixels come from when a film moves: positions and labels carried along by optical flow.

A flow (..., 2) says, for every pixel of a frame, how many rows and columns away it was in the frame before.

Paper: "Learning Trajectory-Aware Transformer for Video Super-Resolution" (2022).
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from signalpiece.core.signal import Array


def location_maps(flow: Float[Array, "t h w 2"]) -> Float[Array, "s h w 2"]:
    """Row and column that every pixel of the last of t + 1 frames had in each of them, oldest first.

    Zero flow gives the same positions exactly; what came from outside stays at the edge.
    """
    xp, (frames, height, width, _) = array_namespace(flow), flow.shape
    here = _places(flow, height, width)
    maps = here[None]
    for frame in range(frames):
        maps = xp.concat([_sample(maps, here + flow[frame]), here[None]])
    return maps


def carry_labels(labels: Int[np.ndarray, "h w"], flow: Float[np.ndarray, "t h w 2"]) -> Int[np.ndarray, "s h w"]:
    """Labels of the first of t + 1 frames in all of them, from the nearest pixel; -1 where they come from outside."""
    height, width = labels.shape
    found = [labels]
    for step in flow:
        row, column = np.round(_places(step, height, width) + step).astype(np.int64).transpose(2, 0, 1)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found.append(np.where(inside, found[-1][row.clip(0, height - 1), column.clip(0, width - 1)], -1))
    return np.stack(found)


def _places(like: Array, height: int, width: int) -> Float[Array, "h w 2"]:
    xp = array_namespace(like)
    ticks = (xp.arange(n, dtype=like.dtype, device=device(like)) for n in (height, width))
    return xp.stack(list(xp.meshgrid(*ticks, indexing="ij")), axis=2)


def _sample(maps: Float[Array, "s h w d"], at: Float[Array, "h w 2"]) -> Float[Array, "s h w d"]:
    """Maps linearly between pixels; weights are exactly 1 and 0 on them."""
    xp, (count, height, width, depth) = array_namespace(maps), maps.shape
    flat, total = xp.reshape(maps, (count, height * width, depth)), 0.0
    row, column = xp.clip(at[..., 0], 0, height - 1), xp.clip(at[..., 1], 0, width - 1)
    top, left = xp.floor(row), xp.floor(column)
    for i, down in ((top, 1 - (row - top)), (xp.clip(top + 1, 0, height - 1), row - top)):
        for j, across in ((left, 1 - (column - left)), (xp.clip(left + 1, 0, width - 1), column - left)):
            place: Any = xp.reshape(xp.astype(i * width + j, xp.int64), (-1,))
            picked = xp.reshape(xp.take(flat, place, axis=1), maps.shape)
            total = total + picked * (down * across)[..., None]
    return total
