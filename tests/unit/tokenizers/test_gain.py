import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.tokenizers.electrode_slots import NAMES, ROWS, UNKNOWN, slot_of
from signalpiece.tokenizers.gain import FIRST, Level, follow, measure


def test_codes_by_hand():
    x = np.tile([[1.0, -1.0]], 50) * 2.0**-17 + 3.0e-5
    codes = measure(x, Level.begin(1))
    assert codes.tolist() == [[-34 - FIRST, round(3.0e-5 * 2**17)]]
    envelope, level = follow(codes, Level.begin(1), 100, ramp=10)
    assert (envelope.gain == 2.0**-17).all() and np.ptp(envelope.offset) == 0
    assert level.offset[0] == 4 * 2.0**-17 and not level.fresh


def test_gain_and_offset_move_over_the_ramp():
    _, level = follow(np.array([[0, 0]]), Level.begin(1), 8, ramp=4)
    envelope, after = follow(np.array([[4, 2]]), level, 8, ramp=4)
    np.testing.assert_allclose(np.log2(envelope.gain[0] / 2.0**-17), [0.5, 1, 1.5, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(envelope.offset[0] / after.offset[0], [0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    at_once, _ = follow(np.array([[4, 2]]), level, 8, ramp=0)
    assert np.ptp(at_once.gain) == 0


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.floats(-12, 2), min_size=1, max_size=6),
    means=st.lists(st.floats(-1, 1), min_size=6, max_size=6),
    seed=st.integers(0, 9),
)
def test_blocks_come_out_at_unit_size_around_zero(sizes, means, seed):
    level = Level.begin(1)
    for size, mean in zip(sizes, means, strict=False):
        x = np.random.default_rng(seed).standard_normal((1, 250))
        x = (x - x.mean()) / x.std() * 10.0**size + mean
        codes = measure(x, level)
        assert codes.dtype == np.int32
        envelope, level = follow(codes, level, 250, ramp=0)
        unit = envelope.remove(x)
        # a mean far above the size costs the gain, so that the offset stays an integer of 32 bits
        assert unit.std() < 1.2 and abs(unit.mean()) < 0.51
        np.testing.assert_allclose(envelope.restore(unit), x, atol=1e-6 * max(10.0**size, 1e-6) + 2e-7 * abs(mean))
        assert np.array_equal(follow(codes, level, 250, 0)[0].gain, follow(codes, level, 250, 0)[0].gain)


@pytest.mark.parametrize(
    "name, row", [("Fp1", 1), ("EEG Fp1-REF", 1), ("Fc5..", 28), ("POL T3", 89), ("fp1-f7", 121), ("Muse", UNKNOWN)]
)
def test_electrode_names(name, row):
    assert slot_of(name) == row


def test_the_table_begins_like_that_of_the_published_weights():
    assert len(NAMES) == len(set(NAMES)) == 136 and ROWS == 138 and slot_of("CZ") == 42
