import numpy as np
import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import (
    GaussianAnchors,
    Gaussians,
    entropy_regions,
    rotated_spread,
    splat,
    uniform_regions,
    weigh,
)
from signalpiece.layouts.gaussians import crop_regions


def picture(values, valid=None):
    values = np.asarray(values, np.float32)
    return Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), values.shape), values, valid)


def busy_corner(size=96):
    """Even but for noise in the lower right quarter."""
    x = np.full((size, size, 3), 0.5)
    x[size // 2 :, size // 2 :] = np.random.default_rng(0).random((size // 2, size // 2, 3))
    return x


@pytest.mark.parametrize("split", [entropy_regions, uniform_regions])
@pytest.mark.parametrize("size", [(1, 1), (40, 61), (64, 64)])
def test_regions_cover_every_pixel_once(split, size):
    gray = np.random.default_rng(1).random(size)
    boxes = split(gray, 32)
    cover = np.zeros(size, int)
    for top, left, bottom, right in boxes:
        cover[top:bottom, left:right] += 1
    assert (cover == 1).all() and len(boxes) <= 32 and (size == (1, 1) or len(boxes) >= 24)


def test_regions_are_small_where_the_picture_is_busy():
    boxes = entropy_regions(busy_corner()[..., 0], 32)
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centre > 48).all(1)
    assert inside.sum() > 20 and sides[inside].mean() * 2 < sides[~inside].mean()


def naive_split(gray, num, smallest=8):
    """The published procedure, with SciPy's filters."""
    from scipy.ndimage import map_coordinates, sobel

    def complexity(part):
        h, w = part.shape
        at = [np.clip((np.arange(64) + 0.5) * n / 64 - 0.5, 0, n - 1) for n in (h, w)]
        view = map_coordinates(part, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest")
        size = np.hypot(sobel(view, 0, mode="nearest"), sobel(view, 1, mode="nearest"))
        share = np.histogram(size, 512, (-5.5, 5.5))[0] / (size.size + 1e-5)
        return max(-(share * np.log2(share + 1e-10)).sum(), 0) ** 2.5 * h * w

    parts = [(complexity(gray), 0, 0, *gray.shape)]
    while len(parts) < num:
        able = [p for p in parts if max(p[3] - p[1], p[4] - p[2]) > smallest + 1]
        _, t, a, b, r = best = max(able, key=lambda p: p[0])
        parts.remove(best)
        h, w = b - t, r - a
        across = [(t, a, b, a + w // 2), (t, a + w // 2, b, r)]
        down = [(t, a, t + h // 2, r), (t + h // 2, a, b, r)]
        score = lambda boxes: [complexity(gray[a:c, d:e]) for a, d, c, e in boxes]  # noqa: E731
        take = across if w > h or (w == h and min(score(across)) < min(score(down))) else down
        parts += [(s, *box) for s, box in zip(score(take), take, strict=True)]
    return sorted(p[1:] for p in parts)


@pytest.mark.parametrize("seed", [0, 1])
def test_regions_are_those_of_the_published_procedure(seed):
    rng = np.random.default_rng(seed)
    gray = rng.random((9, 12)).repeat(10, 0).repeat(8, 1) * rng.random((90, 96)) ** rng.uniform(0, 2, (90, 1))
    assert [tuple(b) for b in entropy_regions(gray, 20).tolist()] == naive_split(gray, 20)


def test_crops_of_a_ramp_are_ramps_and_do_not_look_outside():
    ramp = torch.arange(12.0)[:, None, None].expand(12, 9, 1).clone()
    ramp[8:] = 100
    crops = crop_regions(ramp, np.array([[0, 0, 8, 9], [8, 0, 12, 9]]), 4)
    torch.testing.assert_close(crops[0, :, 0, 0], torch.tensor([0.5, 2.5, 4.5, 6.5]))
    assert (crops[1] == 100).all()


def test_shapes_lie_in_the_middle_of_their_regions():
    layout = Gaussians(num=1, crop=2)
    slots = layout.cut(picture(np.full((21, 41, 3), 0.25)))
    torch.testing.assert_close(slots.coords[0, 0], torch.tensor([0, 0, 40 / 41 * 2 / 3, 20 / 21 * 2 / 3, 0]))


@pytest.mark.parametrize("layout", [Gaussians(num=30), Gaussians(num=9, regions=uniform_regions), GaussianAnchors()])
def test_even_pictures_come_back(layout):
    flat = np.broadcast_to(np.array([0.1, 0.5, 0.9], np.float32), (50, 70, 3))
    back = layout.join(layout.cut(picture(flat)))
    np.testing.assert_allclose(back.values.detach(), flat, atol=1e-5)


def test_more_gaussians_lose_less_and_busy_places_get_them():
    x = busy_corner()
    x[48:, 48:] = x[48::8, 48::8].repeat(8, 0).repeat(8, 1)  # blocks that a Gaussian can show

    def error(**options):
        layout = Gaussians(**options)
        return float(np.square(layout.join(layout.cut(picture(x))).values.numpy() - x).mean())

    assert error(num=64) < 0.7 * error(num=16)
    assert error(num=64) < 0.8 * error(num=64, regions=uniform_regions)


def test_invalid_pixels_make_their_region_invalid():
    valid = np.ones((64, 64, 1), bool)
    valid[0, 0] = False
    layout = Gaussians(num=4, regions=uniform_regions)
    assert layout.cut(picture(np.zeros((64, 64, 3)), valid)).valid.tolist() == [[False, True, True, True]]
    values = np.full((64, 64, 3), 0.5)
    values[0, 0] = 1e6
    anchors = GaussianAnchors(num=4).cut(picture(values, valid))
    assert anchors.valid.all() and (anchors.values - 0.5).abs().max() < 1e-5


def test_rotation_is_that_of_the_covariance():
    scale, angle = torch.tensor([[3.0, 1.0], [2.0, 2.0]]).double(), torch.tensor([0.7, 0.3]).double()
    sx, sy, rho = rotated_spread(scale, angle, 3, 3).unbind(1)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], 1), torch.stack([angle.sin(), angle.cos()], 1)], 1)
    wanted = turn @ torch.diag_embed(scale.square()) @ turn.mT
    found = torch.stack([torch.stack([sx * sx, rho * sx * sy], 1), torch.stack([rho * sx * sy, sy * sy], 1)], 1)
    torch.testing.assert_close(found, wanted)


def test_anchors_stay_where_they_may_and_learn():
    anchors = GaussianAnchors(num=10, height=8, width=12)
    with torch.no_grad():
        anchors.scale[0], anchors.place[0] = 50.0, 50.0
    centres, spread = anchors()
    assert centres.abs().max() <= 1 and spread[:, 2].abs().max() < 1
    pixels = spread[:, :2] / torch.tensor([2 / 11, 2 / 7])
    assert pixels.max() <= 3 + 1e-5 and pixels.min() >= 0.1
    splat(torch.ones(1, 10, 1), centres[None], spread[None], 8, 12).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in (anchors.place, anchors.scale))


def test_weigh_is_splat_turned_round():
    g = torch.Generator().manual_seed(0)
    colors, pixels = torch.randn(1, 5, 2, generator=g), torch.randn(1, 40, 50, 2, generator=g)
    centres, spread = torch.rand(1, 5, 2, generator=g), torch.rand(1, 5, 3, generator=g) * 0.3 + 0.05
    drawn = splat(colors, centres, spread, 40, 50)
    torch.testing.assert_close((drawn * pixels).sum(), (weigh(pixels, centres, spread) * colors).sum())


def test_slots_that_do_not_fit_are_refused():
    layout = Gaussians(num=4, crop=2)
    slots = layout.cut(picture(np.zeros((30, 30, 3))))
    with pytest.raises(SignalPieceError, match="these slots have none"):
        layout.join(type(slots)(slots.values, slots.grid))
    with pytest.raises(SignalPieceError, match="have shape"):
        layout.join(type(slots)(slots.values[..., 1:], slots.grid, slots.coords))
    with pytest.raises(SignalPieceError, match="colors must be what the signal has, got 3 for 1; set colors=1"):
        layout.cut(picture(np.zeros((30, 30, 1))))
