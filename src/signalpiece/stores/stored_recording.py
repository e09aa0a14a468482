"""One stored recording: its header at hand, its codes read in ranges of frames and channels, whatever the file is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Annotation
from signalpiece.core.tokens import Header, Tokens


@dataclass(frozen=True)
class Piece:
    """Some channels of one segment: codes, which channels are good, framed side information (or None)."""

    codes: Int[np.ndarray, "n c q"]
    good: Bool[np.ndarray, "c"]
    side: Int[np.ndarray, "m d s"] | None = None


@runtime_checkable
class Segments(Protocol):
    """Where the segments of one recording come from."""

    def read(self, number: int, channels: Sequence[int], skip: bool) -> Piece:
        """Some channels of one segment; SignalPieceError names a damaged unit, unless `skip`."""
        ...

    def annotations(self) -> tuple[Annotation, ...]:
        """Events of the recording."""
        ...

    def verify(self) -> list[str]:
        """Reads everything and names what is damaged."""
        ...


@dataclass(frozen=True)
class StoredRecording:
    """One recording of an opened file of tokens.

    Attributes:
        header: as in the tokens.
        side: side information of the whole recording, or None; if it is framed it comes with `read`.
        frames: how many frames are stored.
        codec: codes the segments; None in a Parquet data set.
        bits: what the file spends on this recording: codes, side, header, index, annotations, total.
        source: reads the segments.
        side_header: of framed side information.
    """

    header: Header
    side: Tokens | None
    frames: int
    codec: Codec | None
    bits: dict[str, int]
    source: Segments
    side_header: Header | None = None

    @property
    def segments(self) -> int:
        """How many segments there are; each has `header.segment` frames, the last one may have fewer."""
        return -(-self.frames // self.header.segment)

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """Events of the whole recording.

        Raises:
            SignalPieceError: they are damaged.
        """
        return self.source.annotations()

    def read(
        self, first: int = 0, end: int | None = None, channels: Sequence[int] | None = None, *, damaged: str = "raise"
    ) -> Tokens:
        """Tokens of some frames and channels; only the bytes needed are fetched.

        Args:
            first: the first frame.
            end: the frame behind the last one; None: to the end.
            channels: which ones, in this order; None: all.
            damaged: "raise", or "skip" to get codes of 0 marked invalid where a unit is damaged.

        Raises:
            SignalPieceError: a unit is damaged (it is named), or a channel does not exist.
        """
        check_option("damaged", damaged, ("raise", "skip"))
        end = self.frames if end is None else max(min(end, self.frames), 0)
        first = min(max(first, 0), end)
        num, size, width = self.header.grid.size("channel"), self.header.segment, len(self.header.columns)
        keep = list(range(num)) if channels is None else [int(c) for c in channels]
        if not all(0 <= c < num for c in keep):
            raise SignalPieceError(f"channels must be between 0 and {num - 1}, got {keep}")
        skip = damaged == "skip"
        numbers = range(first // size, -(-end // size)) if first < end else range(0)
        pieces = [self.source.read(number, keep, skip) for number in numbers]
        cut = slice(first - numbers.start * size, end - numbers.start * size)
        empty = np.zeros((0, len(keep), width), np.int32)
        codes = np.concatenate([empty, *(p.codes for p in pieces)])[cut]
        good = [np.broadcast_to(p.good, p.codes.shape[:2]) for p in pieces]
        valid = np.concatenate([np.zeros((0, len(keep)), bool), *good])[cut].reshape(1, -1)
        whole = Tokens((self.header,), np.zeros((1, 0, width), np.int32), side=self.side)
        return replace(
            whole.pick(keep),
            codes=codes.reshape(1, -1, width),
            side=self._framed_side(pieces, keep, first, end) if self.side_header is not None else whole.pick(keep).side,
            valid=None if valid.all() else valid,
            first=first,
            annotations=self._events(skip),
        )

    def verify(self) -> list[str]:
        """Reads everything and names what is damaged."""
        return self.source.verify()

    def _events(self, skip: bool) -> tuple[Annotation, ...]:
        try:
            return self.annotations
        except SignalPieceError:
            if skip:
                return ()
            raise

    def _framed_side(self, pieces: list[Piece], keep: list[int], first: int, end: int) -> Tokens:
        """Side information of the frames that lie in first..end; it may have fewer or more frames than the codes."""
        header = self.side_header
        assert header is not None
        columns, size, per = len(header.columns), self.header.segment, header.segment
        side = [p.side for p in pieces if p.side is not None]
        rows = np.concatenate([np.zeros((0, len(keep), columns), np.int32), *side])
        from_side, to_side = first * per // size, -(-end * per // size)
        start = first // size * per
        rows = rows[from_side - start : to_side - start].reshape(1, -1, columns)
        return Tokens((replace(header, grid=header.grid.pick(keep)),), rows, first=from_side)
