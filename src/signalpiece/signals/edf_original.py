"""An EDF or BDF file taken apart into samples and all other bytes, and put together again byte for byte.

The other bytes are the header, the annotation signals, channels without a gain, what fills up the last record and what
lies behind it. Blanking is that of "European data format 'plus' (EDF+)", 2003, section 2.1.3, on anonymous recordings.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from signalpiece.signals.edf_header import read_header

_BLOCK = 1 << 24  # bytes put together at a time
Fetch = Callable[[int, int, int], Int[np.ndarray, "c t"]]  # group, start, stop -> whole numbers


def take_apart(path: Path, samples: Sequence[int]) -> tuple[dict[str, Any], bytes]:
    """Facts about the layout, and all bytes that are not samples.

    Args:
        path: the file.
        samples: how many samples the reader gives of each group of channels with one rate, in its order.
    """
    header = read_header(path)
    usual = [c for c in header.channels if not c.is_notes and c.samples > 0 and (c.has_gain or c.is_status)]
    groups = []
    for per, count in zip(dict.fromkeys(c.samples for c in usual), samples, strict=True):
        groups.append([per, count, [c.offset for c in usual if c.samples == per]])
    facts = {
        "width": header.width, "header": header.size, "record": header.record_bytes, "records": header.records,
        "groups": groups,
    }  # fmt: skip
    data = np.memmap(path, np.uint8, "r")
    end = header.size + header.records * header.record_bytes
    records = data[header.size : end].reshape(header.records, header.record_bytes)
    parts = [data[: header.size], data[end:], records[:, ~_covered(facts)].ravel()]
    for per, count, offsets in groups:
        for offset in offsets:
            columns = records[count // per :, offset * header.width : (offset + per) * header.width]
            parts.append(columns.ravel()[count % per * header.width :])
    facts["trailing"] = len(data) - end
    return facts, b"".join(np.asarray(p).tobytes() for p in parts)


def put_together(path: Path, facts: dict[str, Any], rest: bytes, fetch: Fetch) -> None:
    """Writes the file, a few records at a time.

    Raises:
        OSError: it cannot be written.
    """
    width, size, records = facts["width"], facts["record"], facts["records"]
    flat, at = np.frombuffer(rest, np.uint8), facts["header"] + facts["trailing"]
    free = ~_covered(facts)
    others = flat[at : at + records * int(free.sum())].reshape(records, int(free.sum()))
    tails, at = [], at + others.size
    for per, count, offsets in facts["groups"]:
        length = (records * per - count) * width
        tails.append(flat[at : at + length * len(offsets)].reshape(len(offsets), length))
        at += length * len(offsets)
    with path.open("wb") as file:
        file.write(rest[: facts["header"]])
        step = max(_BLOCK // max(size, 1), 1)
        for first in range(0, records, step):
            last = min(first + step, records)
            block = np.zeros((last - first, size), np.uint8)
            block[:, free] = others[first:last]
            for number, (per, count, offsets) in enumerate(facts["groups"]):
                start, stop = first * per, last * per
                inside = min(stop, count)
                known = _bytes_of(fetch(number, min(start, inside), inside), width)
                from_tail = slice((max(start, count) - count) * width, max(stop - count, 0) * width)
                rows = np.concatenate([known, tails[number][:, from_tail]], axis=1)
                for row, offset in zip(rows, offsets, strict=True):
                    block[:, offset * width : (offset + per) * width] = row.reshape(last - first, per * width)
            file.write(block.tobytes())
        file.write(rest[facts["header"] : facts["header"] + facts["trailing"]])


def blanked(rest: bytes) -> bytes:
    """The other bytes with patient, recording and date blanked as in an anonymous file."""
    head = bytearray(rest)
    head[8:88] = b"X X X X".ljust(80)
    head[88:168] = b"Startdate X X X X".ljust(80)
    head[168:184] = b"01.01.8500.00.00"
    return bytes(head)


def _covered(facts: dict[str, Any]) -> np.ndarray:
    """Which bytes of a record are samples that the reader gives."""
    out, width = np.zeros(facts["record"], bool), facts["width"]
    for per, _, offsets in facts["groups"]:
        for offset in offsets:
            out[offset * width : (offset + per) * width] = True
    return out


def _bytes_of(values: Int[np.ndarray, "c t"], width: int) -> UInt8[np.ndarray, "c b"]:
    """Little-endian whole numbers of `width` bytes."""
    four = np.ascontiguousarray(values, "<i4").view(np.uint8).reshape(len(values), -1, 4)
    return np.ascontiguousarray(four[:, :, :width]).reshape(len(values), -1)
