import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.metrics import (
    BitCounts,
    CodeCounts,
    bit_use,
    book_use,
    dimension_use,
    level_use,
    mixture_use,
    near_doubles,
)
from signalpiece.metrics.latent_health import code_bits_of


def test_a_book_by_hand():
    use = book_use(np.array([4, 4, 0, 8]), np.array([[0.0], [1.0], [0.0], [3.0]]))
    assert (use.size, use.live, use.dead, use.usage, use.double) == (4, 3, 1, 0.75, 1)
    assert use.perplexity == pytest.approx(2**1.5)  # 1/4, 1/4, 1/2
    assert book_use(np.array([0, 0])).perplexity == 1.0 and book_use(np.array([3, 0])).double is None
    with pytest.raises(SignalPieceError, match="as many vectors"):
        book_use(np.array([1, 2]), np.zeros((3, 1)))


def test_near_doubles_by_hand():
    book = np.array([[0.0, 0], [1, 0], [0, 0], [5, 5], [5, 5.001]])
    assert near_doubles(book).tolist() == [False, False, True, False, True]
    assert near_doubles(book, within=1e-6).tolist() == [False, False, True, False, False]
    assert near_doubles(book, within=10).tolist() == [False, True, True, True, True]
    assert near_doubles(np.ones((3, 2))).tolist() == [False, True, True]
    assert near_doubles(np.ones((0, 2))).tolist() == []
    chain = np.array([[0.0], [0.9], [1.8], [100.0], [-100.0]])  # the third is near the second, which is gone
    assert near_doubles(chain, within=1 / 63).tolist() == [False, True, False, False, False]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(1, 60), within=st.sampled_from([0.01, 0.3, 1.0]))
def test_near_doubles_are_what_a_slow_loop_finds(seed, size, within):
    x = np.random.default_rng(seed).normal(size=(size, 2)).round(1)
    limit = within * np.sqrt(np.square(x - x.mean(0)).sum(1).mean())
    slow = []
    for i in range(size):
        apart = [np.linalg.norm(x[i] - x[j]) for j in range(i) if not slow[j]]
        slow.append(any(a <= limit * (1 + 1e-9) + 1e-12 for a in apart))
    assert near_doubles(x, within=within).tolist() == slow


def test_levels_by_hand():
    use = level_use(np.array([0, 1, 3]), np.array([1, 1, 2]), (3, 2))  # digits (0, 0), (1, 0), (0, 1)
    assert [s.tolist() for s in use.shares] == [[0.75, 0.25, 0.0], [0.5, 0.5]]
    assert use.unused == ((2,), ()) and use.entropy[1] == 1.0
    assert use.entropy[0] == pytest.approx(2 - 0.75 * np.log2(3))
    assert use.capacity.tolist() == [pytest.approx(np.log2(3)), 1.0]
    with pytest.raises(SignalPieceError, match="between 0 and 5"):
        level_use(np.array([6]), np.array([1]), (3, 2))


def test_bits_by_hand():
    bits = np.array([[0, 0, 1], [0, 0, 1], [1, 1, 1], [1, 1, 1]], bool)
    use = bit_use(bits)
    assert use.ones.tolist() == [0.5, 0.5, 1.0] and use.entropy.tolist() == [1, 1, 0] and use.stuck == 1
    assert use.correlation[0, 1] == pytest.approx(1) and use.correlation[0, 2] == 0
    assert use.effective == pytest.approx(1)  # two that are one, and a constant
    every = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool)
    assert bit_use(every).effective == pytest.approx(2) and bit_use(every).pairs.tolist() == [0]
    assert bit_use(~every[:, :1]).pairs.size == 0 and bit_use(np.ones((3, 2), bool)).effective == 0
    assert use.part(2, 3).ones.tolist() == [1.0]
    with pytest.raises(SignalPieceError, match="expected 3"):
        BitCounts(3).add(every)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), rows=st.integers(2, 50), bits=st.integers(1, 9))
def test_bits_block_by_block_equal_numpy(seed, rows, bits):
    x = np.random.default_rng(seed).random((rows, bits)) < 0.4
    counts = BitCounts(bits)
    for part in np.array_split(x, 3):
        counts.add(part)
    use, sd = counts.use(), x.std(0)
    live = np.outer(sd > 0, sd > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.atleast_2d(np.corrcoef(x.T.astype(float)))
    assert np.allclose(use.correlation[live], wanted[live]) and not use.correlation[~live].any()
    assert np.allclose(use.ones, x.mean(0)) and use.effective <= bits + 1e-9


def test_codes_to_bits():
    assert code_bits_of(np.array([[5, 2]]), (3, 2)).astype(int).tolist() == [[1, 0, 1, 1, 0]]


def test_dimensions_by_hand():
    mean = np.array([[1.0, 0.0], [-1.0, 0.0]])
    use = dimension_use(mean, np.zeros((2, 2)))
    assert use.divergence.tolist() == [0.5, 0.0] and use.variance.tolist() == [1.0, 0.0]
    assert use.active.tolist() == [True, False]
    with pytest.raises(SignalPieceError, match="no vector"):
        dimension_use(mean[:0], mean[:0])


def test_mixtures_by_hand():
    use = mixture_use(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]))
    assert (use.size, use.live, use.active) == (3, 2, 1.5)
    assert use.perplexity == pytest.approx(2 ** (0.75 * np.log2(4 / 3) + 0.25 * 2))
    with pytest.raises(SignalPieceError, match="not negative"):
        mixture_use(np.array([[-1.0, 2.0]]))


def test_a_book_too_large_for_an_array_is_counted():
    counts = CodeCounts([2**31 - 1])
    counts.add(np.array([[5], [2**30], [2**30]], np.int64))
    assert [c.tolist() for c in counts.column(0)] == [[5, 2**30], [1, 2]]
    with pytest.raises(SignalPieceError, match="code -1 is outside"):
        counts.add(np.array([[-1]]))
