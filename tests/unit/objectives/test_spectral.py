import torch

from signalpiece.objectives.spectral import log_spectral_distance, multi_scale_stft


def test_no_distance_and_no_gradient_trouble_at_the_optimum():
    x = torch.zeros(1, 500)
    y = torch.zeros(1, 500, requires_grad=True)
    loss = multi_scale_stft(x, y)
    assert loss == 0
    loss.backward()
    assert torch.isfinite(y.grad).all()


def test_half_the_amplitude_is_six_decibels():
    x = torch.randn(2, 2000)
    distance = log_spectral_distance(x, x / 2, rate=250, size=250)
    torch.testing.assert_close(distance, torch.full((2,), 6.02), atol=0.02, rtol=0)


def test_only_the_band_counts():
    t = torch.arange(2000) / 250
    x = torch.sin(2 * torch.pi * 10 * t)[None]
    louder = x + torch.sin(2 * torch.pi * 80 * t)[None]
    assert log_spectral_distance(x, louder, rate=250, size=250) < 3
    assert log_spectral_distance(x, louder, rate=250, size=250, band=(60, 100)) > 10
