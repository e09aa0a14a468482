"""Samples of a pipe to tokens and back: the same tokens as in one go, the same samples as a range gives."""

import io
import subprocess
import sys

import numpy as np
import pytest

import signalpiece
from signalpiece.apps.streaming import live_grid, pull, push
from signalpiece.core.signal import Signal
from signalpiece.tokenizers.files import decode_range, open_tokens
from signalpiece.tokenizers.stream import join
from signalpiece.tokenizers.unrolled import unrolled

NAMES = ["Cz", "Pz", "EOG"]


def samples(seconds: float = 100.0) -> np.ndarray:
    """Instants x channels, in microvolts."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(int(seconds * 160), 3)).cumsum(0).astype("<f4")


class Slow(io.BytesIO):
    """A pipe that gives a few bytes at a time, then is interrupted."""

    def read1(self, size: int | None = -1) -> bytes:
        data = super().read(min(size or 1, 1001))
        if not data:
            raise KeyboardInterrupt
        return data


@pytest.mark.parametrize("pipe", [io.BytesIO, Slow])
@pytest.mark.parametrize("model", ["eeg", "dct"])
def test_tokens_are_those_of_the_whole(tmp_path, pipe, model):
    tok, x = signalpiece.load(model), samples()
    grid, factor = live_grid(NAMES, 160.0, "uV")
    out = tmp_path / "live.sp"
    done = push(tok, pipe(x.tobytes() + b"ab"), out, grid=grid, factor=factor, step=2e-6, segment=30.0)
    assert done["seconds"] == 100.0 and done["bytes_left_over"] == 2 and done["latency_seconds"] > 1
    values = (x.astype(np.float64).T * 1e-6).astype(np.float32)
    signal = Signal.of(values, rate=160.0, names=NAMES)
    stream = tok.stream(signal.grid, step=2e-6, segment_seconds=30.0)
    whole = join([stream.push(signal), stream.close()])
    stored = open_tokens(out, tok).recordings[0]
    np.testing.assert_array_equal(stored.read().codes, whole.codes)
    assert stored.header.segment * stored.header.frames.hop == 3000 and stored.header.grid.kinds[2] == "eog"


@pytest.mark.parametrize("rate", ["model", "source"])
@pytest.mark.parametrize("how", [{}, {"mode": "spatial"}, {"group": 1}])
def test_samples_are_those_of_the_whole(tmp_path, rate, how):
    tok = signalpiece.load("eeg", **how)
    grid, factor = live_grid(NAMES, 160.0, "uV")
    out = tmp_path / "live.sp"
    push(tok, io.BytesIO(samples().tobytes()), out, grid=grid, factor=factor, step=2e-6, segment=20.0)
    stored = open_tokens(out, tok).recordings[0]
    want = decode_range(stored, tok, rate=rate).values
    pieces = list(unrolled(stored, tok, [2, 0], rate=rate))
    assert len(pieces) > 4
    np.testing.assert_array_equal(np.concatenate([p.values for p in pieces], 1), want[[2, 0]])
    got = np.concatenate(list(pull("eeg", out, ["eog", "Cz"], recording=0, rate=rate, units="uV")))
    np.testing.assert_allclose(got.T, want[[2, 0]] * 1e6, rtol=1e-6)


def test_nothing_arrives(tmp_path):
    tok = signalpiece.load("eeg")
    grid, factor = live_grid(NAMES, 160.0, "uV")
    done = push(tok, io.BytesIO(), tmp_path / "a.sp", grid=grid, factor=factor, step=None, segment=30.0)
    assert done["seconds"] == 0 and open_tokens(tmp_path / "a.sp", tok).recordings[0].frames == 0
    assert list(pull("eeg", tmp_path / "a.sp", None, recording=0, rate="model", units="uV")) == []


def run(*words: str, data: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "signalpiece.apps.cli", *words], input=data, capture_output=True)


def test_commands(tmp_path):
    out = str(tmp_path / "live.sp")
    first = run(
        "stream", "push", "eeg", "--channels", "Cz,Pz,EOG", "--rate", "160", "--out", out, data=samples(5).tobytes()
    )
    assert first.returncode == 0 and b"5.0 s of 3 channels" in first.stderr, first.stderr
    back = run("stream", "pull", "eeg", out, "--channels", "Pz", "--rate", "source")
    assert back.returncode == 0 and len(back.stdout) == 5 * 160 * 4
    for words, sentence in (
        (("pull", "eeg", out, "--units", "fT"), b"are in V, not fT"),
        (("pull", "eeg", out, "--recording", "3"), b"between 0 and 0"),
        (("push", "eeg", "--channels", "Cz", "--rate", "0", "--out", out), b"above 0 Hz"),
        (("push", "eeg", "--channels", "Cz", "--rate", "9", "--units", "parsec", "--out", out), b"not known"),
        (("push", "eeg", "--channels", "Cz", "--rate", "9", "--step", "1fT", "--out", out), b"same unit"),
    ):
        failed = run("stream", *words)
        assert failed.returncode == 2 and sentence in failed.stderr and failed.stderr.count(b"\n") == 1, failed.stderr
