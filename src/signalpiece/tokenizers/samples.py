"""Seconds of real EEG from the package for demos, and what a classical coder makes of them."""

from importlib.resources import files
from typing import Any

import numpy as np

from signalpiece.core.signal import Signal

SECONDS = 20.0


def excerpt(seed: int = 0, *, channels: int = 4) -> Signal:
    """Twenty seconds of PhysioNet S001 R01, channels spread over the cap; the seed picks where they begin."""
    import signalpiece

    recording = signalpiece.open(files("signalpiece.samples") / "S001R01.edf")
    start = float(np.random.default_rng(seed).integers(0, int(recording.grid.seconds - SECONDS)))
    picked = np.linspace(0, recording.grid.size("channel") - 1, channels).round().astype(int)
    return recording.read(start, start + SECONDS).pick(picked.tolist())


def error_db(coder: Any, signal: Signal, **how: Any) -> float:
    """Energy of the error over that of the signal, each channel less its mean, at the coder's rate; dB."""
    from signalpiece.tokenizers.resample import Resampler

    decoded = np.asarray(coder.decode(coder.encode(signal, **how)).values, float)
    wanted = Resampler.between(signal.grid.time_rate, coder.rate or signal.grid.time_rate)(signal.values)
    apart = wanted - wanted.mean(1, keepdims=True)
    return 10 * float(np.log10(((decoded - wanted) ** 2).sum() / (apart**2).sum()))


def gain_over_samples(coder: Any, seed: int) -> float:
    """How much lower the error is than that of rounded samples whose codes take as many bits; dB."""
    from signalpiece.entropy.adaptive_binary import AdaptiveBinary
    from signalpiece.layouts.time_patches import TimePatches
    from signalpiece.quantizers.uniform import Uniform
    from signalpiece.tokenizers.rate import code_bits
    from signalpiece.tokenizers.transform import TransformCoder

    signal = excerpt(seed)
    plain = TransformCoder(TimePatches(), Uniform(), AdaptiveBinary, side_codec=AdaptiveBinary(channels=0))
    bits = code_bits(coder, coder.encode(signal, step_ratio=0.5))
    ratios = np.array([0.5, 1.0, 2.0])
    spent = [code_bits(plain, plain.encode(signal, step_ratio=r)) for r in ratios]
    errors = [error_db(plain, signal, step_ratio=r) for r in ratios]
    same = float(np.interp(bits, spent[::-1], errors[::-1]))
    return same - error_db(coder, signal, step_ratio=0.5)
