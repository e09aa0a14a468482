import pytest
import torch
from torch import nn

from signalpiece.core.assignment import Assignment, Reduced
from signalpiece.core.check import SignalPieceError
from signalpiece.mixers import Attention, Block, Trunk
from signalpiece.positions import LearnedTable, Sinusoidal, rotate


class Identity(nn.Module):
    def forward(self, x, valid=None, coords=None):
        return x


def make_identity(dim):
    return Identity()


class First:
    """Keeps the protected tokens and the first valid ones."""

    selects_only, needs, exact_count, keeps_positions = True, (), True, True

    def __call__(self, x, keep, *, sizes=None, guide=None, protect=1, valid=None):
        old = torch.arange(keep).expand(len(x), keep)
        weight = torch.ones(len(x), keep) if valid is None else valid[:, :keep].float()
        return Assignment(old, old, weight, x.shape[1], keep)


class Pairs:
    """Merges the last two tokens, weighted by their sizes, until `keep` are left."""

    selects_only, needs, exact_count, keeps_positions = False, (), True, False

    def __init__(self):
        self.seen = []

    def __call__(self, x, keep, *, sizes=None, guide=None, protect=1, valid=None):
        self.seen.append((sizes, protect, valid))
        n = x.shape[1]
        weight = torch.ones(len(x), n) if sizes is None else sizes
        old = torch.arange(n).expand(len(x), n)
        return Assignment(old, old.clamp(max=keep - 1), weight, n, keep)


def plain(**options):
    return Trunk(mixer=make_identity, norm=nn.Identity(), **options)


def test_without_anything_it_is_its_blocks():
    torch.manual_seed(0)
    trunk, x = Trunk(depth=2), torch.randn(2, 5, 16)
    expected = trunk.norm(trunk.blocks[1](trunk.blocks[0](x)))
    out = trunk(x)
    torch.testing.assert_close(out.values, expected)
    assert out.valid is None and out.coords is None and out.assignment is None


def test_positions_are_added_once_and_not_to_registers():
    x, coords = torch.randn(2, 5, 16), torch.arange(5)[None, :, None].expand(2, 5, 1)
    trunk = plain(positions=LearnedTable(size=5), registers=2)
    out = trunk(x, coords=coords)
    torch.testing.assert_close(out.values[:, 2:], x + trunk.positions.table)
    torch.testing.assert_close(out.values[:, :2], trunk.registers.expand(2, 2, 16))
    assert out.coords[0, :, 0].tolist() == [0, 0, 0, 1, 2, 3, 4]


def test_tokens_places_and_masks_leave_together():
    x, coords = torch.randn(1, 6, 16), torch.arange(6.0)[None, :, None]
    valid = torch.tensor([[True, True, False, True, True, True]])
    out = plain(depth=3, reducer=First(), keep=(5, 4), registers=1)(x, coords=coords, valid=valid)
    torch.testing.assert_close(out.values[:, 1:3], x[:, :2])
    assert out.valid.tolist() == [[True, True, True, False]] and not out.values[0, 3].any()
    assert out.coords[0, :3, 0].tolist() == [0, 0, 1]
    assert (out.assignment.num_old, out.assignment.num_new) == (7, 4)


def test_sizes_and_the_whole_assignment_are_carried_along():
    x, reducer = torch.randn(1, 6, 16), Pairs()
    out = plain(depth=3, reducer=reducer, keep=(5, 3))(x, coords=torch.arange(6.0)[None, :, None])
    sizes, protect, valid = reducer.seen[-1]
    assert sizes.tolist() == [[1, 1, 1, 1, 2]] and protect == 0 and valid.all()
    assert out.assignment.size.tolist() == [[1, 1, 4]]
    torch.testing.assert_close(out.assignment.reduce(x), out.values)
    torch.testing.assert_close(out.assignment.restore(out.values)[:, :2], x[:, :2])


def test_a_reducer_with_contents_of_its_own_is_believed():
    class Louder(First):
        def __call__(self, x, keep, **options):
            step = super().__call__(x, keep, **options)
            return Reduced(2 * step.reduce(x), step)

    x = torch.randn(2, 6, 16)
    torch.testing.assert_close(plain(reducer=Louder(), keep=(4,))(x).values, 2 * x[:, :4])


def test_nothing_happens_where_few_are_left():
    x = torch.randn(2, 4, 16)
    assert plain(reducer=First(), keep=(4,))(x).assignment is None


def test_invalid_tokens_have_no_influence():
    torch.manual_seed(0)
    trunk = Trunk(registers=1, positions=Sinusoidal())
    coords, valid = torch.arange(7)[None, :, None].expand(2, 7, 1), torch.arange(7).expand(2, 7) < 5
    x = torch.randn(2, 7, 16)
    whole = trunk(x, coords=coords, valid=valid).values[:, :6]
    torch.testing.assert_close(whole, trunk(x[:, :5], coords=coords[:, :5]).values)


def test_blocks_that_turn_see_differences_of_coordinates():
    torch.manual_seed(0)
    trunk = Trunk(mixer=lambda dim: Block(dim, rotate=rotate))
    x, coords = torch.randn(2, 7, 16), torch.arange(7.0)[None, :, None].expand(2, 7, 1)
    y = trunk(x, coords=coords).values
    torch.testing.assert_close(trunk(x, coords=coords + 5).values, y, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(trunk(x, coords=coords.flip(1)).values, y, atol=1e-4)
    attention = Attention(rotate=rotate)
    torch.testing.assert_close(attention(x), attention(x, None, 0 * coords))


def test_mistakes_are_named():
    with pytest.raises(SignalPieceError, match="keep must hold 1 numbers"):
        Trunk(reducer=First())
    with pytest.raises(SignalPieceError, match="keep must hold 0 numbers"):
        Trunk(keep=(3,))
    with pytest.raises(SignalPieceError, match="needs coords"):
        Trunk(positions=Sinusoidal())(torch.randn(1, 3, 16))
