import torch

from signalpiece.objectives.spectral import multi_scale_stft


def test_no_distance_and_no_gradient_trouble_at_the_optimum():
    x = torch.zeros(1, 500)
    y = torch.zeros(1, 500, requires_grad=True)
    loss = multi_scale_stft(x, y)
    assert loss == 0
    loss.backward()
    assert torch.isfinite(y.grad).all()


def test_magnitude_and_phase_by_hand():
    x, y = torch.randn(1, 300), torch.randn(1, 300)
    whole = multi_scale_stft(x, y, sizes=(64,))
    magnitude = multi_scale_stft(x, y, sizes=(64,), phase=0.0)
    window = torch.hann_window(64)
    a, b = (torch.stft(torch.nn.functional.pad(s, (28, 28), mode="reflect"), 64, 8, window=window, center=False,
                       return_complex=True).abs().log1p() for s in (x, y))  # fmt: skip
    torch.testing.assert_close(magnitude * 3, (a - b).abs().mean() + (a - b).square().mean())
    assert whole > magnitude
    torch.testing.assert_close(multi_scale_stft(x, -x, phase=0.0), torch.zeros(()))
