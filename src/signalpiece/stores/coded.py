"""Opens coded files: one with an index that is read from the end, or rebuilt from the segments if it is damaged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Codec
from signalpiece.core.tokens import Header, Tokens
from signalpiece.stores.blocks import END, MAGIC, Bytes
from signalpiece.stores.coded_segments import CodedSegments
from signalpiece.stores.contents import Entry, is_framed, read_footer, scan
from signalpiece.stores.header_json import header_from_json
from signalpiece.stores.source import Source
from signalpiece.stores.stored_recording import StoredRecording

FIRST_READ = (1 << 14) - 8  # bytes at the end of a file that are fetched to find the index in
Codecs = Callable[[str, int, Header], Codec]


@dataclass(frozen=True)
class CodedFile:
    """An opened coded file.

    Attributes:
        recordings: what it holds; reading from them fetches bytes.
        source: the file's bytes.
        repaired: the index was damaged and has been rebuilt by going through the file.
    """

    recordings: list[StoredRecording]
    source: Source
    repaired: bool = False

    @property
    def bytes_read(self) -> int:
        """Bytes fetched so far."""
        return self.source.bytes_read

    def verify(self) -> list[str]:
        """Reads everything and names what is damaged; an empty list if nothing is."""
        bad = ["the index, rebuilt from the segments"] if self.repaired else []
        return bad + [name for recording in self.recordings for name in recording.verify()]


def open_coded(where: Any, codecs: Codecs) -> CodedFile:
    """Opens a coded file.

    Args:
        where: a path, a URL that fsspec knows (memory://, s3://, https://, zip://inner::outer), or a pair of an fsspec
            file system and a path on it.
        codecs: gives the codec for a name, version and header.

    Raises:
        SignalPieceError: there is no such file, it is not one of coded tokens, or it is cut short.
    """
    source = Source(where)
    entries = _from_index(source) if source.read(0, len(MAGIC)) == MAGIC else None  # else: refused by the scan
    repaired = entries is None
    if entries is None:
        entries = _from_blocks(source)
    spent = sum(e.head_size + sum(e.segments) + e.tail_size + e.events_size + e.index_size for e in entries)
    recordings = [
        _recording(source, number, entry, codecs, max(source.size - spent, 0) if number == 0 else 0)
        for number, entry in enumerate(entries)
    ]
    return CodedFile(recordings, source, repaired)


def _from_index(source: Source) -> list[Entry] | None:
    last = source.read(max(source.size - FIRST_READ, 0), source.size)
    if not last.endswith(END) or len(last) < 8:
        return None
    length = int.from_bytes(last[-8:-4], "little") + 8
    if length > source.size:
        return None
    if length > len(last):
        last = source.read(source.size - length, source.size)
    return read_footer(last[-length:])


def _from_blocks(source: Source) -> list[Entry]:
    try:
        found = scan(source.read(0, source.size), whole=False)
    except SignalPieceError as error:
        raise SignalPieceError(f"{source.name}: {error}") from error
    if found.cut or not all(found.complete):
        done = sum(len(entry.segments) for entry in found.entries)
        raise SignalPieceError(f"{source.name} is cut short after {done} segments; encode it again, or resume")
    return found.entries


def _recording(source: Source, number: int, entry: Entry, codecs: Codecs, overhead: int) -> StoredRecording:
    try:
        header = header_from_json(entry.head["header"])
        codec = codecs(entry.head["codec"][0], entry.head["codec"][1], header)
        if codec.channels != entry.head["codec"][2]:
            raise SignalPieceError(f"{source.name}: its units do not have the channels of codec {codec.name} given")
        side, side_header, framed = None, None, None
        if entry.head.get("side"):
            side_header = header_from_json(entry.head["side"], header.grid)
            side_codec = codecs(entry.head["side_codec"][0], entry.head["side_codec"][1], side_header)
            if is_framed(entry.head):
                framed = (side_codec, side_header)
            else:
                side = _whole_side(entry, side_header, side_codec)
    except (KeyError, IndexError, TypeError) as error:
        raise SignalPieceError(f"{source.name}: recording {number} has no valid header: {error!r}") from error
    if header.segment < 1:
        raise SignalPieceError(f"{source.name}: recording {number} has segments of {header.segment} frames")
    segments = CodedSegments(source, number, entry, header, codec, framed)
    bits = _bits(entry, overhead)
    return StoredRecording(header, side, entry.frames, codec, bits, segments, framed and side_header)


def _whole_side(entry: Entry, header: Header, codec: Codec) -> Tokens:
    source, parts = Bytes(entry.side), []
    while source.at < len(entry.side):
        parts.append(codec.decode(source.piece(), header))
    cube = np.concatenate(parts, 1)
    return Tokens((header,), cube.reshape(1, -1, cube.shape[2]))


def _bits(entry: Entry, overhead: int) -> dict[str, int]:
    """What the file spends on a recording; `overhead` bytes of the file itself are counted as index."""
    side = len(entry.side)
    copies = 2 if entry.index_size else 1
    out = {
        "codes": sum(entry.segments) - entry.directories - entry.framed,
        "side": copies * side + entry.framed,
        "header": entry.head_size + entry.tail_size - side + entry.head_copy,
        "index": entry.directories + overhead + (entry.index_size - entry.head_copy - side if entry.index_size else 0),
        "annotations": entry.events_size,
    }
    return {k: 8 * v for k, v in out.items()} | {"total": 8 * sum(out.values())}
