"""Sound files: wav by own reading, FLAC and Ogg through soundfile; values of full scale 1, read lazily."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Grid, Sensor, Signal
from signalpiece.signals.damage import quiet
from signalpiece.signals.flac import lengths, with_length
from signalpiece.signals.recording import Recording
from signalpiece.signals.riff import read_wav

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_ENDLESS = 1 << 40  # samples; a header that says more does not know


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a sound file; stored integers for wav and FLAC.

    Raises:
        SignalPieceError: not what its ending says, soundfile is not installed, or damaged.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return (_wav(path),)
    if path.suffix.lower() == ".wav":
        raise SignalPieceError(f"{path}: this is not a wav file")
    return (_library(path),)


def _grid(channels: int, rate: float, samples: int) -> Grid:
    names = {1: ["mono"], 2: ["left", "right"]}.get(channels, [f"sound{n}" for n in range(channels)])
    sensors = tuple(Sensor(name, "sound") for name in names)
    return Grid(("channel", "time"), (None, float(rate)), ("",), (channels, samples), sensors)


def _wav(path: Path) -> Recording:
    wav = read_wav(path)
    stored = wav.stored if wav.integers else None
    grid = _grid(wav.channels, wav.rate, wav.count)
    return Recording(path, grid, wav.values, wav.annotations, wav.warnings, fetch_stored=stored, format="wav")


def _library(path: Path) -> Recording:
    soundfile = _soundfile(path)
    source: str | bytes = str(path)
    said = list[str]()
    with quiet(path) as heard:
        if path.suffix.lower() == ".flac":
            source = _true_length(path, soundfile, said)
        with soundfile.SoundFile(_source(source)) as file:
            channels, rate, frames = file.channels, file.samplerate, file.frames
            kind, name = str(file.subtype), str(file.format)
    if not 0 <= frames < _ENDLESS or (frames and not _ends_at(soundfile, source, frames)):
        raise SignalPieceError(f"{path}: the end of its samples cannot be decoded; it is cut or damaged")
    sound = _Decoder(path, source, frames, _BITS.get(kind, 0) if name == "FLAC" else 0)
    stored = sound.stored if sound.bits else None
    return Recording(path, _grid(channels, rate, frames), sound.values, (), (*said, *heard), (), stored, name)


def _true_length(path: Path, soundfile: Any, said: list[str]) -> str | bytes:
    """The file to decode: a copy with the right number of samples if the header's is missing or too large."""
    promised, found, last, at = lengths(path)
    if promised and _ends_at(soundfile, str(path), promised):
        return str(path)
    for total in dict.fromkeys((found, last)):
        if 0 < total < 1 << 36 and _ends_at(soundfile, data := with_length(path, at, total), total):
            what = f"the header promises {promised} samples" if promised else "the header gives no length"
            said.append(f"{what}; {total} samples were found")
            return data
    raise SignalPieceError(f"{path}: the end of its samples cannot be decoded or found; it is cut or damaged")


def _ends_at(soundfile: Any, source: str | bytes, total: int) -> bool:
    """Whether the last of `total` samples can be decoded."""
    try:
        with soundfile.SoundFile(_source(source)) as file:
            file.seek(total - 1)
            return len(file.read(1)) == 1
    except (RuntimeError, OSError, ValueError):
        return False


def _source(source: str | bytes) -> Any:
    return source if isinstance(source, str) else io.BytesIO(source)


def _soundfile(path: Path) -> Any:
    try:
        import soundfile
    except ImportError as error:
        raise missing_extra("soundfile", "audio", f"{path.name}: this sound file") from error
    return soundfile


class _Decoder:
    """Decodes a range of samples."""

    def __init__(self, path: Path, source: str | bytes, frames: int, bits: int) -> None:
        self.path, self.source, self.frames, self.bits = path, source, frames, bits

    def values(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        if self.bits:
            whole = self.stored(start, stop)
            return whole.values * whole.scale[:, None]
        return self._decode(start, stop, "float32").T

    def stored(self, start: int, stop: int) -> Stored:
        values = (self._decode(start, stop, "int32") >> (32 - self.bits)).T
        scale = np.full(len(values), 2.0 ** (1 - self.bits))
        return Stored(np.ascontiguousarray(values), scale, np.zeros(len(values)))

    def _decode(self, start: int, stop: int, dtype: str) -> Shaped[np.ndarray, "t c"]:
        soundfile = _soundfile(self.path)
        got = np.zeros((0, 1), dtype)
        with quiet(self.path), soundfile.SoundFile(_source(self.source)) as file:
            file.seek(start)
            got = file.read(stop - start, dtype=dtype, always_2d=True)
        if len(got) < stop - start:
            at = f"sample {start + len(got)} of {self.frames}"
            raise SignalPieceError(f"{self.path}: the sound ends or is damaged at {at}; read what is before it")
        return got


def write_file(path: Path, signal: Signal) -> None:
    """Writes wav (32-bit float, exact) or FLAC (24 bit).

    Raises:
        SignalPieceError: not channels over time, or for FLAC values outside -1..1 or a rate that is no whole number.
    """
    if signal.grid.axes != ("channel", "time"):
        raise SignalPieceError(f"a sound file holds channels over time, not {' x '.join(signal.grid.axes)}")
    rate = signal.grid.time_rate
    if rate != round(rate):
        raise SignalPieceError(f"rate must be a whole number of Hz for a sound file, got {rate:g}; resample first")
    values = np.asarray(signal.values, np.float32).T
    if path.suffix.lower() == ".wav":
        _write_wav(path, values, int(rate))
        return
    if np.abs(values).max(initial=0.0) > 1.0:
        raise SignalPieceError(f"values must be between -1 and 1 for {path.suffix}, got {np.abs(values).max():g}")
    with quiet(path):
        _soundfile(path).write(str(path), values, int(rate), subtype="PCM_24")


def _write_wav(path: Path, values: Shaped[np.ndarray, "t c"], rate: int) -> None:
    body = np.ascontiguousarray(values, "<f4")
    channels = values.shape[1]
    if body.nbytes > 0xFFFF0000:
        raise SignalPieceError(f"{body.nbytes} bytes are too many for a wav file; write FLAC or shorter pieces")
    form = struct.pack("<HHIIHHH", 3, channels, rate, 4 * channels * rate, 4 * channels, 32, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(values))
    head = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + fact + struct.pack("<4sI", b"data", body.nbytes)
    with path.open("wb") as file:
        file.write(struct.pack("<4sI", b"RIFF", len(head) + body.nbytes) + head)
        file.write(body.tobytes())
