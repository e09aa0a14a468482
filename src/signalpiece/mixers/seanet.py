"""SEANet: a convolutional encoder that shortens a signal by strides, and its mirror image.

Papers: "SEANet: A Multi-modal Speech Enhancement Network" (2020); causal, with an LSTM and identity skips, in
"High Fidelity Neural Audio Compression" (2022) and "Neural Codecs as Biosignal Tokenizers" (2025).
Differs: weight normalisation is folded into the weights.
"""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from signalpiece.mixers.chain import Chain
from signalpiece.mixers.conv import CausalConv, CausalUpsample
from signalpiece.mixers.lstm import SkipLSTM


class ResidualUnit(nn.Module):
    """x + conv1(ELU(conv3(ELU(x)))), the first one dilated.

    Args:
        dim: width.
        dilation: samples between the taps of the first convolution.
        padding: "zero" or "reflect".
    """

    def __init__(self, dim: int = 16, *, dilation: int = 1, padding: str = "zero") -> None:
        super().__init__()
        self.block = Chain(
            nn.ELU(),
            CausalConv(dim, kernel=3, dilation=dilation, padding=padding),
            nn.ELU(),
            CausalConv(dim, kernel=1, padding=padding),
        )

    def forward(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b d t"]:
        """The whole signal."""
        return x + self.block(x)

    def start(self, batch: int) -> list[Any]:
        """States of the convolutions."""
        return self.block.start(batch)

    def step(self, x: Float[Tensor, "b d t"], state: list[Any]) -> tuple[Float[Tensor, "b d t"], list[Any]]:
        """The next samples."""
        y, state = self.block.step(x, state)
        return x + y, state


def _stage(width: int, depth: int, padding: str) -> list[nn.Module]:
    return [ResidualUnit(width, dilation=2**k, padding=padding) for k in range(depth)]


def build_encoder(
    dim: int = 64,
    *,
    filters: int = 8,
    strides: Sequence[int] = (2, 2, 3),
    depth: int = 2,
    lstm: int = 2,
    padding: str = "zero",
) -> Chain:
    """One channel "b 1 t" to latents "b dim n", one frame per product of the strides.

    Args:
        dim: width of the latents.
        filters: width of the first stage; each stride doubles it.
        strides: samples per frame of each stage, first to last.
        depth: residual units per stage, dilated 1, 2, 4...
        lstm: layers of the LSTM behind the stages.
        padding: "zero", or "reflect" as published, which cannot stream.
    """
    width = filters
    parts: list[nn.Module] = [CausalConv(1, width, padding=padding)]
    for stride in strides:
        down = CausalConv(width, 2 * width, kernel=2 * stride, stride=stride, padding=padding)
        parts += [*_stage(width, depth, padding), nn.ELU(), down]
        width *= 2
    return Chain(*parts, SkipLSTM(width, depth=lstm), nn.ELU(), CausalConv(width, dim, padding=padding))


def build_decoder(
    dim: int = 64,
    *,
    filters: int = 8,
    strides: Sequence[int] = (2, 2, 3),
    depth: int = 2,
    lstm: int = 2,
    padding: str = "zero",
) -> Chain:
    """The mirror image of `build_encoder`, with the same arguments: latents "b dim n" to "b 1 t"."""
    width = filters * 2 ** len(strides)
    parts: list[nn.Module] = [CausalConv(dim, width, padding=padding), SkipLSTM(width, depth=lstm)]
    for stride in reversed(strides):
        up = CausalUpsample(width, width // 2, stride=stride)
        width //= 2
        parts += [nn.ELU(), up, *_stage(width, depth, padding)]
    return Chain(*parts, nn.ELU(), CausalConv(width, 1, padding=padding))
