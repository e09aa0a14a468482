import pytest
import torch

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("levels", [(2, 3), (4, 4), (8, 5, 5, 5)])
def test_every_code_is_a_point_of_its_own(levels, symmetric):
    q = quantizers.FSQ(len(levels), levels=levels, symmetric=symmetric)
    points = q.decode(torch.arange(q.codebook_sizes[0])[None, :, None])[0]
    assert len(points.unique(dim=0)) == q.codebook_sizes[0]
    assert points.abs().max() <= 1
    if symmetric:
        assert points.min() == -1 and points.max() == 1


def test_the_first_dimension_counts_fastest():
    q = quantizers.FSQ(2, levels=(3, 5)).eval()
    codes = q(torch.tensor([[[-9.0, -9.0], [9.0, -9.0], [-9.0, 9.0], [9.0, 9.0]]])).codes
    assert codes.flatten().tolist() == [0, 2, 12, 14]


def test_every_code_can_be_reached():
    q = quantizers.FSQ(2, levels=(8, 5)).eval()
    z = torch.cartesian_prod(torch.linspace(-4, 4, 200), torch.linspace(-4, 4, 200))[None]
    assert len(q(z).codes.unique()) == 40


def test_half_precision_decides_in_fp32():
    q = quantizers.FSQ(2, levels=(8, 5)).eval()
    z = torch.randn(1, 50, 2, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(q(z).codes, q(z.clone()).codes)
        inside = q(z).codes
    assert torch.equal(inside, q(z).codes)


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="levels must each be at least 2"):
        quantizers.FSQ(2, levels=(1, 3))
    with pytest.raises(SignalPieceError, match="levels must each be at least 2"):
        quantizers.FSQ(40, levels=(2,) * 40)
