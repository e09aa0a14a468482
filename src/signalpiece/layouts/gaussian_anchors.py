"""Learned Gaussians that do not look at the picture: where attention begins to move them.

Paper: "GaussianToken: An Effective Image Tokenizer with 2D Gaussian Splatting" (2025). Its renderer takes scales in
pixels and a rotation; `rotated_spread` turns them into what `splat` takes. Differs: the published renderer places
-1 and 1 at the outer edges of the grid, `splat` in the middles of the outer pixels.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from signalpiece.core.check import check_range
from signalpiece.core.signal import Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.gaussians import blend_gaussians
from signalpiece.layouts.pictures import PICTURE, bad_pixels
from signalpiece.layouts.pixels import pixels_of
from signalpiece.layouts.splatting import weigh


def rotated_spread(
    scale: Float[Tensor, "*b 2"], angle: Float[Tensor, "*b"], height: int, width: int
) -> Float[Tensor, "*b 3"]:
    """Sigma along x and y in units of `splat`, and correlation, of Gaussians turned by an angle.

    Args:
        scale: sigmas along their own axes, in pixels of the grid.
        angle: from x towards y, radians.
        height: rows of the grid.
        width: columns of the grid.
    """
    (a, b), c, s = scale.square().unbind(-1), angle.cos(), angle.sin()
    xx, yy, xy = c * c * a + s * s * b, s * s * a + c * c * b, c * s * (a - b)
    x, y = xx.sqrt(), yy.sqrt()
    rho = xy / (x * y)
    return torch.stack([x * (2 / max(width - 1, 1)), y * (2 / max(height - 1, 1)), rho], -1)


class GaussianAnchors(nn.Module):
    """`num` learned Gaussians: position in -1..1, scale in `smallest`..`largest` pixels, any rotation.

    They begin on a regular grid, as large as its cells. A slot is the mean colour of the valid pixels, weighed by its
    Gaussian; its coordinates are those of `Gaussians`.

    Args:
        num: Gaussians.
        height: rows of the grid that scales count in; a picture of any size is cut as if it had as many.
        width: columns.
        smallest: scale, pixels.
        largest: scale, pixels.
        colors: size of the colour axis.

    Raises:
        SignalPieceError: no Gaussian, or scales out of order.
    """

    arrays = ("torch",)
    loss = "join blends the colours of the Gaussians; only even pictures come back whole, and those where they reach"

    def __init__(
        self,
        *,
        num: int = 64,
        height: int = 16,
        width: int = 16,
        smallest: float = 0.1,
        largest: float = 3.0,
        colors: int = 3,
    ) -> None:
        super().__init__()
        check_range("num", num, 1, 2**20)
        check_range("smallest", smallest, 1e-3, largest - 1e-6)
        check_range("colors", colors, 1, 2**16)
        self.size, self.smallest, self.largest = (height, width), smallest, largest
        self.dim = self.colors = colors
        side = math.ceil(math.sqrt(num))
        at = torch.arange(num)
        places = (torch.stack([at % side, at // side], 1) + 0.5) * (2 / side) - 1
        cell = min(max(min(height, width) / side / 2, smallest * 1.01), largest * 0.99)
        share = (cell - smallest) / (largest - smallest)
        self.place = nn.Parameter(places.clamp(-0.999, 0.999).atanh())
        self.scale = nn.Parameter(torch.full((num, 2), math.log(share / (1 - share))))
        self.angle = nn.Parameter(torch.zeros(num))

    def forward(self) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 3"]]:
        """Centres and spread, as `splat` takes them."""
        return self.place.tanh(), self.spread(self.scale, self.angle)

    def spread(self, scale: Float[Tensor, "*b 2"], angle: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3"]:
        """Spread of free numbers, such as the anchors' own plus what a network adds."""
        pixels = self.smallest + (self.largest - self.smallest) * scale.sigmoid()
        return rotated_spread(pixels, angle, *self.size)

    def cut(self, signal: Signal) -> Slots:
        """Colours and shapes of a picture.

        Raises:
            SignalPieceError: the signal is no picture of so many colours.
        """
        pixels = pixels_of(signal, PICTURE, self.colors)
        bad = bad_pixels(signal)
        good = torch.ones_like(pixels[..., :1]) if bad is None else 1 - torch.as_tensor(bad).to(pixels)[..., None]
        centres, spread = (x.to(pixels)[None] for x in self())
        totals = weigh(torch.cat([pixels * good, good], 2)[None], centres, spread)
        valid = None if bad is None else (totals[..., -1] > 0).numpy(force=True)
        values = totals[..., :-1] / totals[..., -1:].clamp(min=1e-12)
        return Slots(values, signal.grid, torch.cat([centres, spread], 2), valid)

    def join(self, slots: Slots) -> Signal:
        """The picture that the colours make.

        Raises:
            SignalPieceError: slots without coordinates, or of another width.
        """
        return blend_gaussians(slots, self.colors, self.dim)
