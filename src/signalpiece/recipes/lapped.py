"""A lapped transform with backward-adaptive entropy coding: the strong classical coder, nothing in it is learned.

Kept: MDCT of one-second sine windows every half second at 100 Hz (no seams between frames), dead-zone rounding, and
adaptive binary models whose contexts are the neighbours already decoded, in time and in frequency.
Left out: trellis quantization, learned tables.
"""

from functools import partial
from typing import Any

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, untrained_start
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.lapped import Lapped
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(
    system=None,
    title="Analysis/Synthesis Filter Bank Design Based on Time Domain Aliasing Cancellation",
    year=1986,
)
BASE: dict[str, Any] = {}
SHIFT = 0.04  # of a step, outwards: the best of 0 to .1 on the validation split of suite-eeg-1


def build(
    *,
    rate: float = 100.0,
    transform: str = "lapped",
    tables: str = "adaptive",
    rounding: float = 0.35,
    share: bool = False,
    step_ratio: float = 0.25,
) -> TransformCoder:
    """The tokenizer.

    Args:
        rate: samples per second that it works at.
        transform: lapped (half a second per frame) or dct (a second).
        tables: adaptive (knows nothing at first), trained (starts from what `fit` learnt) or static (shipped, 100 Hz).
        rounding: 0.5 rounds; less widens the zero bin.
        share: the channels of a file share what the coder learns and predict each other: far fewer bytes for the same
            tokens, but a few channels cannot be read without the bytes of all.
        step_ratio: default step, in standard deviations of each channel.
    """
    options = {
        "rate": rate,
        "transform": transform,
        "tables": tables,
        "rounding": rounding,
        "share": share,
        "step_ratio": step_ratio,
    }
    lapped = check_option("transform", transform, ("lapped", "dct")) == "lapped"
    static = check_option("tables", tables, ("adaptive", "trained", "static")) == "static"
    if static and rate != 100:
        raise SignalPieceError(f"the static tables of lapped are for 100 Hz, got rate {rate:g}; use tables=adaptive")
    shipped = "eeg-lapped50-1" if lapped else "eeg-dct100-1"
    return TransformCoder(
        Lapped(hop=round(rate / 2)) if lapped else DCT(size=round(rate)),
        DeadZone(rounding=rounding, shift=SHIFT),
        partial(StaticTables if static else AdaptiveBinary, channels=0 if share else 1),
        side_codec=AdaptiveBinary(channels=0),
        rate=rate,
        step_ratio=step_ratio,
        tables=shipped if static else ({"start": untrained_start()} if tables == "trained" else ""),
    ).named("lapped", options)


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
