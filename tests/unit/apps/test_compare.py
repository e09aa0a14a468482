import json

import numpy as np
import pytest

from signalpiece.apps.compare import BASELINE, RATES, compare, difference, gain_score
from signalpiece.apps.compare_page import compare_page, screen_tables
from signalpiece.apps.excerpt import Excerpt, excerpt_of, spread
from signalpiece.apps.measure import in_memory
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.metrics.bands import NAMES


class Rounding:
    """A coder whose error and bits are known: uniform noise of one step, bits by the step's share of the SD."""

    fixed_rate = False

    def __init__(self, penalty=1.0):
        self.penalty = penalty

    def measure(self, signal, step_ratio=0.5):
        step = step_ratio * signal.values.std(1, keepdims=True)
        bits = self.penalty * signal.values.size * np.log2(1 + 2 / step_ratio)
        return np.round(signal.values / step) * step, int(bits)


class Fixed(Rounding):
    fixed_rate = True


class Broken(Rounding):
    def measure(self, signal, step_ratio=0.5):
        raise SignalPieceError("it has no electrode")


def excerpt(seed=0, seconds=40, name=None):
    x = np.random.default_rng(seed).normal(size=(2, seconds * 100)).cumsum(1) * 1e-6
    return Excerpt(name or f"file{seed}", Signal.of(x - x.mean(1, keepdims=True), rate=100.0), seconds, set="a")


@pytest.fixture(scope="module")
def found():
    coders = {"mine": Rounding(0.8), "fixed": Fixed(), BASELINE: Rounding(), "broken": Broken()}
    return compare(coders, [excerpt(0), excerpt(1), excerpt(2)], suite="s")


def test_seven_steps_and_all_standard_rates_inside(found):
    for file in found.files:
        assert len(found.of("mine", file)) >= 7
        assert np.isfinite([found.at("mine", r)[0] for r in RATES]).all()


def test_a_coder_with_fewer_bits_gains_what_its_own_curve_says(found):
    """80 % of the bits at the same error: at 150 bits it stands where the other stands at 187.5."""
    assert found.at("mine", 150.0) == pytest.approx(found.at(BASELINE, 187.5), abs=0.05)
    assert gain_score(found, "mine") > 1 and gain_score(found, BASELINE) == 0


def test_a_fixed_rate_coder_stands_at_its_own_rate_and_others_are_read_there(found):
    assert found.fixed == ("fixed",)
    assert found.at("fixed", None) == pytest.approx(found.at_rate_of("fixed", BASELINE), abs=0.2)
    assert gain_score(found, "fixed") == pytest.approx(0, abs=0.2)


def test_curves_reach_a_fixed_rate_beyond_the_standard_ones():
    class Fine(Fixed):
        def measure(self, signal, step_ratio=0.005):
            return super().measure(signal, step_ratio)

    got = compare({BASELINE: Rounding(), "fine": Fine()}, [excerpt(0)])
    assert got.own_rate("fine")[0] > RATES[-1] and np.isfinite(got.at_rate_of("fine", BASELINE)).all()
    assert [i.coder for i in got.items][0] == BASELINE  # the order given, whoever was measured first


def test_nothing_is_extrapolated(found):
    assert np.isnan(found.at("mine", 1e5)).all() and np.isnan(found.at("mine", 0.1)).all()


def test_a_coder_that_fails_is_named_and_the_rest_goes_on(found):
    assert "broken could not code file0: it has no electrode" in found.notes
    assert found.at("broken", 150.0).shape == (3,)


def test_json_has_the_agreed_keys(found):
    plain = json.loads(json.dumps(found.json()))
    keys = {"file", "coder", "seed", "bits_nominal", "bits_entropy", "bits_file", "nmse_db", "pcc"}
    assert plain["suite"] == "s" and keys <= set(plain["items"][0])
    assert set(plain["items"][0]["nmse_db"]) == set(NAMES)


def test_intervals_are_paired_over_files():
    hard = np.array([-1.0, -20.0, -9.0])
    got = difference(hard - 0.5, hard)
    assert (got.mean, got.files) == (pytest.approx(-0.5), 3) and got.high < 0
    assert difference(np.array([np.nan, 1.0]), np.array([1.0, 1.0])).files == 1


def test_the_page_and_the_screen_say_the_same(found):
    text = compare_page(found, "mine", validation=found, default=BASELINE)
    title, columns, rows = screen_tables(found)[2]
    assert "150" in title and columns[0] == "coder"
    assert f"{next(r for r in rows if r[0] == 'mine')[6]:.2f}".replace("-", "\u2212") in text
    assert "mine" in text and "Default" in text and "http" not in text.replace("http-equiv", "")


def test_excerpts_are_ten_spread_pieces_of_at_most_16_channels():
    x = np.random.default_rng(0).normal(size=(20, 100 * 700)).cumsum(1) * 1e-6
    recording = in_memory(Signal.of(x, rate=100.0), "long.edf")
    got = excerpt_of(recording)
    assert got.signal.grid.shape == (16, 60_000) and len(got.pieces) == 10 and got.pieces[-1] == 640
    assert excerpt_of(recording, full=True).signal.grid.shape == (20, 70_000)
    assert spread(range(20), 4) == [0, 5, 10, 15]


def test_a_piece_equals_the_whole_filtered():
    x = np.random.default_rng(0).normal(size=(1, 100 * 700)).cumsum(1) * 1e-6
    recording = in_memory(Signal.of(x, rate=100.0), "long.edf")
    whole, pieces = excerpt_of(recording, full=True).signal.values, excerpt_of(recording).signal.values
    at = 6000 * 3
    start = int(excerpt_of(recording).pieces[3] * 100)
    assert np.abs(pieces[:, at : at + 6000] - whole[:, start : start + 6000]).max() < 2e-3 * whole.std()


def test_flat_and_short_recordings_are_refused_in_one_sentence():
    with pytest.raises(SignalPieceError, match="at least one channel and 2 seconds"):
        excerpt_of(in_memory(Signal.of(np.ones((1, 100)), rate=100.0), "x"))
    with pytest.raises(SignalPieceError, match="every channel is flat"):
        excerpt_of(in_memory(Signal.of(np.zeros((1, 1000)), rate=100.0), "x"))
