"""Any file to recordings and back: `open`, `read`, `write`, and the one literal table from endings to readers.

A reader is a file of this room with `open_file(path, units) -> tuple of recordings`, where `units` is what the user
said about channels. A library's error on a damaged file becomes one sentence here, and only here.
"""

import datetime
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Signal
from signalpiece.signals.units import parse_units

# ending -> file of this room
READERS = {
    ".edf": "edf", ".edf+": "edf", ".rec": "edf", ".bdf": "edf", ".bdf+": "edf",
    ".vhdr": "brainvision", ".fif": "fif", ".fif.gz": "fif", ".set": "eeglab", ".cnt": "cnt", ".raw": "egi",
    ".snirf": "snirf", ".xdf": "xdf", ".xdfz": "xdf", ".hea": "wfdb", ".csv": "headband", ".csv.gz": "headband",
    ".nii": "nifti", ".nii.gz": "nifti",
    ".png": "picture", ".jpg": "picture", ".jpeg": "picture", ".webp": "picture",
    ".wav": "sound", ".flac": "sound", ".ogg": "sound", ".oga": "sound",
    ".mp4": "video", ".m4v": "video", ".mov": "video",
    ".obj": "mesh", ".ply": "mesh",
}  # fmt: skip
WRITERS = {
    ".edf": "edf_write", ".bdf": "edf_write", ".fif": "fif_write", ".nii": "nifti", ".nii.gz": "nifti",
    ".png": "picture", ".webp": "picture", ".jpg": "picture",
    ".wav": "sound", ".flac": "sound", ".mp4": "video", ".obj": "mesh", ".ply": "mesh",
}  # fmt: skip


def ending(path: str | Path) -> str:
    """The ending that decides the format, lower case, `.gz` kept with what stands before it."""
    suffixes = [s.lower() for s in Path(path).suffixes]
    if suffixes[-1:] == [".gz"] and len(suffixes) > 1:
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else ""


def is_known(path: str | Path) -> bool:
    """Whether the ending names a format that this library reads as more than bytes."""
    return ending(path) in READERS


def open_all(path: str | Path, *, units: Mapping[str, str] | None = None, as_bytes: bool = False) -> tuple[Any, ...]:
    """Every recording of a file; channels of several rates are several recordings, never resampled.

    Args:
        units: what the file does not say, e.g. {"C3": "uV"}; "*" stands for every channel whose unit is unknown.
        as_bytes: read the file as plain bytes whatever its ending.

    Raises:
        SignalPieceError: no such file, not what its ending says, or damaged beyond reading.
    """
    path = Path(path)
    if not path.exists():
        raise SignalPieceError(f"{path}: no such file")
    if path.is_dir():
        raise SignalPieceError(f"{path}: this is a folder; name one of the files in it")
    if not as_bytes and path.stat().st_size == 0:
        raise SignalPieceError(f"{path}: the file is empty")
    reader = "raw_bytes" if as_bytes else READERS.get(ending(path), "raw_bytes")
    return _guarded(path, _reader(reader).open_file, parse_units(units or {}))


def open(  # noqa: A001
    path: str | Path, *, units: Mapping[str, str] | None = None, recording: int | None = None, as_bytes: bool = False
) -> Any:
    """Opens a recording lazily: `grid`, `annotations`, `gaps`, `read(start, stop)`, `blocks(seconds)`, `stored()`.

    Args:
        recording: which one, counted from 0, when the file holds several (one per sampling rate).

    Raises:
        SignalPieceError: as `open_all`; or the file holds several recordings and none was chosen.
    """
    found = open_all(path, units=units, as_bytes=as_bytes)
    if not found:
        raise SignalPieceError(f"{path}: the file holds no signals")
    check_units_used(units or {}, found)
    if recording is None and len(found) > 1:
        listed = "; ".join(
            f"{i}: {', '.join(r.grid.names[:4])} at {r.grid.time_rate:g} Hz" for i, r in enumerate(found)
        )
        raise SignalPieceError(
            f"{path}: the file holds {len(found)} recordings ({listed}); choose one with recording=0"
        )
    if not 0 <= (recording or 0) < len(found):
        raise SignalPieceError(f"recording must be between 0 and {len(found) - 1}, got {recording}")
    return found[recording or 0]


def check_units_used(units: Mapping[str, str], recordings: Sequence[Any]) -> None:
    """Raises SignalPieceError if `units` speak of a channel that none of the recordings has."""
    names = {n for r in recordings for n in r.grid.names}
    for name in units:
        if name != "*" and name not in names:
            check_option("channel of units", name, sorted(names))


def read(
    path: str | Path, *, units: Mapping[str, str] | None = None, recording: int | None = None, as_bytes: bool = False
) -> Signal:
    """Loads a whole recording into memory, in SI units."""
    return open(path, units=units, recording=recording, as_bytes=as_bytes).read()


def write(path: str | Path, signal: Signal, *, start_datetime: datetime.datetime | None = None) -> None:
    """Writes a signal in the format of the ending, whole or not at all.

    Args:
        start_datetime: when the recording began, for EDF and BDF; not written unless given.

    Raises:
        SignalPieceError: the format is not written here, or cannot hold this signal.
    """
    path = Path(path)
    if ending(path) not in WRITERS:
        raise SignalPieceError(
            f"{path}: cannot write {ending(path) or 'a file without an ending'}; use {', '.join(sorted(WRITERS))}"
        )
    if not path.parent.is_dir():
        raise SignalPieceError(f"{path}: there is no folder {path.parent}")
    part = path.with_name(f".{path.stem}.part{ending(path)}")
    writer = WRITERS[ending(path)]
    more = {"start_datetime": start_datetime} if start_datetime is not None and writer == "edf_write" else {}
    try:
        _reader(writer).write_file(part, signal, **more)
        part.replace(path)
    except OSError as error:
        raise SignalPieceError(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def expand(inputs: Sequence[str | Path]) -> list[Path]:
    """Files named, and the known files in folders named, in a stable order.

    Raises:
        SignalPieceError: a name does not exist, or a folder holds no file that is known.
    """
    found: list[Path] = []
    for name in map(Path, inputs):
        if name.is_dir():
            inside = sorted(p for p in name.rglob("*") if p.is_file() and is_known(p))
            if not inside:
                raise SignalPieceError(f"{name}: no file in this folder has a known ending")
            found += inside
        elif name.exists():
            found.append(name)
        else:
            raise SignalPieceError(f"{name}: no such file")
    return found


def _reader(name: str) -> Any:
    return importlib.import_module(f"signalpiece.signals.{name}")


def _guarded(path: Path, reader: Callable[..., tuple[Any, ...]], units: Any) -> tuple[Any, ...]:
    try:
        return reader(path, units)
    except SignalPieceError:
        raise
    except MemoryError as error:
        raise SignalPieceError(f"{path}: too large to read; the header may be damaged") from error
    except Exception as error:  # whatever a format library raises on a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SignalPieceError(f"{path}: cannot be read as {ending(path)}: {reason}") from error
