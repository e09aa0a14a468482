"""The segments of one recording in a coded file: finds the units needed, checks them, decodes them."""

from collections.abc import Sequence

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Annotation
from signalpiece.core.tokens import Header
from signalpiece.stores.blocks import (
    EVENTS,
    Bytes,
    Directory,
    directory_size,
    groups_of,
    header_of,
    read_block,
    read_directory,
    unit_check,
)
from signalpiece.stores.contents import Entry
from signalpiece.stores.header_json import annotations_from_json, unpack
from signalpiece.stores.source import Source
from signalpiece.stores.stored_recording import Piece


class CodedSegments:
    """Reads segments of recording `number`, which `entry` describes.

    Args:
        source: the file.
        codec: decodes codes under `header`.
        side: codec and header of framed side information, or None.
    """

    def __init__(
        self,
        source: Source,
        number: int,
        entry: Entry,
        header: Header,
        codec: Codec,
        side: tuple[Codec, Header] | None,
    ) -> None:
        self._source, self._number, self._entry = source, number, entry
        self._header, self._codec, self._side = header, codec, side
        self._starts = np.cumsum([entry.start + entry.head_size, *entry.segments]).tolist()

    def read(self, number: int, channels: Sequence[int], skip: bool) -> Piece:
        """Codes of some channels of one segment.

        Raises:
            SignalPieceError: a unit is damaged, unless `skip`.
        """
        groups = groups_of(self._header.grid.size("channel"), self._codec.channels)
        frames = min(self._header.segment, self._entry.frames - number * self._header.segment)
        codes = np.zeros((frames, len(channels), len(self._header.columns)), np.int32)
        good, sides = np.ones(len(channels), bool), {}
        needed = [u for u, group in enumerate(groups) if any(c in group for c in channels) or len(groups) == 1]
        for unit, payload in self._payloads(number, needed).items():
            places = [i for i, c in enumerate(channels) if c in groups[unit]]
            inside = [channels[i] - groups[unit].start for i in places]
            if payload is None and not skip:
                raise SignalPieceError(f"{self._source.name}: {self._name(number, unit)} is damaged")
            if payload is None:
                good[places] = False
                continue
            got, side = self._decode(number, unit, payload, frames)
            codes[:, places] = got[:, inside]
            if side is not None:
                sides |= {i: side[:, at] for i, at in zip(places, inside, strict=True)}
        return Piece(codes, good, self._join_side(sides, len(channels)))

    def annotations(self) -> tuple[Annotation, ...]:
        """Events of the recording.

        Raises:
            SignalPieceError: their block is damaged.
        """
        if not self._entry.events_size:
            return ()
        at = self._entry.tail_start + self._entry.tail_size
        found = read_block(self._source.read(at, at + self._entry.events_size), 0)
        if found is None or found.kind != EVENTS:
            raise SignalPieceError(f"{self._source.name}: the annotations of recording {self._number} are damaged")
        body = Bytes(found.body)
        body.varint()
        return annotations_from_json(unpack(body.rest()))

    def verify(self) -> list[str]:
        """Reads every unit and the annotations; names what is damaged."""
        bad, segments = [], -(-self._entry.frames // self._header.segment)
        for number in range(segments):
            found = self._payloads(number, list(range(self._entry.units)))
            bad += [self._name(number, unit) for unit, payload in found.items() if payload is None]
        try:
            self.annotations()
        except SignalPieceError as error:
            bad.append(str(error))
        return bad

    def _name(self, number: int, unit: int) -> str:
        sensors = self._header.grid.sensors
        group = groups_of(self._header.grid.size("channel"), self._codec.channels)[unit]
        ends = [group.start] if len(group) == 1 else [group.start, group.stop - 1]
        which = " to ".join(sensors[c].name if sensors else str(c) for c in ends)
        channel = f", channel{'s' * (len(ends) > 1)} {which}" if self._entry.units > 1 else ""
        return f"segment {number} of recording {self._number}{channel}"

    def _payloads(self, number: int, units: list[int]) -> dict[int, bytes | None]:
        """The bytes of some units of a segment; None where they are damaged."""
        if number >= len(self._entry.segments) or not self._entry.segments[number]:
            return dict.fromkeys(units)
        start, total = self._starts[number], self._entry.segments[number]
        every = len(units) == self._entry.units
        size = total if every else min(directory_size(number, self._entry.units), total)
        front = self._source.read(start, start + size)
        directory = read_directory(front, number, self._entry.units, total)
        if directory is None:
            return dict.fromkeys(units)
        if every:
            return {u: self._whole(directory, number, u, front) for u in units}
        if directory.shift:
            block = self._source.read(start, start + total)
            return {u: self._whole(directory, number, u, block) for u in units}
        places = [directory.places(u)[0] if directory.places(u) else (0, 0) for u in units]
        pieces = self._source.read_many([(start + a, start + b) for a, b in places])
        good = [
            unit_check(self._number, number, u, p) == directory.checks[u] for u, p in zip(units, pieces, strict=True)
        ]
        return {u: p if ok else None for u, p, ok in zip(units, pieces, good, strict=True)}

    def _whole(self, directory: Directory, number: int, unit: int, block: bytes) -> bytes | None:
        for start, end in directory.places(unit):
            if unit_check(self._number, number, unit, block[start:end]) == directory.checks[unit]:
                return block[start:end]
        return None

    def _decode(self, number: int, unit: int, payload: bytes, frames: int) -> tuple[np.ndarray, np.ndarray | None]:
        body, side = Bytes(payload), None
        try:
            if self._side is not None:
                codec, header = self._side
                side = codec.decode(body.piece(), header)
            header = self._header
            if self._codec.channels > 1:
                header = header_of(header, groups_of(header.grid.size("channel"), self._codec.channels)[unit])
            codes = self._codec.decode(body.rest(), header)
        except SignalPieceError as error:
            raise SignalPieceError(f"{self._source.name}: {self._name(number, unit)}: {error}") from error
        if len(codes) != frames:
            what = f"has {len(codes)} frames where {frames} belong"
            raise SignalPieceError(f"{self._source.name}: {self._name(number, unit)} {what}")
        return codes, side

    def _join_side(self, sides: dict[int, np.ndarray], channels: int) -> np.ndarray | None:
        """Side information of all channels; zeros where it is damaged."""
        if self._side is None:
            return None
        columns = len(self._side[1].columns)
        rows = max((len(s) for s in sides.values()), default=self._side[1].segment)
        out = np.zeros((rows, channels, columns), np.int32)
        for place, side in sides.items():
            out[: len(side), place] = side
        return out
