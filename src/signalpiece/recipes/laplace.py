"""The backward-adaptive Laplace coder: the flagship's transform, scale and trellis, but nothing learned.

Kept: a Laplace law whose scale is read off decoded neighbours in time and frequency, with the trellis searching under
the law's own rates; every channel by itself.
Left out: learned tables, mixing, sharing between channels.
"""

from typing import Any

from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, CellTables
from signalpiece.entropy.adaptive_weights import ALONE
from signalpiece.layouts.lapped import Lapped
from signalpiece.quantizers.trellis import Trellis
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(
    system=None,
    title="Image Coding based on Classification of Wavelet Coefficients and Backward Adaptive Quantization",
    year=1997,
)
BASE: dict[str, Any] = {}


def build(*, rate: float = 100.0, step_ratio: float = 0.25) -> TransformCoder:
    """The tokenizer.

    Args:
        rate: samples per second that it works at.
        step_ratio: default step, in standard deviations of each channel.
    """
    return TransformCoder(
        Lapped(hop=round(rate / 2)),
        Trellis(weights=ALONE),
        CellTables,
        side_codec=AdaptiveBinary(channels=0),
        rate=rate,
        step_ratio=step_ratio,
    ).named("laplace", {"rate": rate, "step_ratio": step_ratio})


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
