"""What the codecs have in common: a unit of access starts with its number of frames, and bad bytes end in one error."""

import numpy as np
from jaxtyping import Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header

LARGEST = 1 << 26  # codes in one unit: what a decoder may be asked to allocate


def put_varint(value: int) -> bytes:
    """A non-negative integer, 7 bits per byte, lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def get_varint(data: bytes, at: int = 0) -> tuple[int, int]:
    """The integer at `at` and the place behind it.

    Raises:
        SignalPieceError: the bytes end within it, or it is longer than 9 bytes.
    """
    value = 0
    for i in range(9):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 127) << (7 * i)
        if data[at + i] < 128:
            return value, at + i + 1
    raise SignalPieceError(f"{len(data)} coded bytes are not a unit of tokens: they are cut short or damaged")


def put_count(frames: int, header: Header) -> bytes:
    """The number of frames, as its zigzag difference from the header's segment: one byte for a full segment."""
    more = frames - header.segment
    return put_varint(2 * more if more >= 0 else -2 * more - 1)


def get_count(data: bytes, header: Header, width: int) -> tuple[int, int]:
    """Frames of a unit with `width` codes per frame, and the place behind them.

    Raises:
        SignalPieceError: no unit can be that large.
    """
    value, at = get_varint(data)
    frames = header.segment + (value // 2 if value % 2 == 0 else -(value + 1) // 2)
    if frames < 0 or frames * width > LARGEST:
        raise SignalPieceError(f"a unit of {frames} frames of {width} codes cannot be: the coded bytes are damaged")
    return frames, at


def width_of(header: Header, channels: int) -> tuple[int, int]:
    """Channels and columns of one unit of a codec that holds one channel, or (any other number) all of the header."""
    return 1 if channels == 1 else header.grid.size("channel"), len(header.columns)


def check_codes(codes: Int[np.ndarray, "n c q"], header: Header, channels: int) -> Int[np.ndarray, "n c q"]:
    """The codes as contiguous int32.

    Raises:
        SignalPieceError: their shape is not that of a unit, or one lies outside its codebook.
    """
    c, q = width_of(header, channels)
    if codes.shape[1:] != (c, q):
        raise SignalPieceError(f"a unit of this codec has {c} channels of {q} columns, got {codes.shape[1:]}")
    if codes.size > LARGEST:
        raise SignalPieceError(f"a unit may hold {LARGEST} codes, got {codes.size}; choose a shorter segment")
    codes = np.ascontiguousarray(codes, np.int32)
    sizes = np.array([column.size for column in header.columns], np.int64)
    if codes.size and (sizes > 0).any():
        closed = sizes > 0
        low, high = codes.min((0, 1))[closed], codes.max((0, 1))[closed]
        if (low < 0).any() or (high >= sizes[closed]).any():
            raise SignalPieceError(
                f"codes of closed columns must lie in 0..size-1; got {low.min()} to {high.max()} "
                f"for sizes up to {sizes.max()}"
            )
    return codes


def check_decoded(codes: Int[np.ndarray, "n c q"], header: Header) -> Int[np.ndarray, "n c q"]:
    """Decoded codes, if they lie in their codebooks.

    Raises:
        SignalPieceError: they do not, so the bytes are damaged.
    """
    sizes = np.array([column.size for column in header.columns], np.int64)
    if codes.size and ((sizes > 0) & ((codes.min((0, 1)) < 0) | (codes.max((0, 1)) >= sizes))).any():
        raise damaged()
    return codes


def damaged() -> SignalPieceError:
    """The error for bytes that do not decode."""
    return SignalPieceError("coded bytes do not decode: they are damaged, or coded for another header or codec")
