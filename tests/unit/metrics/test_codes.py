import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.codes import CodeCounts, codebook_use, order0_bits, perplexity


def test_entropy_by_hand():
    codes = np.array([[0, 5], [0, 5], [1, 5], [2, 5]])
    assert order0_bits(codes) == pytest.approx(4 * 1.5)
    assert perplexity(codes, [4, 8]) == pytest.approx([2**1.5, 1.0])


def test_blocks_equal_the_whole_and_far_codes_count():
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(-3, 4, 500), rng.integers(0, 16, 500)], 1)
    codes[7, 0], codes[9, 0], codes[490, 0] = 2**30, -(2**30), 2**30
    whole, parts = CodeCounts([0, 16]), CodeCounts([0, 16])
    whole.add(codes)
    for block in np.array_split(codes, 7):
        parts.add(block)
    assert whole.bits == parts.bits
    values, counts = whole.column(0)
    expected = np.unique(codes[:, 0], return_counts=True)
    assert np.array_equal(values, expected[0]) and np.array_equal(counts, expected[1])
    assert whole.use()[0].high == 2**30 and whole.use()[0].large == pytest.approx(3 / 500)


def test_use_names_dead_codes():
    use = codebook_use(np.array([[0], [3], [3], [0]]), [8])[0]
    assert (use.live, use.size, use.usage, use.perplexity, use.zeros) == (2, 8, 0.25, 2.0, 0.5)


def test_nominal_bits_are_fixed_length():
    counts = CodeCounts([1024, 0])
    counts.add(np.array([[1, -2], [1, 1]]))
    assert counts.bits_nominal == 2 * (10 + 2)


def test_no_codes_are_no_bits():
    assert CodeCounts([4]).bits == 0.0 and CodeCounts([4]).use()[0].live == 0


def test_a_code_outside_its_book_is_refused():
    with pytest.raises(SignalPieceError, match="outside a codebook of 4"):
        codebook_use(np.array([[4]]), [4])


def test_costs_of_rows_add_up_to_the_entropy():
    codes = np.random.default_rng(0).integers(-3, 4, (200, 3)) ** 3
    counts = CodeCounts([0] * 3)
    counts.add(codes)
    assert counts.cost(codes).sum() == pytest.approx(counts.bits)
