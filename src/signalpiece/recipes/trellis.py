"""The flagship for EEG: lapped transform, eight-state trellis, adaptive mixing of what decoded neighbours say.

Kept: dependent quantization with eight states, decided at the end of each frame and carried on; rates from learned
integer tables; binary contexts mixed by weights that adapt, in integers. Channels never change each other's tokens, but
the channels of a group share what the coder learns and predict each other's codes, so that they take fewer bytes.
Left out: the video codec's transforms and predictions.
"""

from functools import partial
from typing import Any

from signalpiece.core.check import check_option
from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, TrellisBinary, untrained_start
from signalpiece.entropy.adaptive_weights import ALONE
from signalpiece.layouts.lapped import Lapped
from signalpiece.quantizers.trellis import PRICE, Trellis
from signalpiece.tokenizers.samples import gain_over_samples
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(system=None, title="Versatile Video Coding (Draft 10)", year=2020)
BASE: dict[str, Any] = {}


def build(
    *, rate: float = 100.0, tables: str = "trained", group: int = 0, price: float = PRICE, step_ratio: float = 0.25
) -> TransformCoder:
    """The tokenizer.

    Args:
        rate: samples per second that it works at.
        tables: trained (starts from what `fit` learnt) or adaptive (knows nothing at first).
        group: channels whose bytes are written together: 0 = all, fewest bytes; 1 = each by itself, cheapest ranges.
            The tokens are the same.
        price: squared half steps of error that one bit is worth.
        step_ratio: default step, in standard deviations of each channel.
    """
    options = {"rate": rate, "tables": tables, "group": group, "price": price, "step_ratio": step_ratio}
    trained = check_option("tables", tables, ("trained", "adaptive")) == "trained"
    return TransformCoder(
        Lapped(hop=round(rate / 2)),
        Trellis(weights=ALONE, price=price),
        partial(TrellisBinary, channels=group),
        side_codec=AdaptiveBinary(channels=0),
        rate=rate,
        step_ratio=step_ratio,
        tables={"start": untrained_start(2)} if trained else "",
    ).named("trellis", options)


def demo(seed: int = 0) -> dict[str, float]:
    """How much better the transform is than plain samples at equal bits, on seconds of real EEG; dB."""
    return {"gain_db": gain_over_samples(build(), seed)}
