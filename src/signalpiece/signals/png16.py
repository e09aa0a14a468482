"""PNG of 16 bits per colour, undone by hand: Pillow cuts these to 8 bits without a word.

PNG specification (ISO/IEC 15948), sections 9 (filtering) and 10 (compression).
"""

import struct
import zlib
from pathlib import Path
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError

_COLOURS = {0: 1, 2: 3, 4: 2, 6: 4}


def read_png16(path: Path) -> Float[np.ndarray, "row column color"]:
    """Pixels of 0..1 with their full precision.

    Raises:
        SignalPieceError: interlaced, or damaged.
    """
    data = path.read_bytes()
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">2I5B", data, 16)
    if bits != 16 or colour not in _COLOURS:
        raise SignalPieceError(f"{path}: colour type {colour} with {bits} bits is not read")
    if interlaced:
        raise SignalPieceError(f"{path}: interlaced PNG of 16 bits per colour is not read; save it without interlacing")
    step = 2 * _COLOURS[colour]
    line = width * step + 1
    packed = b"".join(_parts(data))
    engine = zlib.decompressobj()
    raw = engine.decompress(packed, height * line)
    if len(raw) < height * line:
        raise SignalPieceError(f"{path}: {len(raw)} of {height * line} bytes of pixels are there; cut or damaged")
    rows = np.frombuffer(raw, np.uint8).reshape(height, line)
    if rows[:, 0].max(initial=0) > 4:
        raise SignalPieceError(f"{path}: a row has an unknown filter; the file is damaged")
    values = _unfilter(rows, step).view(">u2").reshape(height, width, _COLOURS[colour])
    return (values / np.float64(65535)).astype(np.float32)


def _parts(data: bytes) -> list[bytes]:
    """Contents of the IDAT chunks."""
    out, at = [], 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            out.append(data[at + 8 : at + 8 + size])
        at += 12 + size
    return out


@numba.njit(cache=True)
@no_type_check
def _unfilter(rows, step):  # numba kernel: uint8 "row byte", first byte of a row is its filter
    height, width = rows.shape[0], rows.shape[1] - 1
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        kind = rows[y, 0]
        for x in range(width):
            left = np.int64(out[y, x - step]) if x >= step else np.int64(0)
            up = np.int64(out[y - 1, x]) if y else np.int64(0)
            corner = np.int64(out[y - 1, x - step]) if y and x >= step else np.int64(0)
            guess = np.int64(0)
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            elif kind == 4:
                a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = left if a <= b and a <= c else (up if b <= c else corner)
            out[y, x] = (np.int64(rows[y, x + 1]) + guess) & 255
    return out
