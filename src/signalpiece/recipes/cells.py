"""The flagship without mixing: one learned table of levels for each expected size, which never changes while it codes.

Kept: transform, scale read off decoded neighbours, trellis under the table's own rates; every channel by itself. What
it loses against `trellis` is what context mixing is worth; what it gains over `laplace` is what the learned table is.
Left out: mixing, adaptation of the table, sharing between channels.
"""

from typing import Any

from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, CellTables, untrained_start
from signalpiece.entropy.adaptive_weights import ALONE
from signalpiece.layouts.lapped import Lapped
from signalpiece.quantizers.trellis import Trellis
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(
    system=None,
    title="High Throughput CABAC Entropy Coding in HEVC",
    year=2012,
)
BASE: dict[str, Any] = {}


def build(*, rate: float = 100.0, step_ratio: float = 0.25) -> TransformCoder:
    """The tokenizer; its table comes from `fit`, before that it is a geometric law.

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
        tables={"start": untrained_start(2)},
    ).named("cells", {"rate": rate, "step_ratio": step_ratio})


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
