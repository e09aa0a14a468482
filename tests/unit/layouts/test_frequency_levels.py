"""Low-pass levels beside torch's area and bicubic interpolation."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import FrequencyLevels, low_pass

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kept", [(1, 1), (2, 3), (5, 7), (15, 16), (16, 16)])
def test_a_level_is_area_down_and_bicubic_up(kept):
    x = RNG.normal(size=(2, 16, 16, 3))
    down = interpolate(torch.tensor(x).permute(0, 3, 1, 2), kept, mode="area")
    other = interpolate(down, (16, 16), mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    np.testing.assert_allclose(low_pass(x, kept), other.numpy(), atol=1e-12)


def test_levels_go_from_the_mean_to_the_picture():
    x = RNG.normal(size=(8, 12, 2))
    signal = Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), x.shape), x)
    slots = FrequencyLevels(levels=8, colors=2).cut(signal)
    maps = slots.values.reshape(8, 8, 12, 2)
    np.testing.assert_allclose(maps[0, :, 0], np.broadcast_to(maps[0, 0, 0], (8, 2)))
    np.testing.assert_allclose(maps[3], low_pass(x, (4, 6)))
    assert np.array_equal(maps[7], x)
    errors = np.square(maps - x).sum((1, 2, 3))
    assert errors[0] > errors[3] > errors[6] > errors[7]
    assert slots.coords[0, 96 + 13].tolist() == [2, 1, 1]


def test_film_and_wrong_colours_are_refused():
    with pytest.raises(SignalPieceError, match="set colors=1"):
        FrequencyLevels().cut(
            Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), (4, 4, 1)), np.zeros((4, 4, 1)))
        )
