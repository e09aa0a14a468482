"""NIfTI-1 and NIfTI-2 volumes and series, plain or zipped: own header reading, values lazily volume by volume.

Rules of nifti1.h that readers disagree on: a slope of 0 means unscaled (its intercept too), sform goes before qform
when its code is above 0, lengths and times are in the units that `xyzt_units` says. The grid's affine is in metres.
"""

import gzip
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.damage import check_room, one_sentence
from signalpiece.signals.still import Still

_DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_OTHER = {1: "bits", 32: "complex numbers", 128: "colours (RGB)", 1536: "128-bit floats", 1792: "complex numbers"}
_METRES = {1: 1.0, 2: 1e-3, 3: 1e-6}
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
_AXES = ("x", "y", "z", "time", "u", "v", "w")
_ZIP_RATIO = 1100


@dataclass
class _Header:
    """What the header says, made plain."""

    order: str
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    slope: float
    inter: float
    affine: Float[np.ndarray, "4 4"]
    zooms: tuple[float, ...]
    metre: float
    second: float | None
    warnings: list[str] = field(default_factory=list)


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Still, ...]:
    """Opens a volume ("x", "y", "z") or a series with "time" behind; values in scanner units.

    Raises:
        SignalPieceError: not NIfTI, a number type that is not read, or damaged.
    """
    zipped = path.name.lower().endswith(".gz")
    with one_sentence(path), gzip.open(path) if zipped else path.open("rb") as file:
        head = _header(path, file.read(540))
    need = head.offset + int(np.prod(head.shape, dtype=object)) * head.dtype.itemsize
    size = path.stat().st_size
    check_room(path, f"an array of {' x '.join(map(str, head.shape))}", need, size * _ZIP_RATIO if zipped else size)
    load = _Values(path, zipped, head)
    axes = _AXES[: len(head.shape)]
    rate = [1 / (z * head.metre) if z > 0 else None for z in head.zooms[:3]]
    extra: dict[str, object] = {"voxel_millimetres": tuple(z * head.metre * 1e3 for z in head.zooms[:3])}
    if len(head.shape) > 3:
        step = head.zooms[3] * head.second if head.second else 0.0
        rate += [1 / step if step > 0 else None] + [None] * (len(head.shape) - 4)
        extra["repetition_seconds"] = step or None
    affine = head.affine.copy()
    affine[:3] *= head.metre
    grid = Grid(axes, tuple(rate), ("",), head.shape, affine=tuple(tuple(map(float, row)) for row in affine))
    return (Still(path, grid, load, warnings=tuple(head.warnings), format="NIfTI", extra=extra),)


def _header(path: Path, raw: bytes) -> _Header:
    sizes = {struct.unpack_from(o + "i", raw)[0]: o for o in "<>"} if len(raw) >= 348 else {}
    if 348 in sizes and raw[344:347] in (b"n+1", b"ni1"):
        order, layout = sizes[348], _LAYOUT1
    elif 540 in sizes and len(raw) >= 540 and raw[4:7] in (b"n+2", b"ni2"):
        order, layout = sizes[540], _LAYOUT2
    else:
        raise SignalPieceError(f"{path}: this is not a NIfTI file")
    if raw[layout["magic"][0] + 1 : layout["magic"][0] + 2] == b"i":
        raise SignalPieceError(f"{path}: its voxels are in a separate .img file; convert the pair to one .nii")
    said = {name: struct.unpack_from(order + form, raw, at) for name, (at, form) in layout.items()}
    dims = said["dim"]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise SignalPieceError(f"{path}: dimensions {dims} cannot be; the header is damaged")
    shape = tuple(map(int, dims[1 : dims[0] + 1])) + (1,) * (3 - dims[0])
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    code = said["datatype"][0]
    if code not in _DTYPES:
        raise SignalPieceError(f"{path}: voxels are {_OTHER.get(code, f'of type {code}')}, which is not read")
    zooms = tuple(abs(z) if np.isfinite(z) else 0.0 for z in said["pixdim"][1:8])
    slope, inter = float(said["slope"][0]), float(said["slope"][1])
    scaled = np.isfinite([slope, inter]).all() and slope != 0
    offset = said["offset"][0]
    if not 0 <= offset < 1 << 40:
        raise SignalPieceError(f"{path}: voxels begin at byte {offset:g}, which cannot be; the header is damaged")
    head = _Header(
        order, shape, np.dtype(order + _DTYPES[code]), int(offset), slope if scaled else 1.0, inter if scaled else 0.0,
        np.eye(4), zooms, 1e-3, None,
    )  # fmt: skip
    _set_units(head, said["units"][0])
    _set_affine(head, said)
    return head


_LAYOUT1 = {
    "dim": (40, "8h"), "datatype": (70, "h"), "pixdim": (76, "8f"), "offset": (108, "f"), "slope": (112, "2f"),
    "units": (123, "B"), "codes": (252, "2h"), "quatern": (256, "6f"), "srow": (280, "12f"), "magic": (344, "4s"),
}  # fmt: skip
_LAYOUT2 = {
    "dim": (16, "8q"), "datatype": (12, "h"), "pixdim": (104, "8d"), "offset": (168, "q"), "slope": (176, "2d"),
    "units": (500, "i"), "codes": (344, "2i"), "quatern": (352, "6d"), "srow": (400, "12d"), "magic": (4, "4s"),
}  # fmt: skip


def _set_units(head: _Header, code: int) -> None:
    if code & 7 in _METRES:
        head.metre = _METRES[code & 7]
    else:
        head.warnings.append("the header gives no unit of length; millimetres are assumed, as is usual")
    if len(head.shape) < 4:
        return
    step = head.zooms[3]
    if code & 56 in _SECONDS:
        head.second = _SECONDS[code & 56]
        if step * head.second > 100:
            head.warnings.append(f"the header says {step * head.second:g} s from volume to volume, perhaps mistaken")
    elif code & 56 == 0 and 0 < step <= 60:
        head.second = 1.0
        head.warnings.append(f"the header gives no unit of time; a step of {step:g} is taken as seconds")
    elif step > 0:
        head.warnings.append(f"the header gives a step of {step:g} along the fourth axis in no unit of time; no rate")


def _set_affine(head: _Header, said: Mapping[str, tuple[float, ...]]) -> None:
    """Voxel indices to the header's unit of length: sform, else qform, else voxel sizes about the middle."""
    qcode, scode = said["codes"]
    qform, sform = _qform(said, head.zooms), np.vstack([np.reshape(said["srow"], (3, 4)), [0, 0, 0, 1]])
    if scode > 0 and np.isfinite(sform).all() and sform[:3, :3].any():
        head.affine = sform
        if qcode > 0 and not np.allclose(qform, sform, atol=0.1 * max(head.zooms[:3], default=1.0)):
            head.warnings.append("qform and sform disagree; sform is used, as is usual")
    elif qcode > 0 and np.isfinite(qform).all():
        head.affine = qform
    else:
        scale = np.diag([*(z or 1.0 for z in head.zooms[:3]), 1.0])
        scale[:3, 3] = -scale.diagonal()[:3] * (np.array(head.shape[:3]) - 1) / 2
        head.affine = scale
        head.warnings.append("the header places the volume nowhere; its middle is taken as the origin")


def _qform(said: Mapping[str, tuple[float, ...]], zooms: tuple[float, ...]) -> Float[np.ndarray, "4 4"]:
    b, c, d, *shift = said["quatern"]
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    side = -1.0 if said["pixdim"][0] < 0 else 1.0
    out = np.eye(4)
    out[:3, :3] = turn * (np.array([*zooms[:2], zooms[2] * side]))
    out[:3, 3] = shift
    return out


class _Values:
    """Values of some volumes of a series, or of the whole volume."""

    def __init__(self, path: Path, zipped: bool, head: _Header) -> None:
        self.path, self.zipped, self.head = path, zipped, head

    def __call__(self, start: int, stop: int) -> Float[np.ndarray, "..."]:
        head, shape = self.head, self.head.shape
        if len(shape) > 3:
            shape = (*shape[:3], stop - start, *shape[4:])
        with one_sentence(self.path), np.errstate(over="ignore", invalid="ignore"):
            flat = self._stored(start, stop)
            values = flat.reshape(shape, order="F") * np.float64(head.slope) + np.float64(head.inter)
            return values.astype(np.float32)

    def _stored(self, start: int, stop: int) -> Shaped[np.ndarray, "n"]:
        head = self.head
        volume = int(np.prod(head.shape[:3]))
        if len(head.shape) <= 4:
            first, count = (start * volume, (stop - start) * volume) if len(head.shape) == 4 else (0, volume)
            return self._range(first, count)
        rest = int(np.prod(head.shape[4:]))
        pieces = [self._range((k * head.shape[3] + start) * volume, (stop - start) * volume) for k in range(rest)]
        return np.concatenate(pieces)

    def _range(self, first: int, count: int) -> Shaped[np.ndarray, "n"]:
        size = self.head.dtype.itemsize
        with gzip.open(self.path) if self.zipped else self.path.open("rb") as file:
            file.seek(self.head.offset + first * size)
            raw = file.read(count * size)
        check_room(self.path, "these volumes", count * size, len(raw))
        return np.frombuffer(raw, self.head.dtype)


def write_file(path: Path, signal: Signal) -> None:
    """Writes a volume or series as float32 NIfTI-1 in millimetres and seconds.

    Raises:
        SignalPieceError: not x, y, z (and time), or a side longer than NIfTI-1 can say.
    """
    grid = signal.grid
    if grid.axes not in (_AXES[:3], _AXES[:4]):
        raise SignalPieceError(f"NIfTI holds x, y, z and time, not {' x '.join(grid.axes)}")
    if max(grid.shape) > 32767:
        raise SignalPieceError(f"a side of {max(grid.shape)} voxels is more than 32767; cut the volume")
    zooms = [1e3 / r if r else 1.0 for r in grid.rate[:3]]
    step = 1 / grid.rate[3] if len(grid.rate) > 3 and grid.rate[3] else 0.0
    affine = np.array(grid.affine if grid.affine is not None else np.diag([*(z / 1e3 for z in zooms), 1.0]))
    head = bytearray(352)
    values = {
        "dim": (len(grid.shape), *grid.shape, *[1] * (7 - len(grid.shape))), "datatype": (16,),
        "pixdim": (1, *zooms, step, 1, 1, 1), "offset": (352,), "slope": (1, 0), "units": (2 | 8,), "codes": (0, 1),
        "quatern": (0,) * 6, "srow": tuple((affine[:3] * 1e3).ravel()), "magic": (b"n+1",),
    }  # fmt: skip
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<h", head, 72, 32)
    for name, (at, form) in _LAYOUT1.items():
        struct.pack_into("<" + form, head, at, *values[name])
    body = np.asarray(signal.values, "<f4").tobytes(order="F")
    zipped = path.name.lower().endswith(".gz")
    with gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) if zipped else path.open("wb") as file:
        file.write(bytes(head) + body)
