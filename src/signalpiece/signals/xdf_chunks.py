"""The chunks of an XDF file, checked before a library sees them: sizes that fit, streams that exist, cuts named.

The usual reader allocates what a sample chunk promises and goes on with stale values where the file ends; here only
whole chunks pass.
"""

import io
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.damage import unzip

_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
_BYTES = {"float32": 4, "double64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "string": 1}
_LARGEST = 1 << 32  # bytes of an unpacked .xdfz


class _DamagedError(ValueError):
    """A chunk does not obey the format."""


def whole_chunks(path: Path) -> tuple[io.BytesIO, list[str]]:
    """The file with only its whole and sensible chunks, and sentences about what was left out.

    Raises:
        SignalPieceError: no XDF file, or too large when unpacked.
    """
    with path.open("rb") as file:
        data = unzip(path, _LARGEST) if file.read(2) == b"\x1f\x8b" else path.read_bytes()
    if data[:4] != b"XDF:":
        raise SignalPieceError(f"{path}: this is not an XDF file")
    out, widths, warnings, at = [data[:4]], dict[int, int](), list[str](), 4
    while at < len(data):
        try:
            start, stop = _extent(data, at)
            _check(data, start, stop, widths)
            out.append(data[at:stop])
            at = stop
        except (_DamagedError, ElementTree.ParseError, struct.error, ValueError):
            found = data.find(_BOUNDARY, at + 1)
            after = len(data) if found < 0 else found + len(_BOUNDARY)
            warnings.append(f"bytes {at} to {after} are cut or damaged and were left out")
            at = after
    return io.BytesIO(b"".join(out)), warnings[:5]


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the content (behind the tag's length) of the chunk at `at` starts and stops."""
    start, size = _varlen(data, at)
    if size < 2 or start + size > len(data):
        raise _DamagedError
    return start, start + size


def _varlen(data: bytes, at: int) -> tuple[int, int]:
    """Place behind a length, and the length."""
    width = data[at] if at < len(data) else 0
    if width not in _LENGTHS:
        raise _DamagedError
    return at + 1 + width, struct.unpack_from(_LENGTHS[width], data, at + 1)[0]


def _check(data: bytes, start: int, stop: int, widths: dict[int, int]) -> None:
    """Raises unless the chunk can be decoded; notes the bytes per sample of a new stream."""
    (tag,) = struct.unpack_from("<H", data, start)
    if tag == 1:
        ElementTree.fromstring(data[start + 2 : stop].decode("utf-8", "replace"))
    elif tag == 2:
        (stream,) = struct.unpack_from("<I", data, start + 2)
        info = ElementTree.fromstring(data[start + 6 : stop].decode("utf-8", "replace"))
        width = int(info.findtext("channel_count", "")) * _BYTES.get(info.findtext("channel_format", ""), 0)
        if width <= 0 or not float(info.findtext("nominal_srate", "")) >= 0 or info.find("name") is None:
            raise _DamagedError
        widths[stream] = width
    elif tag in (3, 4, 6):
        (stream,) = struct.unpack_from("<I", data, start + 2)
        if stream not in widths:
            raise _DamagedError
        if tag == 3:
            inside, count = _varlen(data, start + 6)
            if count * (1 + widths[stream]) > stop - inside:
                raise _DamagedError
        elif tag == 6:
            ElementTree.fromstring(data[start + 6 : stop].decode("utf-8", "replace"))
        elif stop - start < 22:
            raise _DamagedError
