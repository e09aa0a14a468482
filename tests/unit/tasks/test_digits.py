"""The clips of spoken digits: who tests, which words a clip gets, and what is refused."""

import wave

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.tasks import spoken_digits


def write_clip(path, samples, rate=8000):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())


def write_clips(folder):
    """Take k is a tone of 300 + 200 k Hz, .1 + .02 k loud, 2000 + 400 k samples long; takes 0, 5, 6 and 7."""
    for digit in (3, 8):
        for take in (0, 5, 6, 7):
            t = np.arange(2000 + 400 * take)
            tone = (0.1 + 0.02 * take) * np.sin(2 * np.pi * (300 + 200 * take) / 8000 * t)
            write_clip(folder / f"{digit}_ann_{take}.wav", tone)


def test_first_takes_test_and_words_grade_them_by_the_training_clips(tmp_path):
    write_clips(tmp_path)
    train, test = spoken_digits(tmp_path)
    assert train.sounds.shape == (6, 24, 160) and test.sounds.shape == (2, 24, 160)
    assert test.words.tolist() == [[3, 10, 13, 16], [8, 10, 13, 16]]  # shorter, darker and softer than all others
    assert train.words[:3].tolist() == [[3, 10, 13, 16], [3, 11, 14, 17], [3, 12, 15, 18]]


def test_sounds_are_standardised_over_training_and_empty_beyond_the_end(tmp_path):
    write_clips(tmp_path)
    train, test = spoken_digits(tmp_path)
    assert not train.sounds[~train.valid].any() and not test.sounds[~test.valid].any()
    assert (np.diff(train.valid.astype(int), axis=1) <= 0).all() and (
        train.valid.sum(1) >= test.valid.sum(1).max()
    ).all()
    frames = train.sounds.reshape(6, -1, 40)
    frames = frames[np.abs(frames).sum(2) > 0]
    np.testing.assert_allclose(frames.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(frames.std(0), 1, atol=1e-4)


def test_missing_clips_and_other_rates_are_refused(tmp_path):
    with pytest.raises(SignalPieceError, match="got 0 and 0"):
        spoken_digits(tmp_path)
    write_clips(tmp_path)
    write_clip(tmp_path / "1_ann_9.wav", np.zeros(3000), rate=16000)
    with pytest.raises(SignalPieceError, match="must have 8000 samples a second, got 16000"):
        spoken_digits(tmp_path)
