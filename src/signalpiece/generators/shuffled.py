"""A random order for each sample.

Paper: "Autoregressive Image Generation without Vector Quantization" (2024).
"""

import torch
from jaxtyping import Int
from torch import Tensor

from signalpiece.core.check import check_range


def random_order(batch: int, places: int, generator: torch.Generator) -> Int[Tensor, "b n"]:
    """Independent permutations of all places, each equally likely.

    Raises:
        SignalPieceError: fewer than one sample or place.
    """
    check_range("batch", batch, 1, 2**31)
    check_range("places", places, 1, 2**31)
    return torch.rand(batch, places, generator=generator, device=generator.device, dtype=torch.float64).argsort(1)
