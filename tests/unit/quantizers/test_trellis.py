"""The trellis against its specification in plain Python, and what it is for: less error at equal bits."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers.trellis import Trellis, laplace_rates
from signalpiece.quantizers.trellis_kernel import cell_of, level_of

NEXT = [(0, 1), (3, 2), (5, 4), (6, 7), (1, 0), (2, 3), (4, 5), (7, 6)]
GROUPS = np.repeat(np.arange(10), [1, 1, 1, 2, 3, 4, 6, 8, 12, 12])


def cell(size):
    """Eighths of an octave, by whole powers."""
    if size < 4:
        return 0
    eighth = size.bit_length() * 8 - 8
    while (eighth + 1 < (size.bit_length()) * 8) and size * 65536 >> (size.bit_length() - 1) >= THRESHOLD[
        eighth % 8 + 1
    ]:
        eighth += 1
    return min(eighth - 16, 175)


THRESHOLD = [int(65536 * 2 ** (i / 8)) for i in range(8)]
STARTS = [0, 1, 2, 3] + [v for e in range(2, 13) for v in (2**e, 3 * 2 ** (e - 1))]


def ratio(over, under, floor):
    return min(max(((over + floor) << 8) // (under + floor), 16), 4096)


def past(means, last, w, k):
    n = len(last[0])
    at = lambda row, i: row[min(max(i, 0), n - 1)]  # noqa: E731
    features = [m[k] for m in means] + [(at(m, k - 1) + at(m, k + 1)) >> 1 for m in means]
    features += [(at(last[0], k - 1) + at(last[0], k + 1)) << 11, last[0][k] << 12, last[1][k] << 12]
    features += [sum(at(means[m], k + d) for d in (-3, -2, 2, 3)) >> 2 for m in (0, 2)]
    level = (at(means[1], k - 1) + 2 * means[1][k] + at(means[1], k + 1)) >> 2
    return (sum(f * v for f, v in zip(features, w[:13], strict=True)) + (w[19] << 12)) >> 12, level


def here(sizes, levels, level, w):
    """What the sizes of this frame say, all sums anew from the whole way."""
    quick, slow = [0, 0], [0, 0]
    for s, v in zip(sizes, levels, strict=True):
        quick = [(quick[0] * 7 >> 3) + (s << 12), (quick[1] * 7 >> 3) + v]
        slow = [(slow[0] * 31 >> 5) + (s << 12), (slow[1] * 31 >> 5) + v]
    r = ([0] * 8 + sizes)[::-1]
    total = w[13] * (r[0] << 12) + w[14] * (r[1] << 12) + w[15] * ((level * ratio(*quick, 8192)) >> 8)
    total += w[16] * ((r[2] + r[3]) << 11) + w[17] * (sum(r[4:8]) << 10) + w[18] * ((level * ratio(*slow, 16384)) >> 8)
    return total >> 12


def twin(x, weights, costs):
    n = x.shape[1]
    means, last, state, out = [[1024] * n for _ in range(4)], [[0] * n, [0] * n], 0, []
    groups = GROUPS[np.arange(n) * 50 // n]
    weights, costs = weights.tolist(), costs.tolist()
    for t, frame in enumerate(x):
        ways, levels = {state: (0, [])}, []  # cost, sizes in half steps
        for k, v in enumerate(frame):
            base, level = past(means, last, weights[groups[k]], k)
            value, found = abs(int(np.rint(v * 128))), {}
            for s, (cost, sizes) in sorted(ways.items()):
                rate = costs[s & 1][cell(base + here(sizes, levels, level, weights[groups[k]]))]
                low = (value + 64 * (s & 1)) // 128
                for m in [low, low + 1] + [0] * (low <= 8):
                    size = 2 * m - (s & 1) * (m > 0)
                    band = max(i for i, first in enumerate(STARTS[:25]) if m >= first)
                    new, to = cost + (value - 64 * size) ** 2 + rate[band], NEXT[s][m & 1]
                    if to not in found or new < found[to][0]:
                        found[to] = (new, [*sizes, size])
            ways, levels = found, [*levels, level]
        state = min(sorted(ways), key=lambda s: ways[s][0])
        sizes = ways[state][1]
        out.append([-s if v < 0 else s for s, v in zip(sizes, np.rint(frame * 128), strict=True)])
        for m, rate in enumerate((26214, 9830, 3277, 983)):
            rate = max(rate, 65536 // (t + 3))
            means[m] = [old + ((((s << 12) - old) * rate) >> 16) for old, s in zip(means[m], sizes, strict=True)]
        last = [sizes, last[0]]
    return np.array(out)


def noise(frames, columns, seed=0, scale=4.0):
    rng = np.random.default_rng(seed)
    return (
        rng.laplace(size=(frames, columns))
        * scale
        * np.exp(-np.arange(columns) / 12)
        * rng.choice([0.3, 3], (frames, 1))
    )


@pytest.mark.parametrize(("columns", "scale"), [(50, 4.0), (50, 0.7), (7, 900.0), (1, 2.0)])
def test_equals_its_twin(columns, scale):
    trained = np.random.default_rng(1).integers(0, 500, (10, 20))
    rough = np.random.default_rng(2).uniform(
        0, 12, (2, 176, 25)
    )  # so that any cell or level in the place of another shows
    for q in (Trellis(), Trellis(weights=trained, rates=rough)):
        x = noise(6, columns, 3, scale)
        assert (q(x) == twin(x, q.weights, q.costs)).all()


def test_cells_and_levels():
    sizes = [*range(4200), *(1 << i for i in range(12, 40)), *((1 << i) - 1 for i in range(12, 40))]
    assert [cell_of(s) for s in sizes] == [cell(s) for s in sizes]
    want = np.searchsorted(STARTS[:25], np.arange(20000), side="right") - 1
    assert [level_of(m) for m in range(20000)] == want.tolist()


def test_any_chunking_gives_the_whole():
    q, x = Trellis(), noise(40, 50)
    state, parts = q.start(50), []
    for a, b in ((0, 1), (1, 1), (1, 17), (17, 40)):
        part, state = q.step(x[a:b], state)
        parts.append(part)
    assert (np.concatenate(parts) == q(x)).all()


def test_codes_are_places_in_half_steps():
    q, x = Trellis(price=0.0), noise(30, 50, 5, 20.0)
    error = q.decode(q(x)) - x
    assert np.abs(error).max() < 2 and np.mean(error**2) < 0.075  # rounding to steps: 0.0833


def test_less_error_at_equal_entropy():
    """Against rounding of a uniform source, where no rate differs: granular gain of at least .7 dB of the 1.53."""
    x = np.random.default_rng(0).uniform(-200, 200, (400, 50))
    flat = Trellis(rates=np.zeros((2, 176, 25)))
    error = np.mean((flat.decode(flat(x)) - x) ** 2)
    assert 10 * np.log10((1 / 12) / error) > 0.7


def test_extremes_and_gaps():
    q, x = Trellis(), np.zeros((3, 50))
    x[1] = [np.nan, np.inf, -np.inf, 1e308, -1e308] * 10
    codes = q(x)
    assert codes.dtype == np.int32 and (codes[1].reshape(10, 5)[:, 0] == 0).all()
    assert (np.sign(codes[1].reshape(10, 5)[:, 1:]) == [1, -1, 1, -1]).all()
    assert q(np.zeros((0, 5))).shape == (0, 5) and q(np.zeros((4, 0))).shape == (4, 0)


def test_refusals():
    with pytest.raises(SignalPieceError, match="rates must have"):
        Trellis(rates=np.zeros((2, 3, 4)))
    with pytest.raises(SignalPieceError, match="weights must have"):
        Trellis(weights=np.zeros((3, 4), np.int64))
    assert laplace_rates().shape == (2, 176, 25) and np.isfinite(laplace_rates()).all()
