"""Spoken digits and words for them: the digit, and how long, how bright and how loud the clip is.

Two modalities of the same thing with exact labels: 270 captions, four words each. The clips are those of the Free
Spoken Digit Dataset; its authors keep the first five takes of each speaker and digit for testing, and so does this.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.layouts.stft import STFT
from signalpiece.signals.files import read

RATE = 8000.0
WINDOW, HOP = 256, 128
BANDS, STACK, PLACES = 40, 4, 24  # mel bands, frames of a sound token, tokens of a clip
HELD_OUT = 5
GRADES = 3  # words for each of length, brightness and loudness; their edges are quantiles of the training clips
WORDS = 10 + 3 * GRADES


@dataclass(frozen=True)
class DescribedSounds:
    """Clips as log-mel energies, standardised over the training clips, and the words of each.

    Attributes:
        sounds: tokens of 4 frames (64 ms) x 40 bands; 0 beyond the end.
        valid: which tokens the clip reaches.
        words: digit (0 to 9), then grades of length (10 to 12), brightness (13 to 15) and loudness (16 to 18).
    """

    sounds: Float[np.ndarray, "b n f"]
    valid: Bool[np.ndarray, "b n"]
    words: Int[np.ndarray, "b w"]

    def rows(self, at: Bool[np.ndarray, "b"] | Int[np.ndarray, "k"]) -> "DescribedSounds":
        """Some of the clips."""
        return DescribedSounds(self.sounds[at], self.valid[at], self.words[at])


def spoken_digits(folder: Path) -> tuple[DescribedSounds, DescribedSounds]:
    """Training and test clips, named `digit_speaker_take.wav`; the first five takes test.

    Raises:
        SignalPieceError: no such clips for training or for testing, or one of another rate than 8000 Hz.
    """
    names = sorted(folder.glob("[0-9]_*_*.wav"))
    held = np.array([int(n.stem.split("_")[2]) < HELD_OUT for n in names], bool)
    if not 0 < held.sum() < len(held):
        got = f"{(~held).sum()} and {held.sum()}"
        raise SignalPieceError(f"{folder} must hold clips 0_name_0.wav to train (take 5 on) and to test on, got {got}")
    clips = [_clip(name) for name in names]
    frames = [_log_mel(c) for c in clips]
    energies = [np.exp(f).mean(0) for f in frames]
    bright = [float((e * np.arange(BANDS)).sum() / e.sum()) for e in energies]
    level = np.stack([[len(c) for c in clips], bright, [float(np.square(c).mean()) for c in clips]], 1)
    edges = np.quantile(level[~held], np.arange(1, GRADES) / GRADES, axis=0)
    grades = (level[:, None] > edges).sum(1) + 10 + GRADES * np.arange(3)
    words = np.concatenate([[[int(n.stem[0])] for n in names], grades], 1)
    seen = np.concatenate([x for x, h in zip(frames, held, strict=True) if not h])
    sounds = np.zeros((len(clips), PLACES * STACK, BANDS), np.float32)
    valid = np.zeros((len(clips), PLACES), bool)
    for row, x in enumerate(frames):
        x = x[: PLACES * STACK]
        sounds[row, : len(x)] = (x - seen.mean(0)) / seen.std(0)
        valid[row, : -(-len(x) // STACK)] = True
    every = DescribedSounds(sounds.reshape(len(clips), PLACES, -1), valid, words)
    return every.rows(~held), every.rows(held)


def _clip(name: Path) -> np.ndarray:
    signal = read(name)
    if signal.grid.time_rate != RATE:
        raise SignalPieceError(f"{name} must have {RATE:g} samples a second, got {signal.grid.time_rate:g}")
    return signal.values[0]


def _log_mel(samples: np.ndarray) -> np.ndarray:
    """Logarithms of the energy in triangular bands of equal width in mel: "frames bands"."""
    layout = STFT(window=WINDOW, hop=HOP)
    y = layout.analyse(samples[None].astype(np.float64))[0]
    power = np.square(y[:, : layout.bins]) + np.square(y[:, layout.bins :])
    mel = 2595 * np.log10(1 + np.linspace(0, RATE / 2, layout.bins) / 700)
    centres = np.linspace(0, mel[-1], BANDS + 2)
    triangles = np.maximum(0, 1 - np.abs(mel[:, None] - centres[1:-1]) / (centres[1] - centres[0]))
    return np.log(power @ triangles + 1e-8)
