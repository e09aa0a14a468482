"""What a FIF file says about its channels: names, kinds, SI units, calibration, places in head coordinates.

Own reading; a damaged file ends the usual reader's process when it meets the file's processing history.
"""

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Sensor
from signalpiece.signals.channels import unique
from signalpiece.signals.fif_tags import FifPart, tag_integer, tag_text, tag_value, text_of

_MEASUREMENT, _SUBJECT, _HPI, _CHANNEL_BLOCK, _BAD = 101, 106, 109, 113, 359
_RATE, _CHANNEL, _DATE, _TURN, _LONG_NAME, _NAME_LIST = 201, 203, 204, 222, 258, 3507
_ROW = struct.Struct(">3i2fi12f2i16s")
_MEG, _REFERENCE, _STIM = 1, 301, 3
_KINDS = {
    301: "ref_meg", 2: "eeg", 802: "seeg", 803: "dbs", 902: "ecog", 202: "eog", 302: "emg", 402: "ecg", 602: "resp",
    102: "bio", 502: "misc", 3: "stim", 920: "exci", 900: "syst", 910: "ias", 1001: "gof", 1000: "dipole",
    1100: "fnirs", 1200: "temperature", 1300: "gsr", 1400: "eyetrack", **dict.fromkeys(range(700, 710), "chpi"),
}  # fmt: skip
_COILS = {300: "hbo", 301: "hbr", 6: "csd", 400: "eyegaze", 401: "pupil"}
_IN_HEAD = ("eeg", "seeg", "dbs", "ecog", "fnirs", "hbo", "hbr", "csd")
_UNITS = {
    1: "m", 3: "s", 4: "A", 5: "K", 6: "mol", 7: "rad", 101: "Hz", 102: "N", 103: "Pa", 105: "W", 106: "C", 107: "V",
    109: "Ohm", 110: "S", 112: "T", 114: "degC", 117: "V/m2", 201: "T/m", 202: "A m",
}  # fmt: skip
_NO_DATE = (0, 2147483647)


@dataclass(frozen=True)
class FifInfo:
    """One recording's channels and clock."""

    rate: float
    sensors: tuple[Sensor, ...]
    units: tuple[str, ...]
    calibration: Float[np.ndarray, "c"]
    bad: tuple[str, ...]
    measured: float | None  # seconds since 1970
    identity: dict[str, str]


def read_info(part: FifPart) -> FifInfo:
    """Reads the measurement block.

    Raises:
        SignalPieceError: a rate or channel is missing or makes no sense.
    """
    main = [t for t in part.tags if t.blocks[-1:] == (_MEASUREMENT,)]
    rows = [_ROW.unpack_from(part.data, t.at) for t in main if t.kind == _CHANNEL and t.size >= _ROW.size]
    if len(rows) != part.channels:
        raise SignalPieceError(f"{part.path}: {part.channels} channels and {len(rows)} descriptions; it is damaged")
    rates = [tag_value(part.data, t) for t in main if t.kind == _RATE]
    rate = float(rates[0][0]) if rates and isinstance(rates[0], np.ndarray) and len(rates[0]) else 0.0
    with np.errstate(over="ignore"):
        calibration = np.array([row[3] * row[4] * 10.0 ** max(min(row[-2], 30), -30) for row in rows], np.float64)
    if not (np.isfinite(rate) and rate > 0 and np.isfinite(calibration).all()):
        raise SignalPieceError(f"{part.path}: a rate of {rate:g} Hz or a calibration that is no number; it is damaged")
    short = [text_of(row[-1]) for row in rows]
    long = [tag_text(part.data, t) for t in part.tags if t.kind == _LONG_NAME and t.blocks[-1:] == (_CHANNEL_BLOCK,)]
    names = long if len(long) == len(short) else short
    renamed = dict(zip(short, names, strict=True))
    kinds = [_kind(row) for row in rows]
    turn = _to_head(part)
    places = [_place(row, kind, turn) for row, kind in zip(rows, kinds, strict=True)]
    units = tuple("" if k == "stim" else _UNITS.get(row[-3], "") for k, row in zip(kinds, rows, strict=True))
    listed = [tag_text(part.data, t) for t in part.tags if t.kind == _NAME_LIST and t.blocks[-1:] == (_BAD,)]
    spelled = [b.replace("{COLON}", ":") for text in listed for b in text.split(":") if b]
    bad = tuple(renamed.get(b, b) for b in spelled)
    dates = [tag_value(part.data, t) for t in main if t.kind == _DATE]
    sensors = tuple(map(Sensor, unique(names), kinds, places))
    return FifInfo(rate, sensors, units, calibration, bad, seconds_of(dates[0]) if dates else None, _person(part))


def seconds_of(date: object) -> float | None:
    """Seconds since 1970 of a date tag: seconds and microseconds, or one number."""
    if not isinstance(date, np.ndarray) or not len(date) or tuple(date[:2].tolist()) == _NO_DATE:
        return None
    return float(date[0]) + (float(date[1]) * 1e-6 if len(date) > 1 else 0.0)


def _kind(row: tuple) -> str:
    kind, coil, unit = row[2], row[5], row[-3]
    if kind == _MEG:
        return "grad" if unit == 201 else "mag"
    if kind in (2, 1100, 1400) and coil in _COILS and (kind != 2 or coil == 6):
        return _COILS[coil]
    return _KINDS.get(kind, "misc")


def _to_head(part: FifPart) -> Float[np.ndarray, "4 4"] | None:
    """Device to head coordinates, if the file knows it."""
    for tag in part.tags:
        if tag.kind == _TURN and tag.size >= 56 and tag.blocks[-1:] in ((_MEASUREMENT,), (_HPI,)):
            source, target, *numbers = struct.unpack_from(">2i12f", part.data, tag.at)
            out = np.eye(4)
            out[:3, :3], out[:3, 3] = np.reshape(numbers[:9], (3, 3)), numbers[9:]
            if np.isfinite(out).all() and (source, target) == (1, 4):
                return out
    return None


def _place(row: tuple, kind: str, turn: Float[np.ndarray, "4 4"] | None) -> tuple[float, float, float] | None:
    place = np.array(row[6:9], float)
    if not np.isfinite(place).all() or not place.any():
        return None
    if row[2] in (_MEG, _REFERENCE):
        if turn is None:
            return None
        place = turn[:3, :3] @ place + turn[:3, 3]
    elif kind not in _IN_HEAD:
        return None
    return float(place[0]), float(place[1]), float(place[2])


def _person(part: FifPart) -> dict[str, str]:
    fields = {401: "first_name", 403: "last_name", 410: "his_id"}
    said = {fields[t.kind]: tag_text(part.data, t) for t in part.tags if t.kind in fields and _SUBJECT in t.blocks}
    born = next((tag_integer(part.data, t) for t in part.tags if t.kind == 404 and _SUBJECT in t.blocks), 0)
    return {k: v for k, v in said.items() if v} | ({"birthday": f"Julian day {born}"} if born > 0 else {})
