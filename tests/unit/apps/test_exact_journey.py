"""`encode --lossless`, `--max-error`, `decode --original`: whole journeys with files of several formats."""

import json

import numpy as np
import pytest

from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.samples import sample
from signalpiece.signals.files import open, open_all, read, write

RATE = 200.0
NAME = b"MCH-0234567 F 02-MAY-1951 Haagse_Harry"


def recorded(seconds=9, gap=False):
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(0, 3e-6, (4, int(RATE * seconds))), axis=1).astype(np.float32)
    x[3] = np.repeat(rng.integers(0, 5, x.shape[1] // 50), 50)
    sensors = tuple(Sensor(n, "eeg") for n in ("C3", "Cz", "C4")) + (Sensor("STI 014", "stim"),)
    grid = Grid(("channel", "time"), (None, RATE), ("V", "V", "V", ""), x.shape, sensors)
    valid = np.ones((1, x.shape[1]), bool)
    valid[:, 800:1200] = not gap
    return Signal(grid, x, valid if gap else None, (Annotation(1.0, 2.0, "eyes"), Annotation(2.5, 0.0, "\u00fc")))


def written(path, gap=False):
    """A file with a patient's name in its header."""
    write(path, recorded(gap=gap))
    data = bytearray(path.read_bytes())
    data[8:88] = NAME.ljust(80)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", ["edf", "bdf"])
@pytest.mark.parametrize("gap", [False, True])
def test_an_original_comes_back(run, tmp_path, ending, gap):
    source, tokens, back = written(tmp_path / f"x.{ending}", gap), tmp_path / "x.sp", tmp_path / f"back.{ending}"
    code, out, error = run("encode", "eeg", source, "--lossless", "--out", tokens, "--json")
    assert code == 0, error
    said = json.loads(out)
    assert "blanked as EDF+ prescribes" in said["notes"][-1]
    assert said["files"][0]["bytes"] == tokens.stat().st_size and said["files"][0]["channels"] == 4
    assert run("decode", tokens, "--original", "--out", back)[0] == 0
    one, other = bytearray(source.read_bytes()), back.read_bytes()
    assert NAME not in other and other[8:88] == b"X X X X".ljust(80)
    one[8:184] = other[8:184]
    assert one == other
    assert open(back).gaps == open(source).gaps == (((4.0, 6.0),) if gap else ())


@pytest.mark.parametrize("ending", ["edf", "bdf"])
def test_identity_kept_is_the_file_byte_for_byte(run, tmp_path, ending):
    source = written(tmp_path / f"x.{ending}", gap=True)
    assert (
        run("encode", "eeg", source, "--lossless", "--keep-identity", "--level", "fast", "--out", tmp_path / "o")[0]
        == 0
    )
    assert run("decode", "eeg", tmp_path / "o", "--original", "--out", tmp_path / "back")[0] == 0
    assert (tmp_path / "back" / f"x.{ending}").read_bytes() == source.read_bytes()


def test_rates_of_one_file_come_back_together(run, tmp_path):
    edfio = pytest.importorskip("edfio")
    rng, source = np.random.default_rng(0), tmp_path / "m.edf"
    parts = [edfio.EdfSignal(rng.normal(size=r * 6), r, label=f"c{r}", physical_dimension="uV") for r in (100, 20)]
    edfio.Edf(parts).write(source)
    assert run("encode", "eeg", source, "--lossless", "--keep-identity", "--out", tmp_path / "m.sp")[0] == 0
    assert run("decode", tmp_path / "m.sp", "--original", "--out", tmp_path / "back.edf")[0] == 0
    assert (tmp_path / "back.edf").read_bytes() == source.read_bytes() and len(open_all(source)) == 2


def test_other_formats_come_back_as_arrays(run, tmp_path):
    (tmp_path / "x.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=x.eeg\nMarkerFile=x.vmrk\n"
        "DataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=2\nSamplingInterval=2000\n[Binary Infos]\n"
        "BinaryFormat=INT_16\n[Channel Infos]\nCh1=Cz,,0.5,uV\nCh2=X,,,\n"
    )
    marks = "Mk1=Stimulus,S  1,100,1,0\n"
    (tmp_path / "x.vmrk").write_text(f"Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\n{marks}")
    values = np.cumsum(np.random.default_rng(1).integers(-5, 6, (2, 1500)), axis=1).astype("<i2")
    (tmp_path / "x.eeg").write_bytes(values.T.tobytes())
    assert run("encode", "eeg", tmp_path / "x.vhdr", "--lossless", "--out", tmp_path / "o")[0] == 0
    assert run("decode", tmp_path / "o" / "x.sp", "--original", "--out", tmp_path / "x.npz")[0] == 0
    with np.load(tmp_path / "x.npz") as back:
        assert (back["values"] == values).all() and back["names"].tolist() == ["Cz", "X"] and back["rate"] == 500
        assert back["scale"].tolist() == [5e-7, 1e-6] and [str(t) for t in back["text"]] == ["Stimulus/S  1"]
        assert back["onset"].tolist() == [99 / 500]
    code, _, error = run("decode", tmp_path / "o" / "x.sp", "--original", "--out", tmp_path / "x.edf")
    assert code == 2 and "comes back as .npz" in error


def test_plain_decoding_and_ranges(run, tmp_path):
    source, tokens = written(tmp_path / "x.edf"), tmp_path / "x.sp"
    assert run("encode", "eeg", source, "--lossless", "--out", tokens)[0] == 0
    for model in ([], ["eeg"], ["lossless"]):
        out = tmp_path / "part.fif"
        assert run("decode", *model, tokens, "--out", out, "--start", 2, "--stop", 4, "--channels", "Cz")[0] == 0
        wanted = read(source).pick([1]).values[:, 400:800]
        np.testing.assert_allclose(read(out).values, wanted, rtol=1e-6)
    assert "lossless" in run("info", tokens)[1] and run("info", tokens, "--verify")[0] == 0


def test_a_bound_in_microvolts(run, tmp_path):
    from signalpiece.apps.load import maker_of
    from signalpiece.tokenizers.files import decode_range, open_tokens

    source, tokens = sample("S001R01.edf"), tmp_path / "x.sp"
    sizes = []
    for how in (["--lossless"], ["--max-error", "2uV"]):
        code, out, error = run("encode", "eeg", source, *how, "--level", "fast", "--out", tokens, "--json")
        assert code == 0, error
        sizes.append(json.loads(out)["files"][0]["bytes"])
    assert sizes[1] < 0.6 * sizes[0]
    (stored,) = open_tokens(tokens).recordings
    got = decode_range(stored, maker_of(stored.header.model))
    assert np.abs(got.values - read(source).values).max() <= 2e-6 + 2e-10  # float32 of both
    code, _, error = run("decode", tokens, "--original", "--out", tmp_path / "b.edf")
    assert code == 2 and "within 2uV, not the original" in error


def test_a_damaged_segment_costs_itself(run, tmp_path):
    from signalpiece.signals.files import write as save
    from signalpiece.tokenizers.files import open_tokens

    source, tokens = tmp_path / "long.edf", tmp_path / "x.sp"
    save(source, recorded(seconds=150))
    assert run("encode", "eeg", source, "--lossless", "--level", "fast", "--out", tokens)[0] == 0
    data = bytearray(tokens.read_bytes())
    data[len(data) // 2] ^= 1
    tokens.write_bytes(data)
    code, _, error = run("decode", tokens, "--original", "--out", tmp_path / "b.edf")
    assert code == 2 and "segment 1 of recording 0" in error and error.count("\n") == 1
    assert not (tmp_path / "b.edf").exists()
    (stored,) = open_tokens(tokens).recordings
    kept = stored.read(damaged="skip")
    good = kept.valid.reshape(-1, 4)[:, 0]
    assert (good == np.repeat([True, False, True], [12000, 12000, 6000])).all()
    assert (kept.cube()[good][:, :, 0] == open(source).stored().values.T[good]).all()


def test_an_interrupted_encode_goes_on(run, tmp_path, monkeypatch):
    from signalpiece.stores.coded_writer import CodedWriter

    source, tokens = tmp_path / "long.edf", tmp_path / "x.sp"
    write(source, recorded(seconds=150))
    how = ("encode", "eeg", source, "--lossless", "--level", "fast", "--out")
    assert run(*how, tmp_path / "whole.sp")[0] == 0
    usual = CodedWriter.segment

    def stops(self, given):
        if given.first >= 24000:
            raise KeyboardInterrupt
        usual(self, given)

    monkeypatch.setattr(CodedWriter, "segment", stops)
    assert run(*how, tokens)[0] == 130 and not tokens.exists()
    monkeypatch.undo()
    assert run(*how, tokens, "--resume")[0] == 0
    assert tokens.read_bytes() == (tmp_path / "whole.sp").read_bytes()
    before = tokens.stat().st_mtime_ns
    assert run(*how, tokens, "--resume")[0] == 0 and tokens.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "how, said",
    [
        (["--lossless", "--bits", 40], "--bits: not beside --lossless"),
        (["--lossless", "--max-error", "1uV"], "not both"),
        (["--level", "fast"], "--level goes with --lossless"),
        (["--lossless", "--format", "parquet"], "leave --format out"),
        (["--max-error", "1"], "a number with a unit"),
        (["--lossless", "--level", "quick"], "level must be one of"),
    ],
)
def test_what_does_not_go_together(run, tmp_path, how, said):
    code, _, error = run("encode", "eeg", sample("S001R01.edf"), *how, "--out", tmp_path / "x.sp")
    assert code == 2 and said in error and not (tmp_path / "x.sp").exists()


def test_the_recipe_is_another_name(run, tmp_path):
    assert run("encode", "lossless", sample("S001R01.edf"), "--set", "level=fast", "--out", tmp_path / "a.sp")[0] == 0
    how = ("--lossless", "--level", "fast")
    assert run("encode", "eeg", sample("S001R01.edf"), *how, "--out", tmp_path / "b.sp")[0] == 0
    assert (tmp_path / "a.sp").read_bytes() == (tmp_path / "b.sp").read_bytes()
    assert run("report", "lossless", sample("S001R01.edf"), "--out", tmp_path / "r.html")[0] == 0
    assert "Nothing between .5 and 45 Hz is lost" in (tmp_path / "r.html").read_text(encoding="utf-8")
    push = ("stream", "push", "lossless", "--channels", "Cz", "--rate", "100", "--out", tmp_path / "s.sp")
    code, _, error = run(*push)
    assert code == 2 and error.count("\n") == 1 and "opened recording" in error, error


def test_lossy_tokens_have_no_original(run, tmp_path):
    assert run("encode", "dct", sample("S001R01.edf"), "--step", "50uV", "--out", tmp_path / "x.sp")[0] == 0
    code, _, error = run("decode", tmp_path / "x.sp", "--original", "--out", tmp_path / "b.edf")
    assert code == 2 and "not lossless" in error
    code, _, error = run("decode", tmp_path / "x.sp", "--original", "--start", 1, "--out", tmp_path / "b.edf")
    assert code == 2 and "whole files" in error


def test_tokens_that_are_not_there(run, tmp_path):
    code, _, error = run("decode", tmp_path / "none.sp", "--out", tmp_path / "b.edf")
    assert code == 2 and "no such file" in error and error.count("\n") == 1
