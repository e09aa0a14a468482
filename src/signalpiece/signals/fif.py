"""FIF, plain, zipped or split into parts: kinds, units and places of channels through MNE, samples read lazily.

A skip of the acquisition is a gap, not zeros; a part that is missing is named; annotations outside the samples stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.channels import unique
from signalpiece.signals.damage import quiet
from signalpiece.signals.fif_tags import FifPart, read_part
from signalpiece.signals.recording import Recording, Run

_UNITS = {
    1: "m", 3: "s", 4: "A", 5: "K", 6: "mol", 7: "rad", 101: "Hz", 102: "N", 103: "Pa", 105: "W", 106: "C", 107: "V",
    109: "Ohm", 110: "S", 112: "T", 114: "degC", 201: "T/m", 202: "A m",
}  # fmt: skip
_ONSET, _END, _TEXT, _DATE = 3568, 3569, 206, 204  # tags of annotations
_MOST_PARTS = 1000


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a raw recording with all its parts.

    Args:
        path: the first (or only) file.
        units: what the user said about channels, on top of the file's own units.

    Raises:
        SignalPieceError: not raw FIF, a part is missing, or damaged.
    """
    parts = _all_parts(path)
    warnings = [w for part in parts for w in part.warnings]
    info, said = _info(path)
    warnings += said
    if len(info["chs"]) != parts[0].channels:
        raise SignalPieceError(f"{path}: {parts[0].channels} channels and {len(info['chs'])} descriptions; damaged")
    if parts[0].preceding:
        warnings.append(f"this is a later part of {parts[0].preceding}; open that one for the whole recording")
    sensors, kinds_units = _sensors(info)
    names = [s.name for s in sensors]
    if info["bads"]:
        warnings.append(f"marked as bad in the file: {', '.join(info['bads'])}")
    calibration = np.array([c["cal"] * c["range"] * 10.0 ** int(c.get("unit_mul", 0)) for c in info["chs"]])
    given = [units.get(name, (unit, 1.0)) for name, unit in zip(names, kinds_units, strict=True)]
    calibration *= np.array([factor for _, factor in given])
    samples = _Samples(parts, calibration)
    rate = float(info["sfreq"])
    if not (rate > 0 and np.isfinite(calibration).all()):
        raise SignalPieceError(f"{path}: a rate of {rate:g} Hz or a calibration that is no number; the file is damaged")
    runs = _runs(parts)
    total = runs[-1].at + runs[-1].count if runs else 0
    grid = Grid(("channel", "time"), (None, rate), tuple(u for u, _ in given), (len(sensors), total), sensors)
    notes = _annotations(parts[0], info, rate)
    stored = samples.stored if samples.integers else None
    return (
        Recording(path, grid, samples.values, notes, tuple(warnings), runs, stored, "FIF", identity=_identity(info)),
    )


def _all_parts(path: Path) -> list[FifPart]:
    parts = [read_part(path)]
    seen = {path.name}
    while parts[-1].following:
        following = path.with_name(Path(parts[-1].following).name)
        if following.name in seen or len(parts) > _MOST_PARTS:
            raise SignalPieceError(f"{path}: its parts name each other in a circle; the file is damaged")
        if not following.is_file():
            raise SignalPieceError(
                f"{path}: its continuation {following.name} is missing; put it beside it to read the whole recording"
            )
        seen.add(following.name)
        parts.append(read_part(following))
        if parts[-1].channels != parts[0].channels:
            raise SignalPieceError(
                f"{following}: has {parts[-1].channels} channels and {path.name} {parts[0].channels}"
            )
    return parts


def _info(path: Path) -> tuple[Any, list[str]]:
    try:
        import mne
    except ImportError as error:
        raise missing_extra("MNE", "eeg", f"{path.name}: a FIF file") from error
    with quiet(path) as said:
        info = mne.io.read_info(str(path), verbose="ERROR")
    return info, [s for s in said if "filename" not in s and "does not conform" not in s]


def _sensors(info: Any) -> tuple[tuple[Sensor, ...], list[str]]:
    """Sensors with places in metres (head coordinates), and the SI unit of each."""
    import mne

    to_head = info["dev_head_t"]["trans"] if info["dev_head_t"] is not None else None
    names = unique([c["ch_name"] for c in info["chs"]])
    sensors, units = [], []
    for number, channel in enumerate(info["chs"]):
        kind = mne.channel_type(info, number)
        kind = "fnirs" if kind.startswith("fnirs") else kind
        place, frame = np.asarray(channel["loc"][:3], float), int(channel["coord_frame"])
        known = bool(np.isfinite(place).all() and place.any()) and (frame == 4 or (frame == 1 and to_head is not None))
        if known and frame == 1 and to_head is not None:
            place = to_head[:3, :3] @ place + to_head[:3, 3]
        sensors.append(
            Sensor(names[number], kind, (float(place[0]), float(place[1]), float(place[2])) if known else None)
        )
        units.append("" if kind == "stim" else _UNITS.get(int(channel["unit"]), ""))
    return tuple(sensors), units


@dataclass(frozen=True)
class _Samples:
    """Stored samples of all parts, skips not counted."""

    parts: Sequence[FifPart]
    calibration: Float[np.ndarray, "c"]

    @property
    def integers(self) -> bool:
        return all(b.dtype[1] == "i" for part in self.parts for b in part.buffers)

    def values(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        return self._collect(start, stop, np.dtype(np.float64)) * self.calibration[:, None]

    def stored(self, start: int, stop: int) -> Stored:
        values = self._collect(start, stop, np.dtype(np.int32))
        return Stored(values, self.calibration.copy(), np.zeros(len(self.calibration)))

    def _collect(self, start: int, stop: int, dtype: np.dtype) -> Shaped[np.ndarray, "c t"]:
        out = np.zeros((len(self.calibration), stop - start), dtype)
        at = 0
        for part in self.parts:
            counts = np.array([b.count for b in part.buffers], int)
            ends = at + np.cumsum(counts)
            first = int(np.searchsorted(ends, start, "right"))
            for number in range(first, len(counts)):
                begin = int(ends[number] - counts[number])
                if begin >= stop:
                    break
                a, b = max(start, begin), min(stop, begin + int(counts[number]))
                out[:, a - start : b - start] = part.samples(number)[a - begin : b - begin].T
            at = int(ends[-1]) if len(ends) else at
        return out


def _runs(parts: Sequence[FifPart]) -> tuple[Run, ...]:
    """Runs between skips; parts follow each other without a gap."""
    runs, stored, origin = list[Run](), 0, 0
    for part in parts:
        for buffer in part.buffers:
            at = origin + buffer.start
            if runs and at == runs[-1].at + runs[-1].count:
                runs[-1] = Run(runs[-1].at, runs[-1].stored, runs[-1].count + buffer.count)
            else:
                runs.append(Run(at, stored, buffer.count))
            stored += buffer.count
        origin += part.length
    return tuple(runs)


def _annotations(part: FifPart, info: Any, rate: float) -> tuple[Annotation, ...]:
    onsets, ends, texts = (part.notes.get(kind) for kind in (_ONSET, _END, _TEXT))
    if onsets is None or texts is None or isinstance(onsets, str):
        return ()
    labels = [t.replace("{COLON}", ":") for t in str(texts).split(":")]
    ends = onsets if ends is None or isinstance(ends, str) else ends
    shift = -part.first_sample / rate
    measured, dated = info["meas_date"], _seconds(part.notes.get(_DATE))
    if measured is not None:
        shift = shift + dated - measured.timestamp() if dated is not None else 0.0
    rows = zip(onsets.tolist(), ends.tolist(), labels, strict=False)
    notes = [Annotation(a + shift, max(b - a, 0.0), text) for a, b, text in rows if np.isfinite(a) and np.isfinite(b)]
    return tuple(sorted(notes, key=lambda note: note.onset))


def _seconds(date: Any) -> float | None:
    """Seconds since 1970 of a date tag: seconds and microseconds, or one number."""
    if not isinstance(date, np.ndarray) or not len(date):
        return None
    return float(date[0]) + (float(date[1]) * 1e-6 if len(date) > 1 else 0.0)


def _identity(info: Any) -> dict[str, str]:
    person = info["subject_info"] or {}
    said = {k: str(person[k]) for k in ("his_id", "last_name", "first_name", "birthday") if person.get(k)}
    return said | ({"start": info["meas_date"].isoformat()} if info["meas_date"] is not None else {})
