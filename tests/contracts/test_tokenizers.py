"""Laws of tokenizers, over every recipe that needs no training: decoding needs tokens alone, streams equal wholes,
channels do not depend on each other, ranges equal those of the whole, files resume to the same bytes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import tokenizers
from signalpiece.core.contracts import Codec, Stream, Tokenizer
from signalpiece.core.signal import Signal
from signalpiece.recipes import defaults, names, recipe
from signalpiece.tokenizers.files import open_tokens
from signalpiece.tokenizers.rate import Held
from signalpiece.tokenizers.stream import join

CLASSICAL = ("dct", "klt", "lapped", "mulaw", "uniform", "wavelet")
STEP = 4e-6


def signal_of(channels, seconds, rate, seed):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((channels, max(round(seconds * rate), 1))), axis=1)
    return Signal.of((0.1 * (x - x.mean(1, keepdims=True)) + rng.standard_normal(x.shape)) * 1e-5 + 1e-4, rate=rate)


def split(signal, cuts):
    edges = [0, *sorted(c for c in cuts if c <= signal.grid.size("time")), signal.grid.size("time")]
    return [signal.crop(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def test_every_name_of_the_room_loads():
    for name in tokenizers.__all__:
        assert getattr(tokenizers, name).__doc__


def test_every_classical_recipe_is_here():
    assert set(CLASSICAL) <= set(names())


@pytest.mark.parametrize("name", CLASSICAL)
def test_is_a_tokenizer(name):
    tok = recipe(name).build()
    assert isinstance(tok, Tokenizer) and isinstance(tok.codec, Codec) and isinstance(tok.side_codec, Codec)
    assert isinstance(tok.stream(signal_of(1, 1, 100, 0).grid), Stream)
    assert tok.recipe == name and len(tok.model_hash) == 16 and tok.latency_seconds > 0 and tok.rate == 100
    assert tok.options.keys() == defaults(recipe(name)).keys()
    assert tok.model_hash == recipe(name).build(**tok.options).model_hash
    first, second = list(tok.options.items())[-1]
    assert recipe(name).build(**{first: second * 1.5 if first == "step_ratio" else 50}).model_hash != tok.model_hash


@pytest.mark.parametrize("name", CLASSICAL)
@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from([100.0, 160.0, 250.0, 50.0]),
    seconds=st.floats(0.01, 14),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    seed=st.integers(0, 99),
)
def test_any_chunking_gives_the_same_tokens(name, rate, seconds, cuts, seed):
    tok, signal = recipe(name).build(), signal_of(3, seconds, rate, seed)
    valid = np.random.default_rng(seed).random(signal.values.shape) > 0.01 * (seed % 3)
    signal = Signal(signal.grid, signal.values, valid)
    whole = tok.encode(signal, step=STEP)
    stream = tok.stream(signal.grid, step=STEP)
    parts = [stream.push(p) for p in split(signal, cuts)]
    joined = join([*parts, stream.close()])
    assert np.array_equal(joined.codes, whole.codes) and np.array_equal(joined.side.codes, whole.side.codes)
    assert joined.header == whole.header


@pytest.mark.parametrize("name", [n for n in CLASSICAL if n != "klt"])
@settings(max_examples=6, deadline=None)
@given(rate=st.sampled_from([100.0, 160.0]), picked=st.permutations(range(5)), count=st.integers(1, 4))
def test_other_channels_change_no_token(name, rate, picked, count):
    tok, signal = recipe(name).build(), signal_of(5, 4.7, rate, 1)
    few = list(picked)[:count]
    signal = Signal(signal.grid, signal.values, np.random.default_rng(2).random(signal.values.shape) > 0.02)
    for how in ({"step": STEP}, {"step": np.arange(1, 6) * STEP}):
        steps = np.broadcast_to(how["step"], 5)
        alone = tok.encode(signal.pick(few), step=steps[few])
        company = tok.encode(signal, **how).pick(few)
        assert np.array_equal(alone.codes, company.codes)
        assert np.array_equal(tok.decode(alone).values, tok.decode(company).values)


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("rate", ["model", "source"])
def test_a_slice_decodes_to_that_slice_of_the_whole(name, rate):
    tok, signal = recipe(name).build(), signal_of(3, 23.3, 160, 2)
    tokens = tok.encode(signal, step=STEP)
    whole = tok.decode(tokens, rate=rate)
    rng = np.random.default_rng(0)
    for _ in range(10):
        first, end = np.sort(rng.integers(0, tokens.num_frames + 1, 2)).tolist()
        part = tok.decode(
            dataclasses.replace(tokens, codes=tokens.codes[:, 3 * first : 3 * end], first=first), rate=rate
        )
        at = round(part.grid.start * part.grid.time_rate)
        assert np.array_equal(part.values, whole.values[:, at : at + part.grid.shape[1]])
        covered = (end - first - 4) * tok.layout.hop / 100
        assert part.grid.seconds >= covered or not part.grid.shape[1]


@pytest.mark.parametrize("name", CLASSICAL)
def test_files_hold_everything(name, tmp_path):
    from signalpiece.stores.coded_writer import CodedWriter
    from signalpiece.tokenizers.files import write_recording

    tok, signal = recipe(name).build(), signal_of(3, 13.4, 160, 3)
    with CodedWriter(tmp_path / "x.sp") as writer:
        write_recording(writer, tok, Held(signal), {"step": STEP, "segment_seconds": 5.0})
    stored = open_tokens(tmp_path / "x.sp").recordings[0]
    tokens = tok.encode(signal, step=STEP)
    read = stored.read()
    assert np.array_equal(read.codes, tokens.codes) and stored.segments > 2
    assert dataclasses.replace(read.header, segment=0) == dataclasses.replace(tokens.header, segment=0)
    fresh = recipe(read.header.model["recipe"]).build(**read.header.model["options"])
    assert np.array_equal(fresh.decode(read).values, tok.decode(tokens).values)


@pytest.mark.parametrize("name", CLASSICAL)
def test_finer_steps_cost_more_and_err_less(name):
    from signalpiece.tokenizers.rate import code_bits
    from signalpiece.tokenizers.samples import error_db, excerpt

    tok, signal = recipe(name).build(), excerpt()
    if not tok.fixed_rate:
        fine, coarse = (tok.encode(signal, step_ratio=r) for r in (0.2, 0.8))
        assert code_bits(tok, fine) > 1.2 * code_bits(tok, coarse)
        assert error_db(tok, signal, step_ratio=0.2) < error_db(tok, signal, step_ratio=0.8) - 6


@pytest.mark.parametrize("name", CLASSICAL)
def test_demos_show_that_the_mechanism_acts(name):
    found = recipe(name).demo(0)
    assert found == recipe(name).demo(0) and set(recipe(name).demo(1)) == set(found)
    least = {"gain_db": 5, "saved": 0.25, "db_per_halving": 5.5, "db_per_four_times_the_levels": 11}
    assert all(value > least[key] for key, value in found.items())
