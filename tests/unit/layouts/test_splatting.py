import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.layouts import splat, splatting


def gaussians(b, n, d, seed, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    rand = lambda *s: torch.rand(*s, generator=g, dtype=dtype)  # noqa: E731
    return (
        torch.randn(b, n, d, generator=g, dtype=dtype),
        rand(b, n, 2) * 2.4 - 1.2,
        torch.cat([rand(b, n, 2) * 0.3 + 0.03, rand(b, n, 1) * 1.8 - 0.9], 2),
    )


def plainly(colors, centres, spread, height, width, reach=5.0):
    """The formula with everything at once."""
    x, y = (torch.linspace(-1, 1, n, dtype=colors.dtype) for n in (width, height))
    sx, sy, rho = spread[..., None, None].unbind(2)
    dx, dy = x - centres[:, :, 0, None, None], y[:, None] - centres[:, :, 1, None, None]
    power = dx**2 / sx**2 - 2 * rho * dx * dy / (sx * sy) + dy**2 / sy**2
    weight = torch.exp(-power / (2 * (1 - rho**2))) * ((dx.abs() <= reach * sx) & (dy.abs() <= reach * sy))
    return torch.einsum("bnhw,bnd->bhwd", weight, colors)


@pytest.mark.parametrize("size", [(1, 1), (7, 40), (33, 18)])
@pytest.mark.parametrize("reach", [1.5, 5.0])
def test_values_and_gradients_are_those_of_the_formula(size, reach, monkeypatch):
    monkeypatch.setattr(splatting, "BUDGET", 2**10)  # several tiles
    given = [x.requires_grad_() for x in gaussians(2, 9, 3, 0)]
    found, wanted = splat(*given, *size, reach=reach), plainly(*given, *size, reach=reach)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-10)
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=found.dtype)
    for a, b in zip(
        torch.autograd.grad((found * weight).sum(), given),
        torch.autograd.grad((wanted * weight).sum(), given),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-8)


def test_one_gaussian_is_its_closed_form():
    one = torch.tensor([[[2.0]]]), torch.tensor([[[0.2, -0.1]]]), torch.tensor([[[0.3, 0.2, 0.5]]])
    found = splat(*one, 21, 31)[0, :, :, 0]
    x, y = torch.linspace(-1, 1, 31).double(), torch.linspace(-1, 1, 21).double()[:, None]
    u, v = (x - 0.2) / 0.3, (y + 0.1) / 0.2
    wanted = 2 * torch.exp(-(u**2 - u * v + v**2) / 1.5) * (u.abs() <= 5) * (v.abs() <= 5)
    assert (found - wanted).abs().max() < 1e-5


def test_far_away_is_nothing():
    colors, centres, spread = gaussians(1, 3, 2, 3)
    assert not splat(colors, centres + 50, spread, 8, 8).any()
    assert splat(colors[:, :0], centres[:, :0], spread[:, :0], 4, 5).shape == (1, 4, 5, 2)


def test_memory_stays_that_of_a_tile():
    """No tensor of Gaussians x pixels is made, forward or backward."""
    made = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            made.extend(x.numel() for x in (out if isinstance(out, tuple | list) else [out]) if torch.is_tensor(x))
            return out

    given = [x.float().requires_grad_() for x in gaussians(1, 400, 4, 4)]
    with Watch():
        splat(*given, 96, 96).sum().backward()
    assert max(made) <= 400 * splatting.SMALLEST**2 < 400 * 96 * 96 / 4


def test_an_empty_grid_is_refused():
    with pytest.raises(SignalPieceError, match="height must be between 1"):
        splat(*gaussians(1, 2, 1, 0), 0, 4)
    with pytest.raises(SignalPieceError, match="reach must be between"):
        splat(*gaussians(1, 2, 1, 0), 4, 4, reach=0)
