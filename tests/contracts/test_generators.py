"""Laws of the room: orders are permutations, schedules grow to all places, temperatures fall."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import generators
from signalpiece.core.check import SignalPieceError

ORDERS = [n for n in generators.__all__ if n.endswith("_order") and n != "random_order"]
SCHEDULES = [n for n in generators.__all__ if n.endswith("_schedule")]
TEMPERATURES = [n for n in generators.__all__ if n.endswith("_temperatures")]
STEPS = [n for n in generators.__all__ if n.endswith("_steps")]
sizes = st.integers(1, 20)


def test_every_name_stands_under_a_law():
    named = {*ORDERS, *SCHEDULES, *TEMPERATURES, *STEPS, "order_of", "random_order", "resume"}
    assert named == set(generators.__all__)


@pytest.mark.parametrize("name", ORDERS)
@settings(deadline=None, max_examples=15)
@given(height=sizes, width=sizes)
def test_orders_are_permutations(name, height, width):
    order = getattr(generators, name)(height, width)
    assert np.array_equal(np.sort(order), np.arange(height * width))


@pytest.mark.parametrize("name", STEPS)
@settings(deadline=None, max_examples=15)
@given(height=sizes, width=sizes)
def test_steps_count_up_without_a_hole(name, height, width):
    steps = getattr(generators, name)(height, width)
    assert len(steps) == height * width and np.array_equal(np.unique(steps), np.arange(steps.max() + 1))
    order = generators.order_of(steps)
    assert np.array_equal(np.sort(order), np.arange(height * width)) and (np.diff(steps[order]) >= 0).all()


def test_random_orders_are_permutations_of_a_seed():
    make = lambda: generators.random_order(3, 50, torch.Generator().manual_seed(1))  # noqa: E731
    order = make()
    assert torch.equal(order, make()) and torch.equal(order.sort(1)[0], torch.arange(50).expand(3, 50))
    assert not torch.equal(order[0], order[1])


@pytest.mark.parametrize("name", SCHEDULES)
@settings(deadline=None, max_examples=30)
@given(places=st.integers(2, 600), share=st.floats(0, 1))
def test_schedules_grow_to_all_places(name, places, share):
    steps = max(2, round(share * places))
    known = getattr(generators, name)(places, steps)
    assert known.dtype == np.int64 and known.shape == (steps,)
    assert known[0] >= 0 and (np.diff(known) >= 0).all() and known[-1] == places
    if name.startswith(("masked", "halton", "linear")):
        assert (np.diff(known, prepend=0) >= 1).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_resumed_schedule_ends_alike(name):
    known = getattr(generators, name)(100, 10)
    for done in (0, 1, 37, int(known[3]), 99):
        rest = generators.resume(known, done)
        assert rest[0] > done and rest[-1] == 100 and len(rest) <= 10
    with pytest.raises(SignalPieceError, match="done must be between 0 and 100, got 101"):
        generators.resume(known, 101)


@pytest.mark.parametrize("name", TEMPERATURES)
@settings(deadline=None, max_examples=20)
@given(places=st.integers(2, 600), share=st.floats(0, 1))
def test_temperatures_fall_and_stay_above_zero(name, places, share):
    known = generators.cosine_schedule(places, max(1, round(share * places)))
    found = getattr(generators, name)(known)
    assert found.shape == known.shape and (found > 0).all() and (np.diff(found) <= 1e-12).all()


@pytest.mark.parametrize("name", [*ORDERS, *STEPS])
def test_empty_grids_are_refused(name):
    with pytest.raises(SignalPieceError, match="height must be between 1"):
        getattr(generators, name)(0, 4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_without_places_are_refused(name):
    with pytest.raises(SignalPieceError, match="places must be between 1"):
        getattr(generators, name)(0, 4)
