"""What a coded file holds, read from its index or, if that is damaged, found again by going through its bytes."""

from dataclasses import dataclass, field
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.stores.blocks import (
    END,
    EVENTS,
    FOOTER,
    FRAMED,
    HEAD,
    MAGIC,
    MARK,
    TAIL,
    Bytes,
    block,
    read_block,
    read_directory,
    unit_check,
    varint,
)
from signalpiece.stores.header_json import changed, changes, pack, unpack

DIGEST = 4  # bytes by which a resumed writer knows its input again


@dataclass
class Entry:
    """One recording in a file: its header as JSON, side information as bytes, and where its blocks lie.

    Attributes:
        head: {"header", "codec", "side_codec", "side"}; codecs are [name, version, channels].
        start: place of the head block; `head_size` its length, `tail_size` that of the block behind the segments.
        segments: length of each segment; they follow the head block.
        events_size: length of the annotation block, 0 if there is none.
        framed: bytes of side information within the segments; `directories` those of all but the units.
        digest: what the head block says of the input; empty in an entry read from the index.
    """

    head: dict[str, Any]
    start: int
    head_size: int
    segments: list[int] = field(default_factory=list)
    frames: int = 0
    side: bytes = b""
    tail_size: int = 0
    events_size: int = 0
    framed: int = 0
    directories: int = 0
    digest: bytes = b""
    index_size: int = 0
    head_copy: int = 0

    @property
    def units(self) -> int:
        """Units per segment: one per group of channels."""
        shape, axes = self.head["header"]["grid"]["shape"], self.head["header"]["grid"]["axes"]
        channels = shape[axes.index("channel")] if "channel" in axes else 1
        per = self.head["codec"][2]
        return -(-channels // per) if per else 1

    def segment_start(self, number: int) -> int:
        """Place of a segment in the file."""
        return self.start + self.head_size + sum(self.segments[:number])

    @property
    def tail_start(self) -> int:
        """Place behind the segments."""
        return self.segment_start(len(self.segments))


def head_block(recording: int, digest: bytes, head: dict[str, Any]) -> bytes:
    """The block that a recording starts with."""
    return block(HEAD, varint(recording) + digest + pack(head))


def strip_digest(data: bytes) -> bytes:
    """A head block with zeros for its digest."""
    found = read_block(data, 0)
    assert found is not None, "the writer's own block is damaged"
    source = Bytes(found.body)
    number = varint(source.varint())
    source.take(DIGEST)
    return block(HEAD, number + bytes(DIGEST) + source.rest())


def tail_block(recording: int, entry: Entry, head: dict[str, Any]) -> bytes:
    """The block behind a recording's segments: `head` is what is known at its end."""
    side = varint(len(entry.side)) + entry.side
    return block(TAIL, varint(recording) + varint(entry.frames) + side + pack(changes(entry.head, head)))


def footer_block(entries: list[Entry]) -> bytes:
    """The index, with a second copy of headers and side information, and the file's last bytes."""
    parts = [varint(len(entries))]
    for entry in entries:
        head = pack(entry.head)
        numbers = [entry.start, entry.head_size, entry.tail_size, entry.events_size, entry.framed, entry.directories]
        body = b"".join(map(varint, [*numbers, entry.frames, len(entry.segments), *entry.segments]))
        body += varint(len(head)) + head + varint(len(entry.side)) + entry.side
        parts += [varint(len(body)), body]
    footer = block(FOOTER, b"".join(parts))
    return footer + len(footer).to_bytes(4, "little") + END


def read_footer(data: bytes) -> list[Entry] | None:
    """Entries from the bytes of a whole footer block, or None if it is damaged."""
    found = read_block(data, 0)
    if found is None or found.kind != FOOTER:
        return None
    source = Bytes(found.body)
    return [_read_entry(source.piece()) for _ in range(source.varint())]


def _read_entry(body: bytes) -> Entry:
    source = Bytes(body)
    start, head_size, tail_size, events_size, framed, directories, frames = (source.varint() for _ in range(7))
    segments = [source.varint() for _ in range(source.varint())]
    packed = source.piece()
    entry = Entry(unpack(packed), start, head_size, segments, frames, source.piece(), tail_size, events_size)
    entry.framed, entry.directories = framed, directories
    entry.index_size, entry.head_copy = len(body) + len(varint(len(body))), len(packed)
    return entry


@dataclass
class Scan:
    """What was found by going through a file: entries, which of them are complete, and the place behind the last.

    `cut` says that the file ends where an index should follow, behind `index`.
    """

    entries: list[Entry]
    complete: list[bool]
    end: int
    last: tuple[int, int] = (0, 0)
    index: int = 0
    cut: bool = False

    def drop_last(self) -> None:
        """Gives up the last segment of a recording without an end: it may be a short one, and nothing says so."""
        if self.complete and not self.complete[-1] and self.entries[-1].segments:
            entry = self.entries[-1]
            self.end -= entry.segments.pop()
            entry.framed, entry.directories = self.last


def scan(data: bytes, *, whole: bool) -> Scan:
    """Finds the blocks of a file without its index.

    Args:
        data: the whole file.
        whole: stop at the first block that is not whole (a writer resumes there); else go on behind it. A segment that
            may be the last one is then left out.

    Raises:
        SignalPieceError: this is no coded file.
    """
    if data.startswith(MAGIC[:3]) and data[3:4] > MAGIC[3:4]:
        raise SignalPieceError(f"written by a newer version (format {data[3:4].decode('latin-1')}); update the package")
    if not data.startswith(MAGIC):
        raise SignalPieceError("not a file of coded tokens: it does not start with the eight bytes of one")
    out, at = Scan([], [], len(MAGIC)), len(MAGIC)
    while at < len(data):
        end = _take(out, data, at, whole)
        if end is None:
            if whole:
                break
            end = _resume(out, data, at)
        out.end = at = end
    out.cut = not data.endswith(END) and bytes([MARK, FOOTER]) not in data[out.index :]
    if whole:
        out.drop_last()
    return out


def _take(out: Scan, data: bytes, at: int, whole: bool) -> int | None:
    """Takes the block at `at` into `out`; returns the place behind it, or None if there is none."""
    if data[at] != MARK or len(data) < at + 2:
        return None
    try:
        return _take_segment(out, data, at, whole) if data[at + 1] & ~FRAMED <= 4 else _take_block(out, data, at)
    except SignalPieceError:
        return None


def _take_block(out: Scan, data: bytes, at: int) -> int | None:
    found = read_block(data, at)
    if found is None:
        return None
    source, size = Bytes(found.body), found.end - at
    if found.kind == FOOTER:
        return len(data)
    number = source.varint()
    if found.kind == HEAD and number == len(out.entries):
        digest = source.take(DIGEST)
        out.entries.append(Entry(unpack(source.rest()), at, size, digest=digest))
        out.complete.append(False)
    elif found.kind == TAIL and number == len(out.entries) - 1:
        entry = out.entries[-1]
        entry.frames, entry.side, entry.tail_size = source.varint(), source.piece(), size
        entry.head = changed(entry.head, unpack(source.rest()))
        out.complete[-1], out.index = True, found.end
    elif found.kind == EVENTS and number == len(out.entries) - 1:
        out.entries[-1].events_size, out.index = size, found.end
    return found.end


def _take_segment(out: Scan, data: bytes, at: int, whole: bool) -> int | None:
    if not out.entries or out.complete[-1]:
        return None
    entry, recording = out.entries[-1], len(out.entries) - 1
    number = len(entry.segments)
    said = Bytes(data, at + 2).varint()
    directory = read_directory(data[at : at + 16 + 8 * entry.units], said, entry.units)
    if directory is None or at + directory.total > len(data) or said < number or (whole and said != number):
        return None
    good, framed = 0, 0
    for unit, (start, end) in enumerate(zip(directory.starts, directory.ends, strict=True)):
        payload = data[at + start : at + end]
        if unit_check(recording, said, unit, payload) == directory.checks[unit]:
            good += 1
            framed += _side_size(payload) if data[at + 1] & FRAMED else 0
    if good < (entry.units if whole else 1):
        return None
    if said > number:  # the bytes before this segment, back to the last one, are the first segment that is missing
        entry.segments += [at - entry.tail_start] + [0] * (said - number - 1)
    entry.segments.append(directory.total)
    out.last = entry.framed, entry.directories
    entry.framed += framed
    entry.directories += directory.starts[0]
    return at + directory.total


def _side_size(payload: bytes) -> int:
    """Bytes of side information at the start of a unit."""
    source = Bytes(payload)
    source.piece()
    return source.at


def is_framed(head: dict[str, Any]) -> bool:
    """Whether side information lies in the segments, beside the codes."""
    return "frames" in (head.get("side") or {})


def _resume(out: Scan, data: bytes, at: int) -> int:
    """The next place behind a damaged block where something whole stands; what lies between is a lost segment."""
    mark, place = bytes([MARK]), at + 1
    while True:
        place = data.find(mark, place)
        if place < 0:
            return len(data)
        found = read_block(data, place)
        if found is not None or (
            data[place + 1 : place + 2] in (b"\1", b"\2", b"\3", b"\4") and _ahead(out, data, place)
        ):
            break
        place += 1
    if found is not None and out.entries and not out.complete[-1] and found.kind == TAIL:
        entry = out.entries[-1]
        entry.segments.append(place - entry.tail_start)
    return place


def _ahead(out: Scan, data: bytes, at: int) -> bool:
    """Whether a segment with at least one whole unit stands at `at`; takes nothing."""
    if not out.entries or len(data) < at + 2 or not 1 <= data[at + 1] & ~FRAMED <= 4:
        return False
    entry = out.entries[-1]
    trial = Scan([Entry(entry.head, entry.start, entry.head_size, list(entry.segments))], [out.complete[-1]], 0)
    trial.entries = [*out.entries[:-1], trial.entries[0]]
    return _take(trial, data, at, False) is not None
