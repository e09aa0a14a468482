"""A learned choice between one coarse patch and four fine ones.

Paper: "MSViT: Dynamic Mixed-Scale Tokenization for Vision Transformers" (2023): four linear layers, Gumbel-sigmoid,
the gradient straight through.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from signalpiece.core.check import check_range


class ScaleGate(nn.Module):
    """Regions to 1 (fine) or 0 (coarse).

    In training decisions are drawn, with the gradient of the sigmoid that they were drawn from; in eval a region is
    fine where that is more likely.

    Args:
        side: pixels along a region.
        colors: size of the colour axis.
        hidden: width of the hidden layers.
        temperature: of the Gumbel-sigmoid.

    Raises:
        SignalPieceError: a size below 1, a temperature that is not above 0.
    """

    def __init__(self, *, side: int = 32, colors: int = 3, hidden: int = 32, temperature: float = 1.0) -> None:
        super().__init__()
        for name, value in (("side", side), ("colors", colors), ("hidden", hidden)):
            check_range(name, value, 1, 2**16)
        check_range("temperature", temperature, 1e-6, float("inf"))
        widths, layers = (side * side * colors, hidden, hidden, hidden, 1), []
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            layers += [nn.LayerNorm(a), nn.Linear(a, b)] + ([nn.GELU()] if i < 3 else [])
        self.net, self.temperature = nn.Sequential(*layers), temperature

    def logits(self, regions: Float[Tensor, "*b h w c"]) -> Float[Tensor, "*b"]:
        """Log odds of fine; their sigmoid is what batch shaping looks at."""
        return self.net(regions.flatten(-3))[..., 0]

    def forward(
        self, regions: Float[Tensor, "*b h w c"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*b"]:
        """Decisions, 0 or 1; `generator` draws them in training."""
        logits = self.logits(regions)
        if not self.training:
            return (logits > 0).to(logits)
        noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
        soft = ((logits + noise.clamp(1e-6, 1 - 1e-6).logit()) / self.temperature).sigmoid()
        return (soft > 0.5).to(soft) + soft - soft.detach()
