"""Any file there and back."""

import numpy as np

from signalpiece.core.types import Slots
from signalpiece.layouts import Bytes


def test_a_file_comes_back(tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(bytes(range(256)) * 3 + b"end")
    from signalpiece.signals.raw_bytes import open_file

    signal = open_file(path, {})[0].read()
    layout = Bytes(patch=16)
    slots = layout.cut(signal)
    assert slots.values.shape == (1, 49, 16) and slots.values.dtype == np.float32
    assert layout.join(slots).values.tobytes() == path.read_bytes()
    for error in (-0.4, 0.4):
        near = Slots(slots.values + np.float32(error), slots.grid)
        assert layout.join(near).values.tobytes() == path.read_bytes()
