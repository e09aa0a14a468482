"""MATLAB files of version 7.3 (HDF5 inside) as plain Python values, as `matlab.read_matlab` gives them."""

from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.hdf5 import check_size, open_hdf5

_LARGE = 1 << 20  # numbers from which an array stays in the file
_DEEPEST = 24


class Columns:
    """A large matrix left in the file: `shape` as MATLAB has it, columns read when sliced."""

    def __init__(self, path: Path, name: str, shape: tuple[int, ...]) -> None:
        self.path, self.name, self.shape = path, name, shape
        self.ndim = len(shape)

    def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
        rows, columns = key
        with open_hdf5(self.path, known=True) as (file, _):
            return np.asarray(file[self.name][columns, rows]).T


def read_matlab73(path: Path) -> dict[str, Any]:
    """Variables of a file of version 7.3.

    Raises:
        SignalPieceError: h5py is not installed, or the file is damaged.
    """
    with open_hdf5(path) as (file, _):
        return {name: _value(path, file, item, 0) for name, item in file.items() if not name.startswith("#")}


def _value(path: Path, file: Any, item: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise SignalPieceError(f"{path}: structs are nested too deeply; the file is damaged")
    if hasattr(item, "keys"):
        return _struct(path, file, item, depth)
    kind = item.attrs.get("MATLAB_class", b"")
    if item.attrs.get("MATLAB_empty", 0):
        return {b"char": "", b"cell": [], b"struct": []}.get(kind, np.zeros((0, 0)))
    check_size(item)
    if item.dtype == object:  # references: a cell
        return [_value(path, file, file[ref], depth + 1) for ref in np.asarray(item).ravel()]
    if kind == b"char":
        letters = np.asarray(item).T
        rows = ["".join(map(chr, row)) for row in np.atleast_2d(letters).tolist()]
        return rows[0] if len(rows) == 1 else rows
    if item.size > _LARGE and item.ndim == 2:
        return Columns(path, item.name, item.shape[::-1])
    return np.asarray(item).T


def _struct(path: Path, file: Any, group: Any, depth: int) -> Any:
    fields = {name: group[name] for name in group}
    arrays = [
        f for f in fields.values() if not hasattr(f, "keys") and f.dtype == object and "MATLAB_class" not in f.attrs
    ]
    if not arrays or len(arrays) < len(fields):
        return {name: _value(path, file, item, depth + 1) for name, item in fields.items()}
    columns = {name: [file[ref] for ref in np.asarray(item).ravel()] for name, item in fields.items()}
    count = min(len(c) for c in columns.values())
    return [{name: _value(path, file, c[k], depth + 1) for name, c in columns.items()} for k in range(count)]
