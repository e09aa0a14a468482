"""A transform coder at work: pieces of a signal in, finished frames of codes out.

Whole-file encoding is this loop. Every stage holds back what it cannot know yet and computes blocks of fixed size, so
that any chunking gives the same codes, and one channel's codes never depend on another's (unless channels are mixed on
purpose).
"""

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.tokenizers.blocks import BlockStream
from signalpiece.tokenizers.decide import decide
from signalpiece.tokenizers.dependent import DependentStream
from signalpiece.tokenizers.intake import Intake
from signalpiece.tokenizers.resample import Resampler
from signalpiece.tokenizers.segmenter import append
from signalpiece.tokenizers.steps import Steps

if TYPE_CHECKING:
    from signalpiece.tokenizers.klt import Rotation
    from signalpiece.tokenizers.transform import TransformCoder

PIECE = 1 << 18  # samples of all channels worked on at once, so that they stay in the cache
OFFSET_STEPS = 16  # a channel's offset is a multiple of this many steps
SETTLE_SECONDS = 1.0  # what the offset is read from


class TransformStream:
    """One recording in progress.

    Args:
        coder: whose layout, quantizer and rate to use.
        grid: of the recording; its length need not be known (any number).
        steps: one per coded channel.
        segment_seconds: length of a segment, which the header states.
    """

    def __init__(self, coder: "TransformCoder", grid: Grid, steps: Steps, segment_seconds: float = 240.0) -> None:
        self.coder, self.steps = coder, steps
        self.intake = Intake(grid, coder.title)
        source = grid.time_rate
        wanted = coder.rate or source
        self.resampler = Resampler.between(source, wanted)
        self.rate = self.resampler.rate(source, wanted)
        self.offsets: np.ndarray | None = None
        self.rotation: Rotation | None = None
        self.first = 0  # frames given out
        self._closed = False
        self._segment = max(round(segment_seconds * self.rate / coder.layout.hop), 1)
        self._resampling = self.resampler.stream()
        self._analysis = BlockStream(coder.analysis)
        self._early: list[np.ndarray] = []  # samples from before the offset is known
        self._unmixed: list[np.ndarray] = []  # samples from before the rotation is known
        stateful = hasattr(coder.quantizer, "step") and hasattr(coder.quantizer, "start")
        self._dependent = DependentStream(coder.quantizer, len(steps.values), self._segment) if stateful else None
        self._scale = (1 / steps.values).astype(np.float32)[:, None]
        if coder.spatial is not None and steps.covariance is not None:
            self.rotation = coder.spatial.of(steps.covariance / np.outer(steps.values, steps.values))

    @property
    def latency_seconds(self) -> float:
        """How long after a frame's last sample its codes are known, at worst, beside the first seconds."""
        return self.coder.layout.window / self.rate + self.resampler.latency_seconds(self.intake.grid.time_rate)

    def push(self, signal: Signal) -> Tokens:
        """The frames that are finished now.

        Raises:
            SignalPieceError: the stream is closed, or the signal has other channels or another rate.
        """
        if self._closed:
            raise SignalPieceError("this stream is closed; begin another with stream()")
        x, _ = self.intake.push(signal)
        size = max(PIECE // len(x), 1)
        pieces = [self._sources(x[:, a : a + size]) for a in range(0, x.shape[1], size)]
        return self._tokens([p for p in pieces if p is not None])

    def close(self) -> Tokens:
        """The last frames; their header knows the recording's length and which stretches do not count."""
        if self._closed:
            raise SignalPieceError("this stream is closed; begin another with stream()")
        self._closed = True
        pieces = []
        if self.offsets is None:
            pieces.append(self._settle())
        pieces.append(self._resampled(self._resampling.close()))
        if self.coder.spatial is not None and self.rotation is None:
            pieces.append(self._rotate())
        total = self.coder.layout.frames(self.resampler.length(self.intake.samples))
        pieces.append(self._coded(self._analysis.close(total)))
        return self._tokens([p for p in pieces if p is not None])

    @property
    def header(self) -> Header:
        """As known so far: length and invalid stretches grow."""
        coder, grid = self.coder, self.intake.coded_grid(self.intake.samples)
        source = [self.resampler.up, self.resampler.down]
        notes: dict[str, Any] = {"ratio": source, "step": self.steps.base}
        if self.rotation is not None:
            notes["spatial"] = self.rotation.notes
        layout = coder.layout
        return Header(
            grid,
            coder.columns,
            Frames(self.rate, layout.hop, layout.window, layout.lead),
            coder.model,
            notes,
            self.intake.invalid,
            self._segment,
        )

    @property
    def side(self) -> Tokens | None:
        """Steps, offsets and the rotation over channels, one row per channel; None before they are known."""
        if self.offsets is None or (self.coder.spatial is not None and self.rotation is None):
            return None
        columns = [self.steps.codes, self.offsets]
        names = ["step", "offset"]
        if self.rotation is not None:
            columns += list(self.rotation.codes.T)
            names += [f"component{k}" for k in range(self.rotation.codes.shape[1])]
        grid = self.intake.coded_grid(self.intake.samples)
        header = Header(grid, tuple(Column(n, 0) for n in names), model={"channels": self.coder.side_codec.channels})
        return Tokens((header,), np.stack(columns, 1)[None].astype(np.int32))

    def _sources(self, x: Float[np.ndarray, "c t"]) -> Int[np.ndarray, "n c d"] | None:
        """Source samples, with offset."""
        if self.offsets is None:
            self._early.append(x)
            if sum(e.shape[1] for e in self._early) < SETTLE_SECONDS * self.intake.grid.time_rate:
                return None
            return self._settle()
        return self._resampled(self._resampling.push(x - self._offset))

    def _settle(self) -> Int[np.ndarray, "n c d"] | None:
        """Reads the offsets off the first second, then goes on with what has waited."""
        x = np.concatenate([*self._early, np.zeros((len(self._scale), 0), np.float32)], axis=1)
        self._early = []
        head = x[:, : int(np.ceil(SETTLE_SECONDS * self.intake.grid.time_rate))]
        middle = np.median(head, axis=1) if head.shape[1] else np.zeros(len(x))
        coarse = OFFSET_STEPS * self.steps.values
        self.offsets = np.clip(np.rint(middle / coarse), -(2**30), 2**30).astype(np.int32)
        self._offset = (self.offsets * coarse).astype(np.float32)[:, None]
        return self._sources(x)

    def _resampled(self, x: Float[np.ndarray, "c s"]) -> Int[np.ndarray, "n c d"] | None:
        """Samples at the coder's rate, offset taken out."""
        if not x.shape[0]:
            return None
        z = x * self._scale
        if self.coder.spatial is None:
            return self._coded(self._analysis.push(z))
        if self.rotation is None:
            self._unmixed.append(z)
            if sum(u.shape[1] for u in self._unmixed) < self.coder.spatial.seconds * self.rate:
                return None
            return self._rotate()
        return self._coded(self._analysis.push(self.rotation.mix(z)))

    def _rotate(self) -> Int[np.ndarray, "n c d"] | None:
        """Makes the rotation from the first seconds, then goes on with what has waited."""
        assert self.coder.spatial is not None
        z = np.concatenate([*self._unmixed, np.zeros((len(self._scale), 0), np.float32)], axis=1)
        self._unmixed = []
        self.rotation = self.coder.spatial.fit(z[:, : int(np.ceil(self.coder.spatial.seconds * self.rate))])
        return self._coded(self._analysis.push(self.rotation.mix(z)))

    def _coded(self, y: Float[np.ndarray, "c n d"]) -> Int[np.ndarray, "n c d"] | None:
        if not y.shape[0] or not y.shape[1]:
            return None
        if self._dependent is not None:
            return self._dependent.push(y)
        quantizer: Any = self.coder.quantizer
        if not self.coder.fixed_rate:
            return decide(y, getattr(quantizer, "rounding", 0.5))
        codes = quantizer(y.transpose(1, 0, 2).reshape(1, -1, y.shape[2])).codes
        return np.asarray(codes[0], np.int32).reshape(y.shape[1], y.shape[0], -1)

    def _tokens(self, pieces: list[np.ndarray]) -> Tokens:
        width = len(self.coder.columns)
        none = np.zeros((0, len(self._scale), width), np.int32)
        codes = np.concatenate(pieces) if pieces else none
        tokens = Tokens(
            (self.header,),
            codes.reshape(1, -1, width),
            side=self.side,
            first=self.first,
            truncates=self.coder.truncates,
        )
        self.first += len(codes)
        return tokens


def join(pieces: list[Tokens]) -> Tokens:
    """Consecutive tokens of one stream as one; header and side are those of the last."""
    return reduce(append, pieces)
