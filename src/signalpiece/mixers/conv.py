"""Causal convolutions that can also run piece by piece.

Padding of the paper: "High Fidelity Neural Audio Compression" (2022), section 3.1: all of it stands on the left.
Differs: zeros by default, not a reflection, so that a stream and a whole recording see the same thing. With
padding="reflect" (EnCodec's way, whole signals only) the last frame is also filled on the right.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError, check_option

PADDINGS = ("zero", "reflect")


def _refuse_reflection(padding: str) -> None:
    if padding != "zero":
        raise SignalPieceError("padding must be 'zero' to run piece by piece, got 'reflect', which looks ahead")


class CausalConv(nn.Module):
    """Convolution along time whose output frame i sees inputs up to the last sample of stride i and no further.

    A whole signal of t samples gives floor(t / stride) frames with zero padding, ceil with reflection.

    Args:
        dim: channels in.
        out: channels out; default: as many.
        kernel: taps.
        stride: samples per output frame, at most the kernel's reach.
        dilation: samples between taps.
        padding: "zero" or "reflect".
    """

    def __init__(
        self,
        dim: int = 16,
        out: int | None = None,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "zero",
    ) -> None:
        super().__init__()
        check_option("padding", padding, PADDINGS)
        self.conv = nn.Conv1d(dim, out or dim, kernel, stride, dilation=dilation)
        self.stride, self.padding = stride, padding
        self.history = (kernel - 1) * dilation + 1 - stride
        if self.history < 0:
            raise SignalPieceError(f"stride must be at most the kernel's reach, got {stride}")

    def forward(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b e n"]:
        """The whole signal."""
        if self.padding == "reflect":
            return self.conv(functional.pad(x, (self.history, -x.shape[2] % self.stride), mode="reflect"))
        return self.step(x, self.start(x.shape[0]))[0]

    def start(self, batch: int) -> Float[Tensor, "b d h"]:
        """The samples before the first one: zeros."""
        _refuse_reflection(self.padding)
        return self.conv.weight.new_zeros(batch, self.conv.in_channels, self.history)

    def step(
        self, x: Float[Tensor, "b d t"], state: Float[Tensor, "b d h"]
    ) -> tuple[Float[Tensor, "b e n"], Float[Tensor, "b d g"]]:
        """The frames that the next samples complete, and the samples still needed."""
        x = torch.cat([state, x], 2)
        frames = (x.shape[2] - self.history) // self.stride
        rest = x[:, :, frames * self.stride :]
        if not frames:
            return x.new_zeros(x.shape[0], self.conv.out_channels, 0), rest
        return self.conv(x[:, :, : frames * self.stride + self.history]), rest


class CausalUpsample(nn.Module):
    """Transposed convolution of kernel 2 x stride: each input frame gives `stride` samples at once.

    Args:
        dim: channels in.
        out: channels out; default: as many.
        stride: samples per input frame.
    """

    def __init__(self, dim: int = 16, out: int | None = None, *, stride: int = 2) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(dim, out or dim, 2 * stride, stride)
        self.stride = stride

    def forward(self, x: Float[Tensor, "b d n"]) -> Float[Tensor, "b e t"]:
        """The whole signal; what reaches past the last frame is cut."""
        if not x.shape[2]:
            return x.new_zeros(x.shape[0], self.conv.out_channels, 0)
        return self.conv(x)[:, :, : x.shape[2] * self.stride]

    def start(self, batch: int) -> Float[Tensor, "b d h"]:
        """The frame before the first one: none."""
        return self.conv.weight.new_zeros(batch, self.conv.in_channels, 0)

    def step(
        self, x: Float[Tensor, "b d n"], state: Float[Tensor, "b d h"]
    ) -> tuple[Float[Tensor, "b e t"], Float[Tensor, "b d g"]]:
        """The samples of the next frames, and the last frame, which reaches into what follows."""
        if not x.shape[2]:
            return self(x), state
        before = state.shape[2] * self.stride
        x = torch.cat([state, x], 2)
        return self(x)[:, :, before:], x[:, :, -1:]
