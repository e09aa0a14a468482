"""The algebra of assignments: its laws against the dense matrix."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from signalpiece.core.assignment import Assignment
from signalpiece.core.check import SignalPieceError


def random_assignment(seed, b=2, old=6, new=4, edges=9):
    g = torch.Generator().manual_seed(seed)
    weight = torch.rand(b, edges, generator=g) + 0.1
    weight[:, -1] = 0  # a padding edge
    return Assignment(
        torch.randint(old, (b, edges), generator=g), torch.randint(new, (b, edges), generator=g), weight, old, new
    )


@given(st.integers(0, 1000))
def test_edges_equal_the_dense_matrix(seed):
    a = random_assignment(seed)
    x = torch.randn(2, 6, 3)
    dense = a.dense()
    total = dense.sum(-1, keepdim=True)
    assert torch.allclose(a.sum(x), dense @ x, atol=1e-5)
    assert torch.allclose(a.reduce(x), dense @ x / total.clamp_min(1e-9), atol=1e-5)
    y = torch.randn(2, 4, 3)
    column = dense.sum(1)[..., None]
    assert torch.allclose(a.restore(y), dense.mT @ y / column.clamp_min(1e-9), atol=1e-5)


@given(st.integers(0, 1000))
def test_rows_average_to_one_and_chains_are_products(seed):
    a, c = random_assignment(seed), random_assignment(seed + 1, old=4, new=3)
    ones = torch.ones(2, 6, 1)
    assert torch.allclose(a.reduce(ones)[a.valid], torch.ones(()), atol=1e-6)
    x = torch.randn(2, 6, 3)
    chain = a.then(c)

    def norm(m):
        return m / m.sum(-1, keepdim=True).clamp_min(1e-9)

    assert torch.allclose(chain.sum(x), norm(c.dense()) @ norm(a.dense()) @ x, atol=1e-5)


def test_hard_assignments_restore_what_they_reduce():
    old = torch.arange(6)[None]
    hard = Assignment(old, torch.tensor([[0, 0, 1, 2, 2, 2]]), torch.ones(1, 6), 6, 3)
    y = torch.randn(1, 3, 2)
    assert torch.allclose(hard.reduce(hard.restore(y)), y)
    assert hard.size.tolist() == [[2, 1, 3]]
    merged = hard.then(Assignment(torch.tensor([[0, 1, 2]]), torch.tensor([[0, 0, 1]]), torch.ones(1, 3), 3, 2))
    assert merged.size.tolist() == [[3, 3]]


def test_dropped_tokens_restore_to_zero_and_edges_survive_numpy():
    drop = Assignment(torch.tensor([[0, 2]]), torch.tensor([[0, 1]]), torch.ones(1, 2), 3, 2)
    assert drop.restore(torch.ones(1, 2, 1)).flatten().tolist() == [1, 0, 1]
    again = Assignment.from_edges(drop.edges())
    assert torch.equal(again.dense(), drop.dense()) and np.array_equal(drop.edges()["old"], [[0, 2]])
    with pytest.raises(SignalPieceError, match="takes 5 tokens"):
        drop.then(random_assignment(0, old=5))
