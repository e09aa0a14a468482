"""Bridges to other libraries: MNE-Python, scikit-learn, torch. Each loads when it is first used.

signal = from_mne(raw)               raw = to_mne(signal)
raw = read_raw("night.sp")           an `mne.io.Raw` that decodes what it is asked for
trials = from_epochs(epochs)         epochs = to_epochs(trials)
features(model="eeg", rate=160.0)    a scikit-learn transformer
TokenDataset("tokens.sp")            a torch data set over stored tokens
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.core.lazy import load_name
from signalpiece.core.signal import Signal

_FILES = {
    "BucketBatches": "dataset",
    "TokenBatch": "dataset",
    "TokenDataset": "dataset",
    "collate": "dataset",
}
__all__ = [*_FILES, "features", "from_epochs", "from_mne", "open_mne", "read_raw", "to_epochs", "to_mne"]


def __getattr__(name: str) -> Any:
    return load_name("signalpiece.apps", _FILES, name)


def from_mne(raw: Any, *, keep_bad: bool = False) -> Signal:
    """A whole `mne.io.Raw` as a signal: SI units, kinds, places of sensors, events, bad spans and channels.

    What MNE marks as bad ("BAD..." events, bad channels) is `valid` False. The signal keeps the values there, but
    tokenizers code no invalid samples. Skips of the acquisition are gaps. Dates and names of persons are left behind.

    Args:
        raw: what `mne.io.read_raw` gives, loaded or not.
        keep_bad: count bad spans and channels as valid, so that their values are coded too.

    Raises:
        SignalPieceError: not a Raw, or MNE-Python is not installed.
    """
    return open_mne(raw, keep_bad=keep_bad).read()


def open_mne(raw: Any, *, keep_bad: bool = False) -> Any:
    """An `mne.io.Raw` as an opened recording: samples are read from it only when asked for (`read`, `blocks`).

    Args:
        raw: what `mne.io.read_raw` gives, loaded or not.
        keep_bad: as in `from_mne`.

    Raises:
        SignalPieceError: as `from_mne`.
    """
    from signalpiece.apps.interop_mne import open_raw

    return open_raw(raw, keep_bad)


def to_mne(signal: Signal) -> Any:
    """A signal as an `mne.io.RawArray` with a montage where places are known, events and bad spans.

    Channels that are invalid throughout become bad channels, other invalid stretches "BAD_invalid" events, stretches
    where nothing is valid "BAD_ACQ_SKIP", which MNE's filters leave out. Orientations of MEG sensors are not kept.

    Raises:
        SignalPieceError: not channels x time, or a channel whose unit MNE cannot take.
    """
    from signalpiece.apps.interop_to_mne import to_raw

    return to_raw(signal)


def read_raw(path: str | Path, model: Any = None, *, recording: int = 0, rate: str = "model") -> Any:
    """A file of tokens as an `mne.io.Raw` that decodes samples when they are asked for.

    Args:
        path: a coded file or a Parquet folder.
        model: the tokenizer that made it, or its file; needed only if it is neither shipped nor classical.
        recording: its number in the file.
        rate: `model` for the tokenizer's rate, `source` for the recording's own.

    Raises:
        SignalPieceError: no such file or recording, the model is not known here, a unit that MNE cannot take, or
            MNE-Python is not installed.
    """
    from signalpiece.apps.interop_mne import import_mne
    from signalpiece.apps.load import load, maker_of
    from signalpiece.tokenizers.files import open_tokens

    import_mne()
    from signalpiece.apps.stored_raw import open_stored

    given = load(model) if isinstance(model, (str, Path)) else model
    found = open_tokens(path, given).recordings
    if not 0 <= recording < len(found):
        raise SignalPieceError(f"{path}: recording must be between 0 and {len(found) - 1}, got {recording}")
    stored = found[recording]
    if given is None:
        given = maker_of(stored.header.model)
        stored = open_tokens(path, given).recordings[recording]
    return open_stored(stored, given, Path(path), rate)


def from_epochs(epochs: Any, *, keep_bad: bool = False) -> list[Signal]:
    """Every trial of an `mne.Epochs` as a signal (a batch): its first annotation is the event, at time zero.

    Args:
        epochs: trials that MNE rejects (`drop_bad`) are left out.
        keep_bad: as in `from_mne`.

    Raises:
        SignalPieceError: not Epochs, or MNE-Python is not installed.
    """
    from signalpiece.apps import interop_mne

    return interop_mne.from_epochs(epochs, keep_bad)


def to_epochs(
    signals: Sequence[Signal], *, labels: Sequence[str] | None = None, tmin_seconds: float | None = None
) -> Any:
    """Trials as an `mne.EpochsArray`.

    Args:
        signals: one per trial, as `from_epochs` gives or as decoded from their tokens.
        labels: name of each trial's event; by default the text of its first annotation, "trial" where it has none.
        tmin_seconds: time of the first sample, in seconds from the event; by default taken from the first annotation.

    Raises:
        SignalPieceError: no trials, unlike trials, a wrong number of labels, or a unit that MNE cannot take.
    """
    from signalpiece.apps import interop_to_mne

    return interop_to_mne.to_epochs(signals, labels=labels, tmin_seconds=tmin_seconds)


def features(
    model: Any = "eeg",
    *,
    rate: float | None = None,
    units: str = "V",
    step: float | None = None,
    vocabulary: int = 16,
) -> Any:
    """A scikit-learn transformer: trials to features of frozen tokens; see `signalpiece.apps.features.TokenFeatures`.

    Args:
        model: a shipped name, a model file, a recipe that needs no training, or a tokenizer.
        rate: samples per second of the trials, Hz; by default the tokenizer's own.
        units: unit of the trials' numbers, e.g. "uV".
        step: quantization step in `units`; by default half of each channel's standard deviation in `fit`.
        vocabulary: how many of the most frequent codes of a closed codebook are counted, per column.

    Raises:
        SignalPieceError: scikit-learn is not installed.
    """
    from signalpiece.apps.features import TokenFeatures

    return TokenFeatures(model, rate=rate, units=units, step=step, vocabulary=vocabulary)
