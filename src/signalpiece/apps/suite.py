"""Named, versioned benchmark suites: frozen files, splits and protocol. A change is a new name.

`suite-eeg-1`: every recording is band-passed .5 to 45 Hz with zero phase, brought to 100 Hz and coded whole, all its
EEG channels. No subject and no device of the test split is in training or validation.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from signalpiece.apps.excerpt import Excerpt, filtered
from signalpiece.apps.suite_data import read_dreams
from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Signal


@dataclass(frozen=True)
class SuiteFile:
    """One recording of a suite: its data set (a sub-folder of the data), file, and seconds; negative from the end."""

    set: str
    file: str
    start: float = 0.0
    stop: float | None = None


@dataclass(frozen=True)
class Suite:
    """Files by split, and what each split is for."""

    name: str
    splits: dict[str, tuple[SuiteFile, ...]]


_P300 = "visual/P300/subject{}/session1/data_2017-02-{}.csv.gz"
_N170 = "visual/N170/subject1/session1/data_2017-09-13-15.{}.csv.gz"
_SSVEP = "visual/SSVEP/subject1/session1/data_2017-09-14-21.{}.csv.gz"
_MUSE_TRAIN = (
    *(_P300.format(1, f"04-15_{t}") for t in ("45_13", "47_49", "51_07", "55_07", "58_30")),
    _P300.format(1, "04-16_03_08"),
    *(_N170.format(t) for t in ("30.01", "32.50", "35.26", "40.17", "42.33", "45.08")),
    *(_SSVEP.format(t) for t in ("20.04", "22.51", "25.17", "27.36", "29.57", "32.15")),
)

SUITES = {
    "suite-eeg-1": Suite(
        "suite-eeg-1",
        {
            "train": (
                SuiteFile("eeg_eeglab32", "eeglab_data.set", 0.0, -60.0),
                *(SuiteFile("eeg_muse_erp", f) for f in _MUSE_TRAIN),
            ),
            "validation": (
                SuiteFile("eeg_eeglab32", "eeglab_data.set", -60.0),
                *(SuiteFile("eeg_muse_erp", _P300.format(2, f"09-18.{t}")) for t in ("12.53", "17.25")),
            ),
            "test": (
                *(
                    SuiteFile("eeg_motor_imagery_physionet", f"S001R{r}.edf")
                    for r in ("01", "02", "03", "04", "06", "07", "08", "10")
                ),
                *(SuiteFile("eeg_sleep_dreams", f"excerpt{k}.txt.gz") for k in (1, 2, 4, 5, 6)),
            ),
        },
    )
}


def data_folder(data: str | Path | None = None) -> Path:
    """Where the recordings are: the folder given, else the environment's SIGNALPIECE_DATA.

    Raises:
        SignalPieceError: neither is given, or there is no such folder.
    """
    given = data or os.environ.get("SIGNALPIECE_DATA")
    if not given:
        raise SignalPieceError("a suite needs its recordings; give their folder with --data DIR or SIGNALPIECE_DATA")
    if not Path(given).is_dir():
        raise SignalPieceError(f"{given}: no such folder; --data and SIGNALPIECE_DATA name the folder of recordings")
    return Path(given)


def suite_files(name: str, split: str, data: str | Path | None = None) -> list[tuple[SuiteFile, Path]]:
    """Files of one split with their paths, all of them there.

    Raises:
        SignalPieceError: no such suite or split, or a sub-folder or file is missing, which is named.
    """
    suite = SUITES[check_option("suite", name, SUITES)]
    chosen = suite.splits[check_option("split", split, suite.splits)]
    root = data_folder(data)
    for folder in dict.fromkeys(f.set for f in chosen):
        if not (root / folder).is_dir():
            raise SignalPieceError(f"{root} has no sub-folder {folder}, which {name} ({split}) reads")
    found = [(f, root / f.set / f.file) for f in chosen]
    for file, path in found:
        if not path.is_file():
            raise SignalPieceError(f"{root / file.set} lacks {file.file}, which {name} ({split}) reads")
    return found


def suite_excerpts(name: str, split: str, data: str | Path | None = None) -> list[Excerpt]:
    """Every recording of a split as coders get it."""
    return [load_suite_file(f, p) for f, p in suite_files(name, split, data)]


def load_suite_file(file: SuiteFile, path: Path) -> Excerpt:
    """One recording: EEG channels, filtered as a whole, then cut to the seconds of the suite."""
    signal = filtered(read_eeg(path))
    rate, samples = signal.grid.time_rate, signal.grid.size("time")
    first, end = _sample(file.start, rate, samples), _sample(file.stop, rate, samples)
    signal = signal.crop(first, end)
    name = f"{file.set}/{Path(file.file).name}"
    return Excerpt(name, _at_zero(signal), signal.grid.seconds, (0.0,), signal.grid.size("channel"), file.set)


def read_eeg(path: Path) -> Signal:
    """EEG channels of a file of the suite; text of DREAMS by its own reader."""
    if path.name.startswith("excerpt") and path.name.endswith(".txt.gz"):
        return read_dreams(path)
    import signalpiece

    signal = signalpiece.read(path)
    keep = [
        c
        for c, sensor in enumerate(signal.grid.sensors)
        if sensor.kind == "eeg" and not sensor.name.upper().startswith(("EOG", "RIGHT AUX", "AUX"))
    ]
    return signal.pick(keep)


def _sample(seconds: float | None, rate: float, samples: int) -> int:
    if seconds is None:
        return samples
    at = int(round(seconds * rate))
    return at if seconds >= 0 else samples + at


def _at_zero(signal: Signal) -> Signal:
    return replace(signal, grid=replace(signal.grid, start=0.0), annotations=())
