"""Pictures and films as tensors, for layouts that work on torch alone."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from signalpiece.core.signal import Signal
from signalpiece.layouts.pictures import check_axes


def pixels_of(signal: Signal, axes: tuple[str, ...], colors: int) -> Float[Tensor, "..."]:
    """The values of a signal with these axes and that many colours; integers become float32.

    Raises:
        SignalPieceError: the signal has others.
    """
    check_axes(signal.grid, axes, colors)
    values = signal.values
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(values if values.flags.writeable else values.copy())
    return values if values.is_floating_point() else values.float()
