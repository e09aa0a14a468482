"""Quantizer dropout: a training batch uses only the first few levels, so that codes may be cut short later.

Paper: "SoundStream: An End-to-End Neural Audio Codec" (2021), section 3.3.
"""

import torch
from torch import Tensor

from signalpiece.quantizers.backward import is_backward


def levels_of_batch(steps: Tensor, count: int, dropout: float) -> int:
    """How many of `count` levels this batch uses: all, or with probability `dropout` a random number of them.

    `steps` counts batches in place and seeds the draw; a pass that checkpointing repeats draws the same.
    """
    if not is_backward():
        steps += 1
    generator = torch.Generator().manual_seed(int(steps))
    if torch.rand((), generator=generator) >= dropout:
        return count
    return int(torch.randint(1, count + 1, (), generator=generator))
