import numpy as np
import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import MixedScale, Quadtree, ScaleGate, has_detail


def picture(values, valid=None):
    values = values if torch.is_tensor(values) else np.asarray(values, np.float32)
    return Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), tuple(values.shape)), values, valid)


def noise(h, w, c=1, seed=0):
    return np.random.default_rng(seed).random((h, w, c))


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (5, 64), (1, 1)])
@pytest.mark.parametrize("crop", [1, 4])
def test_exact_where_there_are_enough_leaves(size, crop):
    x = picture(noise(*size, 3))
    layout = Quadtree(num=10_000, crop=crop)
    slots = layout.cut(x)
    assert (slots.coords[..., 2:] == crop).all() or size != (32, 32)  # what lies beyond an edge is even
    assert np.array_equal(layout.join(slots).values, x.values)
    mixed = MixedScale(patch=crop, choose=lambda regions: np.ones(len(regions)))
    assert np.array_equal(mixed.join(mixed.cut(x)).values, x.values)


def test_even_parts_cost_one_leaf_and_nothing_is_lost():
    x = np.zeros((64, 64, 1))
    x[:8, :8] = noise(8, 8)
    layout = Quadtree(num=10_000, crop=4, levels=3, colors=1)
    slots = layout.cut(picture(x))
    assert slots.values.shape[1] == 13  # three of 32, three of 16, three of 8, four of 4
    assert np.array_equal(layout.join(slots).values, x.astype(np.float32))


def greedy(x, num, crop, levels):
    """One square after the other: whichever loses most is split. Returns what is lost in the end."""
    side = crop * 2**levels

    def lost(top, left, level):
        part = x[top : top + crop * 2**level, left : left + crop * 2**level]
        blocks = part.reshape(crop, 2**level, crop, 2**level)
        return float(((blocks - blocks.mean((1, 3), keepdims=True)) ** 2).sum())

    h, w = x.shape
    leaves = [(lost(i, j, levels), i, j, levels) for i in range(0, h, side) for j in range(0, w, side)]
    while len(leaves) + 3 <= num:
        best = max(leaves)
        if best[0] <= 0:
            break
        leaves.remove(best)
        _, i, j, k = best
        half = crop * 2 ** (k - 1)
        leaves += [(lost(a, b, k - 1), a, b, k - 1) for a in (i, i + half) for b in (j, j + half)]
    return sum(leaf[0] for leaf in leaves), sorted(leaf[1:] for leaf in leaves)


@pytest.mark.parametrize("num", [4, 8, 25, 100])
@pytest.mark.parametrize("crop", [1, 2])
def test_leaves_and_loss_are_those_of_greedy_splitting(num, crop):
    x = noise(32, 32)[..., 0] * np.linspace(0, 1, 32)
    layout = Quadtree(num=num, crop=crop, levels=3, colors=1)
    if num < (32 // (crop * 8)) ** 2:
        with pytest.raises(SignalPieceError, match="num must be at least 16"):
            layout.cut(picture(x[..., None]))
        return
    slots = layout.cut(picture(x[..., None]))
    wanted, leaves = greedy(x.astype(np.float32).astype(float), num, crop, 3)
    side = slots.coords[0, :, 2]
    corners = slots.coords[0, :, :2] - (side[:, None] - 1) / 2
    found = np.concatenate([corners, np.log2(side / crop)[:, None]], 1).astype(int)
    assert [tuple(r) for r in found.tolist()] == leaves
    lost = np.square(layout.join(slots).values[..., 0] - x).sum()
    assert lost == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_gradient_of_a_leaf_is_spread_over_its_pixels():
    x = torch.from_numpy(noise(16, 16)).requires_grad_()
    layout = Quadtree(num=7, crop=1, levels=4, colors=1)
    slots = layout.cut(picture(x))
    slots.values.sum().backward()
    cover = layout.join(type(slots)(torch.from_numpy(1 / slots.coords[..., 2:3] ** 2), slots.grid, slots.coords)).values
    torch.testing.assert_close(x.grad, cover)


def test_a_gate_decides_each_region():
    x = np.zeros((8, 16, 3))
    x[2, 3] = 1
    layout = MixedScale(patch=4)
    slots = layout.cut(picture(x))
    assert slots.coords[0].tolist() == [
        [1.5, 1.5, 4, 4],
        [1.5, 5.5, 4, 4],
        [3.5, 11.5, 8, 8],
        [5.5, 1.5, 4, 4],
        [5.5, 5.5, 4, 4],
    ]
    assert np.array_equal(layout.join(slots).values, x.astype(np.float32))
    with pytest.raises(SignalPieceError, match="choose must give one number for each of 2"):
        MixedScale(patch=4, choose=lambda regions: np.ones(3)).cut(picture(x))


def test_training_rows_hold_those_that_are_used_at_inference():
    x = torch.from_numpy(noise(16, 24, 3)).float()
    fine = torch.tensor([1.0, 0, 0, 1, 0, 1])
    layout = MixedScale(patch=4, choose=lambda regions: fine)
    slots = layout.cut(picture(x))
    rows, used = layout.both_scales(layout.regions(x), fine)
    assert used.sum() == slots.values.shape[1]
    kept = {tuple(r) for r in rows[used > 0.5].tolist()}
    assert kept == {tuple(r) for r in slots.values[0].tolist()}


def test_detail_is_what_a_coarse_patch_loses():
    even = np.arange(4.0).reshape(2, 2).repeat(2, 0).repeat(2, 1)[None, ..., None]
    assert not has_detail(even)[0] and has_detail(even + noise(4, 4)[None] * 0.5)[0]


def test_gate_draws_in_training_and_decides_in_eval():
    torch.manual_seed(0)
    gate, regions = ScaleGate(side=4, colors=1), torch.randn(2, 3000, 4, 4, 1)
    draws = gate(regions, torch.Generator().manual_seed(1))
    assert set(draws.round(decimals=5).unique().tolist()) == {0.0, 1.0}
    assert torch.equal(draws, gate(regions, torch.Generator().manual_seed(1)))
    share = gate.logits(regions).sigmoid().mean()
    assert abs(draws.mean() - share) < 0.03  # a draw is 1 with the probability that the logit says
    draws.sum().backward()
    assert all(p.grad is not None for p in gate.parameters()) and gate.net[1].weight.grad.abs().sum() > 0
    gate.eval()
    assert torch.equal(gate(regions), (gate.logits(regions) > 0).float())


def test_a_trained_gate_serves_as_choice():
    layout = MixedScale(patch=2, colors=1, choose=ScaleGate(side=4, colors=1).eval())
    slots = layout.cut(picture(torch.randn(10, 10, 1)))
    assert 9 <= slots.values.shape[1] <= 36


def test_invalid_pixels_are_those_of_invalid_leaves():
    valid = np.ones((16, 16, 1), bool)
    valid[0, 0] = False
    layout = Quadtree(num=7, crop=2, levels=2, colors=1)
    slots = layout.cut(picture(noise(16, 16), valid))
    back = layout.join(slots).valid
    assert (~slots.valid).sum() == 1 and not back[0, 0, 0]
    assert (~back).sum() == slots.coords[0, ~slots.valid[0], 2][0] ** 2
