"""Damaged, mislabelled and random files: a recording or one sentence, never another exception, a hang or a huge array."""

import gzip
import os
import shutil
import tracemalloc

import odd_files
import pytest
from damage_counts import COUNTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_odd import CASES, MAKERS

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.describe import describe
from signalpiece.signals.files import READERS, open_all

EXAMPLES = int(os.environ.get("DAMAGE_EXAMPLES", "12"))
LARGEST = 600e6  # bytes held at once while a file of a few kilobytes is looked at
often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="DAMAGE_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound")
    for maker in odd_files.CASES:
        maker(path)
    return path


def look_at(path):
    """Opens and reads as far as it goes; True if that worked, the sentence if it was refused."""
    tracemalloc.start()
    try:
        found = open_all(path)
        describe(path, found)
        for recording in found:
            if "time" not in recording.grid.axes or recording.grid.size("time"):
                recording.read()
            recording.triggers() if "stim" in recording.grid.kinds else None
        COUNTS["read"] += 1
        return True
    except SignalPieceError as error:
        COUNTS["refused"] += 1
        assert "\n" not in str(error) and str(error) and "Type-check" not in str(error)
        return str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < LARGEST, f"{peak / 1e6:.0f} MB for a file of {path.stat().st_size} bytes"


def of_case(folder, case, target):
    """All files of a case copied to `target`; the one to open and the ones that may be damaged."""
    files = [
        f
        for f in folder.iterdir()
        if f.stem.removesuffix("_raw") == case["id"].removesuffix("_raw") or f.name == case["file"]
    ]
    for file in files:
        shutil.copy(file, target)
    return target / case["file"], sorted(target / f.name for f in files)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_truncated(case, folder, tmp_path):
    opened, files = of_case(folder, case, tmp_path)

    @often
    @given(st.data())
    def check(data):
        file = data.draw(st.sampled_from(files))
        sound = file.read_bytes()
        try:
            file.write_bytes(sound[: data.draw(st.integers(0, len(sound) - 1))])
            look_at(opened)
        finally:
            file.write_bytes(sound)

    check()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_flipped(case, folder, tmp_path):
    opened, files = of_case(folder, case, tmp_path)

    @often
    @given(st.data())
    def check(data):
        file = data.draw(st.sampled_from(files))
        sound = file.read_bytes()
        bad = bytearray(sound)
        near = data.draw(st.sampled_from([64, 1024, len(sound)]))  # headers more often than samples
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, min(near, len(sound)) - 1))
            bad[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b"0159-,.\0\xff")))
        try:
            file.write_bytes(bytes(bad))
            look_at(opened)
        finally:
            file.write_bytes(sound)

    check()


@pytest.mark.parametrize("ending", sorted(READERS))
def test_random_bytes(ending, tmp_path):
    @often
    @given(st.binary(min_size=1, max_size=600))
    def check(data):
        path = tmp_path / f"x{ending}"
        path.write_bytes(gzip.compress(data) if ending.endswith(".gz") and data[0] % 2 else data)
        look_at(path)

    check()


@pytest.mark.parametrize("ending", sorted(READERS))
def test_empty(ending, tmp_path):
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"")
    assert "empty" in str(look_at(path))


@pytest.mark.parametrize("ending", sorted(READERS))
def test_mislabelled(ending, folder, tmp_path):
    """A sound file of every other format under this ending."""
    for name in (
        "edf_gap.edf",
        "bv_renamed.eeg",
        "muse_packets.csv",
        "wav_odd_chunks.wav",
        "png_grey16.png",
        "obj_relative.obj",
    ):
        if READERS.get(name[name.rindex(".") :]) != READERS[ending]:
            path = tmp_path / f"{name.partition('.')[0]}{ending}"
            shutil.copy(folder / name, path)
            said = look_at(path)
            assert said is not True, f"{name} was read as {ending}"


def test_makers_cover_cases():
    assert set(MAKERS) == {case["id"] for case in CASES}
