import gzip

import numpy as np
import pytest

from signalpiece.apps.suite import SUITES, SuiteFile, data_folder, load_suite_file, suite_files
from signalpiece.apps.suite_data import read_bci2, read_dreams
from signalpiece.core.check import SignalPieceError


def test_no_file_is_in_two_splits():
    for suite in SUITES.values():
        train, validation, test = ({(f.set, f.file) for f in suite.splits[s]} for s in ("train", "validation", "test"))
        assert not train & test and not validation & test
        both = train & validation
        assert {f for _, f in both} <= {"eeglab_data.set"}  # first part and last minute of one recording
        parts = [f for s in ("train", "validation") for f in suite.splits[s] if f.file == "eeglab_data.set"]
        assert [(f.start, f.stop) for f in parts] == [(0.0, -60.0), (-60.0, None)]
        assert not {s for s, _ in test} & {s for s, _ in train | validation}


def test_the_missing_folder_or_file_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGNALPIECE_DATA", raising=False)
    with pytest.raises(SignalPieceError, match="--data DIR or SIGNALPIECE_DATA"):
        data_folder()
    with pytest.raises(SignalPieceError, match="no such folder"):
        data_folder(tmp_path / "none")
    with pytest.raises(SignalPieceError, match="no sub-folder eeg_motor_imagery_physionet"):
        suite_files("suite-eeg-1", "test", tmp_path)
    monkeypatch.setenv("SIGNALPIECE_DATA", str(tmp_path))
    for name in ("eeg_motor_imagery_physionet", "eeg_sleep_dreams"):
        (tmp_path / name).mkdir()
    with pytest.raises(SignalPieceError, match="eeg_motor_imagery_physionet lacks S001R01.edf"):
        suite_files("suite-eeg-1", "test")
    with pytest.raises(SignalPieceError, match="suite must be one of"):
        suite_files("suite-eeg-0", "test")


def dreams(folder, number=2, rate=200, seconds=20):
    values = np.random.default_rng(0).normal(size=seconds * rate) * 20
    with gzip.open(folder / f"excerpt{number}.txt.gz", "wt") as file:
        file.write("[CZ-A1]\n" + "\n".join(f"{v:.2f}" for v in values))
    (folder / f"Hypnogram_excerpt{number}.txt").write_text("[Hypnogram]\n5\n5\n2\n2\n")
    (folder / f"Visual_scoring1_excerpt{number}.txt").write_text("[vis1_Spindles/CZ-A1]\n  11.5 \t 0.7\n")
    return values


def test_dreams_text_is_read_in_volts_with_its_labels(tmp_path):
    values = dreams(tmp_path)
    signal = read_dreams(tmp_path / "excerpt2.txt.gz")
    assert signal.grid.time_rate == 200 and signal.grid.names == ("CZ-A1",)
    assert signal.values[0] == pytest.approx(np.round(values, 2) * 1e-6, rel=1e-5)
    notes = [(a.onset, a.duration, a.text) for a in signal.annotations]
    assert notes == [(0, 10, "sleep stage wake"), (10, 10, "sleep stage S2"), (11.5, 0.7, "spindle (expert 1)")]


def test_a_suite_file_is_filtered_resampled_and_cut(tmp_path):
    dreams(tmp_path)
    got = load_suite_file(SuiteFile("d", "excerpt2.txt.gz", -5.0), tmp_path / "excerpt2.txt.gz")
    assert got.signal.grid.shape == (1, 500) and got.signal.grid.time_rate == 100 and got.signal.grid.start == 0


def test_bci2_windows_stand_one_after_the_other(tmp_path):
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    names = np.empty((1, 2), object)
    names[0, 0], names[0, 1] = "C3", "C4"
    train, test = rng.normal(size=(50, 2, 3)), rng.normal(size=(50, 2, 1))
    savemat(
        tmp_path / "a.mat",
        {"x_train": train, "x_test": test, "y_train": [[0, 1, 1]], "y_test": [[0]], "clab": names},
    )
    signal = read_bci2(tmp_path / "a.mat")
    assert signal.grid.shape == (2, 200) and signal.grid.names == ("C3", "C4")
    assert signal.values[1, 50:100] == pytest.approx(train[:, 1, 1] * 1e-6, rel=1e-5)
    assert [a.text for a in signal.annotations] == ["left hand", "right hand", "right hand", "left hand"]


def test_damaged_data_is_one_sentence(tmp_path):
    (tmp_path / "excerpt1.txt.gz").write_bytes(b"nothing of the kind")
    (tmp_path / "a.mat").write_bytes(b"nothing of the kind")
    with pytest.raises(SignalPieceError, match="not a text of the DREAMS excerpts"):
        read_dreams(tmp_path / "excerpt1.txt.gz")
    with pytest.raises(SignalPieceError, match="not data set IV"):
        read_bci2(tmp_path / "a.mat")
