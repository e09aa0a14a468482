"""Repair in the library and at the command line: the new model decodes what the old one made, bit for bit."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.apps.doctor import examine
from signalpiece.apps.load import load, save
from signalpiece.apps.measure import in_memory
from signalpiece.apps.repair import KINDS, repaired
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.metrics import near_doubles
from signalpiece.recipes import recipe
from signalpiece.samples import sample
from signalpiece.signals.files import read, write
from signalpiece.tokenizers.codebooks import codebooks

LABRAM = {"rate": 100.0, "patch": 40, "heads": 4, "depths": (1, 1), "codebook_size": 64, "code_dim": 8}


def signal(seed=0, seconds=24, channels=2):
    x = np.random.default_rng(seed).normal(size=(channels, seconds * 100)).cumsum(1)
    return Signal.of((x - x.mean(1, keepdims=True)) * 1e-6, rate=100.0)


def recording(seed=0, **options):
    return in_memory(signal(seed, **options), f"{seed}.edf")


def learned(name="biocodec", seed=0):
    """A small tokenizer in its first state, with one code made double."""
    torch.manual_seed(seed)
    model = recipe(name).build(**(LABRAM if name == "labram" else recipe("biocodec").SMALL))
    tensors = dict(model.tensors())
    book = next(k for k in tensors if k.endswith("codebook.vectors"))
    tensors[book] = tensors[book].copy()
    tensors[book][5] = tensors[book][3]
    model.load_tensors(tensors)
    return model


@pytest.fixture(scope="module")
def models():
    return {name: learned(name) for name in ("biocodec", "labram")}


@pytest.mark.parametrize("name", ["biocodec", "labram"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 999))
def test_old_tokens_decode_to_the_bit_and_so_does_a_saved_model(models, tmp_path_factory, name, kind, seed):
    old, heard = models[name], [recording(seed)]
    stored = old.encode(signal(seed + 1))  # of a signal that the repair never saw
    before = old.decode(stored).values.copy()
    try:
        repair = repaired(old, examine("m", old, heard), heard, kind=kind)
    except SignalPieceError as error:  # seats that hurt: an untrained decoder makes anything of them
        assert kind == "revive" and ("would raise the error" in str(error) or "no new place" in str(error))
        return
    assert np.array_equal(old.decode(stored).values, before)
    path = tmp_path_factory.mktemp("m") / "m.safetensors"
    save(path, repair.model)
    again = load(path)
    assert again.model_hash == repair.model.model_hash != old.model_hash
    assert np.array_equal(again.decode(stored).values, before)
    new = again.encode(signal(seed + 1))
    assert new.header.model["hash"] == again.model_hash and not np.array_equal(new.codes, -np.ones_like(new.codes))
    assert np.array_equal(again.decode(new).values, repair.model.decode(repair.model.encode(signal(seed + 1))).values)
    assert repair.changed > 0 and repair.before.live >= 1


@pytest.mark.parametrize("name", ["biocodec", "labram"])
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 999))
def test_old_tokens_with_new_numbers(models, name, seed):
    """Exact where no removed code occurs, or an equal one is kept."""
    old, heard = models[name], [recording(seed)]
    stored = old.encode(signal(seed))
    before = old.decode(stored).values
    diagnosis = examine("m", old, heard)
    assert diagnosis.columns[0].double == 1
    pruned, merged = (repaired(old, diagnosis, heard, kind=kind) for kind in ("prune", "merge"))
    for repair in (pruned, merged):  # the double is an equal one, so even its tokens decode the same
        new = repair.model.renewed(stored)
        assert new.header.model["hash"] == repair.model.model_hash
        assert all(int(new.codes[..., q].max()) < c.size for q, c in enumerate(repair.model.columns))
        assert np.array_equal(repair.model.decode(new).values, before)
    assert merged.renumbered.error == merged.before.error
    held = old.encode(signal(seed).crop(1800, 2400)).codes  # starts anew, so codes may occur that did not in the whole
    if all(np.isin(held[..., q], kept).all() for q, kept in enumerate(pruned.model.kept)):
        assert pruned.renumbered.error == pruned.before.error
    with pytest.raises(SignalPieceError, match="only tokens of the model that was mended"):
        pruned.model.renewed(merged.model.encode(signal(seed)))


def test_code_0_fills_a_cut_last_block_also_where_it_was_removed():
    old = learned("labram")
    stored = old.encode(signal(3).crop(0, 600))
    used = np.setdiff1d(stored.codes, 0)
    pruned = recipe("pruned").build(base="labram", options=dict(old.options), sizes=(len(used),))
    pruned.decoder.load_tensors(old.tensors())
    pruned.keep([used])
    stored = replace(stored, codes=np.where(stored.codes == 0, used[0], stored.codes).astype(np.int32))
    assert np.array_equal(pruned.decode(pruned.renewed(stored)).values, old.decode(stored).values)


def test_a_merge_of_near_codes_states_what_old_tokens_lose():
    old = learned()
    tensors = dict(old.tensors())
    book = next(k for k in tensors if k.endswith("codebook.vectors"))
    spread = float(np.sqrt(np.square(tensors[book] - tensors[book].mean(0)).sum(1).mean()))
    tensors[book] = tensors[book].copy()
    for k in range(0, 64, 2):  # every other code close to the one before it
        tensors[book][k + 1] = tensors[book][k] + 0.009 * spread / np.sqrt(tensors[book].shape[1])
    old.load_tensors(tensors)
    heard = [recording(0)]
    repair = repaired(old, examine("m", old, heard), heard, kind="merge")
    assert repair.changed == 32
    held = signal(0).crop(1800, 2400)
    tokens = old.encode(held)
    wanted, got = old.decode(tokens).values, repair.model.decode(repair.model.renewed(tokens)).values
    moved = float(np.square(got - wanted).sum() / np.square(held.values - held.values.mean(1, keepdims=True)).sum())
    assert 0 < moved < 1e-3  # a code moves by 1 % of the spread at most
    assert repair.renumbered.error == pytest.approx(repair.before.error, rel=0.01)
    assert repair.renumbered.error != repair.before.error
    assert "remap table" in repair.sentences()[-1] and repair.json()["renumbered"]["codes"] == 64 * 3 - 32


@pytest.mark.parametrize("name", ["biocodec", "labram"])
def test_revival_keeps_living_vectors_and_lowers_the_error(models, name):
    old, heard = models[name], [recording(1), recording(2, channels=3)]
    diagnosis = examine("m", old, heard)
    repair = repaired(old, diagnosis, heard, kind="revive")
    assert repair.after.error <= repair.before.error and repair.after.live > repair.before.live
    assert repair.after.codes == repair.before.codes and repair.json()["after"]["live_share"] <= 1
    pairs = zip(codebooks(old).values(), codebooks(repair.model.encoder).values(), strict=True)
    for q, ((a, b), seats) in enumerate(zip(pairs, repair.model.seats, strict=True)):
        same = np.ones(len(a), bool)
        same[seats.codes] = False
        assert np.array_equal(a[same], b[same]) and (a[~same] != b[~same]).any(1).all()
        live = diagnosis.counts.column(q)[0]
        assert not set(live.tolist()) & set(seats.codes.tolist())  # no double among the living here
        assert near_doubles(b[seats.codes], within=1e-7).sum() == 0


def test_vectors_come_from_channels_that_are_there(models):
    """Groups are filled up to 16 rows; what seats are drawn from are the codes' own vectors, and they alone."""
    from signalpiece.tokenizers.codebooks import quantizer_of
    from signalpiece.tokenizers.revival import vectors_of

    for model in models.values():
        x = signal(4, channels=3, seconds=8)
        own = quantizer_of(model)
        pieces = [(x.grid, [x.crop(0, 300), x.crop(300, 800)])]
        z = vectors_of(model, own, pieces, 10**6, 0)
        codes = own(torch.from_numpy(z)[None]).codes[0].numpy()
        wanted = model.encode(x).codes[0]
        whole = len(codes) // 3 * 3
        assert len(codes) == whole and len(codes) <= len(wanted)
        assert np.array_equal(np.sort(codes, 0)[:0], np.sort(wanted, 0)[:0])
        cube = wanted.reshape(-1, 3, wanted.shape[1])[: len(codes) // 3]
        assert sorted(map(tuple, codes.tolist())) == sorted(map(tuple, cube.reshape(len(codes), -1).tolist()))
        assert len(vectors_of(model, own, pieces, 10, 0)) == 10


def test_merging_leaves_dead_codes_alone(models):
    old = models["biocodec"]
    repair = repaired(old, examine("m", old, [recording()]), kind="merge")
    assert repair.changed == 1 and repair.before is None and [c.size for c in repair.model.columns] == [63, 64, 64]
    assert repair.model.old_to_new[0][5] == repair.model.old_to_new[0][3] == 3
    with pytest.raises(SignalPieceError, match="mended before .pruned."):
        repaired(repair.model, examine("m", repair.model, [recording()]), kind="merge")
    clean = recipe("biocodec").build(**recipe("biocodec").SMALL)
    with pytest.raises(SignalPieceError, match="nothing to merge"):
        repaired(clean, examine("m", clean, [recording()]), kind="merge")


def test_what_cannot_be_mended_is_said(models):
    old = models["biocodec"]
    found = examine("m", old, [recording()])
    with pytest.raises(SignalPieceError, match="kind of repair must be one of"):
        repaired(old, found, kind="heal")
    with pytest.raises(SignalPieceError, match="vectors of recordings; there are none"):
        repaired(old, found, kind="revive")
    short = [recording(0, seconds=1)]
    with pytest.raises(SignalPieceError, match="too short to revive"):
        repaired(old, examine("m", old, short), short, kind="revive")
    revived = repaired(old, found, [recording()], kind="revive").model
    health = examine("m", revived, [recording()])
    assert health.quantizers and not any("--fix" in a for a in health.advice)
    with pytest.raises(SignalPieceError, match="mended before .revived."):
        repaired(revived, health, [recording()], kind="revive")
    handmade = learned().named(None, {})
    with pytest.raises(SignalPieceError, match="built by hand"):
        repaired(handmade, examine("m", handmade, [recording()]), kind="prune")
    mulaw = recipe("mulaw").build()
    with pytest.raises(SignalPieceError, match="no table of vectors"):
        repaired(mulaw, examine("mulaw", mulaw, [recording()]), kind="prune")


@pytest.fixture
def place(tmp_path):
    """A folder with a small model and half a minute of EEG."""
    save(tmp_path / "old.safetensors", learned())
    write(tmp_path / "x.edf", read(sample("S001R01.edf")).pick([8, 24]).crop(0, 4800))
    return tmp_path


def refused(result, *words):
    code, out, err = result
    assert code == 2 and out == "" and "Traceback" not in err and all(w in err for w in words), result
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_journey(run, place, kind, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    old, new, tokens = place / "old.safetensors", place / "new.safetensors", place / "x.sp"
    assert run("encode", old, place / "x.edf", "--out", tokens)[0] == 0
    code, out, _ = run("doctor", old, place / "x.edf")
    assert code == 0 and "--fix revive" in out and max(map(len, out.splitlines())) <= 80
    code, out, err = run("doctor", old, place / "x.edf", "--fix", kind, "--out", new)
    assert code == 0 and "bit for bit" in " ".join(out.split()) and "new.safetensors" in err
    assert max(map(len, out.splitlines())) <= 80
    for model, back in ((old, "a.edf"), (new, "b.edf")):
        assert run("decode", model, tokens, "--out", place / back)[0] == 0
    assert np.array_equal(read(place / "a.edf").values, read(place / "b.edf").values)
    assert run("info", new, "--verify")[0] == 0
    assert run("encode", new, place / "x.edf", "--out", place / "y.sp")[0] == 0
    assert run("decode", new, place / "y.sp", "--out", place / "c.edf")[0] == 0
    refused(run("decode", old, place / "y.sp", "--out", place / "d.edf"), "hash")
    refused(run("doctor", new, place / "x.edf", "--fix", kind, "--out", place / "z.safetensors"), "mended before")


def test_a_fitted_model_is_mended(run, tmp_path):
    """From recordings to a mended model, as a user goes; what a repair refuses leaves no file."""
    write(tmp_path / "train.edf", read(sample("S001R02.edf")).pick([8, 24, 40, 60]))
    write(tmp_path / "x.edf", read(sample("S001R01.edf")).pick([8, 24]).crop(0, 4800))
    old, x, tokens = tmp_path / "old.safetensors", tmp_path / "x.edf", tmp_path / "x.sp"
    sets = [a for k, v in (LABRAM | {"codebook_size": 512}).items() for a in ("--set", f"{k}={json.dumps(v)}")]
    assert run("fit", "labram", tmp_path / "train.edf", "--out", old, "--steps", 100, *sets)[0] == 0
    assert run("encode", old, x, "--out", tokens)[0] == 0
    (found,) = json.loads(run("doctor", old, x, "--json")[1])["columns"]
    assert found["dead"] > 256 and found["double"] > 0
    assert run("decode", old, tokens, "--out", tmp_path / "a.edf")[0] == 0
    for kind in KINDS:
        new, back = tmp_path / f"{kind}.safetensors", tmp_path / f"{kind}.edf"
        told = json.loads(run("doctor", old, x, "--fix", kind, "--out", new, "--json")[1])["repair"]
        assert kind != "merge" or told["changed"] == found["double"]
        assert told["after"]["live_share"] > told["before"]["live_share"]
        assert told["after"]["error_db"] < told["before"]["error_db"] + 0.1
        assert run("decode", new, tokens, "--out", back)[0] == 0
        assert np.array_equal(read(back).values, read(tmp_path / "a.edf").values)
        assert load(new).model_hash == told["hash"] != load(old).model_hash
    files = sorted(tmp_path.rglob("*"))
    none = tmp_path / "none.safetensors"
    refused(run("doctor", tmp_path / "merge.safetensors", x, "--fix", "merge", "--out", none), "mended before")
    assert sorted(tmp_path.rglob("*")) == files


def test_the_doctor_speaks_json(run, place):
    new = place / "n.safetensors"
    code, out, _ = run("doctor", place / "old.safetensors", place / "x.edf", "--fix", "revive", "--out", new, "--json")
    found = json.loads(out)
    assert code == 0 and found["repair"]["kind"] == "revive" and len(found["quantizers"]) == 3
    assert found["repair"]["after"]["live_share"] > found["repair"]["before"]["live_share"]
    assert found["repair"]["after"]["error_db"] <= found["repair"]["before"]["error_db"]


def test_odd_requests_are_one_sentence(run, place):
    old, x = place / "old.safetensors", place / "x.edf"
    refused(run("doctor", old, x, "--fix", "m.safetensors"), "prune, merge, revive", "--out")
    refused(run("doctor", old, x, "--fix", "prune"), "--out FILE")
    refused(run("doctor", old, x, "--out", place / "y.safetensors"), "--fix")
    refused(run("doctor", old, x, "--fix", "prune", "--out", place / "no" / "y.safetensors"), "no folder")
    refused(run("doctor", "dct", x, "--fix", "revive", "--out", place / "y.safetensors"), "open integers")
    damaged = place / "damaged.safetensors"
    shutil.copy(old, damaged)
    data = bytearray(damaged.read_bytes())
    data[-5] ^= 1
    damaged.write_bytes(data)
    refused(run("doctor", damaged, x), "damaged")
    x.write_bytes(x.read_bytes()[:100])
    assert run("doctor", old, x)[0] == 2
