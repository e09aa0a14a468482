"""The bytes of a coded file: blocks with checksums, segments with one checksum per unit, and how to find them again.

A generic block is a marker, its kind, its length, a CRC32 and a body. A segment is a marker, the width of its lengths,
its number, and a directory with length and CRC32 of every unit, then the units. See docs/format.md.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple
from zlib import crc32

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header

MAGIC = b"\x89SP1\r\n\x1a\n"
END = b"SP1\n"
MARK = 0xD5
HEAD, TAIL, EVENTS, FOOTER = b"HEAF"  # kinds of generic blocks; a segment's kind is its width, 1 to 4
FRAMED = 8  # added to a segment's width where its units start with side information
CRC = 4


def varint(value: int) -> bytes:
    """A non-negative integer, 7 bits per byte, lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


class Bytes:
    """Reads varints and pieces off a block's body, in order."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def varint(self) -> int:
        """The next integer."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise SignalPieceError("an integer in the file is longer than 9 bytes: the file is damaged")

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        piece = self.data[self.at : self.at + length]
        if len(piece) < length:
            raise SignalPieceError("the file is cut short or damaged")
        self.at += length
        return piece

    def piece(self) -> bytes:
        """Bytes behind their own length."""
        return self.take(self.varint())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data) - self.at)


def block(kind: int, body: bytes) -> bytes:
    """A generic block."""
    return bytes([MARK, kind]) + varint(len(body)) + crc32(body, kind).to_bytes(CRC, "little") + body


class Found(NamedTuple):
    """A generic block in a file: its kind, body, and the place behind it."""

    kind: int
    body: bytes
    end: int


def read_block(data: bytes, at: int) -> Found | None:
    """The generic block at `at`, or None if there is no whole one."""
    source = Bytes(data, at + 2)
    if data[at : at + 1] != bytes([MARK]) or len(data) < at + 2:
        return None
    try:
        length = source.varint()
        check = int.from_bytes(source.take(CRC), "little")
        body = source.take(length)
    except SignalPieceError:
        return None
    kind = data[at + 1]
    return Found(kind, body, source.at) if crc32(body, kind) == check else None


def unit_check(recording: int, segment: int, unit: int, payload: bytes) -> int:
    """CRC32 of a unit; it also covers which unit this is, so that a misplaced one is not taken for another."""
    return crc32(payload, crc32(b"%d %d %d" % (recording, segment, unit)))


def segment_block(recording: int, number: int, payloads: list[bytes], framed: bool = False) -> bytes:
    """A segment of units in the order of channels."""
    width = max(-(-max(len(p) for p in payloads).bit_length() // 8), 1)
    parts = [bytes([MARK, width | FRAMED * framed]), varint(number)]
    for unit, payload in enumerate(payloads):
        check = unit_check(recording, number, unit, payload)
        parts += [len(payload).to_bytes(width, "little"), check.to_bytes(CRC, "little")]
    return b"".join(parts + payloads)


@dataclass(frozen=True)
class Directory:
    """Where the units of one segment lie, from the segment's first byte, and their CRC32.

    `shift` is not 0 if the lengths do not add up to the segment's: one of them is damaged. Units before it lie where
    they say, those behind it `shift` bytes later, and itself ends that much later.
    """

    starts: list[int]
    ends: list[int]
    checks: list[int]
    total: int
    shift: int = 0

    def places(self, unit: int) -> list[tuple[int, int]]:
        """Where a unit may lie, the likeliest first."""
        start, end, shift = self.starts[unit], self.ends[unit], self.shift
        places = [(start, end)] if not shift else [(start, end), (start, end + shift), (start + shift, end + shift)]
        return [(a, b) for a, b in places if 0 <= a <= b <= self.total]


def groups_of(channels: int, per: int) -> list[range]:
    """Channels of each unit of a segment, for a codec whose units hold `per` channels (0 = all of them)."""
    per = per or max(channels, 1)
    return [range(a, min(a + per, channels)) for a in range(0, channels, per)] or [range(0)]


def header_of(header: Header, group: range) -> Header:
    """The header of some channels alone."""
    return replace(header, grid=header.grid.pick(group))


def directory_size(number: int, units: int, width: int = 4) -> int:
    """Bytes of a segment before its units."""
    return 2 + len(varint(number)) + units * (width + CRC)


def read_directory(data: bytes, number: int, units: int, total: int | None = None) -> Directory | None:
    """The directory at the start of a segment of `total` bytes (None: not known), or None if there is none."""
    said = data[1] & ~FRAMED if len(data) > 1 and 1 <= data[1] & ~FRAMED <= 4 else 0
    first = _parse(data, number, units, said) if said else None
    if total is None or (first is not None and first.total == total):
        return first
    for width in {1, 2, 3, 4} - {said}:  # the byte that says the width may be the damaged one
        other = _parse(data, number, units, width)
        if other is not None and other.total == total:
            return other
    return first and Directory(first.starts, first.ends, first.checks, total, total - first.total)


def _parse(data: bytes, number: int, units: int, width: int) -> Directory | None:
    at = directory_size(number, units, width)
    if len(data) < at:
        return None
    rows = [data[at - i * (width + CRC) : at - (i - 1) * (width + CRC)] for i in range(units, 0, -1)]
    starts, ends, checks = [], [], []
    for row in rows:
        starts.append(at)
        at += int.from_bytes(row[:width], "little")
        ends.append(at)
        checks.append(int.from_bytes(row[width : width + CRC], "little"))
    return Directory(starts, ends, checks, at)
