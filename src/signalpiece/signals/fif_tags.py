"""The tags of a FIF file: where sample buffers lie, what was skipped, which file comes next, what was annotated.

Own walk over the tags, so that samples are read lazily from a memory map, skips keep their true length and a damaged
size is found before anything is allocated. All numbers in FIF are big-endian.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.damage import unzip

_HEAD = struct.Struct(">4i")
_FILE_ID, _BLOCK_START, _BLOCK_END = 100, 104, 105
_RAW_BLOCKS = {102, 112, 119}
_INFO, _REFERENCE, _ANNOTATIONS = 101, 118, 3810
_CHANNEL_COUNT = 200
_NUMBERS = {2: ">i2", 16: ">i2", 3: ">i4", 4: ">f4", 5: ">f8"}
_OTHER = {373: "epochs", 104: "averages", 374: "components (ICA)", 351: "a source space", 355: "a covariance"}
_LONGEST_SKIP = 10_000  # times the samples that are there
_LARGEST = 1 << 31  # bytes of an unpacked .fif.gz


@dataclass(frozen=True)
class Tag:
    """One tag: what it is, how its numbers are stored, where they lie, and the blocks around it."""

    kind: int
    type: int
    size: int
    at: int
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Buffer:
    """One buffer of samples: place in the file, number type, samples per channel, place on the timeline."""

    at: int
    dtype: str
    count: int
    start: int


@dataclass
class FifPart:
    """One file of a recording."""

    path: Path
    data: Any
    channels: int
    tags: list[Tag]
    buffers: list[Buffer] = field(default_factory=list)
    first_sample: int = 0
    length: int = 0  # samples on the timeline, skips counted
    following: str = ""
    preceding: str = ""
    notes: dict[int, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def samples(self, number: int) -> Shaped[np.ndarray, "t c"]:
        """One buffer as it is stored."""
        b = self.buffers[number]
        flat = np.frombuffer(self.data, b.dtype, b.count * self.channels, b.at)
        return flat.reshape(b.count, self.channels)


def read_part(path: Path) -> FifPart:
    """Walks over one file.

    Raises:
        SignalPieceError: no FIF file, no continuous recording in it, or damaged.
    """
    data = _bytes(path)
    tags, warnings = _tags(path, data)
    count = next((tag_integer(data, t) for t in tags if t.kind == _CHANNEL_COUNT and t.blocks[-1:] == (_INFO,)), 0)
    raw = [t for t in tags if _RAW_BLOCKS & set(t.blocks)]
    if not raw:
        inside = next((_OTHER[b] for t in tags for b in t.blocks if b in _OTHER), "no samples")
        raise SignalPieceError(f"{path}: it holds {inside} and no continuous recording")
    if count < 1:
        raise SignalPieceError(f"{path}: the number of channels is missing; the file is damaged")
    part = FifPart(path, data, count, tags, warnings=warnings)
    _place(part, raw)
    for tag in tags:
        if _ANNOTATIONS in tag.blocks:
            raw = bytes(data[tag.at : tag.at + tag.size])
            texts = tag.type == 10 and tag.kind == 206  # a list; every text may have its own encoding
            part.notes[tag.kind] = [text_of(t) for t in raw.split(b":")] if texts else tag_value(data, tag)
    _neighbours(part, [t for t in tags if _REFERENCE in t.blocks])
    return part


def _bytes(path: Path) -> Any:
    if path.name.lower().endswith(".gz"):
        data = unzip(path, _LARGEST)
    else:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(data) < 36 or _HEAD.unpack_from(data)[:2] != (_FILE_ID, 31):
        raise SignalPieceError(f"{path}: this is not a FIF file")
    return data


def _tags(path: Path, data: Any) -> tuple[list[Tag], list[str]]:
    out, at, blocks, visited = [], 0, list[int](), 0
    while 0 <= at <= len(data) - _HEAD.size:
        kind, type_, size, following = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        if size < 0 or start + size > len(data):
            return out, [f"the file ends inside a tag at byte {at}; what stands before it was read"]
        if kind == _BLOCK_START and size == 4:
            blocks.append(struct.unpack_from(">i", data, start)[0])
        elif kind == _BLOCK_END and blocks:
            blocks.pop()
        else:
            out.append(Tag(kind, type_, size, start, tuple(blocks)))
        if following == -1:
            return out, []
        at = start + size if following == 0 else following
        visited += 1
        if visited > len(data) // _HEAD.size or following < -1:
            raise SignalPieceError(f"{path}: its tags do not follow each other; the file is damaged")
    return out, ["the file has no end mark; it may be cut"]


def _place(part: FifPart, tags: Sequence[Tag]) -> None:
    """Buffers and skips on the timeline. A skip counts buffers of the usual size, or samples."""
    sizes = [t.size // (part.channels * np.dtype(_NUMBERS[t.type]).itemsize) for t in tags if _is_buffer(part, t)]
    usual = max(sizes, default=0)
    at, begun, stored = 0, False, 0
    for tag in tags:
        if tag.kind == 208:
            part.first_sample = tag_integer(part.data, tag)
        elif tag.kind in (301, 303):
            skipped = max(tag_integer(part.data, tag), 0) * (usual if tag.kind == 301 else 1)
            if begun:
                at += skipped
            else:
                part.first_sample += skipped
        elif tag.kind == 300 and _is_buffer(part, tag):
            dtype = _NUMBERS[tag.type]
            count = tag.size // (part.channels * np.dtype(dtype).itemsize)
            if count:
                part.buffers.append(Buffer(tag.at, dtype, count, at))
                at, begun, stored = at + count, True, stored + count
                part.length = at
    if part.length > _LONGEST_SKIP * max(stored, usual) + _LONGEST_SKIP:
        part.warnings.append("skips are too long to be true; samples are read one after the other")
        part.buffers = [replace(b, start=at) for b, at in zip(part.buffers, _ends(part.buffers), strict=True)]
        part.length = stored


def _ends(buffers: Sequence[Buffer]) -> list[int]:
    """Samples before each buffer."""
    return list(accumulate((b.count for b in buffers), initial=0))[:-1]


def _is_buffer(part: FifPart, tag: Tag) -> bool:
    if tag.kind == 300 and tag.type not in _NUMBERS:
        raise SignalPieceError(f"{part.path}: samples of type {tag.type} (complex or unknown) cannot be read")
    return tag.kind == 300


def _neighbours(part: FifPart, tags: Sequence[Tag]) -> None:
    role, names = 0, dict[int, str]()
    for tag in tags:
        if tag.kind == 115:
            role = tag_integer(part.data, tag)
        elif tag.kind == 118:
            names[role] = tag_text(part.data, tag)
        elif tag.kind == 117 and role not in names:
            names[role] = _numbered(part.path.name, tag_integer(part.data, tag))
    part.following, part.preceding = names.get(2, ""), names.get(1, "")


def _numbered(name: str, number: int) -> str:
    """Name of the n-th file of a split recording whose other files have only numbers."""
    stem, dot, rest = name.partition(".")
    head, hyphen, last = stem.rpartition("-")
    stem = head if hyphen and last.isdigit() else stem
    return f"{stem}-{number}{dot}{rest}" if number else f"{stem}{dot}{rest}"


def tag_integer(data: Any, tag: Tag) -> int:
    """The first integer of a tag; 0 if it has none."""
    return struct.unpack_from(">i", data, tag.at)[0] if tag.size >= 4 else 0


def tag_text(data: Any, tag: Tag) -> str:
    """Text of a tag: UTF-8 where it is that, else Latin-1."""
    return text_of(bytes(data[tag.at : tag.at + tag.size]))


def text_of(raw: bytes) -> str:
    """Text as FIF files hold it, without what stands behind a zero."""
    raw = raw.split(b"\0")[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def tag_value(data: Any, tag: Tag) -> Any:
    """Numbers or text of a tag; None for other kinds of content."""
    if tag.type == 10:
        return tag_text(data, tag)
    base = tag.type & 0xFFF  # a matrix has its sizes behind its numbers; those of annotations are plain lists
    if base not in _NUMBERS:
        return None
    dtype = np.dtype(_NUMBERS[base])
    return np.frombuffer(data, dtype, tag.size // dtype.itemsize, tag.at)
