"""The recordings that lossless coding is measured on: stored integers, or float files on a stated grid.

Float files (EEGLAB .fdt, BrainVision float, Muse CSV) are brought to whole multiples of a step first, so that tools for
integers can code them too; for Muse the step is the headband's own and nothing is lost.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ERP = "eeg_muse_erp/visual"
CONTAINERS = "eeg_containers"
GRIP = "ieeg/bids_gripforce/sub-testsub/ses-EphysMedOff/ieeg/sub-testsub_ses-EphysMedOff_task-gripforce_run-0_ieeg.vhdr"


@dataclass(frozen=True)
class Case:
    """One recording to measure.

    Attributes:
        pattern: where it lies in the folder of data.
        step: of a float file, in its SI unit; 0 = the file's own integers.
        target: bits per sample to reach at level best, or None.
        bound_target: the same with every sample within half a microvolt.
    """

    name: str
    pattern: str
    step: float = 0.0
    target: float | None = None
    bound_target: float | None = None


CASES = (
    Case("motor imagery R01", "eeg_motor_imagery_physionet/**/S001R01.edf", 0.0, 4.20),
    Case("motor imagery R02", "eeg_motor_imagery_physionet/**/S001R02.edf", 0.0, 4.20),
    Case("motor imagery R04", "eeg_motor_imagery_physionet/**/S001R04.edf", 0.0, 4.20),
    Case("EEGLAB 32", "eeg_eeglab32/eeglab_data.set", 1e-7, 6.50, 3.2),
    Case("Muse N170", f"{ERP}/N170/subject1/session1/*.csv.gz", 0.48828125e-6),
    Case("Muse P300", f"{ERP}/P300/subject1/session1/*.csv.gz", 0.48828125e-6),
    Case("Muse SSVEP", f"{ERP}/SSVEP/subject1/session1/*.csv.gz", 0.48828125e-6),
    Case("EEGLAB EDF (repeats itself)", f"{CONTAINERS}/eeglab/test.edf"),
    Case("MNE EDF", f"{CONTAINERS}/mne-python/test.edf"),
    Case("Nihon Kohden EDF", f"{CONTAINERS}/mne-testing-data/NihonKohden/MB0400FU.EDF"),
    Case("EEGLAB BDF", f"{CONTAINERS}/eeglab/test.bdf", 0.0, 3.90),
    Case("MNE BDF, 1 s", f"{CONTAINERS}/mne-python/test.bdf"),
    Case("BrainVision", f"{CONTAINERS}/mne-python/test.vhdr"),
    Case("Neuroscan CNT", f"{CONTAINERS}/mne-testing-data/CNT/scan41_short.cnt", 0.0, 4.85, 2.2),
    Case("DREAMS PSG", "eeg_sleep_dreams/excerpt3.edf"),
    Case("MIT-BIH 100", "ecg/100.hea"),
    Case("PTB, 15 leads", "ecg/s0010_re.hea", 0.0, 3.65),
    Case("iEEG gripforce", GRIP, 0.1),
)
MUSE_MARGIN = 0.04  # under the best of the other tools


@dataclass(frozen=True)
class Samples:
    """One recording's integers and what one of them stands for.

    Attributes:
        values: "t c", int32.
        width: bits that the file stores a sample in.
        unit: size of one step per channel, in volts; NaN where the channel is in no volts.
    """

    name: str
    values: np.ndarray
    rate: float
    width: int
    unit: np.ndarray


def find(case: Case, data: Path) -> Path | None:
    """The first file that the case names, or None."""
    return next(iter(sorted(data.glob(case.pattern))), None)


def load(case: Case, path: Path) -> Samples:
    """The recording of most samples in a file, trigger and status channels with it."""
    from signalpiece.signals.files import open_all

    recording: Any = max(open_all(path), key=lambda r: r.grid.size("channel") * r.samples)
    grid = recording.grid
    keep = list(range(grid.size("channel")))
    volts = np.array([grid.unit(c) == "V" for c in keep])
    if not case.step:
        stored = recording.stored()
        unit = np.where(volts, stored.scale[keep], np.nan)
        values, width = stored.values[keep], 24 if recording.format == "BDF" else 16
    else:
        x = np.asarray(recording.read().values[keep], np.float64)
        values, width = np.rint(x / case.step), 16 if 1e-7 < case.step < 1e-6 else 32
        unit = np.full(len(keep), case.step)
    return Samples(case.name, np.ascontiguousarray(values.T, np.int32), grid.time_rate, width, unit)
