"""PNG, JPEG and WebP as they are meant to be seen: turned by EXIF, inks as light, 16 bits kept; values 0..1.

Axes ("row", "column", "color"); colour has 1 (grey), 2 (grey, opacity), 3 or 4 (with opacity) entries.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.damage import quiet
from signalpiece.signals.still import Still

_FORMATS = {".png": ("PNG",), ".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".webp": ("WEBP",)}
_COLOURS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1, "F": 1, "I": 1}
_MOST_PIXELS = 1 << 28
_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange rows and columns


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Still, ...]:
    """Opens a picture; its size is known at once, its pixels are decoded by `read`.

    Raises:
        SignalPieceError: not a picture of the ending's format, Pillow is not installed, or damaged.
    """
    image_library = _pillow(path)
    with quiet(path) as said, image_library.open(path) as image:
        found, mode, (width, height) = image.format, image.mode, image.size
        turn = _orientation(path, image)
        frames = int(getattr(image, "n_frames", 1))
        transparent = "transparency" in image.info
    if found not in _FORMATS.get(path.suffix.lower(), (found,)):
        said.append(f"the ending says {path.suffix} and the contents are {found}")
    if frames > 1 and found != "MPO":
        said.append(f"it holds {frames} pictures; the first is read")
    if width * height > _MOST_PIXELS:
        raise SignalPieceError(f"{path}: {width} x {height} pixels are more than {_MOST_PIXELS}; cut it into tiles")
    deep = _deep(path) if found == "PNG" else 0
    colours = deep or _COLOURS[_target(mode, transparent)]
    shape = (width, height, colours) if turn in _TURNED else (height, width, colours)
    grid = Grid(("row", "column", "color"), (None, None, None), ("",), shape)

    def load(start: int, stop: int) -> Float[np.ndarray, "row column color"]:
        return _turn(_deep_pixels(path) if deep else _pixels(path, transparent), turn)

    facts = {"mode": mode, "orientation": turn, "bits": 16 if deep or mode.startswith("I") else 8}
    return (Still(path, grid, load, warnings=tuple(said), format=found, extra=facts),)


def _pillow(path: Path) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise missing_extra("Pillow", "image", f"{path.name}: a picture") from error
    return Image


def _target(mode: str, transparent: bool) -> str:
    """The mode that pixels are brought to."""
    if mode in ("L", "1") and not transparent:
        return "L"
    if mode in ("LA", "La") or (mode in ("L", "1") and transparent):
        return "LA"
    if mode.startswith("I;16"):
        return "I;16"
    if mode in ("I", "F"):
        return mode
    return "RGBA" if transparent or mode in ("RGBA", "RGBa", "PA") else "RGB"


def _deep(path: Path) -> int:
    """Colours of a PNG of 16 bits that Pillow would cut to 8; 0 for other pictures."""
    with path.open("rb") as file:
        head = file.read(26)
    return {2: 3, 4: 2, 6: 4}.get(head[25], 0) if len(head) == 26 and head[24] == 16 else 0


def _orientation(path: Path, image: Any) -> int:
    """EXIF orientation, 1 to 8; found without decoding, also where PNG has it behind the pixels."""
    if image.format != "PNG" or "exif" in image.info or "Raw profile type exif" in image.info:
        found = image.getexif().get(0x0112, 1)
    else:
        from PIL import Image

        exif = Image.Exif()
        exif.load(_late_exif(path))
        found = exif.get(0x0112, 1)
    return found if found in range(1, 9) else 1


def _late_exif(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[:4], "big")
            if head[4:] == b"eXIf":
                return b"Exif\0\0" + file.read(min(size, 1 << 16))
            file.seek(size + 4, 1)
    return b""


def _deep_pixels(path: Path) -> Float[np.ndarray, "row column color"]:
    from signalpiece.signals.png16 import read_png16  # brings numba

    with quiet(path):
        return read_png16(path)


def _pixels(path: Path, transparent: bool) -> Float[np.ndarray, "row column color"]:
    with quiet(path), _pillow(path).open(path) as image:
        image.seek(0)
        target = _target(image.mode, transparent)
        if image.mode == target or target == "I;16":
            values = np.asarray(image)
        else:
            values = np.asarray(image.convert(target))
    return _unit_range(values if values.ndim == 3 else values[..., None], target)


def _unit_range(values: Shaped[np.ndarray, "row column color"], mode: str) -> Float[np.ndarray, "row column color"]:
    if mode == "F":
        return values.astype(np.float32)
    full = 65535.0 if mode in ("I;16", "I") else 255.0
    return (values.astype(np.float32) / full).astype(np.float32)


def _turn(values: Float[np.ndarray, "row column color"], turn: int) -> Float[np.ndarray, "h w color"]:
    """Pixels as seen, from pixels as stored, by EXIF orientation."""
    if turn in _TURNED:
        values = values.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        values = values[::-1]
    if turn in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def write_file(path: Path, signal: Signal) -> None:
    """Writes pixels of 0..1 at 8 bits: PNG and WebP without loss of these, JPEG at quality 95.

    Raises:
        SignalPieceError: not rows x columns x colours, or values outside 0..1.
    """
    image_library = _pillow(path)
    values = np.asarray(signal.values, np.float32)
    if signal.grid.axes != ("row", "column", "color") or values.shape[2] not in (1, 2, 3, 4):
        raise SignalPieceError(f"a picture is row x column x color (1 to 4), not {' x '.join(signal.grid.axes)}")
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if low < -1e-6 or high > 1 + 1e-6:
        raise SignalPieceError(f"pixels must be between 0 and 1, got {low:g} to {high:g}")
    colours, suffix = values.shape[2], path.suffix.lower()
    if suffix == ".jpg" and colours in (2, 4):
        raise SignalPieceError("JPEG has no opacity; drop the last colour or write PNG")
    bytes_ = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    image = image_library.fromarray(bytes_[..., 0] if colours == 1 else bytes_)
    options: dict[str, Any] = {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".webp": {"lossless": True, "exact": True},
    }.get(suffix, {})
    with quiet(path):
        image.save(path, **options)
