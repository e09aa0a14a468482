"""Laws of the room over all that it offers: losses are finite scalars, smallest where asked for, and pass gradients."""

import pytest
import torch

from signalpiece import objectives


def waves(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def spectra(z):
    found = objectives.spectrum_losses(objectives.standardised_spectrum(waves(1, 2, 3, 2, 20)), z, z)
    return found["amplitude"] + found["angle"]


LOSSES = {  # a loss of one tensor, and that tensor
    "batch_shaping_loss": (lambda z: objectives.batch_shaping_loss(z.sigmoid(), torch.full((4,), 0.5)), waves(2, 9, 4)),
    "hyperprior_loss": (lambda z: objectives.hyperprior_loss(z.sigmoid(), 0.3), waves(3, 5)),
    "info_nce": (lambda z: objectives.info_nce(waves(10, 5, 8), z), waves(11, 5, 8)),
    "multi_scale_stft": (lambda z: objectives.multi_scale_stft(waves(4, 2, 600), z), waves(5, 2, 600)),
    "spectrum_losses": (spectra, waves(6, 2, 3, 2, 20)),
}
TARGETS = ["standardised_spectrum"]


def test_every_name_is_under_a_law():
    assert sorted([*LOSSES, *TARGETS]) == sorted(objectives.__all__)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_scalar_that_following_its_gradient_lowers(name):
    loss, z = LOSSES[name]
    z = z.clone().requires_grad_()
    before = loss(z)
    assert before.shape == () and torch.isfinite(before)
    (grad,) = torch.autograd.grad(before, z)
    assert grad.isfinite().all() and (grad != 0).any()
    step = 1e-2 / float(grad.norm())
    assert loss((z - step * grad).detach()) < before


def test_equal_signals_have_no_distance():
    x = waves(7, 2, 600)
    assert float(objectives.multi_scale_stft(x, x)) == 0
    targets = objectives.standardised_spectrum(waves(8, 2, 3, 2, 20))
    assert all(float(v) == 0 for v in objectives.spectrum_losses(targets, *targets).values())


def test_standardised_targets_are_so():
    for part in objectives.standardised_spectrum(waves(9, 2, 3, 2, 20)):
        torch.testing.assert_close(part.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(part.std((1, 2, 3)), torch.ones(2), atol=1e-5, rtol=0)
