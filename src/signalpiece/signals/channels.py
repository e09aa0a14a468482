"""What every reader has to decide about channels: names that differ, kinds from names, units in SI.

A unit that the table does not know is never scaled; the channel keeps the label and the recording says so. What the
user says (`--units C3=uV`, `*` for all channels of unknown unit) comes first for channels that are named.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signalpiece.core.signal import Sensor
from signalpiece.signals.montage import place_of
from signalpiece.signals.units import to_si

_KINDS = (
    ("stim", r"STATUS|STI|TRIG(GER)?S?|MARKERS?|EVENTS?|STIM(ULUS)?|TTL|DIN\d*"),
    ("eog", r"[LRHV]?EOG[LRHV]?|E[LR]OG|LOC|ROC|HEOGR?|VEOGR?"),
    ("ecg", r"ECG|EKG|MLI{1,3}|MCL1|ABP ECG"),
    ("emg", r"EMG|CHIN\d*|[LR]LEG|LAT|RAT|SUBMENTAL"),
    ("resp", r"RESP(IRATION)?|AIRFLOW|FLOW|NASAL|THOR(AX|ACIC)?|ABDO(MEN|MINAL)?|CHEST|ABD|EFFORT|SNORE"),
    ("seeg", r"SEEG|LFP|DBS|STN"),
    ("ecog", r"ECOG|IEEG"),
    ("misc", r"AUX|SPO2|SAO2|OSAT|TEMP|PULSE|PLETH?|PR|HR|LIGHT|POS(ITION)?|BATTERY|IMPEDANCE|GSR\d?|EDA|ERG\d?|"
             r"ACC\w*|ACCEL\w*|GYRO\w*|PHOTIC|ETCO2|CO2|BPM|SOUND|AUDIO|MIC|DC\d*"),
)  # fmt: skip
_KIND_OF = tuple((kind, re.compile(rf"(?:{pattern})\d*")) for kind, pattern in _KINDS)


@dataclass(frozen=True)
class SiUnits:
    """Unit and factor of each channel, and sentences about what is not known."""

    units: tuple[str, ...]
    factors: tuple[float, ...]
    warnings: tuple[str, ...] = ()


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names with a running number behind repeated ones; the first keeps its name, an empty one becomes `ch<n>`."""
    taken, out = set(names), list[str]()
    seen: set[str] = set()
    for index, name in enumerate(names):
        new, number = name or f"ch{index}", 1
        while new in seen or (number > 1 and new in taken) or (not name and new in taken):
            number += 1
            new = f"{name or f'ch{index}'}-{number}"
        seen.add(new)
        out.append(new)
    return tuple(out)


def kind_of(name: str, unit: str = "V") -> str:
    """Kind of a channel from its name; in volts and not otherwise known: "eeg", else "misc".

    >>> kind_of("EEG Fp1-A1"), kind_of("Fc5."), kind_of("EKG2"), kind_of("Status", "")
    ('eeg', 'eeg', 'ecg', 'stim')
    """
    text = name.strip(" .").upper()
    words = [w for w in re.split(r"[^A-Z0-9]+", text) if w]
    if words[:1] == ["EEG"] or place_of(name) is not None:
        return "eeg"
    if words[:1] == ["POL"]:  # Nihon Kohden: an input that is no electrode of the 10-20 system
        return "misc"
    for kind, pattern in _KIND_OF:
        if any(pattern.fullmatch(word) for word in words):
            return kind
    return "eeg" if unit == "V" else "misc"


def sensors_of(names: Sequence[str], kinds: Sequence[str]) -> tuple[Sensor, ...]:
    """Sensors with standard positions where the name of an EEG channel has one.

    A1 and A2 are ear lobes, but not beside an A3: then they are places of a BioSemi cap, which the table does not hold.
    """
    numbered = {"A1", "A2"} if any(name.strip().upper() == "A3" for name in names) else set[str]()
    return tuple(
        Sensor(name, kind, place_of(name) if kind == "eeg" and name.strip().upper() not in numbered else None)
        for name, kind in zip(names, kinds, strict=True)
    )


def si_units(names: Sequence[str], labels: Sequence[str], given: Mapping[str, tuple[str, float]]) -> SiUnits:
    """SI unit and factor of every channel.

    Args:
        names: channel names.
        labels: unit labels of the file, as text; "" where it has none.
        given: what the user said, by channel name, or "*" for channels whose unit is unknown or missing.
    """
    units, factors = list[str](), list[float]()
    unknown: dict[str, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        found = given.get(name)
        if found is None and label.strip():
            found = to_si(label)
        if found is None:
            found = given.get("*")
        if found is None:
            unknown.setdefault(label.strip(), []).append(name)
            found = (label.strip(), 1.0)
        units.append(found[0])
        factors.append(found[1])
    return SiUnits(tuple(units), tuple(factors), (_unknown(unknown),) if unknown else ())


def _unknown(unknown: Mapping[str, Sequence[str]]) -> str:
    """One sentence about all units that are not known."""
    parts = []
    for label, names in unknown.items():
        who = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        parts.append(f"unit {label!r} of {who} is not known" if label else f"the file gives no unit for {who}")
    first = next(iter(unknown.values()))[0]
    return f"{'; '.join(parts)}: these numbers are left as they are; say what they are with --units {first}=uV"
