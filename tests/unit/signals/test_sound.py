import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.signals.files import open, read, write

soundfile = pytest.importorskip("soundfile")
NOISE = np.clip(np.random.default_rng(0).standard_normal((5000, 3)) * 0.3, -1, 1)


def riff(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(*chunks, size=0):
    return b"RIFF" + struct.pack("<I", size) + b"WAVE" + b"".join(chunks)


def form(code=1, channels=1, rate=8000, bits=16):
    width = (bits + 7) // 8 * channels
    return riff(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits))


KINDS = [("WAV", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")]
KINDS += [("RF64", "PCM_16"), ("WAVEX", "PCM_24"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")]


@pytest.mark.parametrize("format_,kind", KINDS)
def test_same_as_libsndfile(tmp_path, format_, kind):
    path = tmp_path / f"a.{'wav' if 'W' in format_ or '6' in format_ else format_.lower()}"
    soundfile.write(path, NOISE, 8000, format=format_, subtype=kind)
    recording = open(path)
    right, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(recording.read().values, right.T, atol=1e-7)
    np.testing.assert_array_equal(recording.read(0.1, 0.2).values, recording.read().values[:, 800:1600])
    assert recording.has_stored == (kind.startswith("PCM"))
    if recording.has_stored:
        shift = 32 - int(kind[-2:].strip("U_"))
        whole, _ = soundfile.read(path, dtype="int32", always_2d=True)
        assert np.array_equal(recording.stored(7, 99).values, (whole >> shift).T[:, 7:99])


def test_valid_bits_below_the_container(tmp_path):
    """20 bits in 3 bytes, left-aligned, by the extensible format."""
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    head = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 24000, 3, 24, 22, 20, 4) + guid
    values = np.array([0, 1, -1, 524287, -524288], np.int32)
    body = (values << 4).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    (tmp_path / "a.wav").write_bytes(wav(riff(b"fmt ", head), riff(b"data", body)))
    recording = open(tmp_path / "a.wav")
    assert np.array_equal(recording.stored().values[0], values)
    assert recording.read().values[0, 3] == pytest.approx(524287 / 524288)


def test_cues_are_annotations(tmp_path):
    cues = struct.pack("<I", 2) + struct.pack("<II4sIII", 1, 0, b"data", 0, 0, 4000)
    cues += struct.pack("<II4sIII", 2, 0, b"data", 0, 0, 800)
    labels = b"adtl" + riff(b"labl", struct.pack("<I", 1) + b"word\0")
    (tmp_path / "a.wav").write_bytes(
        wav(form(), riff(b"cue ", cues), riff(b"LIST", labels), riff(b"data", b"\1\0" * 8000))
    )
    assert [(a.onset, a.text) for a in open(tmp_path / "a.wav").annotations] == [(0.1, "cue 2"), (0.5, "word")]


@pytest.mark.parametrize("size,words", [(0xFFFFFFFF, "no length"), (0, "no length"), (5000, "promises 5000 bytes")])
def test_lengths_that_cannot_be(tmp_path, size, words):
    (tmp_path / "a.wav").write_bytes(wav(form(), riff(b"data", b"\1\0" * 1000, size)))
    recording = open(tmp_path / "a.wav")
    assert recording.samples == 1000 and words in recording.warnings[0]


def test_empty_data_is_empty(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(form(), riff(b"data", b""), riff(b"LIST", b"INFO")))
    assert open(tmp_path / "a.wav").samples == 0


@pytest.mark.parametrize("code,words", [(2, "kind 2"), (1, "do not fit")])
def test_kinds_not_read(tmp_path, code, words):
    head = struct.pack("<HHIIHH", code, 2, 8000, 32000, 4 if code == 2 else 5, 16)
    (tmp_path / "a.wav").write_bytes(wav(riff(b"fmt ", head), riff(b"data", b"\0" * 40)))
    with pytest.raises(SignalPieceError, match=words):
        open(tmp_path / "a.wav")


def set_total(data, total):
    at = data.index(b"fLaC") + 18
    (packed,) = struct.unpack_from(">Q", data, at)
    return data[:at] + struct.pack(">Q", packed >> 36 << 36 | total) + data[at + 8 :]


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 30000), total=st.sampled_from([0, 1 << 30, (1 << 36) - 1]))
def test_flac_length_is_found(tmp_path_factory, count, total):
    path = tmp_path_factory.mktemp("flac") / "a.flac"
    values = np.resize(NOISE[:, 0], count)
    soundfile.write(path, values, 8000)
    path.write_bytes(set_total(path.read_bytes(), total))
    recording = open(path)
    assert recording.samples == count and "samples were found" in recording.warnings[0]
    tail = recording.read(max(count - 10, 0) / 8000, count / 8000).values[0]
    np.testing.assert_allclose(tail, np.rint(values * 32768).clip(-32768, 32767)[-10:] / 32768, atol=4e-5)


def test_cut_flac_gives_whole_frames(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.resize(NOISE, (40000, 2)), 8000)
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    recording = open(path)
    assert 4096 <= recording.samples < 40000 and "promises 40000" in recording.warnings[0]
    assert recording.read().values.shape == (2, recording.samples)


def test_write_and_read(tmp_path):
    signal = Signal.of(NOISE.T, rate=8000, units="", kind="sound")
    write(tmp_path / "a.wav", signal)
    assert np.array_equal(read(tmp_path / "a.wav").values, signal.values)
    write(tmp_path / "a.flac", signal)
    np.testing.assert_allclose(read(tmp_path / "a.flac").values, signal.values, atol=2**-23)
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0].T, signal.values)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(SignalPieceError, match="between -1 and 1"):
        write(tmp_path / "a.flac", Signal.of([[2.0]], rate=8000))
    with pytest.raises(SignalPieceError, match="whole number of Hz"):
        write(tmp_path / "a.wav", Signal.of([[0.5]], rate=80.5))
