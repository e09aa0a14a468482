"""Whole numbers through general compressors: what repeats itself, is held or is cut off is theirs, not a predictor's.

Values or their differences in time, by channel or by time, as numbers or as planes of bytes; LZMA, bzip2, or plain bits
of each channel's span. The first byte says which, so that the smallest wins.
"""

import bz2
import lzma
import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from signalpiece.entropy.units import damaged, get_varint, put_varint

BITS, BZIP2, LZMA = 0, 1, 2
BY_CHANNEL, PLANES, BY_TIME = 0, 1, 2
_WIDTHS = (1, 2, 4)


class Layout(NamedTuple):
    """How numbers become bytes: differences or values, an order, bytes per number as a place in (1, 2, 4)."""

    difference: int
    order: int
    width: int


def squeeze(x: Int[np.ndarray, "t c"], *, thorough: bool = False) -> bytes:
    """The numbers (int32) in few bytes; `thorough` tries every way."""
    tries = [_bits(x)]
    pairs = [(BZIP2, 1, BY_CHANNEL), (LZMA, 1, PLANES), (LZMA, 0, PLANES)]
    if thorough:
        pairs = [(tool, d, order) for tool in (BZIP2, LZMA) for d in (0, 1) for order in (BY_CHANNEL, PLANES, BY_TIME)]
    if x.size:
        tries += [_packed(x, *pair) for pair in pairs]
    return min(tries, key=len)


def unsqueeze(data: bytes, length: int, channels: int) -> Int[np.ndarray, "t c"]:
    """The inverse of `squeeze`.

    Raises:
        SignalPieceError: the bytes are damaged.
    """
    if not data:
        raise damaged()
    tool, rest = data[0] % 3, data[0] // 3
    if tool == BITS:
        return _unbits(data, length, channels)
    layout = Layout(rest % 2, rest // 2 % 3, rest // 6 % 3)
    size = length * channels * _WIDTHS[layout.width]
    try:
        if tool == BZIP2:
            body, machine = data[1:], bz2.BZ2Decompressor()
        else:
            body, machine = data[1:], lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(size))
        plain = machine.decompress(body, size + 1)
    except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
        raise damaged() from error
    if len(plain) != size or machine.unused_data or (tool == BZIP2 and not machine.eof):
        raise damaged()
    return _from_bytes(plain, layout, length, channels)


def probe(x: Int[np.ndarray, "t c"]) -> int:
    """About how many bytes a compressor may need, found quickly; 1.5 times too many is common."""
    difference = _layout(x, 1, PLANES)
    return len(zlib.compress(_to_bytes(x, difference), 1))


def _packed(x: Int[np.ndarray, "t c"], tool: int, difference: int, order: int) -> bytes:
    layout = _layout(x, difference, order)
    plain = _to_bytes(x, layout)
    if tool == BZIP2:
        body = bz2.compress(plain, 9)
    else:
        body = lzma.compress(plain, lzma.FORMAT_RAW, filters=_filters(len(plain)))
    return bytes([tool + 3 * (difference + 2 * (order + 3 * layout.width))]) + body


def _filters(size: int) -> list[dict[str, int]]:
    window = max(1 << max(size - 1, 1).bit_length(), 1 << 12)
    return [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": min(window, 1 << 26)}]


def _differences(x: Int[np.ndarray, "t c"]) -> Int[np.ndarray, "t c"]:
    """Differences in time, modulo 2^32; the first row as it is."""
    out = x.astype(np.int64)
    out[1:] -= x[:-1]
    return out.astype(np.int32)


def _layout(x: Int[np.ndarray, "t c"], difference: int, order: int) -> Layout:
    values = _differences(x) if difference else x
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    width = next(i for i, n in enumerate(_WIDTHS) if -(1 << (8 * n - 1)) <= low and high < 1 << (8 * n - 1))
    return Layout(difference, order, width)


def _to_bytes(x: Int[np.ndarray, "t c"], layout: Layout) -> bytes:
    values = (_differences(x) if layout.difference else x).astype(f"<i{_WIDTHS[layout.width]}")
    if layout.order == BY_TIME:
        return np.ascontiguousarray(values).tobytes()
    rows = np.ascontiguousarray(values.T)
    if layout.order == BY_CHANNEL:
        return rows.tobytes()
    return rows.view(np.uint8).reshape(*rows.shape, -1).transpose(0, 2, 1).tobytes()


def _from_bytes(data: bytes, layout: Layout, length: int, channels: int) -> Int[np.ndarray, "t c"]:
    width = _WIDTHS[layout.width]
    if layout.order == BY_TIME:
        values = np.frombuffer(data, f"<i{width}").reshape(length, channels)
    else:
        rows = np.frombuffer(data, np.uint8)
        if layout.order == PLANES:
            rows = np.ascontiguousarray(rows.reshape(channels, width, length).transpose(0, 2, 1))
        values = rows.reshape(-1).view(f"<i{width}").reshape(channels, length).T
    values = values.astype(np.int32)
    return np.cumsum(values, axis=0, dtype=np.int64).astype(np.int32) if layout.difference else values


def _bits(x: Int[np.ndarray, "t c"]) -> bytes:
    """Each channel as its least value, the bits of its span, and the numbers above the least in so many bits."""
    head, body = [bytes([BITS])], []
    for column in x.T.astype(np.int64):
        least, most = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        width = (most - least).bit_length()
        head.append(put_varint(2 * least if least >= 0 else -2 * least - 1) + bytes([width]))
        body.append(((column - least)[:, None] >> np.arange(width - 1, -1, -1) & 1).astype(bool).ravel())
    flat = np.concatenate([np.zeros(0, bool), *body])
    return b"".join(head) + np.packbits(flat).tobytes()


def _unbits(data: bytes, length: int, channels: int) -> Int[np.ndarray, "t c"]:
    at, facts = 1, []
    for _ in range(channels):
        zigzag, at = get_varint(data, at)
        if at >= len(data) or data[at] > 32:
            raise damaged()
        facts.append((zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2, data[at]))
        at += 1
    wanted = length * sum(width for _, width in facts)
    if data[0] != BITS or len(data) - at != -(-wanted // 8):
        raise damaged()
    flat, out, at = np.unpackbits(np.frombuffer(data, np.uint8, offset=at)), np.zeros((length, channels), np.int64), 0
    for c, (least, width) in enumerate(facts):
        rows = flat[at : at + length * width].reshape(length, width).astype(np.int64)
        out[:, c] = least + (rows << np.arange(width - 1, -1, -1)).sum(1)
        at += length * width
    return out.astype(np.int32)
