"""Formats that the odd files do not have, cut and flipped: a recording or one sentence, silence, and no huge array."""

import os
import struct
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_egi import egi
from test_fif import TWO, fif, ramp

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.damage import check_room, one_sentence, quiet, unzip
from signalpiece.signals.describe import describe
from signalpiece.signals.files import open_all, write
from signalpiece.signals.mesh import write_mesh

RNG = np.random.default_rng(0)
EXAMPLES = int(os.environ.get("DAMAGE_EXAMPLES", "12"))
LARGEST = 300e6


def picture(shape):
    return Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), shape), RNG.random(shape, np.float32))


def film(path):
    shape = (6, 32, 32, 3)
    grid = Grid(("time", "row", "column", "color"), (25.0, None, None, None), ("",), shape)
    write(path, Signal(grid, RNG.random(shape, np.float32)))


def ogg(path):
    import soundfile

    soundfile.write(path, RNG.standard_normal((8000, 2)) * 0.1, 8000)


def surface(path):
    grid = Grid(("vertex", "xyz"), (None, None), ("",), (50, 3))
    write_mesh(path, Signal(grid, RNG.random((50, 3), np.float32)), RNG.integers(0, 50, (90, 3)))


def matlab73(path):
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in {"nbchan": 2.0, "trials": 1.0, "pnts": 300.0, "srate": 100.0}.items():
            file[f"EEG/{name}"] = np.array([[value]])
        file["EEG/data"] = np.zeros((300, 2), np.float32)


MAKERS = {
    "a.ogg": ogg,
    "a.webp": lambda path: write(path, picture((20, 30, 3))),
    "a.png": lambda path: write(path, picture((20, 30, 3))),
    "a.mp4": film,
    "a.ply": surface,
    "a.raw": lambda path: path.write_bytes(egi(RNG.integers(0, 99, (3, 200)), {"DIN1": np.arange(200) % 7 == 0})),
    "a_raw.fif": lambda path: path.write_bytes(fif([2, ramp(0, 50), 3, ramp(50, 90)], TWO)),
    "a.set": matlab73,
    "a.nii.gz": lambda path: write(path, Signal(Grid(("x", "y", "z"), (None,) * 3, ("",), (4, 5, 6)), np.ones((4, 5, 6), np.float32))),
}  # fmt: skip


def look_at(path):
    """Opens and reads as far as it goes."""
    tracemalloc.start()
    try:
        found = open_all(path)
        describe(path, found)
        for recording in found:
            recording.read()
    except SignalPieceError as error:
        assert str(error) and "\n" not in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < LARGEST, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_cut_and_flipped(name, tmp_path, capfd):
    path = tmp_path / name
    MAKERS[name](path)
    sound = path.read_bytes()
    assert open_all(path)[0].read().values.size

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        derandomize=True,
    )
    @given(st.data())
    def check(data):
        bad = bytearray(sound)
        if data.draw(st.booleans()):
            bad = bad[: data.draw(st.integers(1, len(sound) - 1))]
        near = min(data.draw(st.sampled_from([64, 1024, len(sound)])), len(bad))
        for _ in range(data.draw(st.integers(0, 4))):
            bad[data.draw(st.integers(0, near - 1))] = data.draw(st.sampled_from([0, 1, 127, 128, 255, 48]))
        path.write_bytes(bytes(bad))
        look_at(path)

    check()
    assert capfd.readouterr() == ("", "")


def test_one_sentence(tmp_path):
    with pytest.raises(SignalPieceError, match="x: cannot be read: first$"), one_sentence(tmp_path / "x"):
        raise ValueError("first\nsecond")
    with pytest.raises(SignalPieceError, match="KeyError|''"), one_sentence(tmp_path / "x"):
        raise KeyError("")
    with pytest.raises(SignalPieceError, match="memory"), one_sentence(tmp_path / "x"):
        raise MemoryError
    with quiet(tmp_path / "x") as said:
        warnings.warn("one\ntwo", stacklevel=1)
        warnings.warn("one\ntwo", stacklevel=1)
    assert said == ["one"]


def test_room_and_unzip(tmp_path):
    import gzip

    check_room(tmp_path, "x", 5, 5)
    with pytest.raises(SignalPieceError, match="would take 6 bytes"):
        check_room(tmp_path, "x", 6, 5)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(5 << 20)))
    assert len(unzip(path, 6 << 20)) == 5 << 20
    with pytest.raises(SignalPieceError, match="more than 4 MiB"):
        unzip(path, 4 << 20)
    path.write_bytes(struct.pack("<H", 0x8B1F) + bytes(50))
    with pytest.raises(SignalPieceError, match="cannot be unpacked"):
        unzip(path, 100)
