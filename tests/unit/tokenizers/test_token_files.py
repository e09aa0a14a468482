"""Token files: names, ranges, resume byte for byte, refusals, and decoding in a process that never saw the input."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Sensor, Signal
from signalpiece.recipes import dct, klt, lapped
from signalpiece.tokenizers.codecs import CODECS, codec_for
from signalpiece.tokenizers.files import decode_range, encode_files, open_tokens
from signalpiece.tokenizers.outputs import output_paths
from signalpiece.tokenizers.rate import Held
from signalpiece.tokenizers.samples import excerpt


class Opened(Held):
    def __init__(self, signal, path="a.edf", fail_at=None):
        super().__init__(signal)
        self.path, self.fail_at, self.annotations = Path(path), fail_at, signal.annotations

    def blocks(self, seconds):
        for block in super().blocks(1.7):
            if self.fail_at is not None and block.grid.start - self.grid.start > self.fail_at:
                raise KeyboardInterrupt
            yield block


def short_segments(build):
    """A coder with segments of 4 seconds."""
    tok = build()
    stream = tok.stream
    tok.stream = lambda grid, **how: stream(grid, segment_seconds=4.0, **how)
    return tok


def test_names():
    a, b = Path("d/a.edf"), Path("d/b.edf")
    assert [p.path for p in output_paths([a, b], Path("x.sp"))] == [Path("x.sp")] * 2
    assert [p.path.name for p in output_paths([a, b, b], Path("out"))] == ["a.sp", "b-0.sp", "b-1.sp"]
    assert [p.recording for p in output_paths([a, b, b], Path("out"))] == [0, 0, 1]
    with pytest.raises(SignalPieceError, match="a.sp would be written twice"):
        output_paths([a, Path("e/a.bdf")], Path("out"))
    with pytest.raises(SignalPieceError, match="is an input"):
        output_paths([Path("x.sp")], Path("x.sp"))


def test_one_file_holds_all_recordings(tmp_path):
    signal = replace(excerpt(), annotations=(Annotation(1.5, 2.0, "eyes closed"),))
    told = []
    report = encode_files(
        lapped.build(),
        [Opened(signal), Opened(signal.crop(0, 1000), "b.edf")],
        tmp_path / "x.sp",
        step=2e-6,
        progress=lambda done, total: told.append((done, total)),
    )
    opened = open_tokens(tmp_path / "x.sp")
    assert len(opened.recordings) == 2 and [w.source.name for w in report.written] == ["a.edf", "b.edf"]
    assert opened.recordings[0].annotations == signal.annotations
    assert told[-1] == pytest.approx((signal.grid.seconds + 6.25, signal.grid.seconds + 6.25))
    assert [d for d, _ in told] == sorted(d for d, _ in told)
    tokens = lapped.build().encode(signal, step=2e-6)
    assert np.array_equal(opened.recordings[0].read().codes, tokens.codes)
    total = sum(w.bits["total"] for w in report.written)
    assert total == 8 * (tmp_path / "x.sp").stat().st_size


@pytest.mark.parametrize("build", [dct.build, lapped.build, klt.build])
def test_any_range_equals_that_range_of_the_whole(build, tmp_path):
    tok, signal = short_segments(build), excerpt(channels=5)
    encode_files(tok, [Opened(signal)], tmp_path / "x.sp", step=3e-6)
    stored = open_tokens(tmp_path / "x.sp").recordings[0]
    assert stored.segments >= 5
    rng = np.random.default_rng(0)
    for rate, hertz in (("model", 100), ("source", 160)):
        whole = decode_range(stored, tok, rate=rate)
        assert whole.grid.seconds == 20 and np.array_equal(whole.values, tok.decode(stored.read(), rate=rate).values)
        for _ in range(8):
            start, stop = np.sort(rng.uniform(0, 20, 2)).round(2)
            channels = rng.permutation(5)[: rng.integers(1, 6)].tolist()
            part = decode_range(stored, tok, start, stop, channels, rate=rate)
            a, b = round(start * hertz), round(stop * hertz)
            assert np.array_equal(part.values, whole.values[channels, a:b])
            assert part.grid.start == pytest.approx(signal.grid.start + a / hertz) and len(part.grid.sensors) == len(
                channels
            )
    with pytest.raises(SignalPieceError, match="outside the recording of 20 s"):
        decode_range(stored, tok, 15, 25)


@pytest.mark.parametrize("build", [dct.build, klt.build])
@pytest.mark.parametrize("fail_at", [0.0, 7.0, 18.0])
def test_a_killed_run_resumes_to_the_same_bytes(build, fail_at, tmp_path):
    signal = excerpt(channels=3)
    other = Opened(signal.crop(0, 999), "b.edf")
    encode_files(short_segments(build), [other, Opened(signal)], tmp_path / "whole.sp", step=3e-6)
    with pytest.raises(KeyboardInterrupt):
        encode_files(short_segments(build), [other, Opened(signal, fail_at=fail_at)], tmp_path / "x.sp", step=3e-6)
    assert (tmp_path / "x.sp.part").exists() and not (tmp_path / "x.sp").exists()
    encode_files(short_segments(build), [other, Opened(signal)], tmp_path / "x.sp", step=3e-6, resume=True)
    assert (tmp_path / "x.sp").read_bytes() == (tmp_path / "whole.sp").read_bytes()


def test_finished_files_of_the_same_command_stay(tmp_path):
    signals = [Opened(excerpt(channels=2), "a.edf"), Opened(excerpt(1, channels=2), "b.edf")]
    how = {"resume": True}
    encode_files(dct.build(), signals[:1], tmp_path / "out", **how)
    first = tmp_path / "out" / "a.sp"
    before = first.stat().st_mtime_ns, first.read_bytes()
    encode_files(dct.build(), signals, tmp_path / "out", **how)
    assert before == (first.stat().st_mtime_ns, first.read_bytes()) and (tmp_path / "out" / "b.sp").exists()
    for tok, more in ((dct.build(), {"step": 1e-6}), (lapped.build(), {}), (dct.build(), {"bits": 200})):
        encode_files(tok, signals, tmp_path / "out", **how, **more)
        assert first.read_bytes() != before[1]
        encode_files(dct.build(), signals, tmp_path / "out")
        assert first.read_bytes() == before[1]


def test_decoding_needs_nothing_of_the_input(tmp_path):
    signal = excerpt(channels=3)
    for name, build in (("dct", dct.build), ("klt", klt.build)):
        encode_files(build(), [Opened(signal)], tmp_path / f"{name}.sp", step=3e-6)
        np.save(tmp_path / f"{name}.npy", build().decode(build().encode(signal, step=3e-6)).values)
    code = (
        "import sys, numpy as np, signalpiece; from signalpiece.recipes import recipe\n"
        "for name in ('dct', 'klt'):\n"
        "    stored = signalpiece.open_tokens(f'{sys.argv[1]}/{name}.sp').recordings[0]\n"
        "    model = stored.header.model\n"
        "    tok = recipe(model['recipe']).build(**model['options'])\n"
        "    assert np.array_equal(tok.decode(stored.read()).values, np.load(f'{sys.argv[1]}/{name}.npy'))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)


def test_notes_say_what_was_left_out(tmp_path):
    signal = excerpt(channels=3)
    grid = replace(signal.grid, sensors=(Sensor("C3", "eeg"), Sensor("STI 014", "stim"), Sensor("C4", "eeg")))
    recording = Opened(Signal(grid, signal.values))
    recording.identity = {"patient": "Jane"}
    report = encode_files(dct.build(), [recording], tmp_path / "x.sp")
    assert report.notes == (
        "a.edf: trigger channels are not coded, events travel as annotations: STI 014",
        "a.edf: 160 Hz is brought to 100 Hz; nothing above 45 Hz is kept",
    )
    assert report.written[0].channels == 2
    assert "identity" not in open_tokens(tmp_path / "x.sp").recordings[0].header.preprocessing
    encode_files(dct.build(), [recording], tmp_path / "y.sp", keep_identity=True)
    assert open_tokens(tmp_path / "y.sp").recordings[0].header.preprocessing["identity"] == {"patient": "Jane"}


def test_parquet_holds_the_same_tokens(tmp_path):
    signal = excerpt(channels=3)
    for build in (dct.build, klt.build):
        tok, folder = short_segments(build), tmp_path / build.__module__
        with pytest.raises(KeyboardInterrupt):
            encode_files(tok, [Opened(signal, fail_at=9.0)], folder, format="parquet", step=3e-6)
        report = encode_files(tok, [Opened(signal)], folder, format="parquet", step=3e-6, resume=True)
        assert (folder / "tokens-00000.parquet").exists() and report.written[0].path == folder
        stored = open_tokens(folder).recordings[0]
        encode_files(tok, [Opened(signal)], tmp_path / "x.sp", step=3e-6)
        coded = open_tokens(tmp_path / "x.sp").recordings[0]
        assert np.array_equal(stored.read().codes, coded.read().codes)
        parts = [decode_range(s, tok, 3.3, 9.1, [2, 0], rate="source").values for s in (stored, coded)]
        assert np.array_equal(*parts)
    with pytest.raises(SignalPieceError, match="met by coded files only"):
        encode_files(dct.build(), [Opened(signal)], tmp_path / "p", format="parquet", bits=100)


def test_an_interrupted_parquet_set_goes_on(tmp_path):
    signal, tok, how = excerpt(channels=3), short_segments(dct.build), {"format": "parquet", "step": 3e-6}
    pair = [Opened(signal, "a.edf"), Opened(signal, "b.edf")]
    encode_files(tok, pair, tmp_path / "whole", **how)
    for name, step in (("same", 3e-6), ("other", 1e-6)):
        with pytest.raises(KeyboardInterrupt):
            broken = [Opened(signal, "a.edf"), Opened(signal, "b.edf", fail_at=9.0)]
            encode_files(tok, broken, tmp_path / name, format="parquet", step=step)
        with pytest.raises(SignalPieceError, match="--resume"):
            open_tokens(tmp_path / name)
        encode_files(tok, pair, tmp_path / name, **how, resume=True)
        for one, two in zip(*(open_tokens(tmp_path / n).recordings for n in ("whole", name)), strict=True):
            assert np.array_equal(one.read().codes, two.read().codes)
            assert np.array_equal(one.side.codes, two.side.codes), "a step of an earlier run stays nowhere"


def test_sharing_changes_bytes_and_no_token(tmp_path):
    signal, alone, shared = excerpt(channels=12), lapped.build(), lapped.build(share=True)
    sizes = {}
    for name, tok in (("alone", alone), ("shared", shared)):
        encode_files(tok, [Opened(signal)], tmp_path / name, step=3e-6)
    files = {name: tmp_path / name / "a.sp" for name in ("alone", "shared")}
    stored = {name: open_tokens(path).recordings[0] for name, path in files.items()}
    assert np.array_equal(stored["alone"].read().codes, stored["shared"].read().codes)
    sizes = {name: s.bits["codes"] for name, s in stored.items()}
    assert sizes["shared"] < 0.9 * sizes["alone"]
    parts = [decode_range(stored[n], t, 2, 5, [7, 1]).values for n, t in (("alone", alone), ("shared", shared))]
    assert np.array_equal(*parts)


def test_tables_of_shipped_models_are_found(tmp_path, monkeypatch):
    from signalpiece.tokenizers import codecs
    from signalpiece.tokenizers.model_file import save_model

    tok = dct.build().estimate([excerpt()])
    encode_files(tok, [Opened(excerpt())], tmp_path / "x.sp")
    monkeypatch.setattr(codecs, "MODELS", tmp_path)
    save_model(tmp_path / "m.safetensors", tok)
    codecs.shipped_tensors.cache_clear()
    assert open_tokens(tmp_path / "x.sp").recordings[0].read().num_frames == 20
    monkeypatch.undo()
    codecs.shipped_tensors.cache_clear()


def test_an_empty_recording(tmp_path):
    for build in (dct.build, klt.build):
        report = encode_files(build(), [Opened(excerpt(channels=2).crop(0, 0))], tmp_path / "x.sp")
        assert report.written[0].seconds == 0
        stored = open_tokens(tmp_path / "x.sp").recordings[0]
        assert decode_range(stored, build()).values.shape == (2, 0)


def test_refusals(tmp_path):
    with pytest.raises(SignalPieceError, match="nothing to encode"):
        encode_files(dct.build(), [], tmp_path / "x.sp")
    with pytest.raises(SignalPieceError, match="format must be one of"):
        encode_files(dct.build(), [Opened(excerpt())], tmp_path / "x.sp", format="zip")
    with pytest.raises(SignalPieceError):
        encode_files(dct.build(), [Opened(excerpt())], tmp_path / "no" / "such" / "x.sp")
    with pytest.raises(SignalPieceError):
        open_tokens(tmp_path / "missing.sp")


def test_tables_of_a_model_file_are_asked_for(tmp_path):
    tok = dct.build().estimate([excerpt()])
    encode_files(tok, [Opened(excerpt())], tmp_path / "x.sp")
    with pytest.raises(SignalPieceError, match=f"hash {tok.model_hash}, which does not ship"):
        open_tokens(tmp_path / "x.sp")
    stored = open_tokens(tmp_path / "x.sp", model=tok).recordings[0]
    assert tok.decode(stored.read()).values.shape[0] == 4


def test_codecs_by_name():
    header = dct.build().encode(excerpt(), step=1e-6).header
    assert codec_for("static-1", 1, header).channels == 1
    plain = lapped.build().encode(excerpt(), step=1e-6).header
    for name in CODECS:
        assert codec_for(name, 1, plain).name == name
    with pytest.raises(SignalPieceError, match="codec zip-9, which this version does not have"):
        codec_for("zip-9", 1, header)
    with pytest.raises(SignalPieceError, match="version 2 of codec raw-1"):
        codec_for("raw-1", 2, header)
