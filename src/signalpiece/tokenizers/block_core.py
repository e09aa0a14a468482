"""What a learned block coder has to offer; `BlockTokenizer` makes a tokenizer of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.tokens import Column
from signalpiece.core.types import Losses


@runtime_checkable
class BlockCore(Protocol):
    """A network that codes rows of unit size block by block. Its state begins anew in every segment.

    Attributes:
        rate: samples per second, Hz.
        hop: samples of one frame of codes.
        block: samples of one block, a multiple of the hop and of `gain_block`.
        gain_block: samples that share one gain and offset.
        ramp: samples over which gain and offset move to new values.
        columns: names and codebook sizes.
        truncates: the axis of the codes that may be cut short, or None.
        joint: rows of one recording look at each other, so that all of them are needed.
        causal: a frame's samples depend on no later frame, so that part of a block can be decoded.
        crop_seconds: length of a training crop.
    """

    rate: float
    hop: int
    block: int
    gain_block: int
    ramp: int
    columns: tuple[Column, ...]
    truncates: str | None
    joint: bool
    causal: bool
    crop_seconds: float

    def start_encoder(self, names: Sequence[str]) -> Any: ...  # noqa: D102
    def encode_block(self, x: Float[Tensor, "r t"], state: Any) -> tuple[Int[Tensor, "r n q"], Any]: ...  # noqa: D102
    def start_decoder(self, names: Sequence[str]) -> Any: ...  # noqa: D102
    def decode_block(self, codes: Int[Tensor, "r n q"], state: Any) -> tuple[Float[Tensor, "r t"], Any]: ...  # noqa: D102
    def loss(self, x: Float[Tensor, "b c t"], names: Sequence[Sequence[str]]) -> Losses: ...  # noqa: D102


GROUP = 16  # rows that one call codes; fewer are filled up, so that results do not depend on how many there are


class Groups:
    """Channels in padded groups, each with a state of its own.

    Args:
        names: of the channels.
        start: makes the state of some rows from their names.
        run: one block of some rows through the network.
        joint: all channels are one group, as many as there are.
    """

    def __init__(self, names: Sequence[str], start: Any, run: Any, *, joint: bool) -> None:
        self.names, self._start, self._run = list(names), start, run
        self.size = len(self.names) if joint else GROUP
        self.states: list[Any] = []
        self.begin()

    def begin(self) -> None:
        """A new segment."""
        padded = self.names + [""] * (-len(self.names) % self.size)
        self.states = [self._start(padded[i : i + self.size]) for i in range(0, len(padded), self.size)]

    def __call__(self, rows: Tensor) -> Tensor:
        """One block of all channels."""
        count = len(rows)
        fill = rows.new_zeros(-count % self.size, *rows.shape[1:])
        out = []
        for i, part in enumerate(torch.cat([rows, fill]).split(self.size)):
            y, self.states[i] = self._run(part, self.states[i])
            out.append(y)
        return torch.cat(out)[:count]


@contextmanager
def resting(module: nn.Module) -> Iterator[torch.device]:
    """In evaluation, without gradients; a codebook learns nothing meanwhile. Gives the device of the weights."""
    training = module.training
    if training:
        module.eval()
    try:
        with torch.inference_mode():
            yield next(module.parameters()).device
    finally:
        if training:
            module.train()
