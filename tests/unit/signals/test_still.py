from pathlib import Path

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Recording
from signalpiece.core.signal import Grid
from signalpiece.signals.files import open
from signalpiece.signals.still import Still

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def still(rate, times=()):
    grid = Grid(("x", "y", "time"), (None, None, rate), ("",), VALUES.shape)
    extra = {"times": times} if times else {}
    return Still(Path("a.nii"), grid, lambda a, b: VALUES[..., a:b], extra=extra, format="test")


def test_obeys_the_protocol():
    opened = still(2.0)
    assert isinstance(opened, Recording)
    assert np.array_equal(opened.read(0.5, 1.5).values, VALUES[..., 1:3])
    assert np.array_equal(np.concatenate([b.values for b in opened.blocks(0.7)], -1), VALUES)
    with pytest.raises(SignalPieceError, match="keeps no integers"):
        opened.stored()


@pytest.mark.parametrize("start,stop", [(0.0, 3.0), (1.5, 1.0), (-1.0, 1.0)])
def test_outside(start, stop):
    with pytest.raises(SignalPieceError, match="outside"):
        still(2.0).read(start, stop)


def test_neither_rate_nor_times():
    opened = still(None)
    assert np.array_equal(opened.read().values, VALUES)
    with pytest.raises(SignalPieceError, match="outside"):
        opened.read(0.0, 1.0)


def test_uneven_times():
    opened = still(None, (0.0, 0.1, 5.0, 5.1))
    assert np.array_equal(opened.read(0.05, 5.05).values, VALUES[..., 1:3])
    assert opened.read(4.0, 5.05).grid.start == 5.0
    assert [b.grid.shape[-1] for b in opened.blocks(1.0)] == [2, 2]
    assert np.array_equal(np.concatenate([b.values for b in opened.blocks(1.0)], -1), VALUES)


def test_bytes(tmp_path):
    data = bytes(range(256)) * 3
    (tmp_path / "a.unknown").write_bytes(data)
    opened = open(tmp_path / "a.unknown")
    assert isinstance(opened, Recording) and opened.grid.axes == ("byte",)
    assert opened.read().values.tobytes() == data and opened.read().values.dtype == np.uint8
    assert opened.read_bytes(250, 260).values.tolist() == [250, 251, 252, 253, 254, 255, 0, 1, 2, 3]
    assert b"".join(b.values.tobytes() for b in opened.blocks(1.0)) == data
    assert opened.stored(3, 5).values.tolist() == [[3, 4]]
    with pytest.raises(SignalPieceError, match="outside"):
        opened.read_bytes(0, 1000)
