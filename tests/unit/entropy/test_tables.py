"""Integer tables against the formulas that they stand for."""

import numpy as np

from signalpiece.entropy.integer_tables import LOG2, SQUASH, STRETCH
from signalpiece.entropy.laplace_tables import (
    CLASSES,
    SHAPES,
    SYMBOLS,
    TOTAL,
    bit_lengths,
    eighths,
    laplace_tables,
    symbol_start,
)
from signalpiece.entropy.static_kernel import symbol_of


def test_logarithms_and_logistic_functions():
    strengths = np.arange(-3071, 3072) / 256
    assert np.abs(SQUASH - 65536 / (1 + np.exp(-strengths))).max() <= 6
    assert (SQUASH + SQUASH[::-1] == 65536).all() and SQUASH.min() == 6
    assert (LOG2 == np.floor(256 * np.log2(np.maximum(np.arange(8192), 1)))).all()
    chances = (np.arange(4096) + 0.5) / 4096
    assert np.abs(STRETCH - 256 * np.log(chances / (1 - chances))).max() < 40
    assert (STRETCH == -STRETCH[::-1]).all()


def test_laplace_tables_are_distributions_near_their_formula():
    tables = laplace_tables()
    counts = np.diff(tables.ends, axis=1)
    assert tables.ends.shape == (SHAPES * CLASSES, SYMBOLS + 1)
    assert (tables.ends[:, -1] == TOTAL).all() and counts.min() >= 1
    scale = 2.0 ** ((40 - 32) / 8)
    tails = np.exp(-(np.array([symbol_start(s) for s in range(1, SYMBOLS)]) - 0.35) / scale)
    want = -np.diff(np.concatenate([[1], tails, [0]]))
    assert np.abs(counts[40] / TOTAL - want).max() < 2e-3
    assert counts[CLASSES + 40, :20].argmax() == 0 and counts[2 * CLASSES + 40, 18] > 2 * counts[40, 18]
    assert np.abs(bit_lengths() / 256 + np.log2(counts / TOTAL)).max() < 0.02


def test_hints_never_lie_behind_the_symbol():
    tables = laplace_tables()
    for slot in (0, 255, 256, 4097, 65535):
        symbols = (tables.ends <= slot).sum(1) - 1
        assert (tables.hints[:, slot >> 8] <= symbols).all()


def test_symbols():
    for symbol in range(SYMBOLS):
        start = symbol_start(symbol)
        assert symbol_of(start) == symbol and (symbol == 0 or symbol_of(start - 1) == symbol - 1)
    assert symbol_of(2**31) < SYMBOLS


def test_eighths_round_like_a_logarithm():
    scales = np.geomspace(1e-9, 1e9, 999)
    assert (eighths(scales) == np.round(8 * np.log2(scales))).all()
