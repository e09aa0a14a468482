"""A tokenizer around a learned block coder: resampling, coded gain and offset, streams, training loss.

Whole-file encoding is the streaming loop over blocks of fixed size with channels in padded groups: the codes depend
neither on the chunking nor on other channels (unless the network looks at them on purpose).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal, as_signals
from signalpiece.core.tokens import Tokens
from signalpiece.core.types import Losses
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.tokenizers.batch import stack
from signalpiece.tokenizers.block_core import BlockCore
from signalpiece.tokenizers.block_playback import play_blocks
from signalpiece.tokenizers.block_stream import CodeStream
from signalpiece.tokenizers.gain import Level, follow, measure
from signalpiece.tokenizers.model_file import model_hash
from signalpiece.tokenizers.resample import Resampler
from signalpiece.tokenizers.segmenter import append


class BlockTokenizer(nn.Module):
    """A learned tokenizer for any channels x time; trained by `fit`.

    Args:
        core: the network.
        segment_seconds: unit of restart, random access and damage; rounded to whole blocks.
    """

    units = ("V", "T", "T/m")
    needs_torch = True
    fixed_rate = True

    def __init__(self, core: BlockCore, *, segment_seconds: float = 240.0) -> None:
        super().__init__()
        self.core: Any = core
        self.rate, self.columns, self.truncates = float(core.rate), core.columns, core.truncates
        self.blocks_per_segment = max(round(segment_seconds * core.rate / core.block), 1)
        channels = 0 if core.joint else 1
        self.codec, self.side_codec = Categorical(channels=channels), AdaptiveBinary(channels=channels)
        self.recipe: str | None = None
        self.options: dict[str, Any] = {}
        self._hash: tuple[Any, str] = (None, "")

    def named(self, recipe: str | None, options: Mapping[str, Any]) -> "BlockTokenizer":
        """This tokenizer, knowing which recipe and options made it."""
        self.recipe, self.options = recipe, dict(options)
        return self

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return self.recipe or "this tokenizer"

    @property
    def model_hash(self) -> str:
        """Names the weights in stored tokens; changes as they do."""
        state = self.core.state_dict()
        key = (self.recipe, repr(self.options), tuple((v.data_ptr(), v._version) for v in state.values()))
        if self._hash[0] != key:
            self._hash = (key, model_hash(self.recipe, self.options, self.tensors()))
        return self._hash[1]

    @model_hash.setter
    def model_hash(self, value: str) -> None:
        assert value == self.model_hash, "the hash follows from the weights"

    @property
    def model(self) -> dict[str, Any]:
        """What stored tokens say about their tokenizer."""
        model = {"recipe": self.recipe, "options": dict(self.options), "hash": self.model_hash}
        return model | ({"channels": 0} if self.core.joint else {})

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done before the network."""
        gain = self.core.gain_block / self.rate
        return {"rate": self.rate, "filter": "linear-phase resampling, no high-pass", "gain_seconds": gain}

    @property
    def latency_seconds(self) -> float:
        """From a sample to its codes, at worst, at the tokenizer's own rate; a stream says what resampling adds."""
        return self.core.block / self.rate

    @property
    def crop_seconds(self) -> float:
        """Length of a training crop."""
        return self.core.crop_seconds

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights, for a model file; a single number is an array of one."""
        return {k: np.atleast_1d(v.detach().cpu().numpy()) for k, v in self.core.state_dict().items()}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """The weights of a model file."""
        shapes = {k: v.shape for k, v in self.core.state_dict().items()}
        self.core.load_state_dict({k: torch.from_numpy(np.array(v)).view(shapes[k]) for k, v in tensors.items()})
        self.eval()

    def stream(self, grid: Grid) -> CodeStream:
        """An encoder for signals that arrive in pieces.

        Args:
            grid: of the recording; its length need not be known.

        Raises:
            SignalPieceError: not channels x time, or a rate that cannot be reached.
        """
        return CodeStream(self, grid)

    def encode(self, signal: Signal | Sequence[Signal] | Any, *, rate: float | None = None, units: str = "V") -> Tokens:
        """Codes of a recording, or of several as a batch; a bare array "c t" or "b c t" needs its `rate` (Hz).

        Raises:
            SignalPieceError: not channels x time.
        """
        signal = as_signals(signal, rate=rate, units=units)
        if not isinstance(signal, Signal):
            return stack([self.encode(s) for s in signal])
        stream = self.stream(signal.grid)
        return replace(append(stream.push(signal), stream.close()), annotations=signal.annotations)

    def decode(self, tokens: Tokens, *, rate: str = "model") -> Signal:
        """The signal of tokens, or of a slice of them that begins with a segment; needs nothing else.

        Args:
            tokens: of one recording.
            rate: `model` for this tokenizer's rate, `source` for the recording's own.

        Raises:
            SignalPieceError: the tokens are another tokenizer's, or do not begin with a segment.
        """
        return play_blocks(self, tokens, rate)

    def frames_of(self, start: int, stop: int) -> tuple[int, int]:
        """Frames (first, end) to read for samples start to stop, at this rate: from the start of a segment on."""
        segment = self.blocks_per_segment * self.core.block
        unit = self.core.hop if self.core.causal else self.core.block
        return start // segment * segment // self.core.hop, -(-stop // unit) * unit // self.core.hop

    def at_rate(self, signal: Signal) -> Signal:
        """The signal at this tokenizer's rate, as it is coded; for training crops."""
        resampler = Resampler.between(signal.grid.time_rate, self.rate)
        x = resampler(np.asarray(signal.values, np.float32))
        grid = replace(signal.grid, rate=(None, self.rate), shape=x.shape)
        good = signal.valid is None or bool(np.all(signal.valid))
        return Signal(grid, x, None if good else np.zeros((1, 1), bool))

    def loss(self, batch: Any) -> Losses:
        """Training loss of a `Batch` of crops in SI units.

        Raises:
            SignalPieceError: the batch has another rate, or crops shorter than a block.
        """
        if abs(batch.rate / self.rate - 1) > 1e-3:
            raise SignalPieceError(f"{self.title} trains at {self.rate:g} Hz, got crops at {batch.rate:g} Hz")
        x = np.asarray(batch.values, np.float32)
        blocks = x.shape[2] // self.core.block
        if not blocks:
            raise SignalPieceError(f"a training crop must have at least {self.core.block} samples, got {x.shape[2]}")
        x = x[:, :, : blocks * self.core.block]
        unit = self._normalised(x.reshape(-1, x.shape[2])).reshape(x.shape)
        return self.core.loss(torch.from_numpy(unit).to(next(self.parameters()).device), batch.names)

    def _normalised(self, x: Float[np.ndarray, "r t"]) -> Float[np.ndarray, "r t"]:
        size, level, out = self.core.gain_block, Level.begin(len(x)), []
        for at in range(0, x.shape[1], size):
            piece = x[:, at : at + size]
            envelope, level = follow(measure(piece, level), level, size, self.core.ramp)
            out.append(envelope.remove(piece))
        return np.concatenate(out, axis=1)
