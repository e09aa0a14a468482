"""Codes as plain bits: what a codebook's size asks for, and bytes of seven bits for open columns. No model at all."""

from typing import cast

import numpy as np
from jaxtyping import Int

from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of


class Raw:
    """Codec `raw-1`: closed columns take ceil(log2 size) bits a code, open ones a zigzag varint.

    After the frame count come the bits of all closed codes (frame, channel, column; highest bit first, padded to a
    byte), then the varints of all open codes.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all.
    """

    name = "raw-1"
    version = 1

    def __init__(self, *, channels: int = 1) -> None:
        self.channels = channels

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        codes = check_codes(codes, header, self.channels)
        bits = _widths(header)
        closed = codes[:, :, bits > 0].astype(np.uint32)
        widths = np.broadcast_to(bits[bits > 0], closed.shape).ravel()
        head = put_count(len(codes), header)
        return head + _pack_bits(closed.ravel(), widths) + _pack_varints(codes[:, :, _is_open(header)].ravel())

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        bits, is_open = _widths(header), _is_open(header)
        if frames * c * (bits.sum() + 8 * is_open.sum()) > 8 * (len(data) - at):
            raise damaged()
        codes = np.zeros((frames, c, q), np.int32)
        widths = np.broadcast_to(bits[bits > 0], (frames, c, (bits > 0).sum())).ravel()
        end = at + -(-int(widths.sum()) // 8)
        codes[:, :, bits > 0] = _unpack_bits(data[at:end], widths).reshape(frames, c, int((bits > 0).sum()))
        count = frames * c * int(is_open.sum())
        codes[:, :, is_open] = _unpack_varints(data[end:], count).reshape(frames, c, int(is_open.sum()))
        return check_decoded(codes, header)


def _is_open(header: Header) -> np.ndarray:
    return np.array([column.size == 0 for column in header.columns], bool)


def _widths(header: Header) -> np.ndarray:
    return np.array([max(column.size - 1, 0).bit_length() for column in header.columns], np.int64)


def _pack_bits(values: np.ndarray, widths: np.ndarray) -> bytes:
    """Each value in its own number of bits, highest first."""
    if not len(values):
        return b""
    ends = np.cumsum(widths)
    out = np.zeros(int(ends[-1]), np.uint8)
    for bit in range(int(widths.max())):
        has = widths > bit
        out[ends[has] - 1 - bit] = (values[has] >> bit) & 1
    return np.packbits(out).tobytes()


def _unpack_bits(data: bytes, widths: np.ndarray) -> np.ndarray:
    values = np.zeros(len(widths), np.int32)
    if len(widths):
        ends = np.cumsum(widths)
        bits = np.unpackbits(np.frombuffer(data, np.uint8))
        for bit in range(int(widths.max())):
            has = widths > bit
            values[has] |= bits[ends[has] - 1 - bit].astype(np.int32) << bit
    return values


def _pack_varints(values: np.ndarray) -> bytes:
    """Zigzag, then 7 bits a byte, lowest first; the top bit says that more follow."""
    wide = values.astype(np.int64)
    zigzag = (wide << 1) ^ (wide >> 63)
    pieces = np.stack([(zigzag >> (7 * i)) & 127 for i in range(5)], 1)
    length = (zigzag[:, None] >= 1 << (7 * np.arange(5))).sum(1).clip(1)
    place = np.arange(5)
    pieces[place[None] < length[:, None] - 1] |= 128
    return pieces[place[None] < length[:, None]].astype(np.uint8).tobytes()


def _unpack_varints(data: bytes, count: int) -> np.ndarray:
    body = np.frombuffer(data, np.uint8).astype(np.int64)
    ends = np.flatnonzero(body < 128)
    if len(ends) != count or (len(body) and (not count or ends[-1] != len(body) - 1)):
        raise damaged()
    starts = np.concatenate([[0], ends[:-1] + 1]) if count else ends
    length = ends - starts + 1
    if count and length.max() > 5:
        raise damaged()
    zigzag = np.zeros(count, np.int64)
    for i in range(5):
        has = length > i
        zigzag[has] |= (body[starts[has] + i] & 127) << (7 * i)
    if count and zigzag.max() >= 1 << 32:
        raise damaged()
    return cast(np.ndarray, ((zigzag >> 1) ^ -(zigzag & 1)).astype(np.int32))
