"""HDF5 files opened with care: heaps that would hang the HDF5 library are found first, sizes are checked before arrays.

The library walks its global heaps by the sizes that stand in them; an entry of size 0 makes it walk for ever.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.signals.damage import check_room, quiet

_SIGNATURE, _HEAP = b"\x89HDF\r\n\x1a\n", b"GCOL"
_PACK_RATIO = 1100  # deflate cannot expand more than this


def is_hdf5(path: Path) -> bool:
    """Whether the file begins like HDF5, perhaps behind a block of 512 bytes of its maker (MATLAB)."""
    with path.open("rb") as file:
        head = file.read(520)
    return _SIGNATURE in (head[:8], head[512:520])


@contextmanager
def open_hdf5(path: Path, *, known: bool = False) -> Iterator[tuple[Any, list[str]]]:
    """The opened file, and a list that holds what the library warned of once this is left.

    Args:
        path: the file.
        known: its heaps were checked before.

    Raises:
        SignalPieceError: h5py is not installed, or the file is no HDF5 or damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise missing_extra("h5py", "eeg", f"{path.name}: this kind of file") from error
    if not known:
        if not is_hdf5(path):
            raise SignalPieceError(f"{path}: this is not an HDF5 file")
        _check_heaps(path)
    with quiet(path) as said, h5py.File(path, "r") as file:
        yield file, said


def array_of(item: Any) -> Shaped[np.ndarray, "..."]:
    """All values of a data set.

    Raises:
        SignalPieceError: it promises more than its bytes can hold.
    """
    check_size(item)
    return np.asarray(item)


def check_size(item: Any) -> None:
    """Raises SignalPieceError if a data set promises more than its bytes can hold."""
    if item.size:
        path = Path(item.file.filename)
        _check_texts(path, item)
        check_room(path, item.name, item.size * item.dtype.itemsize, item.id.get_storage_size() * _PACK_RATIO)


def _check_texts(path: Path, item: Any) -> None:
    """Raises if texts of varying length claim more bytes than the file has, before the library allocates them."""
    at = item.id.get_offset() if "vlen" in (item.dtype.metadata or {}) else None
    if at is None:
        return
    with path.open("rb") as file:
        file.seek(at)
        raw = file.read(16 * min(item.size, 1 << 16))  # length, place and number in a heap of each text
    sizes = np.frombuffer(raw[: len(raw) // 16 * 16], np.dtype([("size", "<u4"), ("rest", "V12")]))["size"]
    check_room(path, item.name, int(sizes.sum(dtype=np.int64)), path.stat().st_size)


def _check_heaps(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_HEAP)
        while at >= 0:
            if at + 16 <= len(data) and data[at + 4] == 1:
                (size,) = struct.unpack_from("<Q", data, at + 8)
                _walk(path, data, at + 16, min(at + size, len(data)))
            at = data.find(_HEAP, at + 4)


def _walk(path: Path, data: Any, at: int, end: int) -> None:
    while at + 16 <= end:
        (index,) = struct.unpack_from("<H", data, at)
        (size,) = struct.unpack_from("<Q", data, at + 8)
        step = 16 + size + -size % 8 if index else size
        if step <= 0:
            raise SignalPieceError(f"{path}: a heap of this HDF5 file is damaged at byte {at}")
        at += step
