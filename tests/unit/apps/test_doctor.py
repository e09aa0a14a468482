import json
from pathlib import Path

import numpy as np
import pytest

from signalpiece.apps.doctor import compared, examine, fixed, remap_table
from signalpiece.apps.load import load, save
from signalpiece.apps.measure import in_memory, write_file
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.metrics.codes import CodeCounts
from signalpiece.recipes import recipe
from signalpiece.tokenizers.codebooks import codebooks, nearest_kept
from signalpiece.tokenizers.files import decode_range


def signal(seed=0, seconds=20, scale=1.0):
    x = np.random.default_rng(seed).normal(size=(2, seconds * 100)).cumsum(1)
    return Signal.of((x - x.mean(1, keepdims=True)) * scale * 1e-6, rate=100.0)


def recording(seed=0, **options):
    return in_memory(signal(seed, **options), f"{seed}.edf")


@pytest.fixture(scope="module")
def learned():
    """A small residual codec in its first state, with one code made double."""
    model = recipe("biocodec").build()
    tensors = dict(model.tensors())
    name = next(k for k in tensors if k.endswith("codebook.vectors"))
    tensors[name] = tensors[name].copy()
    tensors[name][5] = tensors[name][3]
    model.load_tensors(tensors)
    return model


def test_open_integers_are_explained_and_not_pruned():
    dct = recipe("dct").build()
    found = examine("dct", dct, [recording()])
    assert found.is_open and found.tokens == 2 * 20
    assert any("nothing can be dead" in a for a in found.advice)
    with pytest.raises(SignalPieceError, match="open integers"):
        fixed(dct, found)


def test_drift_is_none_between_equal_data_and_large_after_a_change():
    mulaw = recipe("mulaw").build()
    same = examine("mulaw", mulaw, [recording(0)], against=[recording(0)]).columns
    assert all(c.drift == pytest.approx(0, abs=1e-12) and c.unseen == 0 for c in same)
    one, two = CodeCounts([4]), CodeCounts([4])
    one.add(np.array([[0], [1]]))
    two.add(np.array([[2], [3]]))
    assert compared(one, two, 0) == (1.0, 1.0)


def test_dead_and_double_codes_are_counted(learned):
    found = examine("m", learned, [recording()])
    assert not found.is_open and json.dumps(found.json())
    for column, size in zip(found.columns, (c.size for c in learned.columns), strict=True):
        assert column.live + column.dead == size and 1 <= column.perplexity <= column.live + 1e-9
    assert found.columns[0].double == 1 and all(c.double == 0 for c in found.columns[1:])
    assert any("--fix prune removes them" in a for a in found.advice)


def test_a_mended_model_has_no_dead_codes_and_decodes_old_tokens(learned, tmp_path):
    found = examine("m", learned, [recording()])
    mended = fixed(learned, found)
    save(tmp_path / "mended.safetensors", mended, remap=remap_table(mended))
    again = load(tmp_path / "mended.safetensors")
    assert again.model_hash == mended.model_hash != learned.model_hash
    assert [c.size for c in again.columns] == [len(k) for k in again.kept]
    assert all(c.size <= old.live for c, old in zip(again.columns, found.columns, strict=True))
    for book, whole, kept in zip(
        codebooks(again.encoder).values(), codebooks(learned).values(), again.kept, strict=True
    ):
        assert {tuple(v) for v in book} == {tuple(v) for v in whole[kept]}  # a removed code can win no longer
    old_tokens = learned.encode(signal())
    assert np.array_equal(again.decode(old_tokens).values, learned.decode(old_tokens).values)
    new_tokens = again.encode(signal())
    assert all(int(new_tokens.codes[..., q].max()) < c.size for q, c in enumerate(again.columns))
    assert np.array_equal(again.decode(new_tokens).values, learned.decode(old_tokens).values)
    other = again.encode(signal(3))  # data that used codes which are gone now
    assert again.decode(other).values.shape == (2, learned.decode(learned.encode(signal(3))).values.shape[1])


def test_files_of_a_mended_model_are_read_in_ranges(learned, tmp_path):
    mended = fixed(learned, examine("m", learned, [recording()]))
    stored = write_file(mended, recording(), Path(tmp_path / "x.sp"), {})[0]
    whole = mended.decode(mended.encode(signal()))
    rate = whole.grid.time_rate
    part = decode_range(stored, mended, 4.0, 6.0)
    assert np.array_equal(part.values, whole.values[:, round(4 * rate) : round(6 * rate)])


def test_tokens_of_a_stranger_are_refused(learned):
    mended = fixed(learned, examine("m", learned, [recording()]))
    stranger = recipe("biocodec").build(dim=16)
    with pytest.raises(SignalPieceError):
        mended.decode(stranger.encode(signal()))


def test_a_healthy_vocabulary_needs_nothing(learned):
    mended = fixed(learned, examine("m", learned, [recording()]))
    with pytest.raises(SignalPieceError, match="mended before .pruned."):
        fixed(mended, examine("m", mended, [recording()]))


def test_nearest_by_hand():
    book = np.array([[0.0, 0], [1, 0], [0, 0], [5, 5]])
    assert nearest_kept(book, np.array([1, 3])).tolist() == [0, 0, 0, 1]
