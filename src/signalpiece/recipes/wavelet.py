"""A discrete wavelet transform, a dead zone and adaptive entropy coding.

Kept: CDF 9/7 (or any wavelet of PyWavelets) on blocks of 2.56 s at 100 Hz, dead-zone rounding; coefficients are scaled
so that one step adds the same noise in every band.
Left out: trees of zeros between scales (the contexts see neighbours in time and in the block).
"""

from typing import Any

from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.layouts.wavelet import Wavelet
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(system=None, title="Image Coding Using Wavelet Transform", year=1992)
BASE: dict[str, Any] = {}


def build(
    *,
    rate: float = 100.0,
    name: str = "bior4.4",
    levels: int = 5,
    block: int = 256,
    rounding: float = 0.35,
    step_ratio: float = 0.25,
) -> TransformCoder:
    """The tokenizer.

    Args:
        rate: samples per second that it works at; 0 = as the source.
        name: of the wavelet; all but bior4.4 need PyWavelets.
        levels: depth.
        block: samples per frame.
        rounding: 0.5 rounds; less widens the zero bin.
        step_ratio: default step, in standard deviations of each channel.
    """
    options = {
        "rate": rate,
        "name": name,
        "levels": levels,
        "block": block,
        "rounding": rounding,
        "step_ratio": step_ratio,
    }
    return TransformCoder(
        Wavelet(name=name, levels=levels, block=block),
        DeadZone(rounding=rounding),
        AdaptiveBinary,
        side_codec=AdaptiveBinary(channels=0),
        rate=rate,
        step_ratio=step_ratio,
    ).named("wavelet", options)


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
