import pytest
import torch
from torch.nn import functional

from signalpiece.core.check import SignalPieceError
from signalpiece.mixers.conv import CausalConv, CausalUpsample
from signalpiece.mixers.lstm import SkipLSTM


def test_a_strided_convolution_by_hand():
    conv = CausalConv(1, 1, kernel=4, stride=2)
    x = torch.arange(1.0, 8.0).view(1, 1, 7)
    with torch.no_grad():
        conv.conv.weight.copy_(torch.tensor([[[1.0, 10.0, 100.0, 1000.0]]]))
        conv.conv.bias.zero_()
        assert conv(x).flatten().tolist() == [2100.0, 4321.0, 6543.0]


def test_reflection_fills_both_ends():
    conv = CausalConv(1, 1, kernel=4, stride=2, padding="reflect")
    x = torch.randn(1, 1, 7)
    with torch.no_grad():
        expected = functional.conv1d(functional.pad(x, (2, 1), mode="reflect"), conv.conv.weight, conv.conv.bias, 2)
        assert torch.equal(conv(x), expected)
    with pytest.raises(SignalPieceError, match="padding must be 'zero' to run piece by piece"):
        conv.start(1)


def test_a_stride_beyond_the_kernel_is_refused():
    with pytest.raises(SignalPieceError, match="stride must be at most"):
        CausalConv(1, 1, kernel=2, stride=3)


def test_upsampling_cuts_on_the_right_only():
    up = CausalUpsample(2, 1, stride=3)
    x = torch.randn(1, 2, 5)
    with torch.no_grad():
        assert torch.equal(up(x), up.conv(x)[:, :, :15])


def test_the_lstm_equals_its_cell_equations():
    lstm = SkipLSTM(4, depth=1)
    x = torch.randn(1, 4, 3)
    w, u, b, c = (getattr(lstm.lstm, f"{n}_l0") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = s = torch.zeros(4)
    for t in range(3):
        i, f, g, o = (w @ x[0, :, t] + b + u @ h + c).chunk(4)
        s = f.sigmoid() * s + i.sigmoid() * g.tanh()
        h = o.sigmoid() * s.tanh()
        torch.testing.assert_close(lstm(x)[0, :, t], x[0, :, t] + h)
