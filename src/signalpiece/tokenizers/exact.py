"""Tokens that are a recording's own whole numbers, or those of a grid within a bound: all prediction is the codec's.

Paper: "Efficient Sequential Compression of Multi-Channel Biomedical Signals" (2016). One row per sample and channel,
trigger channels too. The numbers are the same whatever the level.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Grid, Signal, as_signals
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.entropy.lossless import Lossless
from signalpiece.signals.units import quantity, to_si
from signalpiece.tokenizers.bound import check_bound, from_grid, steps_within, to_grid
from signalpiece.tokenizers.intake import Intake, valid_samples
from signalpiece.tokenizers.model_file import model_hash
from signalpiece.tokenizers.rate import Held
from signalpiece.tokenizers.segmenter import append
from signalpiece.tokenizers.whole_numbers import Whole, floats_of, piece_of, whole_numbers

SIDE = ("step", "scale0", "scale1", "offset0", "offset1")  # doubles as two whole numbers of 32 bits
LARGEST = 1 << 25  # numbers in one segment


class Exact:
    """A tokenizer that loses nothing, or keeps every sample within a bound.

    Args:
        level: of the codec: fast, default or best; the tokens are the same.
        max_error: "" for none, or a number with a unit: "0.5uV", or "2LSB" in the file's own steps. Channels of
            another kind of unit are kept without loss.
        segment_seconds: unit of restart, random access and damage; shorter ones cost bits (the channels' relations
            are learnt anew in each).
    """

    units = ("V", "T", "T/m")
    needs_torch = False
    rate, latency_seconds, truncates, fixed_rate = 0.0, 0.0, None, True
    columns = (Column("sample", 0),)

    def __init__(self, *, level: str = "default", max_error: str = "", segment_seconds: float = 60.0) -> None:
        self.codec, self.side_codec = Lossless(channels=0, level=level), Lossless(channels=0)
        self.max_error, self.segment_seconds = max_error, segment_seconds
        self.error, self.error_unit = parse_error(max_error) if max_error else (0.0, "LSB")
        self.recipe, self.options = "lossless", dict[str, Any]()
        self.model_hash = model_hash(self.recipe, {}, {})

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return "lossless"

    @property
    def model(self) -> dict[str, Any]:
        """What stored tokens say about their tokenizer."""
        return {"recipe": self.recipe, "options": {}, "hash": self.model_hash, "channels": 0}

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done before coding: nothing, or a grid."""
        return {"rate": 0, "max_error": self.max_error} if self.max_error else {"rate": 0}

    def tensors(self) -> dict[str, np.ndarray]:
        """Arrays for a model file: none."""
        return {}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Arrays of a model file: none."""

    def segments(self, recording: Any) -> Iterator[Tokens]:
        """The recording segment by segment; the last one knows which stretches do not count.

        Args:
            recording: opened, with channels x time.

        Raises:
            SignalPieceError: not channels x time, no samples, or the bound cannot be kept.
        """
        whole = whole_numbers(_checked(recording))
        limit = self._limits(whole)
        if self.max_error and whole.kind != "stored":
            whole = replace(whole, scale=2 * limit * whole.scale, kind="steps")
        steps = steps_within(limit) if whole.kind == "stored" else np.ones(len(limit), np.int64)
        grid = recording.grid
        length, size = grid.size("time"), self.segment_frames(grid)
        intake = Intake(grid, self.title, everything=True)
        side, notes = self._side(whole, steps), self._notes(whole)
        for start in range(0, length, size):
            stop = min(start + size, length)
            piece = piece_of(recording, start, stop)
            intake.push(piece)
            numbers = whole.rows(start, stop)
            codes = to_grid(numbers, steps)
            if self.max_error:
                _check(whole, piece, numbers, codes, steps, limit)
            header = Header(grid, self.columns, Frames(grid.time_rate, 1, 1), self.model, notes, intake.invalid, size)
            yield Tokens((header,), codes.reshape(1, -1, 1), side=side, first=start, annotations=recording.annotations)

    def segment_frames(self, grid: Grid) -> int:
        """Samples of one segment."""
        return max(min(round(self.segment_seconds * grid.time_rate), LARGEST // max(grid.size("channel"), 1)), 1)

    def encode(self, signal: Any, *, rate: float | None = None, units: str = "V") -> Tokens:
        """All tokens of an opened recording: its own integers where the file has them.

        A `Signal` or a bare array "c t" (with its `rate`, Hz, and `units`) gives the bits of its float32 values, or
        multiples of a step where that gives the same values.

        Raises:
            SignalPieceError: not channels x time.
        """
        if not hasattr(signal, "blocks"):
            given = as_signals(signal, rate=rate, units=units)
            if not isinstance(given, Signal):
                raise SignalPieceError("lossless tokens are those of one recording; encode several one by one")
            signal = Held(given)
        tokens = None
        for piece in self.segments(signal):
            tokens = piece if tokens is None else append(tokens, piece)
        assert tokens is not None, "a checked recording has samples"
        return tokens

    def decode(self, tokens: Tokens, *, rate: str = "model", stored: bool = False) -> Any:
        """The signal of tokens, or of a slice of them; `stored` gives a `Stored`: whole numbers, scale and offset.

        Raises:
            SignalPieceError: the tokens are another tokenizer's.
        """
        check_option("rate", rate, ("model", "source"))
        header, side = tokens.header, tokens.side
        if header.model.get("recipe") != self.recipe or side is None:
            raise SignalPieceError(f"these tokens are of recipe {header.model.get('recipe')}, not of lossless")
        steps, scale, offset = _facts(side)
        numbers = from_grid(tokens.cube()[:, :, 0], steps)
        first, kind = tokens.first, header.preprocessing.get("kind", "stored")
        if stored:
            whole = numbers if (steps % 2 == 0).any() else numbers.astype(np.int64)
            return Stored(floats_of(tokens.cube()[:, :, 0]).T if kind == "bits" else whole.T, scale, offset)
        values = floats_of(tokens.cube()[:, :, 0]) if kind == "bits" else numbers * scale + offset
        valid = valid_samples(header.invalid, values.shape[1], first, first + len(values))
        if tokens.valid is not None and not tokens.valid.all():
            good = np.asarray(tokens.valid[0]).reshape(values.shape).T
            valid = good if valid is None else valid & good
        grid = header.grid.span(first, first + len(values))
        return Signal(grid, np.ascontiguousarray(values.T, np.float32), valid, tokens.annotations)

    def stream(self, grid: Grid, **how: Any) -> Any:
        """Not to be had: a file's integers are read from the opened recording.

        Raises:
            SignalPieceError: always, with what to do instead.
        """
        raise SignalPieceError(
            "lossless coding takes the opened recording and no stream of signals: `encode --lossless`, or `segments`"
        )

    def frames_of(self, start: int, stop: int) -> tuple[int, int]:
        """Frames (first, end) of samples start to stop: the same."""
        return start, stop

    def _limits(self, whole: Whole) -> Float[np.ndarray, "c"]:
        """What a number may be off by, per channel, in numbers."""
        grid = whole.recording.grid
        if self.error_unit == "LSB" and self.max_error and whole.kind == "bits":
            raise SignalPieceError("this file holds no whole numbers, so LSB means nothing; give a bound such as 0.5uV")
        out = np.zeros(grid.size("channel"))
        for c in range(len(out)):
            plain = not grid.sensors or grid.sensors[c].kind != "stim"
            if plain and self.error_unit == "LSB":
                out[c] = self.error
            elif plain and grid.unit(c) == self.error_unit:
                out[c] = self.error / abs(whole.scale[c])
        if self.max_error and not out.any():
            raise SignalPieceError(f"no channel is in {self.error_unit}, so that {self.max_error} bounds nothing")
        if whole.kind != "stored" and self.max_error and not out.all():
            raise SignalPieceError(f"a float file needs all its channels in {self.error_unit} for a bound")
        return out

    def _notes(self, whole: Whole) -> dict[str, Any]:
        runs = getattr(whole.recording, "runs", ())
        gaps = [[a.at + a.count, b.at] for a, b in zip(runs[:-1], runs[1:], strict=True) if b.at > a.at + a.count]
        notes: dict[str, Any] = {"ratio": [1, 1], "kind": whole.kind}
        notes |= {"max_error": self.max_error} if self.max_error else {}
        return notes | ({"gaps": gaps} if gaps else {})

    def _side(self, whole: Whole, steps: Int[np.ndarray, "c"]) -> Tokens:
        grid = whole.recording.grid
        header = Header(grid, tuple(Column(n, 0) for n in SIDE), model={"channels": 0})
        doubles = np.stack([whole.scale, whole.offset], 1).astype("<f8").view("<i4")
        return Tokens((header,), np.concatenate([steps[:, None], doubles], 1).astype(np.int32)[None])


def parse_error(text: str) -> tuple[float, str]:
    """A bound such as 0.5uV or 2LSB: its value, in the SI unit or in whole numbers, and that unit or LSB.

    Raises:
        SignalPieceError: no number, no unit, or a unit that is not known.
    """
    found = quantity(text)
    if found is None:
        raise SignalPieceError(f"max_error must be a number with a unit, such as 0.5uV or 2LSB; got {text!r}")
    if found[1].upper() == "LSB":
        return found[0], "LSB"
    known = to_si(found[1])
    if known is None:
        raise SignalPieceError(f"unit {found[1]!r} of max_error is not known; use one such as uV, nV, fT or LSB")
    return found[0] * known[1], known[0]


def _checked(recording: Any) -> Any:
    grid = recording.grid
    if grid.axes != ("channel", "time") or not grid.size("channel") or not grid.size("time"):
        raise SignalPieceError(f"lossless codes channels x time with samples in it, got {grid.words()}")
    return recording


def _check(
    whole: Whole,
    piece: Signal,
    numbers: Int[np.ndarray, "t c"],
    codes: Int[np.ndarray, "t c"],
    steps: Int[np.ndarray, "c"],
    limit: Float[np.ndarray, "c"],
) -> None:
    """Raises SignalPieceError if a sample that counts lies beyond the bound."""
    if whole.kind == "stored":
        check_bound(numbers, codes, steps, limit)
        return
    off = np.abs(codes * whole.scale - np.asarray(piece.values, np.float64).T)
    good = True if piece.valid is None else np.broadcast_to(np.asarray(piece.valid), piece.values.shape).T
    if (off * good > 0.5 * whole.scale * (1 + 1e-9)).any():
        raise SignalPieceError("a sample is too large for its grid to keep the bound; give a wider one")


def _facts(side: Tokens) -> tuple[Int[np.ndarray, "c"], Float[np.ndarray, "c"], Float[np.ndarray, "c"]]:
    """Steps, scale and offset of the channels."""
    rows = np.asarray(side.cube())[0]
    doubles = np.ascontiguousarray(rows[:, 1:5], "<i4").view("<f8")
    return rows[:, 0].astype(np.int64), doubles[:, 0].copy(), doubles[:, 1].copy()
