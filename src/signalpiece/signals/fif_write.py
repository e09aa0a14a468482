"""FIF out: float32 samples, kinds, units and places of channels, all annotations; read by MNE and by this library.

Stretches where no channel is valid hold their filler values under an annotation "BAD_gap"; channels that are never
valid are listed as bad. Names of persons and dates are not written. Text is Latin-1 as MNE has it, else UTF-8.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Sensor, Signal
from signalpiece.signals.channels import unique

_INT, _FLOAT, _DOUBLE, _STRING, _CHANNEL, _ID, _TURN = 3, 4, 5, 10, 30, 31, 35  # types of content
_KINDS = {
    "mag": (1, 3024), "grad": (1, 3012), "ref_meg": (301, 0), "eeg": (2, 1), "seeg": (802, 1), "dbs": (803, 1),
    "ecog": (902, 1), "eog": (202, 0), "emg": (302, 0), "ecg": (402, 0), "resp": (602, 0), "bio": (102, 0),
    "stim": (3, 0), "hbo": (1100, 300), "hbr": (1100, 301), "gsr": (1300, 0), "temperature": (1200, 0),
}  # fmt: skip
_MISC = (502, 0)
_UNITS = {
    "m": 1, "s": 3, "A": 4, "mol": 6, "rad": 7, "Hz": 101, "Pa": 103, "W": 105, "V": 107, "Ohm": 109, "S": 110,
    "T": 112, "degC": 114, "T/m": 201,
}  # fmt: skip
_LARGEST = 2_000_000_000
_SHORT = 15  # bytes of a name in a channel's own record


def write_file(path: Path, signal: Signal) -> None:
    """Writes channels in time.

    Raises:
        SignalPieceError: not channels in time, no samples, or more than 2 GB.
    """
    grid = signal.grid
    if grid.axes != ("channel", "time") or not all(grid.shape):
        raise SignalPieceError(f"{path.name}: FIF holds channels in time, not {' x '.join(grid.axes)} of {grid.shape}")
    values = np.asarray(signal.values)
    if values.size * 4 > _LARGEST:
        raise SignalPieceError(f"{path.name}: {values.size * 4} bytes are more than FIF holds; write pieces, or EDF")
    count = len(values)
    sensors = grid.sensors or tuple(Sensor(f"ch{c}") for c in range(count))
    names = unique([s.name for s in sensors])
    valid = None if signal.valid is None else np.broadcast_to(np.asarray(signal.valid), grid.shape)
    notes = [*signal.annotations, *_gaps(valid, grid.time_rate, grid.start)]
    with path.open("wb") as file:
        head = _tag(100, _ID, struct.pack(">5i", 65540, 1, 2, 0, 0)) + _number(101, -1) + _number(106, -1)
        head += _number(104, 100) + _information(signal, sensors, names, valid)
        file.write(head + _annotations(notes, grid.start) + _number(104, 102))
        size = max(min(round(grid.time_rate), (1 << 22) // count), 1)
        for first in range(0, values.shape[1], size):
            file.write(_tag(300, _FLOAT, values[:, first : first + size].T.astype(">f4").tobytes()))
        file.write(_number(105, 102) + _number(105, 100) + struct.pack(">4i", 108, 0, 0, -1))


def _tag(kind: int, type_: int, content: bytes) -> bytes:
    return struct.pack(">4i", kind, type_, len(content), 0) + content


def _coded(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def _number(kind: int, value: int) -> bytes:
    return _tag(kind, _INT, struct.pack(">i", value))


def _block(kind: int, content: bytes) -> bytes:
    return _number(104, kind) + content + _number(105, kind)


def _information(
    signal: Signal, sensors: Sequence[Sensor], names: Sequence[str], valid: Bool[np.ndarray, "c t"] | None
) -> bytes:
    rate = signal.grid.time_rate
    out = _number(200, len(names)) + _tag(201, _FLOAT, struct.pack(">f", rate))
    out += _tag(219, _FLOAT, struct.pack(">f", rate / 2)) + _tag(223, _FLOAT, struct.pack(">f", 0.0))
    out += _tag(204, _INT, struct.pack(">2i", 0, 2147483647))  # no date
    coded = [_coded(name) for name in names]
    long = any(len(c) > _SHORT for c in coded)
    short = [c if not long else f"{n + 1}".encode() for n, c in enumerate(coded)]
    for number, (sensor, name) in enumerate(zip(sensors, short, strict=True)):
        out += _channel(number + 1, sensor, name, signal.grid.unit(number))
    if long:
        out += b"".join(_block(113, _tag(258, _STRING, c)) for c in coded)
    if any(s.kind in ("mag", "grad", "ref_meg") and s.position for s in sensors):
        eye = [*np.eye(3).ravel(), 0, 0, 0] * 2  # places are in head coordinates: device and head are one
        out += _tag(222, _TURN, struct.pack(">2i24f", 1, 4, *eye))
    bad = [] if valid is None else [names[c] for c in range(len(names)) if not valid[c].any()]
    if bad and len(bad) < len(names):
        out += _block(359, _tag(3507, _STRING, _coded(":".join(b.replace(":", "{COLON}") for b in bad))))
    return _block(101, out)


def _channel(number: int, sensor: Sensor, name: bytes, unit: str) -> bytes:
    kind, coil = _KINDS.get(sensor.kind, _MISC)
    place = [*sensor.position, *[0.0] * 9] if sensor.position else [np.nan] * 12
    code = 107 if sensor.kind == "stim" else _UNITS.get(unit, -1)
    row = struct.pack(">3i2fi12f2i16s", number, number, kind, 1.0, 1.0, coil, *place, code, 0, name)
    return _tag(203, _CHANNEL, row)


def _annotations(notes: Sequence[Annotation], start: float) -> bytes:
    """Onsets count from the first sample written; `start` is where it stands in the recording."""
    if not notes:
        return b""
    onsets = np.array([n.onset - start for n in notes], ">f8")
    ends = onsets + np.array([n.duration for n in notes])
    text = b":".join(_coded(n.text.replace(":", "{COLON}")) for n in notes)
    content = _tag(3568, _DOUBLE, onsets.tobytes()) + _tag(3569, _DOUBLE, ends.astype(">f8").tobytes())
    return _block(3810, content + _tag(206, _STRING, text))


def _gaps(valid: Bool[np.ndarray, "c t"] | None, rate: float, start: float) -> list[Annotation]:
    """Annotations over stretches where no channel is valid."""
    if valid is None:
        return []
    lost = np.concatenate([[0], ~valid.any(0), [0]]).astype(np.int8)
    starts, stops = np.flatnonzero(np.diff(lost) == 1), np.flatnonzero(np.diff(lost) == -1)
    return [Annotation(start + a / rate, (b - a) / rate, "BAD_gap") for a, b in zip(starts, stops, strict=True)]
