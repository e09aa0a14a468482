"""Model files: everything is checked, damage is named in one sentence, and a model proves itself."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from signalpiece.core.check import SignalPieceError
from signalpiece.recipes import dct, klt, lapped
from signalpiece.tokenizers.model_file import (
    model_hash,
    read_header,
    read_model,
    restore,
    save_model,
    self_test,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "x.safetensors"
    save_model(path, dct.build(step_ratio=0.5), licence="CC0", data="none", note="a test")
    return path


def test_round_trip(model):
    header, tensors = read_model(model)
    assert header["recipe"] == "dct" and header["options"]["step_ratio"] == 0.5 and header["rate"] == 100
    assert header["licence"] == "CC0" and header["note"] == "a test" and header["format"] == 1
    assert header == read_header(model) and set(header["options"]) == {"rate", "tables", "rounding", "step_ratio"}
    tok = restore(model, header, tensors, dct.build)
    assert tok.model_hash == header["hash"] == dct.build(step_ratio=0.5).model_hash
    assert self_test(tok, header, tensors) > 500
    assert not model.with_name("x.safetensors.part").exists()


def test_a_model_without_tensors(tmp_path):
    for build in (lapped.build, klt.build):
        save_model(tmp_path / "m", build())
        header, tensors = read_model(tmp_path / "m")
        assert self_test(restore("m", header, tensors, build), header, tensors) > 100


def test_the_self_test_notices_another_model(model):
    header, tensors = read_model(model)
    with pytest.raises(SignalPieceError, match="self-test failed: .* codes differ"):
        self_test(dct.build(step_ratio=0.4), header, tensors)


def test_estimated_tables_travel(tmp_path):
    from signalpiece.tokenizers.samples import excerpt

    tok = dct.build().estimate([excerpt()])
    save_model(tmp_path / "m", tok)
    header, tensors = read_model(tmp_path / "m")
    back = restore("m", header, tensors, dct.build)
    assert np.array_equal(back.tensors()["scales"], tok.tensors()["scales"]) and back.model_hash == tok.model_hash
    assert back.model == tok.model


def test_wrong_tensors_are_named(model, tmp_path):
    header, tensors = read_model(model)
    with pytest.raises(SignalPieceError, match=r"1 missing \['scales'\]"):
        restore(model, header, {}, dct.build)
    with pytest.raises(SignalPieceError, match=r"1 extra \['more'\]"):
        restore(model, header, tensors | {"more": np.zeros(2)}, dct.build)
    with pytest.raises(SignalPieceError, match=r"scales has shape \(3,\)"):
        restore(model, header, tensors | {"scales": np.ones(3)}, dct.build)
    with pytest.raises(SignalPieceError, match="hash"):
        restore(model, header, tensors | {"scales": np.ones(100)}, dct.build)
    with pytest.raises(SignalPieceError, match="options do not fit"):
        restore(model, header | {"options": {"nonsense": 1}}, tensors, dct.build)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_noticed(model, tmp_path_factory, data):
    whole = bytearray(model.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flip") / "m.safetensors"
    path.write_bytes(whole)
    with pytest.raises(SignalPieceError, match=r"^m.safetensors: (damaged|a safetensors file)[^\n]*$"):
        read_model(path)


@settings(max_examples=30, deadline=None)
@given(junk=st.binary(max_size=300), keep=st.integers(0, 400))
def test_random_and_cut_files_are_refused(model, tmp_path_factory, junk, keep):
    path = tmp_path_factory.mktemp("junk") / "m.safetensors"
    for content in (junk, model.read_bytes()[:keep]):
        path.write_bytes(content)
        with pytest.raises(SignalPieceError, match=r"^m.safetensors: (damaged|a safetensors file)[^\n]*$"):
            read_model(path)


def test_other_files(tmp_path, model):
    with pytest.raises(SignalPieceError, match="cannot be read"):
        read_model(tmp_path / "missing.safetensors")
    save_file({"x": np.zeros(3)}, tmp_path / "plain.safetensors")
    with pytest.raises(SignalPieceError, match="not a model of signalpiece"):
        read_model(tmp_path / "plain.safetensors")
    with pytest.raises(SignalPieceError, match="cannot be written"):
        save_model(tmp_path / "no such folder" / "m", dct.build())


def test_a_newer_format_is_refused(model, tmp_path, monkeypatch):
    from signalpiece.tokenizers import model_file

    monkeypatch.setattr(model_file, "FORMAT", 99)
    save_model(tmp_path / "new", dct.build())
    monkeypatch.undo()
    with pytest.raises(SignalPieceError, match="format 99 is newer"):
        read_model(tmp_path / "new")


def test_hash_depends_on_everything():
    base = model_hash("dct", {"a": 1}, {"w": np.zeros(2)})
    assert len(base) == 16 and base == model_hash("dct", {"a": 1}, {"w": np.zeros(2)})
    others = [
        model_hash("dot", {"a": 1}, {"w": np.zeros(2)}),
        model_hash("dct", {"a": 2}, {"w": np.zeros(2)}),
        model_hash("dct", {"a": 1}, {"w": np.ones(2)}),
        model_hash("dct", {"a": 1}, {"w": np.zeros(2, np.float32)}),
        model_hash("dct", {"a": 1}, {"v": np.zeros(2)}),
    ]
    assert len({base, *others}) == 6


def test_the_header_is_readable_json(model):
    from safetensors import safe_open

    with safe_open(str(model), framework="numpy") as file:
        assert json.loads(file.metadata()["signalpiece"])["recipe"] == "dct"
    assert load_file(model)["scales"].shape == (100,)


def test_equal_models_are_equal_files(tmp_path):
    from signalpiece.recipes import recipe

    files = set()
    for k in range(12):  # two metadata entries in random order would differ in half of them
        save_model(tmp_path / f"{k}.safetensors", recipe("dct").build(), licence="none")
        files.add((tmp_path / f"{k}.safetensors").read_bytes())
    assert len(files) == 1
