"""Orders and schedules as the published samplers have them: whole numbers exact, temperatures to 1e-12."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from signalpiece import generators

GOLDEN = load_file(Path(__file__).parent / "orders_schedules.safetensors")


def cases(prefix):
    """(name, the numbers in it) of the entries that start so."""
    return [(k, [int(n) for n in re.findall(r"\d+", k[len(prefix) :])]) for k in GOLDEN if k.startswith(prefix)]


@pytest.mark.parametrize("size", [8, 16, 24, 32])
def test_halton_order(size):
    places = GOLDEN[f"halton{size}"] @ [size, 1]
    assert np.array_equal(generators.halton_order(size, size), places)


@pytest.mark.parametrize("size", [16, 24])
def test_diagonals(size):
    step, place = GOLDEN[f"nar_step_and_position_n{size}"].T
    steps = generators.diagonal_steps(size, size)
    order = generators.order_of(steps)
    assert np.array_equal(order, place) and np.array_equal(steps[order], step)


def test_counts():
    met = 0
    for name, (size, steps) in cases("halton_schedule"):
        met += np.array_equal(generators.halton_schedule(size * size, steps), GOLDEN[name])
    for shape in ("root", "linear", "square", "cosine", "arccos"):
        for name, (size, steps) in cases(f"maskgit_{shape}_"):
            met += np.array_equal(generators.maskgit_schedule(size * size, steps, shape), GOLDEN[name])
    for shape in ("cosine", "linear"):
        for name, (places, steps) in cases(f"4m_{shape}_"):
            known = getattr(generators, f"{shape}_schedule")(places, steps)
            met += np.array_equal(known, np.minimum(GOLDEN[name].cumsum(), places))  # one list goes one too far
    assert met == 8 + 15 + 10


def test_masked_counts():
    """The published lists end with one masked place, which their samplers fill in the last step all the same."""
    found = [(n, generators.masked_arccos_schedule(*at)) for n, at in cases("titok_masklen")]
    found += [(n, generators.masked_cosine_schedule(256, *at)) for n, at in cases("mar_masklen")]
    assert len(found) == 16
    for name, known in found:
        assert np.array_equal(known[-1] - known[:-1], GOLDEN[name][:-1]) and GOLDEN[name][-1] == 1


def test_resumed():
    known = generators.resume(generators.cosine_schedule(196, 25), 60)
    assert np.array_equal(np.diff(known, prepend=60), GOLDEN["4m_continue_196_25_from60"])


def test_temperatures():
    for kind, make in (
        ("linear", generators.linear_temperatures),
        ("onex", generators.inverse_root_temperatures),
    ):
        found = cases(f"4m_temp_{kind}")
        assert len(found) == 5
        for name, (places, steps) in found:
            known = GOLDEN[f"4m_cosine_n{places}_s{steps}"].cumsum()
            np.testing.assert_allclose(make(known), GOLDEN[name], rtol=1e-9, atol=1e-12)
