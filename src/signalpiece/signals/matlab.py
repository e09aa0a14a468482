"""MATLAB files of versions 5 to 7.3 as plain Python values: dicts, lists, strings, arrays.

Own reading of version 5 because the usual readers take sizes on trust: here no array is made that the file's bytes
cannot fill. Large arrays of uncompressed files are views of a memory map, so a recording is not loaded by opening it.
"""

import math
import mmap
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.damage import one_sentence
from signalpiece.signals.hdf5 import is_hdf5

_DTYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
}
_NUMERIC = range(6, 16)
_CELL, _STRUCT, _OBJECT, _CHAR, _OPAQUE = 1, 2, 3, 4, 17  # classes of array
_UTF8, _MATRIX, _COMPRESSED = 16, 14, 15  # types of element
_DEEPEST = 24
_ZLIB_RATIO = 1100  # zlib cannot expand more than this


class _DamagedError(ValueError):
    """The bytes do not obey the format."""


def read_matlab(path: Path) -> dict[str, Any]:
    """Variables of a file: struct 1 x 1 -> dict, other structs -> list of dicts, cell -> list, char -> str.

    Raises:
        SignalPieceError: not a MATLAB file of version 5 to 7.3, or damaged.
    """
    if is_hdf5(path):
        from signalpiece.signals.matlab73 import read_matlab73

        return read_matlab73(path)
    with path.open("rb") as file:
        head = file.read(128)
        if len(head) < 128 or head[126:128] not in (b"IM", b"MI"):
            raise SignalPieceError(f"{path}: this is not a MATLAB file of version 5 to 7.3")
        with one_sentence(path, "damaged MATLAB file"):
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return _Elements(whole, "<" if head[126:128] == b"IM" else ">").variables()


class _Elements:
    """The elements of a file, or of one inflated variable."""

    def __init__(self, data: Any, order: str) -> None:
        self.data, self.order, self.end = data, order, len(data)
        self.pair = struct.Struct(order + "II")

    def variables(self) -> dict[str, Any]:
        out, at = {}, 128
        while at + 8 <= self.end:
            kind, size = self.pair.unpack_from(self.data, at)
            start = at + 8
            if start + size > self.end:
                raise _DamagedError("a variable is longer than the file")
            if kind == _COMPRESSED:
                inner = _Elements(self._inflate(start, size), self.order)
                name, value = inner.matrix(8, inner.end)
                at = start + size
            elif kind == _MATRIX:
                name, value = self.matrix(start, start + size)
                at = start + size + (-size % 8)
            else:
                raise _DamagedError(f"element of type {kind} where a variable should be")
            out[name] = value
        return out

    def matrix(self, at: int, end: int, depth: int = 0) -> tuple[str, Any]:
        """Name and value of the array whose contents lie between `at` and `end`."""
        if at >= end:
            return "", np.zeros((0, 0))
        if depth > _DEEPEST:
            raise _DamagedError("structs are nested too deeply")
        flags, at = self._numbers(at, end)
        kind = int(flags[0]) & 0xFF if len(flags) else 0
        if kind == _OPAQUE:  # objects of newer MATLAB have another layout and hold nothing for us
            return "", None
        shape, at = self._numbers(at, end)
        label, at = self._numbers(at, end)
        dims = tuple(int(n) for n in shape)
        if len(dims) < 2 or min(dims) < 0 or math.prod(dims) > self.end:
            raise _DamagedError("an array has an impossible size")
        return label.tobytes().decode("latin-1"), self._value(kind, dims, at, end, depth)

    def _value(self, kind: int, dims: tuple[int, ...], at: int, end: int, depth: int) -> Any:
        count = math.prod(dims)
        if kind == _CELL:
            return [value for value, _ in self._list(count, at, end, depth)]
        if kind in (_STRUCT, _OBJECT):
            return self._structs(kind, count, at, end, depth)
        if kind == _CHAR:
            return self._text(dims, at, end) if count else ""
        if kind not in _NUMERIC:
            return None  # sparse arrays and function handles
        values, _ = self._numbers(at, end)
        if len(values) != count:
            raise _DamagedError(f"an array of {count} numbers holds {len(values)}")
        return values.reshape(dims, order="F")

    def _structs(self, kind: int, count: int, at: int, end: int, depth: int) -> Any:
        if kind == _OBJECT:
            _, at = self._numbers(at, end)
        width, at = self._numbers(at, end)
        names, at = self._numbers(at, end)
        size = int(width[0]) if len(width) else 0
        if size < 1:
            raise _DamagedError("a struct has field names of no length")
        joined = names.tobytes()
        fields = [joined[k : k + size].split(b"\0")[0].decode("latin-1") for k in range(0, len(joined), size)]
        values = [value for value, _ in self._list(count * len(fields), at, end, depth)]
        rows = [
            dict(zip(fields, values[k : k + len(fields)], strict=True))
            for k in range(0, len(values), max(len(fields), 1))
        ]
        return rows[0] if count == 1 and rows else rows

    def _list(self, count: int, at: int, end: int, depth: int) -> list[tuple[Any, int]]:
        if count * 8 > end - at:
            raise _DamagedError("a struct or cell has more entries than the file has room for")
        out = []
        for _ in range(count):
            kind, start, size, after = self._tag(at, end)
            if kind != _MATRIX:
                raise _DamagedError(f"element of type {kind} where an array should be")
            out.append((self.matrix(start, start + size, depth + 1)[1], after))
            at = after
        return out

    def _text(self, dims: tuple[int, ...], at: int, end: int) -> Any:
        kind = self._tag(at, end)[0]
        letters, _ = self._numbers(at, end)
        if kind == _UTF8:
            text = letters.tobytes().decode("utf-8", "replace")
        else:
            text = "".join(map(chr, letters.tolist()))
        if dims[0] == 1:
            return text
        return [text[row :: dims[0]].rstrip() for row in range(dims[0])]

    def _numbers(self, at: int, end: int) -> tuple[np.ndarray, int]:
        kind, start, size, after = self._tag(at, end)
        if kind not in _DTYPES:
            raise _DamagedError(f"element of type {kind} where numbers should be")
        dtype = np.dtype(self.order + _DTYPES[kind])
        return np.frombuffer(self.data, dtype, size // dtype.itemsize, start), after

    def _tag(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Type, start and size of an element's bytes, and the place of the next element."""
        if at + 8 > end:
            raise _DamagedError("it ends inside an element")
        first, size = self.pair.unpack_from(self.data, at)
        if first >> 16:  # up to 4 bytes packed into the tag itself
            kind, size, start, after = first & 0xFFFF, first >> 16, at + 4, at + 8
        else:
            kind, start, after = first, at + 8, at + 8 + size + (-size % 8)
        if start + size > end or (start == at + 4 and size > 4):
            raise _DamagedError("an element is longer than what holds it")
        return kind, start, size, min(after, end)

    def _inflate(self, start: int, size: int) -> bytes:
        engine = zlib.decompressobj()
        raw = self.data[start : start + size]
        head = engine.decompress(raw, 8)
        if len(head) < 8:
            raise _DamagedError("a compressed variable is cut")
        kind, length = self.pair.unpack(head)
        if kind != _MATRIX or length > size * _ZLIB_RATIO:
            raise _DamagedError("a compressed variable has an impossible size")
        body = engine.decompress(engine.unconsumed_tail, length) if length else b""
        if len(body) < length:
            raise _DamagedError("a compressed variable is cut")
        return head + body
