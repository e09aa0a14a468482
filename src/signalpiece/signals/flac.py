"""The length of a FLAC stream by its last frame, where the header does not say it or promises more than there is.

RFC 9639, sections 8.2 and 9.1. Decoders that trust the total cannot seek when it is 0, and allocate what it promises.
"""

import mmap
import struct
from pathlib import Path
from typing import Any

_SYNC, _HEADER = (b"\xff\xf8", b"\xff\xf9"), b"fLaC"
_SEARCH = 1 << 20  # bytes in which a stream begins, behind tags of other makers


def lengths(path: Path) -> tuple[int, int, int, int]:
    """Samples per channel: as the header says (0 if it does not), to the end of the last frame and to its begin (0 if
    none is found), and where in the file the header says it."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    begin = data.find(_HEADER, 0, _SEARCH)
    at = begin + 8 + 10  # behind block and frame sizes of the first metadata block
    if begin < 0 or len(data) < at + 8 or data[begin + 4] & 0x7F:
        return 0, 0, 0, 0
    (packed,) = struct.unpack_from(">Q", data, at)
    first, size = _last_frame(data, begin)
    return packed & (1 << 36) - 1, first + size, first, at


def with_length(path: Path, at: int, total: int) -> bytes:
    """The stream with another number of samples in its header at `at`."""
    data = path.read_bytes()
    (packed,) = struct.unpack_from(">Q", data, at)
    return data[:at] + struct.pack(">Q", packed >> 36 << 36 | total) + data[at + 8 :]


def _last_frame(data: Any, begin: int) -> tuple[int, int]:
    """First sample of the last frame and its length; 0 and 0 if no frame is found."""
    usual = struct.unpack_from(">H", data, begin + 8)[0]
    start = begin + 4
    while start + 4 <= len(data):  # metadata blocks
        last, size = data[start] & 0x80, int.from_bytes(data[start + 1 : start + 4], "big")
        start += 4 + size
        if last:
            break
    first = _frame(data, start, usual)
    if first is None:
        return 0, 0
    at = len(data)
    while at > start:
        at = max(data.rfind(sync, start, at + 1) for sync in _SYNC)
        found = _frame(data, at, usual) if at >= 0 else None
        if found is not None and data[at + 1] == data[start + 1] and data[at + 3] == data[start + 3]:
            return found
        if at < 0:
            break
    return 0, 0


def _frame(data: Any, at: int, usual: int) -> tuple[int, int] | None:
    """First sample and length of the frame whose header stands at `at`, or None if there is none."""
    head = data[at : at + 16]
    if len(head) < 6 or head[:2] not in _SYNC:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number, place = _coded(head, 4)
    length = {1: 192, **{n: 576 << n - 2 for n in range(2, 6)}, **{n: 256 << n - 8 for n in range(8, 16)}}.get(
        size_code
    )
    if size_code in (6, 7):
        width = size_code - 5
        length = int.from_bytes(head[place : place + width], "big") + 1
        place += width
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if number is None or length is None or place >= len(head) or head[place] != _crc8(head[:place]):
        return None
    return (number if head[1] & 1 else number * usual), length


def _coded(head: bytes, at: int) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes letters, up to 36 bits, and the place behind it."""
    lead = head[at]
    extra = next((n for n in range(8) if not lead & (0x80 >> n)), 8)
    if extra == 0:
        return lead, at + 1
    if extra in (1, 8) or at + extra > len(head):
        return None, at
    value = lead & (0x7F >> extra)
    for byte in head[at + 1 : at + extra]:
        if byte & 0xC0 != 0x80:
            return None, at
        value = value << 6 | byte & 0x3F
    return value, at + extra


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
    return value
