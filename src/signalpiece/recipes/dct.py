"""A one-second cosine transform, a dead zone and Laplace tables: the classical coder that every other has to beat.

Kept: orthonormal DCT-II of whole seconds at 100 Hz, one step per channel, dead-zone rounding, range coding with one
table per coefficient. The shipped tables come from the training split; `tables=adaptive` needs none and learns as it
goes.
Left out: rate-distortion optimised decisions, prediction between frames.
"""

from typing import Any

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.layouts.dct import DCT
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(system=None, title="Discrete Cosine Transform", year=1974)
BASE: dict[str, Any] = {}


def build(
    *, rate: float = 100.0, tables: str = "static", rounding: float = 0.35, step_ratio: float = 0.25
) -> TransformCoder:
    """The tokenizer.

    Args:
        rate: samples per second that it works at; a frame is one second.
        tables: static (shipped, for 100 Hz) or adaptive.
        rounding: 0.5 rounds; less widens the zero bin.
        step_ratio: default step, in standard deviations of each channel.
    """
    options = {"rate": rate, "tables": tables, "rounding": rounding, "step_ratio": step_ratio}
    static = check_option("tables", tables, ("static", "adaptive")) == "static"
    if static and rate != 100:
        raise SignalPieceError(f"the static tables of dct are for 100 Hz, got rate {rate:g}; use tables=adaptive")
    return TransformCoder(
        DCT(size=round(rate)),
        DeadZone(rounding=rounding),
        StaticTables if static else AdaptiveBinary,
        side_codec=AdaptiveBinary(channels=0),
        rate=rate,
        step_ratio=step_ratio,
        tables="eeg-dct100-1" if static else "",
    ).named("dct", options)


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
