import numpy as np
import pytest
import torch
from scipy.special import betaincinv

from signalpiece.core.check import SignalPieceError
from signalpiece.objectives import batch_shaping_loss, hyperprior_loss

RANKS = np.arange(1, 41)[:, None] / 41


def test_quantiles_cost_nothing_and_everything_else_does():
    means = torch.tensor([0.1, 0.5, 0.8])
    best = torch.from_numpy(betaincinv(means.double().numpy(), 1 - means.double().numpy(), RANKS))
    shuffled = best[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert batch_shaping_loss(shuffled, means.double()) < 1e-12
    assert batch_shaping_loss(shuffled, 1 - means.double()) > 1e-2
    assert batch_shaping_loss(torch.full((40, 3), 0.5), means) > 1e-2


def test_slopes_are_those_of_the_distance():
    g = torch.Generator().manual_seed(1)
    x = (torch.rand(7, 4, generator=g, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    means = (torch.rand(4, generator=g, dtype=torch.float64) * 0.6 + 0.2).requires_grad_()
    to_x, to_means = torch.autograd.grad(batch_shaping_loss(x, means), (x, means))
    for tensor, slope, close in ((x, to_x, 1e-5), (means, to_means, 2e-3)):
        flat = tensor.detach().clone().flatten()
        for i in range(0, len(flat), 3):
            ends = []
            for step in (1e-5, -1e-5):
                moved = flat.clone()
                moved[i] += step
                moved = moved.view_as(tensor)
                ends.append(batch_shaping_loss(*((moved, means) if tensor is x else (x, moved))).item())
            assert slope.flatten()[i].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=close, abs=1e-6)


def test_slopes_stay_finite_at_the_ends():
    x = torch.tensor([[0.0], [1.0], [1e-9]], requires_grad=True)
    means = torch.tensor([1.0], requires_grad=True)
    batch_shaping_loss(x, means).backward()
    assert x.grad.isfinite().all() and means.grad.isfinite().all()


def test_gates_come_to_be_as_open_as_wanted():
    """Logits and means learn together: the share of open gates goes to the one wanted, most gates are decided."""
    g = torch.Generator().manual_seed(2)
    logits = torch.randn(60, 8, generator=g).requires_grad_()
    free = torch.zeros(8, requires_grad=True)
    optimizer = torch.optim.Adam([logits, free], lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        (batch_shaping_loss(logits.sigmoid(), free.sigmoid()) + hyperprior_loss(free.sigmoid(), 0.25)).backward()
        optimizer.step()
    shares = logits.detach().sigmoid()
    assert abs(shares.mean() - 0.25) < 0.06
    assert ((shares < 0.1) | (shares > 0.9)).float().mean() > 0.5


def test_hyperprior_is_met_by_normal_quantiles():
    spread = torch.distributions.Normal(0.3, 0.05).icdf(torch.arange(1, 10) / 10)
    assert hyperprior_loss(spread, 0.3, 0.05) < 1e-10 < hyperprior_loss(spread, 0.4, 0.05)
    with pytest.raises(SignalPieceError, match="share must be between 0 and 1"):
        hyperprior_loss(spread, 1.5)
