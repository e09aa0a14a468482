"""Laws of the room over all that it offers: tokens are treated one by one; scores depend on differences alone."""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import signalpiece.positions as room

EVERY = [getattr(room, name) for name in room.__all__]
EMBEDDINGS = [make for make in EVERY if isinstance(make, type)]
ROTATIONS = [room.rotate]


def test_every_name_is_under_a_law():
    assert set(EVERY) == {*EMBEDDINGS, *ROTATIONS}


@pytest.mark.parametrize("make", EMBEDDINGS)
def test_every_embedding_builds_and_treats_tokens_one_by_one(make):
    assert all(p.default is not p.empty for p in inspect.signature(make).parameters.values())
    module, coords = make(), torch.randint(0, 64, (2, 9, 1))
    y = module(coords)
    assert y.shape == (2, 9, 16) and y.isfinite().all()
    order = torch.randperm(9)
    torch.testing.assert_close(module(coords[:, order]), y[:, order], atol=0, rtol=0)
    torch.testing.assert_close(module(coords[:, 3:4]), y[:, 3:4], atol=0, rtol=0)


@pytest.mark.parametrize("make", EMBEDDINGS)
def test_embeddings_tell_places_apart(make):
    y = make()(torch.arange(64)[None, :, None])[0]
    assert torch.cdist(y, y).fill_diagonal_(1).min() > 1e-3


@pytest.mark.parametrize("turn", ROTATIONS)
@settings(max_examples=20, deadline=None)
@given(axes=st.integers(1, 3), seed=st.integers(0, 99), shift=st.floats(-50, 50))
def test_moving_all_coordinates_changes_no_score(turn, axes, seed, shift):
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, 1, 2, 6, 12, generator=generator, dtype=torch.float64)
    coords = torch.randint(-9, 9, (1, 6, axes), generator=generator).double()
    scores = turn(q, coords) @ turn(k, coords).mT
    moved = turn(q, coords + shift) @ turn(k, coords + shift).mT
    torch.testing.assert_close(moved, scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(turn(q, 0 * coords), q, atol=0, rtol=0)
    torch.testing.assert_close(turn(q, coords).norm(dim=-1), q.norm(dim=-1), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(turn(q, coords + 1) @ k.mT, q @ k.mT)
