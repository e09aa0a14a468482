"""A numcodecs codec, so that Zarr and xarray users get lossless or bounded coding of many channels as a compressor.

    zarr.create_array("eeg.zarr", data=x, chunks=(64, 15000), compressors=SignalPieceCodec(), zarr_format=2)

numcodecs finds it by its entry point; nothing need be imported to read. A chunk is one unit: all channels of a stretch
of time, predicted from each other.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Header
from signalpiece.entropy.lossless import LEVELS, Lossless
from signalpiece.entropy.units import get_varint, put_varint

_HEAD = 3  # bytes before the sizes: version, length of the name of the kind, 1 if there is a grain


class SignalPieceCodec(Codec):
    """Chunks of an array without loss, or with an error that no sample exceeds.

    Args:
        level: fast, default or best.
        max_error: largest error of any sample, in the array's own unit; 0 = none: every bit comes back.
        time_axis: along which samples follow each other; all other axes together are the channels.

    Raises:
        SignalPieceError: an unknown level, an error below 0.
    """

    codec_id = "signalpiece"

    def __init__(self, level: str = "default", max_error: float = 0.0, time_axis: int = -1) -> None:
        self.level, self.max_error, self.time_axis = check_option("level", level, LEVELS), float(max_error), time_axis
        if not self.max_error >= 0:
            raise SignalPieceError(f"max_error must be 0 or more, got {max_error}")

    def encode(self, buf: Any) -> bytes:
        """Bytes of a chunk.

        Raises:
            SignalPieceError: text, objects or complex numbers; numbers that are not finite under a largest error.
        """
        x = np.asarray(buf)
        if x.dtype.kind not in "iufb":
            raise SignalPieceError(f"numbers are needed, got an array of {x.dtype}")
        x = np.atleast_1d(x).astype(x.dtype.newbyteorder("<"), copy=False)
        axis = self.time_axis % x.ndim
        moved = np.moveaxis(x, axis, 0)
        rows = moved.reshape(len(moved), int(np.prod(moved.shape[1:], dtype=np.int64)))
        grain = self._grain(x.dtype)
        kind = x.dtype.str.encode()
        head = bytes([1, len(kind), grain > 0]) + kind + (np.float64(grain).tobytes() if grain else b"")
        head += b"".join(put_varint(n) for n in (x.ndim, axis, *x.shape))
        whole = _rounded(rows, grain, self.max_error) if grain else _whole(rows)
        return head + Lossless(channels=0, level=self.level).encode(whole[:, :, None], _header(whole.shape))

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The chunk again.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        data = ensure_contiguous_ndarray(buf).view(np.uint8).tobytes()
        kind, grain, axis, shape, at = _head(data)
        moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
        channels = int(np.prod(moved[1:], dtype=np.int64))
        wide = 1 if grain else max(kind.itemsize // 4, 1)
        codes = Lossless(channels=0).decode(data[at:], _header((moved[0], channels * wide)))[:, :, 0]
        if grain:
            rows = _values(codes, grain, kind)
        elif kind.itemsize < 4:
            rows = codes.astype(np.uint16).view(kind) if kind.kind == "f" else codes.astype(kind)
        else:
            rows = np.ascontiguousarray(codes).view(kind)
        x = np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis))
        return x if out is None else ndarray_copy(x, out)

    def get_config(self) -> dict[str, Any]:
        """What Zarr writes into its metadata."""
        return {"id": self.codec_id, "level": self.level, "max_error": self.max_error, "time_axis": self.time_axis}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SignalPieceCodec":
        """The codec that such metadata mean."""
        return cls(**config)

    def _grain(self, dtype: np.dtype) -> float:
        """What values are rounded to multiples of; 0 = not at all."""
        if dtype.kind == "f":
            return 2.0 * self.max_error
        if dtype.kind == "b":
            return 0.0
        return 2.0 * int(self.max_error) + 1 if self.max_error >= 1 else 0.0


def _header(shape: tuple[int, int]) -> Header:
    grid = Grid(("channel", "time"), (None, 1.0), ("",), (shape[1], shape[0]))
    return Header(grid, (Column("sample", 0),), segment=max(shape[0], 1))


def _whole(rows: Shaped[np.ndarray, "t c"]) -> Int[np.ndarray, "t k"]:
    """Numbers as whole ones of 32 bits: their own value if they fit, else their bits, in words."""
    if rows.dtype.itemsize < 4:
        return (np.ascontiguousarray(rows).view(np.uint16) if rows.dtype.kind == "f" else rows).astype(np.int32)
    return np.ascontiguousarray(rows).view("<i4")


def _rounded(rows: Shaped[np.ndarray, "t c"], grain: float, most: float) -> Int[np.ndarray, "t c"]:
    """Multiples of the grain, none of which is further than `most` from its value."""
    x = rows.astype(np.float64)
    if not np.isfinite(x).all():
        raise SignalPieceError("values that are not finite cannot be kept within an error; use max_error=0")
    whole = np.rint(x / grain)
    if whole.size and np.abs(whole).max() >= 2**31:
        raise SignalPieceError(
            f"values up to {np.abs(x).max():g} have too many multiples of {grain:g}; enlarge max_error"
        )
    codes = whole.astype(np.int32)
    off = np.abs(_values(codes, grain, rows.dtype).astype(np.float64) - x)
    if off.size and off.max() > most:
        raise SignalPieceError(f"{rows.dtype} numbers lie too far apart for an error of {most:g}; use max_error=0")
    return codes


def _values(codes: Int[np.ndarray, "t c"], grain: float, kind: np.dtype) -> Shaped[np.ndarray, "t c"]:
    x = codes.astype(np.float64) * grain
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        x = np.clip(x, limits.min, limits.max)
    return x.astype(kind)


def _head(data: bytes) -> tuple[np.dtype, float, int, list[int], int]:
    """Kind of numbers, grain, time axis, shape, and where the unit begins."""
    try:
        if data[0] != 1:
            raise SignalPieceError("this chunk needs a newer version of the codec; upgrade signalpiece")
        at = _HEAD + data[1]
        kind = np.dtype(data[_HEAD:at].decode("ascii"))
        grain = float(np.frombuffer(data, "<f8", 1, at)[0]) if data[2] else 0.0
        at += 8 if data[2] else 0
        ndim, at = get_varint(data, at)
        axis, at = get_varint(data, at)
        shape = []
        for _ in range(min(ndim, 64)):
            size, at = get_varint(data, at)
            shape.append(size)
        if kind.kind not in "iufb" or not axis < len(shape) == ndim or not grain >= 0:
            raise ValueError
    except (IndexError, UnicodeDecodeError, ValueError, TypeError, SyntaxError):
        raise SignalPieceError(
            f"{len(data)} bytes are not a chunk of this codec: they are cut short or damaged"
        ) from None
    return kind, grain, axis, shape, at
