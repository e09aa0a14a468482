"""Two-dimensional Gaussians drawn onto a grid, forward and backward, tile by tile.

A tile looks only at the Gaussians that reach it, weighs its pixels and multiplies with the colours; backward does the
tile again instead of keeping its weights. So memory is Gaussians x pixels of one tile, never of the whole picture.

Paper: "GPSToken: Gaussian Parameterized Spatially-adaptive Tokenization for Image Representation and Generation"
(2025).
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from signalpiece.core.check import check_range

BUDGET = 2**17  # weights of one tile that all Gaussians reach, unless the tile is a smallest one
SMALLEST = 32  # pixels along a tile at least

Tile = tuple[slice, slice, Int[Tensor, "s"]]


def splat(
    colors: Float[Tensor, "b n d"],
    centres: Float[Tensor, "b n 2"],
    spread: Float[Tensor, "b n 3"],
    height: int,
    width: int,
    reach: float = 5.0,
) -> Float[Tensor, "b h w d"]:
    """The sum of colour times exp(-(u^2 - 2 rho u v + v^2) / (2 (1 - rho^2))), u and v in sigmas from the centre.

    Gradients reach colours, centres and spread.

    Args:
        centres: x, y; the middle of the first and last pixel of an axis lie at -1 and 1.
        spread: sigma along x and y, above 0 and in the units of `centres`, and correlation, between -1 and 1.
        height: rows.
        width: columns.
        reach: sigmas along x or y beyond which a Gaussian is 0.

    Raises:
        SignalPieceError: an empty grid, or a reach that is not above 0.
    """
    check_range("height", height, 1, 2**16)
    check_range("width", width, 1, 2**16)
    check_range("reach", reach, 1e-6, float("inf"))
    return _Splat.apply(colors, centres, spread, (height, width), reach)  # type: ignore[return-value]


def weigh(
    pixels: Float[Tensor, "b h w d"],
    centres: Float[Tensor, "b n 2"],
    spread: Float[Tensor, "b n 3"],
    reach: float = 5.0,
) -> Float[Tensor, "b n d"]:
    """The sum of all pixels, weighed by each Gaussian: what `splat` does, turned round."""
    out = []
    for picture, centre, wide in zip(pixels, centres, spread, strict=True):
        shape = _Shape(centre, wide, (picture.shape[0], picture.shape[1]), reach)
        total = picture.new_zeros(len(centre), picture.shape[2])
        for rows, columns, near in shape.tiles():
            weight = shape.weights(rows, columns, near).flatten(1)
            total = total.index_add(0, near, weight @ picture[rows, columns].flatten(0, 1))
        out.append(total)
    return torch.stack(out)


class _Splat(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, colors: Tensor, centres: Tensor, spread: Tensor, size: tuple[int, int], reach: float) -> Any:
        out = colors.new_zeros(colors.shape[0], *size, colors.shape[2])
        for item, drawn in enumerate(out):
            shape = _Shape(centres[item], spread[item], size, reach)
            for rows, columns, near in shape.tiles():
                weight = shape.weights(rows, columns, near).flatten(1)
                drawn[rows, columns] = (weight.T @ colors[item, near]).view(*drawn[rows, columns].shape)
        ctx.save_for_backward(colors, centres, spread)
        ctx.size, ctx.reach = size, reach
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        colors, centres, spread = ctx.saved_tensors
        to_colors, to_centres, to_spread = (torch.zeros_like(x) for x in (colors, centres, spread))
        for item in range(len(colors)):
            shape = _Shape(centres[item], spread[item], ctx.size, ctx.reach)
            moments = centres.new_zeros(centres.shape[1], 5)
            for rows, columns, near in shape.tiles():
                weight = shape.weights(rows, columns, near)
                wanted = grad[item, rows, columns].flatten(0, 1)
                to_colors[item].index_add_(0, near, weight.flatten(1) @ wanted)
                weight *= (colors[item, near] @ wanted.T).view_as(weight)
                moments.index_add_(0, near, shape.moments(weight, rows, columns, near))
            to_centres[item], to_spread[item] = shape.slopes(moments)
        return to_colors, to_centres, to_spread, None, None


class _Shape:
    """Where the Gaussians of one picture lie, in sigmas from every column and row."""

    def __init__(self, centres: Tensor, spread: Tensor, size: tuple[int, int], reach: float) -> None:
        (self.height, self.width), self.reach = size, reach
        self.sigma, self.rho = spread[:, :2], spread[:, 2:]
        self.sharp = 0.5 / (1 - self.rho.square())
        like = {"dtype": centres.dtype, "device": centres.device}
        along = (torch.linspace(-1, 1, n, **like) for n in (self.width, self.height))
        self.u, self.v = ((at - centres[:, i, None]) / self.sigma[:, i, None] for i, at in enumerate(along))
        self.side = max(SMALLEST, int((BUDGET / max(len(centres), 1)) ** 0.5))

    def tiles(self) -> Iterator[Tile]:
        """Rows, columns and the Gaussians that reach them."""
        near_u, near_v = self.u.abs() <= self.reach, self.v.abs() <= self.reach
        for top in range(0, self.height, self.side):
            rows = slice(top, min(top + self.side, self.height))
            in_rows = near_v[:, rows].any(1)
            for left in range(0, self.width, self.side):
                columns = slice(left, min(left + self.side, self.width))
                near = (in_rows & near_u[:, columns].any(1)).nonzero()[:, 0]
                if len(near):
                    yield rows, columns, near

    def weights(self, rows: slice, columns: slice, near: Int[Tensor, "s"]) -> Float[Tensor, "s h w"]:
        """What each Gaussian weighs at each pixel of a tile."""
        u, v, sharp = self.u[near, columns], self.v[near, rows], self.sharp[near]
        along_u = (-sharp * u.square()).masked_fill_(u.abs() > self.reach, -torch.inf)
        along_v = (-sharp * v.square()).masked_fill_(v.abs() > self.reach, -torch.inf)
        slant = 2 * self.rho[near] * sharp * v
        return torch.addcmul(along_u[:, None], slant[:, :, None], u[:, None]).add_(along_v[:, :, None]).exp_()

    def moments(
        self, slope: Float[Tensor, "s h w"], rows: slice, columns: slice, near: Int[Tensor, "s"]
    ) -> Float[Tensor, "s 5"]:
        """Sums over a tile of the slope of each exponent, times u, v, u^2, u v, v^2."""
        u, v = self.u[near, columns], self.v[near, rows]
        over_u, over_v = slope.sum(1), slope.sum(2)
        both = (torch.bmm(slope, u[..., None])[..., 0] * v).sum(1)
        parts = (over_u * u).sum(1), (over_v * v).sum(1), (over_u * u * u).sum(1), both, (over_v * v * v).sum(1)
        return torch.stack(parts, 1)

    def slopes(self, moments: Float[Tensor, "n 5"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 3"]]:
        """Gradients of centres and spread."""
        u, v, uu, uv, vv = moments.split(1, 1)
        scale = 2 * self.sharp / self.sigma
        to_centres = scale * torch.cat([u - self.rho * v, v - self.rho * u], 1)
        to_sigma = scale * torch.cat([uu - self.rho * uv, vv - self.rho * uv], 1)
        distance = uu - 2 * self.rho * uv + vv
        to_rho = 2 * self.sharp * uv - 4 * self.rho * self.sharp.square() * distance
        return to_centres, torch.cat([to_sigma, to_rho], 1)
