"""Dimension-wise quantizer made after training: every value of a frozen latent falls into one of a few Gaussian bins.

Bins of equal probability under a normal law, values of a bin decode to its mean. Nothing is learned by gradient. As
published, -5 to 5 are the 3 standard deviations that the bins cover; `estimate` reads each dimension's mean and spread
off latents instead, which the paper leaves to the latents' own normalisation.

Paper: "Bridging Continuous and Discrete Tokens for Autoregressive Visual Generation" (2025), section 3.2.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.estimators import straight_through

REACH = 3.0  # standard deviations that the bins cover
RANGE = 5.0  # of latents, as published


class DimensionWise(nn.Module):
    """One code column per dimension.

    Args:
        dim: width of the vectors.
        levels: bins of each dimension.

    Raises:
        SignalPieceError: fewer than 2 levels.
    """

    centre: Tensor
    spread: Tensor
    edges: Tensor
    means: Tensor

    def __init__(self, dim: int = 64, *, levels: int = 64) -> None:
        super().__init__()
        check_range("levels", levels, 2, 65536)
        self.codebook_sizes = (levels,) * dim
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("spread", torch.full((dim,), RANGE / REACH))
        edges, means = normal_bins(levels)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("means", means, persistent=False)

    @torch.no_grad()
    def estimate(self, z: Float[Tensor, "b n d"]) -> "DimensionWise":
        """Takes mean and standard deviation of every dimension from latents."""
        flat = z.detach().float().flatten(0, 1)
        self.centre.copy_(flat.mean(0))
        self.spread.copy_(flat.std(0, correction=0).clamp(min=1e-12))
        return self

    def forward(self, z: Float[Tensor, "b n d"]) -> Quantized:
        """Bins in fp32; in training the gradient passes them unchanged."""
        with torch.autocast(z.device.type, enabled=False):
            x = z.float()
            codes = torch.bucketize((x.detach() - self.centre) / self.spread, self.edges)
            values = self.decode(codes)
            return Quantized(straight_through(x, values) if self.training else values, codes, z.new_zeros(()))

    def decode(self, codes: Int[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """The mean of each bin."""
        return self.means[codes.long()] * self.spread + self.centre


def normal_bins(levels: int) -> tuple[Float[Tensor, "k1"], Float[Tensor, "k"]]:
    """Inner edges of `levels` bins of equal probability of a normal law cut at 3 sigma, and the mean of each bin."""
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    low = normal.cdf(torch.tensor(-REACH, dtype=torch.float64))
    edges = normal.icdf(torch.linspace(0, 1, levels + 1, dtype=torch.float64) * (1 - 2 * low) + low)
    edges[0], edges[-1] = -REACH, REACH
    density = (-edges.square() / 2).exp() / math.sqrt(2 * math.pi)
    means = (density[:-1] - density[1:]) * levels / (1 - 2 * low)
    return edges[1:-1].float(), means.float()
