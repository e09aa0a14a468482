"""Writes coded files: block after block into `<path>.part`, which takes the file's name when everything is in it.

A writer that was killed goes on behind the last whole segment; the file then has the bytes of an undisturbed run.
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Annotation
from signalpiece.core.tokens import Header, Tokens
from signalpiece.stores.blocks import EVENTS, MAGIC, block, groups_of, header_of, segment_block, varint
from signalpiece.stores.contents import DIGEST, Entry, footer_block, head_block, scan, strip_digest, tail_block
from signalpiece.stores.header_json import annotations_to_json, changed, changes, header_to_json, pack


class CodedWriter:
    """One coded file of one or several recordings, written segment by segment.

    Leaving the context without an error closes the file; with one, `<path>.part` stays for a later run.

    Args:
        path: the file to write; it appears whole or not at all.
        resume: go on with `<path>.part` if it is there. Recordings must then be begun in the same order with the same
            `key` and header; segments that are there already are passed over.

    Attributes:
        done: for each recording found by `resume`, how many of its segments are there.

    Raises:
        SignalPieceError: the file cannot be written (disk full, no such folder, no permission).
    """

    def __init__(self, path: str | Path, *, resume: bool = False) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.done: dict[int, int] = {}
        self._entries: list[Entry] = []
        self._complete: list[bool] = []
        self._current, self._next, self._short = -1, 0, False
        self._open: tuple[Header, Codec, Codec | None] | None = None
        data = self.part.read_bytes() if resume and self.part.exists() else b""
        found = scan(data, whole=True) if data.startswith(MAGIC) else None
        if found is not None:
            self._entries, self._complete = found.entries, found.complete
            self.done = {i: len(entry.segments) for i, entry in enumerate(found.entries)}
        try:
            self._file = open(self.part, "r+b" if found else "w+b")
        except OSError as error:
            raise self._failed(error) from error
        self._cut(found.end if found else 0)
        if found is None:
            self._write(MAGIC)

    def __enter__(self) -> "CodedWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def begin(self, header: Header, codec: Codec, side_codec: Codec | None = None, key: str = "") -> int:
        """Starts the next recording and returns its number.

        Args:
            header: what is known of it; its length and `invalid` may still change until `end`.
            codec: codes its segments; `side_codec` the side information.
            key: tells the input apart (say, its name); a digest of it stands in the .part, nothing in the file.

        Raises:
            SignalPieceError: the header has no segment length, or the file cannot be written.
        """
        if header.segment < 1:
            raise SignalPieceError(f"header.segment must be at least 1 frame, got {header.segment}")
        assert self._open is None, "end() the last recording first"
        self._current, self._next, self._short = self._current + 1, 0, False
        self._open = (header, codec, side_codec)
        head: dict[str, Any] = {"header": header_to_json(header), "codec": _named(codec)}
        if side_codec is not None:
            head["side_codec"] = _named(side_codec)
        digest = sha256(key.encode() + pack(head)).digest()[:DIGEST]
        if self._current < len(self._entries):
            known = self._entries[self._current]
            if known.digest == digest:
                if not self._complete[self._current]:
                    known.frames = len(known.segments) * header.segment
                return self._current
            self._forget(known.start)
        at = self._file.tell()
        data = head_block(self._current, digest, head)
        self._write(data)
        self._entries.append(Entry(head, at, len(data), digest=digest))
        self._complete.append(False)
        return self._current

    def segment(self, tokens: Tokens) -> None:
        """Writes the next segment: all channels, exactly `header.segment` frames (the last one may have fewer).

        After a resume, segments that are there already may be given again (nothing happens) or left out (then
        `tokens.first` must say which segment comes).

        Raises:
            SignalPieceError: the tokens do not fit, or the file cannot be written.
        """
        assert self._open is not None, "begin() a recording first"
        header, codec, side_codec = self._open
        entry, number = self._entries[self._current], tokens.first // header.segment or self._next
        cube, side = tokens.cube(), tokens.side
        if not 1 <= len(cube) <= header.segment or self._short:
            raise SignalPieceError(
                f"a segment has {header.segment} frames, only the last may have fewer; got {len(cube)}"
            )
        if number > len(entry.segments):
            raise SignalPieceError(f"segment {number} came where segment {len(entry.segments)} belongs")
        self._next, self._short = number + 1, len(cube) < header.segment
        if not self._complete[self._current]:
            entry.frames = number * header.segment + len(cube)
        framed = side is not None and side.header.frames is not None
        if self._complete[self._current] or number < len(entry.segments):
            return
        payloads = _units(cube, header, codec)
        if framed and side is not None and side_codec is not None:
            if side_codec.channels != codec.channels:
                raise SignalPieceError("side information in segments needs a codec with as many channels as the codes'")
            sides = _units(side.cube(), side.header, side_codec)
            sides = [varint(len(s)) + s for s in sides]
            entry.framed += sum(map(len, sides))
            payloads = [s + p for s, p in zip(sides, payloads, strict=True)]
        data = segment_block(self._current, number, payloads, framed)
        self._write(data)
        entry.segments.append(len(data))
        entry.directories += len(data) - sum(map(len, payloads))

    def end(self, header: Header, side: Tokens | None = None, annotations: Sequence[Annotation] = ()) -> None:
        """Finishes the recording with what is known at its end.

        Args:
            header: the final header.
            side: side information of the whole recording (or any piece of framed one: it is in the segments).
            annotations: events, in a block of their own.

        Raises:
            SignalPieceError: the file cannot be written.
        """
        assert self._open is not None, "begin() a recording first"
        _, _, side_codec = self._open
        entry, self._open = self._entries[self._current], None
        if self._complete[self._current]:
            return
        head = entry.head | {"header": header_to_json(header)}
        if side is not None:
            head["side"] = header_to_json(side.header, header.grid)
            if side.header.frames is None:
                if side_codec is None:
                    raise SignalPieceError("tokens have side information but begin() got no codec for it")
                parts = _units(side.cube(), side.header, side_codec)
                entry.side = b"".join(varint(len(p)) + p for p in parts)
        data = tail_block(self._current, entry, head)
        entry.head, entry.tail_size = changed(entry.head, changes(entry.head, head)), len(data)
        events = block(EVENTS, varint(self._current) + pack(annotations_to_json(annotations))) if annotations else b""
        entry.events_size = len(events)
        self._write(data + events)
        self._complete[self._current] = True

    def close(self) -> None:
        """Writes the index and gives the file its name.

        Raises:
            SignalPieceError: the file cannot be written.
        """
        assert self._open is None, "end() the last recording first"
        try:
            if self._current + 1 < len(self._entries):  # a resumed file had more recordings than were begun now
                self._forget(self._entries[self._current + 1].start, self._current + 1)
            self._write(footer_block(self._entries))
            self._strip()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self.part, self.path)
        except OSError as error:
            raise self._failed(error) from error

    def _strip(self) -> None:
        """Takes the digests of the input out of the head blocks: a file depends on its tokens alone."""
        for entry in self._entries:
            self._file.seek(entry.start)
            data = strip_digest(self._file.read(entry.head_size))
            self._file.seek(entry.start)
            self._file.write(data)
        self._file.flush()

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._abandon()
            raise self._failed(error) from error

    def _cut(self, size: int) -> None:
        try:
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise self._failed(error) from error

    def _forget(self, at: int, first: int | None = None) -> None:
        """Drops the recordings from `first` (the current one) on: they are of other input than the one now given."""
        first = self._current if first is None else first
        del self._entries[first:], self._complete[first:]
        self.done = {i: n for i, n in self.done.items() if i < first}
        self._cut(at)

    def _abandon(self) -> None:
        try:
            self._file.close()
        except OSError:  # what did not fit is still in the buffer
            pass

    def _failed(self, error: OSError) -> SignalPieceError:
        return SignalPieceError(
            f"cannot write {self.path}: {error.strerror or error}; whole segments are kept, --resume goes on from them"
        )


def _named(codec: Codec) -> list[Any]:
    return [codec.name, codec.version, codec.channels]


def _units(cube: np.ndarray, header: Header, codec: Codec) -> list[bytes]:
    """Bytes of each unit; a unit of several channels gets the header of these alone."""
    groups = groups_of(cube.shape[1], codec.channels)
    if codec.channels < 2:
        return [codec.encode(cube[:, g.start : g.stop], header) for g in groups]
    return [codec.encode(cube[:, g.start : g.stop], header_of(header, g)) for g in groups]
