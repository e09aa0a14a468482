"""BioCodec as a streaming block coder: one channel at a time, residual codes that may be cut short.

Paper: "Neural Codecs as Biosignal Tokenizers" (2025).
Differs: zeros stand before a segment in place of a reflection; the gain is a code per block of about one second and not
the root mean square of the whole input, kept apart; an offset per block is coded too, so that electrode drift passes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.tokens import Column
from signalpiece.core.types import Losses
from signalpiece.tokenizers.seanet_codec import SeanetCodec

CROP_BLOCKS = 5


class BioCodec(nn.Module):
    """Core of a `BlockTokenizer`.

    Args:
        codec: the network, padded with zeros.
        rate: samples per second that it works at, Hz.
    """

    joint = False
    causal = True
    truncates: str | None = "levels"

    def __init__(self, codec: SeanetCodec, *, rate: float = 250.0) -> None:
        super().__init__()
        self.codec, self.rate, self.hop = codec, rate, codec.hop
        self.block = self.gain_block = max(round(rate / self.hop), 1) * self.hop
        self.ramp = self.block // 4
        sizes = codec.quantizer.codebook_sizes
        self.columns = tuple(Column(f"level{k}", size) for k, size in enumerate(sizes))
        self.crop_seconds = CROP_BLOCKS * self.block / rate

    def start_encoder(self, names: Sequence[str]) -> Any:
        """Before a segment."""
        return self.codec.encoder.start(len(names))

    def encode_block(self, x: Float[Tensor, "r t"], state: Any) -> tuple[Int[Tensor, "r n q"], Any]:
        """The codes of the next block."""
        latent, state = self.codec.encoder.step(x[:, None], state)
        codes = self.codec.quantizer(latent.transpose(1, 2)).codes
        assert codes is not None
        return codes, state

    def start_decoder(self, names: Sequence[str]) -> Any:
        """Before a segment."""
        return self.codec.decoder.start(len(names))

    def decode_block(self, codes: Int[Tensor, "r n q"], state: Any) -> tuple[Float[Tensor, "r t"], Any]:
        """The samples of the next block, from as many levels as there are columns."""
        y, state = self.codec.decoder.step(self.codec.quantizer.decode(codes).transpose(1, 2), state)
        return y[:, 0], state

    def loss(self, x: Float[Tensor, "b c t"], names: Sequence[Sequence[str]]) -> Losses:
        """Every channel is a signal of its own."""
        return self.codec.loss(torch.flatten(x, 0, 1)[:, None])
