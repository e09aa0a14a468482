import math

import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.objectives import info_nce


def test_both_directions_by_hand():
    first, second = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    near = math.sqrt(0.5)
    rows = math.log(1 + math.exp(near - 1)) + math.log(1 + math.exp(0 - near))
    columns = math.log(1 + math.exp(0 - 1)) + math.log(1 + math.exp(near - near))
    assert float(info_nce(first, second, scale=1.0)) == pytest.approx((rows + columns) / 4, abs=1e-6)


def test_it_is_nothing_at_the_optimum_and_symmetric():
    eye = torch.eye(6)
    assert info_nce(eye, 5 * eye, scale=50.0) < 1e-6
    a, b = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(info_nce(a, b), info_nce(b, a))
    assert info_nce(a, a) < info_nce(a, b)


def test_gradients_are_finite():
    a = torch.randn(5, 3, requires_grad=True)
    scale = torch.tensor(1000.0, requires_grad=True)
    info_nce(a, torch.randn(5, 3), scale=scale).backward()
    assert a.grad is not None and a.grad.isfinite().all() and scale.grad is not None and scale.grad.isfinite()


def test_one_item_is_refused():
    with pytest.raises(SignalPieceError, match="2 items or more, got 1"):
        info_nce(torch.ones(1, 2), torch.ones(1, 2))
