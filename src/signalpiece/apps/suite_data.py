"""Two data sets of the benchmark that come in no container: DREAMS as text, BCI Competition II as a MATLAB array."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Sensor, Signal

_DREAMS_RATE = {"1": 100.0, "3": 50.0}  # Hz; all others 200
_STAGES = {5: "wake", 4: "REM", 3: "S1", 2: "S2", 1: "S3", 0: "S4"}
_EPOCH_SECONDS = 5.0


def read_dreams(path: Path) -> Signal:
    """One DREAMS excerpt: its text (first line the channel, then microvolts), sleep stages and experts' spindles.

    Data: DREAMS sleep spindles database, University of Mons (2011).

    Raises:
        SignalPieceError: the text is not such an excerpt.
    """
    number = path.name.removeprefix("excerpt").split(".")[0]
    try:
        with gzip.open(path, "rt", encoding="latin-1") as file:
            name = file.readline().strip().strip("[]")
            values = np.array([float(v) for v in file.read().split()], np.float64)
    except (OSError, EOFError, ValueError):
        raise SignalPieceError(f"{path.name}: not a text of the DREAMS excerpts") from None
    signal = Signal.of(values[None] * 1e-6, rate=_DREAMS_RATE.get(number, 200.0), names=[name or "EEG"])
    notes = [*_stages(path.parent / f"Hypnogram_excerpt{number}.txt")]
    for expert in (1, 2):
        notes += _spindles(path.parent / f"Visual_scoring{expert}_excerpt{number}.txt", f"spindle (expert {expert})")
    return replace(signal, annotations=tuple(sorted(notes, key=lambda a: a.onset)))


def read_bci2(path: Path) -> Signal:
    """The windows of data set IV (half a second before a key press, 28 channels, 100 Hz) one after the other.

    Data: Blankertz, Curio, Mueller, "Classifying Single Trial EEG: Towards Brain Computer Interfacing" (2002).

    Raises:
        SignalPieceError: the file lacks the arrays.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
        windows = np.concatenate([content["x_train"], content["x_test"]], 2)  # samples x channels x trials
        labels = np.concatenate([content["y_train"].ravel(), content["y_test"].ravel()])
        names = [str(np.ravel(n)[0]) for n in content["clab"].ravel()]
    except (MatReadError, KeyError, ValueError, OSError, IndexError, TypeError):
        raise SignalPieceError(f"{path.name}: not data set IV of BCI Competition II") from None
    length = windows.shape[0]
    values = windows.transpose(1, 2, 0).reshape(len(names), -1) * 1e-6
    signal = Signal.of(values, rate=100.0, names=names)
    notes = tuple(
        Annotation(k * length / 100.0, length / 100.0, "right hand" if side else "left hand")
        for k, side in enumerate(labels)
    )
    grid = replace(signal.grid, sensors=tuple(Sensor(n, "eeg") for n in names))
    return replace(signal, grid=grid, annotations=notes)


def _stages(path: Path) -> Iterator[Annotation]:
    if not path.is_file():
        return
    rows = [r for r in path.read_text(encoding="latin-1").split() if r.lstrip("-").isdigit()]
    codes = np.array([int(r) for r in rows])
    edges = np.flatnonzero(np.diff(codes, prepend=-99, append=-99))
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        text = "sleep stage " + _STAGES.get(int(codes[a]), "unknown")
        yield Annotation(float(a) * _EPOCH_SECONDS, float(b - a) * _EPOCH_SECONDS, text)


def _spindles(path: Path, text: str) -> Iterator[Annotation]:
    if not path.is_file():
        return
    for row in path.read_text(encoding="latin-1").splitlines():
        cells = row.split()
        try:
            onset, duration = float(cells[0]), float(cells[1])
        except (IndexError, ValueError):
            continue
        yield Annotation(onset, duration, text)
