"""Soft tokens: the mean of all code vectors under given probabilities, so that a decoder sees a predictor's doubt.

Paper: "All in Tokens: Unifying Output Space of Visual Tasks via Soft Token" (2023), section 3.2.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from signalpiece.core.check import SignalPieceError


def soft_tokens(probabilities: Float[Tensor, "*b p"], table: Float[Tensor, "k d"]) -> Float[Tensor, "*b d"]:
    """Expected code vectors, in fp32; of one-hot probabilities, exactly what hard decoding gives.

    Raises:
        SignalPieceError: not one probability per code.
    """
    if probabilities.shape[-1] != len(table):
        raise SignalPieceError(f"{len(table)} codes need as many probabilities, got {probabilities.shape[-1]}")
    with torch.autocast(table.device.type, enabled=False):
        return probabilities.float() @ table.float()
