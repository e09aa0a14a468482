import math

import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.positions import LearnedTable, Sinusoidal, rotate


def test_sines_then_cosines_of_each_axis():
    y = Sinusoidal(8, axes=2, base=100.0)(torch.tensor([[[1, 2]]]))[0, 0]
    expected = [f(at / w) for at in (1, 2) for f in (math.sin, math.cos) for w in (1, 10)]
    assert y.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_table_gives_its_rows():
    table = LearnedTable(4, size=3)
    torch.testing.assert_close(table(torch.tensor([[[2], [0]]]))[0], table.table[[2, 0]])
    assert not list(Sinusoidal().parameters()) and not Sinusoidal().state_dict()


def test_a_quarter_turn():
    x = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    turned = rotate(x, torch.tensor([[[math.pi / 2]]]))
    torch.testing.assert_close(turned.flatten(), torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0)


def test_mistakes_are_named():
    with pytest.raises(SignalPieceError, match="between 0 and 2, got 0 to 3; enlarge size"):
        LearnedTable(size=3)(torch.tensor([[[0], [3]]]))
    with pytest.raises(SignalPieceError, match="1 axis, got 2"):
        LearnedTable()(torch.zeros(1, 3, 2))
    with pytest.raises(SignalPieceError, match="must be a multiple of 4 for 2 axes"):
        Sinusoidal(6, axes=2)
    with pytest.raises(SignalPieceError, match="must be a multiple of 4 for 2 axes"):
        rotate(torch.zeros(1, 1, 1, 6), torch.zeros(1, 1, 2))
