"""MNE-Python's Raw and Epochs to signals and back, with units, kinds, places, events and bad spans.

MNE marks what must not be used by events whose text starts with "BAD" and by a list of bad channels; a signal says the
same with `valid`. An event of one channel is written as in EDF+: its text, "@@" and the channel's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.signals.recording import Recording, Run

BLOCK = 30.0  # seconds that MNE hands out at once, in float64
SKIP, INVALID = "BAD_ACQ_SKIP", "BAD_invalid"  # these two texts are carried by `valid` and are no events
UNITS = {
    "FIFF_UNIT_V": "V", "FIFF_UNIT_T": "T", "FIFF_UNIT_T_M": "T/m", "FIFF_UNIT_V_M2": "V/m^2", "FIFF_UNIT_MOL": "M",
    "FIFF_UNIT_S": "S", "FIFF_UNIT_CEL": "degC", "FIFF_UNIT_RAD": "rad", "FIFF_UNIT_PX": "px", "FIFF_UNIT_SEC": "s",
    "FIFF_UNIT_SEC2": "s^2", "FIFF_UNIT_M": "m", "FIFF_UNIT_AM": "Am", "FIFF_UNIT_HZ": "Hz", "FIFF_UNIT_OHM": "Ohm",
}  # fmt: skip

Span = tuple[int, int, int]  # channel or -1 for all, first and end sample


@dataclass(frozen=True)
class MneRecording(Recording):
    """A recording that also knows bad spans; their values are kept, only `valid` is False."""

    bad: tuple[Span, ...] = ()

    def read_samples(self, first: int, end: int) -> Signal:
        """Timeline samples first to end."""
        signal = super().read_samples(first, end)
        shape = signal.values.shape
        valid = np.ones(shape, bool) if signal.valid is None else np.broadcast_to(signal.valid, shape).copy()
        paint(valid, [(c, max(a - first, 0), min(b, end) - first) for c, a, b in self.bad if a < end and b > first])
        return replace(signal, valid=None if valid.all() else valid)

    def pick(self, channels: list[int]) -> "MneRecording":
        """The same recording with some of its channels."""
        at = {c: i for i, c in enumerate(channels)}
        bad = tuple((at.get(c, c), a, b) for c, a, b in self.bad if c < 0 or c in at)
        picked = super().pick(channels)
        assert isinstance(picked, MneRecording)
        return replace(picked, bad=bad)


def open_raw(raw: Any, keep_bad: bool = False) -> MneRecording:
    """A lazily read recording of an `mne.io.Raw`: samples are taken from it when they are asked for.

    Raises:
        SignalPieceError: `raw` is not one.
    """
    mne = import_mne()
    if not isinstance(raw, mne.io.BaseRaw):
        raise SignalPieceError(f"an mne.io.Raw is needed, got {type(raw).__name__}; Epochs go to from_epochs")
    rate, total, names = float(raw.info["sfreq"]), len(raw.times), tuple(raw.ch_names)
    texts = _texts(raw.annotations, float(raw.first_time), names)
    bad = [(names.index(name), 0, total) for name in raw.info["bads"]]
    bad += bad_spans([a for a in texts if a.text != SKIP], names, rate, total)
    skips = bad_spans([a for a in texts if a.text == SKIP], names, rate, total)
    runs = _runs([(a, b) for _, a, b in skips], total)
    grid = Grid(("channel", "time"), (None, rate), units_of(raw), (len(names), total), sensors_of(raw))

    def fetch(start: int, stop: int) -> Float[np.ndarray, "c t"]:
        run = [r for r in runs if r.stored <= start][-1]
        first, end, step = start + run.at - run.stored, stop + run.at - run.stored, max(int(BLOCK * rate), 1)
        out = np.empty((len(names), end - first), np.float32)
        for a in range(first, end, step):
            b = min(a + step, end)
            out[:, a - first : b - first] = raw[:, a:b][0]
        return out

    notes = tuple(a for a in texts if split_text(a.text, names)[0] not in (SKIP, INVALID))
    path = Path(str(next((f for f in raw.filenames if f), "raw")))
    return MneRecording(path, grid, fetch, notes, (), runs, format="MNE-Python", bad=() if keep_bad else tuple(bad))


def from_epochs(epochs: Any, keep_bad: bool = False) -> list[Signal]:
    """One signal for each trial of an `mne.Epochs`; its first annotation is the trial's event, at time zero.

    Raises:
        SignalPieceError: `epochs` is not one.
    """
    mne = import_mne()
    if not isinstance(epochs, mne.BaseEpochs):
        raise SignalPieceError(f"mne.Epochs are needed, got {type(epochs).__name__}; a Raw goes to from_mne")
    epochs.drop_bad(verbose="error")
    rate, names, length = float(epochs.info["sfreq"]), tuple(epochs.ch_names), len(epochs.times)
    grid = Grid(("channel", "time"), (None, rate), units_of(epochs), (len(names), length), sensors_of(epochs))
    labels = {number: label for label, number in epochs.event_id.items()}
    inside = epochs.get_annotations_per_epoch() if epochs.annotations is not None else [[]] * len(epochs)
    out = []
    for i in range(len(epochs)):
        values = np.asarray(epochs.get_data(item=i, copy=False, verbose="error")[0], np.float32)
        event = Annotation(-float(epochs.tmin), 0.0, labels[int(epochs.events[i, 2])])
        notes = [Annotation(float(a[0]) - float(epochs.tmin), float(a[1]), str(a[2])) for a in inside[i]]
        valid = np.isfinite(values)
        if not keep_bad:
            paint(valid, [(names.index(name), 0, length) for name in epochs.info["bads"]])
            paint(valid, bad_spans(notes, names, rate, length))
        values = np.where(np.isfinite(values), values, 0).astype(np.float32)
        out.append(Signal(grid, values, None if valid.all() else valid, (event, *notes)))
    return out


def sensors_of(inst: Any) -> tuple[Sensor, ...]:
    """Names, kinds and places (metres, head coordinates) of an MNE object's channels."""
    constants = import_mne().io.constants.FIFF
    to_head = inst.info["dev_head_t"]

    def place(channel: Any) -> tuple[float, float, float] | None:
        at, frame = np.asarray(channel["loc"][:3], float), channel["coord_frame"]
        if not np.isfinite(at).all() or not at.any():
            return None
        if frame == constants.FIFFV_COORD_DEVICE and to_head is not None:
            at = to_head["trans"][:3, :3] @ at + to_head["trans"][:3, 3]
        elif frame not in (constants.FIFFV_COORD_HEAD, constants.FIFFV_COORD_UNKNOWN):
            return None
        return float(at[0]), float(at[1]), float(at[2])

    channels = zip(inst.ch_names, inst.get_channel_types(), inst.info["chs"], strict=True)
    return tuple(Sensor(name, kind, place(channel)) for name, kind, channel in channels)


def units_of(inst: Any) -> tuple[str, ...]:
    """SI unit of each channel of an MNE object; "" for trigger codes and what has none."""
    constants = import_mne().io.constants.FIFF
    known = {int(constants[name]): unit for name, unit in UNITS.items()}
    channels = zip(inst.get_channel_types(), inst.info["chs"], strict=True)
    return tuple("" if kind == "stim" else known.get(int(channel["unit"]), "") for kind, channel in channels)


def bad_spans(notes: Sequence[Annotation], names: Sequence[str], rate: float, total: int) -> list[Span]:
    """Samples that events whose text starts with "bad" cover, every sample that they touch counted."""
    out = []
    for note in notes:
        if not note.text.lower().startswith("bad"):
            continue
        first = int(np.floor(note.onset * rate + 1e-6))
        end = int(np.ceil((note.onset + note.duration) * rate - 1e-6))
        name = split_text(note.text, names)[1]
        if max(first, 0) < min(end, total):
            out.append((names.index(name) if name else -1, max(first, 0), min(end, total)))
    return out


def split_text(text: str, names: Sequence[str]) -> tuple[str, str]:
    """Text of an event and the one channel that it belongs to; "" for all channels."""
    head, mark, name = text.rpartition("@@")
    return (head, name) if mark and name in names else (text, "")


def paint(valid: Bool[np.ndarray, "c t"], spans: Sequence[Span]) -> None:
    """Sets the spans to False."""
    for channel, first, end in spans:
        valid[slice(None) if channel < 0 else channel, first:end] = False


def import_mne() -> Any:
    """The mne package.

    Raises:
        SignalPieceError: it is not installed.
    """
    try:
        import mne
    except ImportError as error:
        raise missing_extra("MNE-Python", "eeg", "the bridge to MNE objects") from error
    return mne


def _texts(annotations: Any, first_time: float, names: Sequence[str]) -> tuple[Annotation, ...]:
    out = []
    for onset, duration, text, channels in zip(
        annotations.onset, annotations.duration, annotations.description, annotations.ch_names, strict=True
    ):
        at = round(float(onset) - first_time, 9)
        texts = [f"{text}@@{c}" for c in channels if c in names] if channels else [str(text)]
        out += [Annotation(at, float(duration), t) for t in texts]
    return tuple(out)


def _runs(skips: Sequence[tuple[int, int]], total: int) -> tuple[Run, ...]:
    runs, stored, at = [], 0, 0
    for first, end in [*sorted(skips), (total, total)]:
        if first > at:
            runs.append(Run(at, stored, first - at))
            stored += first - at
        at = max(at, end)
    return tuple(runs) or (Run(0, 0, 0),)
