"""Neuroscan CNT: microvolts by baseline, sensitivity and calibration; 16 or 32 bits told from where the events stand.

Layout of SETUP, ELECTLOC and TEEG as in http://paulbourke.net/dataformats/eeg/. The header does not say how wide
samples are and often miscounts them; where size and count disagree the samples themselves decide, a doubt is refused.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid
from signalpiece.signals.channels import kind_of, sensors_of, unique
from signalpiece.signals.damage import single
from signalpiece.signals.recording import Recording

_HEAD, _ROW = 900, 75
_EVENTS = {1: struct.Struct("<HBBi"), 2: struct.Struct("<HBBihhfBBB"), 3: struct.Struct("<HBBihhfBBB")}
_LOOK = 1 << 18  # 16-bit words looked at to tell the width


@dataclass(frozen=True)
class _Layout:
    """Where samples lie: bytes per sample, samples per channel and block, samples per channel in all."""

    path: Path
    channels: int
    width: int
    block: int
    samples: int
    scale: Float[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]

    @property
    def start(self) -> int:
        return _HEAD + _ROW * self.channels

    def integers(self, start: int, stop: int) -> Int[np.ndarray, "c t"]:
        first, last = start // self.block, -(-stop // self.block)
        size = (last - first) * self.block * self.channels
        if not size:
            return np.zeros((self.channels, 0), np.int32)
        with self.path.open("rb") as file:
            file.seek(self.start + first * self.block * self.channels * self.width)
            raw = file.read(size * self.width)
        if len(raw) < size * self.width:
            raise SignalPieceError(f"{self.path}: it became shorter while it was read")
        blocks = np.frombuffer(raw, f"<i{self.width}").reshape(-1, self.channels, self.block)
        flat = blocks.swapaxes(0, 1).reshape(self.channels, -1) if self.block > 1 else blocks[:, :, 0].T
        return flat[:, start - first * self.block : stop - first * self.block].astype(np.int32)

    def values(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        return single(self.integers(start, stop) * self.scale[:, None] + self.offset[:, None])

    def stored(self, start: int, stop: int) -> Stored:
        return Stored(np.ascontiguousarray(self.integers(start, stop)), self.scale.copy(), self.offset.copy())


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a continuous recording.

    Args:
        path: the file.
        units: what the user said about channels; others are microvolts, as the format has it.

    Raises:
        SignalPieceError: not CNT, damaged, or the width of samples cannot be told.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        channels = struct.unpack_from("<H", head, 370)[0] if len(head) == _HEAD else 0
        table = file.read(_ROW * channels)
    if not head.startswith(b"Version") or not channels or len(table) < _ROW * channels:
        raise SignalPieceError(f"{path}: this is not a Neuroscan CNT file, or it is cut inside its header")
    rate = struct.unpack_from("<H", head, 376)[0]
    if not rate:
        raise SignalPieceError(f"{path}: a sampling rate of 0 Hz cannot be; the header is damaged")
    warnings = list[str]()
    end = _events_place(head, size, _HEAD + len(table), warnings)
    width = _width(path, head, channels, end, warnings)
    rows = [table[n : n + _ROW] for n in range(0, len(table), _ROW)]
    names = unique([row[:10].split(b"\0")[0].decode("latin-1").strip() for row in rows])
    scale, offset = _scales(path, rows)
    given = [units.get(name, ("V", 1e-6)) for name in names]
    factor = np.array([f for _, f in given])
    block = struct.unpack_from("<i", head, 894)[0] // width if struct.unpack_from("<i", head, 894)[0] > 1 else 1
    samples = (end - _HEAD - len(table)) // (channels * width)
    if block > 1 and (block > samples or samples % block):
        warnings.append(f"blocks of {block} samples do not fit {samples} samples; read sample by sample")
        block = 1
    layout = _Layout(path, channels, width, block, samples, scale * factor, offset * factor)
    bad = [name for name, row in zip(names, rows, strict=True) if row[14]]
    if bad:
        warnings.append(f"marked as bad in the file: {', '.join(bad)}")
    kinds = [kind_of(name) for name in names]
    grid = Grid(
        ("channel", "time"), (None, float(rate)), tuple(u for u, _ in given), (channels, samples),
        sensors_of(names, kinds),
    )  # fmt: skip
    notes = _annotations(path, end, layout, rate, warnings)
    return (
        Recording(path, grid, layout.values, notes, tuple(warnings), (), layout.stored, "CNT", (), _identity(head)),
    )


def _events_place(head: bytes, size: int, start: int, warnings: list[str]) -> int:
    """Where samples end and the event table begins; the 32-bit number in the header wraps in large files."""
    place = struct.unpack_from("<I", head, 886)[0]
    while place < start and place + (1 << 32) <= size:
        place += 1 << 32
    while place + (1 << 32) <= size - 9:
        place += 1 << 32
    if start <= place <= size:
        return place
    warnings.append("the event table is not where the header says; samples are read to the end of the file")
    return size


def _width(path: Path, head: bytes, channels: int, end: int, warnings: list[str]) -> int:
    """Bytes per sample."""
    start = _HEAD + _ROW * channels
    size, count = end - start, struct.unpack_from("<I", head, 864)[0]
    for width in (2, 4):
        if count and count * channels * width == size:
            return width
    width = _width_of_samples(path, start, size, channels)
    if not width:
        raise SignalPieceError(
            f"{path}: whether samples have 16 or 32 bits cannot be told; the header contradicts itself"
        )
    samples = size // (channels * width)
    warnings.append(f"the header counts {count} samples; {samples} samples of {8 * width} bits were found")
    return width


def _width_of_samples(path: Path, start: int, size: int, channels: int) -> int:
    """Bytes per sample from the samples: the upper halves of 32-bit ones hardly move; 0 if that does not tell."""
    if size % (4 * channels):
        return 2 if size % (2 * channels) == 0 else 0
    with path.open("rb") as file:
        file.seek(start)
        raw = file.read(min(size, 2 * _LOOK) // 4 * 4)
    words = np.frombuffer(raw, "<i2").astype(np.int64)
    low, high = words[::2], words[1::2]
    if not len(high) or not words.any():
        return 0
    if (high == np.where(low < 0, -1, 0)).mean() > 0.98:
        return 4
    moved, whole = np.ptp(high), np.ptp(low)
    if (moved + 1) * 50 < whole:
        return 4
    return 2 if moved >= 4 else 0


def _scales(path: Path, rows: list[bytes]) -> tuple[Float[np.ndarray, "c"], Float[np.ndarray, "c"]]:
    """Microvolts per step and microvolts at 0."""
    baseline = np.array([struct.unpack_from("<h", row, 47)[0] for row in rows], float)
    sensitivity = np.array([struct.unpack_from("<f", row, 59)[0] for row in rows], float)
    calibration = np.array([struct.unpack_from("<f", row, 71)[0] for row in rows], float)
    scale = sensitivity * calibration / 204.8
    if not np.isfinite(scale).all() or np.abs(scale).max(initial=0) > 1e12:
        raise SignalPieceError(f"{path}: a sensitivity or calibration is no sensible number; the header is damaged")
    return scale, -baseline * scale


def _annotations(path: Path, place: int, layout: _Layout, rate: int, warnings: list[str]) -> tuple[Annotation, ...]:
    with path.open("rb") as file:
        file.seek(place)
        head = file.read(9)
        if len(head) < 9:
            return ()
        kind, size, _ = struct.unpack("<Bii", head)
        table = file.read(max(size, 0)) if size <= path.stat().st_size else b""
    if kind not in _EVENTS:
        if size:
            warnings.append(f"events of kind {kind} are not known and were left out")
        return ()
    form = _EVENTS[kind]
    if len(table) < size:
        warnings.append("the table of events is cut")
    notes, bad = list[Annotation](), list[tuple[float, str]]()
    for code, keyboard, pad, offset, *_ in form.iter_unpack(table[: len(table) // form.size * form.size]):
        sample = offset if kind == 3 else (offset - layout.start) // (layout.channels * layout.width)
        onset = sample / rate
        text = f"KeyPad {pad & 15}" if pad & 15 else f"Keyboard {keyboard}" if keyboard else str(code)
        if pad >> 4 == 0xC:  # a stretch is rejected from here on
            bad.append((onset, text))
        elif pad >> 4 == 0xD and bad:
            notes += [Annotation(at, onset - at, f"BAD_{name}") for at, name in bad]
            bad = []
        elif pad >> 4 != 0xD:
            notes.append(Annotation(onset, 0.0, text))
    end = layout.samples / rate
    notes += [Annotation(at, max(end - at, 0.0), f"BAD_{name}") for at, name in bad]
    return tuple(sorted(notes, key=lambda note: note.onset))


def _identity(head: bytes) -> dict[str, str]:
    fields = {"id": (21, 20), "name": (121, 20), "date": (225, 10), "time": (235, 12)}
    said = {k: head[at : at + n].split(b"\0")[0].decode("latin-1").strip() for k, (at, n) in fields.items()}
    return {k: v for k, v in said.items() if v}
