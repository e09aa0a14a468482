"""Signals to MNE-Python's RawArray and EpochsArray, with a montage, events and bad spans."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.apps.interop_mne import INVALID, SKIP, UNITS, bad_spans, import_mne, paint, split_text
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.channels import unique
from signalpiece.signals.units import to_si

_FIXED = {  # kinds whose unit MNE takes for granted
    "eeg": "V", "eog": "V", "ecg": "V", "emg": "V", "seeg": "V", "ecog": "V", "dbs": "V", "bio": "V",
    "mag": "T", "ref_meg": "T", "grad": "T/m",
}  # fmt: skip
_ELECTRODES = ("eeg", "seeg", "ecog", "dbs")


def to_raw(signal: Signal) -> Any:
    """An `mne.io.RawArray`: values in SI units, kinds, a montage where places are known, events, bad spans.

    Raises:
        SignalPieceError: not channels x time, or a channel whose unit MNE cannot take.
    """
    mne = import_mne()
    info, factors = info_of(signal.grid)
    rate, length = signal.grid.time_rate, signal.grid.size("time")
    values = np.asarray(signal.values, np.float64) * factors[:, None]
    raw = mne.io.RawArray(values, info, first_samp=int(round(signal.grid.start * rate)), verbose="error")
    place(raw, signal.grid)
    names = raw.ch_names
    notes = [
        (a.onset - signal.grid.start, a.duration, *split_text(a.text, names))
        for a in signal.annotations
        if signal.grid.start - a.duration <= a.onset < signal.grid.start + length / rate
    ]
    events = [(onset, duration, text, [name] if name else []) for onset, duration, text, name in notes]
    if signal.valid is not None:
        invalid = ~np.broadcast_to(signal.valid, signal.values.shape)
        raw.info["bads"] = [name for c, name in enumerate(names) if invalid[c].all()]
        events += _bad_events(signal, invalid, names)
    if events:
        columns = [list(column) for column in zip(*events, strict=True)]
        raw.set_annotations(mne.Annotations(*columns[:3], ch_names=columns[3]), verbose="error")
    return raw


def to_epochs(
    signals: Sequence[Signal], *, labels: Sequence[str] | None = None, tmin_seconds: float | None = None
) -> Any:
    """An `mne.EpochsArray` of trials that have the same channels and length.

    Args:
        signals: one per trial, as `from_epochs` gives or as decoded from their tokens.
        labels: name of each trial's event; by default the text of its first annotation, "trial" where it has none.
        tmin_seconds: time of the first sample, in seconds from the event; by default taken from the first annotation.

    Raises:
        SignalPieceError: no trials, unlike trials, a wrong number of labels, or a unit that MNE cannot take.
    """
    mne = import_mne()
    if not signals:
        raise SignalPieceError("to_epochs needs at least one trial, got none")
    grid = signals[0].grid
    for i, signal in enumerate(signals):
        if (signal.grid.shape, signal.grid.names, signal.grid.rate) != (grid.shape, grid.names, grid.rate):
            raise SignalPieceError(f"trials must have the channels, length and rate of the first; trial {i} has not")
    if labels is None:
        labels = [s.annotations[0].text if s.annotations else "trial" for s in signals]
    if len(labels) != len(signals):
        raise SignalPieceError(f"labels must be one per trial, got {len(labels)} for {len(signals)} trials")
    if tmin_seconds is None:
        tmin_seconds = -(signals[0].annotations[0].onset - grid.start) if signals[0].annotations else 0.0
    info, factors = info_of(grid)
    masks = [np.ones(1, bool) if s.valid is None else s.valid for s in signals]
    used = {c for mask in masks for c in range(len(info["ch_names"])) if np.broadcast_to(mask, grid.shape)[c].any()}
    info["bads"] = [name for c, name in enumerate(info["ch_names"]) if c not in used]
    numbers = {label: i + 1 for i, label in enumerate(dict.fromkeys(labels))}
    at = np.arange(len(signals)) * grid.size("time")
    events = np.stack([at, np.zeros_like(at), np.array([numbers[label] for label in labels])], axis=1)
    values = np.stack([np.asarray(s.values, np.float64) * factors[:, None] for s in signals])
    epochs = mne.EpochsArray(values, info, events, tmin=tmin_seconds, event_id=numbers, verbose="error")
    place(epochs, grid)
    return epochs


def info_of(grid: Grid) -> tuple[Any, Float[np.ndarray, "c"]]:
    """MNE's description of the channels, and the factor to SI units of each."""
    mne = import_mne()
    if grid.axes != ("channel", "time"):
        raise SignalPieceError(f"MNE takes signals of channels x time, got the axes {', '.join(grid.axes)}")
    known = mne.io.get_channel_type_constants(include_defaults=True)
    names = unique(grid.names or [""] * grid.size("channel"))
    kinds = [_kind(s.kind, grid.unit(c), known) for c, s in enumerate(grid.sensors)] or ["misc"] * len(names)
    units, factors = [], np.ones(len(names))
    for c, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        unit, factors[c] = to_si(grid.unit(c)) or (grid.unit(c), 1.0)
        wanted = _FIXED.get(kind, unit)
        if unit != wanted:
            raise SignalPieceError(
                f"channel {name} is {kind}, which MNE keeps in {wanted}, and has the unit {grid.unit(c)!r}; "
                f'say what it is: units={{"{name}": "u{wanted}"}} when the file is opened (--units {name}=u{wanted})'
            )
        units.append(unit)
    info = mne.create_info(list(names), grid.time_rate, kinds, verbose="error")
    numbers = {unit: mne.io.constants.FIFF[name] for name, unit in UNITS.items()}
    for channel, kind, unit in zip(info["chs"], kinds, units, strict=True):
        if kind not in _FIXED and unit in numbers:
            channel["unit"] = numbers[unit]
    return info, factors


def _kind(kind: str, unit: str, known: Collection[str]) -> str:
    if kind == "fnirs" and unit == "V":
        return "fnirs_cw_amplitude"
    return kind if kind in known else "misc"


def place(inst: Any, grid: Grid) -> None:
    """Gives an MNE object a montage of the electrodes whose places are known."""
    mne = import_mne()
    found = zip(inst.ch_names, grid.sensors, strict=False)
    places = {name: np.array(s.position) for name, s in found if s.position is not None and s.kind in _ELECTRODES}
    if places:
        montage = mne.channels.make_dig_montage(places, coord_frame="head")
        inst.set_montage(montage, on_missing="ignore", verbose="error")


def _bad_events(
    signal: Signal, invalid: Bool[np.ndarray, "c t"], names: Sequence[str]
) -> list[tuple[float, float, str, list[str]]]:
    """Events for invalid stretches that neither the list of bad channels nor an event of the signal tells of."""
    rate = signal.grid.time_rate
    left = invalid & ~invalid.all(axis=1, keepdims=True)
    told = np.ones_like(invalid)
    notes = [type(a)(a.onset - signal.grid.start, a.duration, a.text) for a in signal.annotations]
    paint(told, bad_spans(notes, names, rate, left.shape[1]))
    left &= told
    alive = ~invalid.all(axis=1)
    whole = np.asarray(left[alive].all(axis=0) if alive.any() else np.zeros(left.shape[1], bool))
    events = [(a / rate, (b - a) / rate, SKIP, list[str]()) for a, b in _stretches(whole)]
    by_span: dict[tuple[int, int], list[str]] = {}
    for c in range(len(left)):
        for span in _stretches(left[c] & ~whole):
            by_span.setdefault(span, []).append(names[c])
    return events + [(a / rate, (b - a) / rate, INVALID, who) for (a, b), who in by_span.items()]


def _stretches(mask: Bool[np.ndarray, "t"]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[0::2], edges[1::2], strict=True)]
