"""A Karhunen-Loeve transform over channels in front of a classical coder: neighbouring sensors are coded once.

Kept: components of the recording (in a live stream, or with a given step, of its first seconds), those above the step
sent in the side information, each as finely as its size asks for, and counted; any range of channels needs all
components.
Left out: components that follow the recording.
"""

from collections.abc import Callable
from typing import Any

from signalpiece.core.check import check_option
from signalpiece.core.types import Paper
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.lapped import Lapped
from signalpiece.layouts.time_patches import TimePatches
from signalpiece.layouts.wavelet import Wavelet
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.quantizers.mu_law import MuLaw
from signalpiece.quantizers.uniform import Uniform
from signalpiece.tokenizers.klt import KLT
from signalpiece.tokenizers.samples import excerpt
from signalpiece.tokenizers.transform import TransformCoder

PAPER = Paper(system=None, title="The Design of Approximately Optimal Transform Codes", year=1963)
BASE: dict[str, Any] = {}

_BASES: dict[str, tuple[Callable[[], Any], Callable[[], Any], Any]] = {
    "dct": (lambda: DCT(size=100), DeadZone, StaticTables),
    "lapped": (lambda: Lapped(hop=50), DeadZone, AdaptiveBinary),
    "mulaw": (lambda: TimePatches(patch=100), lambda: MuLaw(peak=64.0), Categorical),
    "uniform": (lambda: TimePatches(patch=100), Uniform, AdaptiveBinary),
    "wavelet": (lambda: Wavelet(block=256), DeadZone, AdaptiveBinary),
}


def build(
    *, base: str = "dct", tables: str = "static", seconds: float = 10.0, step_ratio: float = 0.25
) -> TransformCoder:
    """The tokenizer, at 100 Hz.

    Args:
        base: the coder of the components: dct, lapped, mulaw, uniform or wavelet.
        tables: static or adaptive; dct alone has static ones.
        seconds: what the transform is made from where there is no first pass: in a live stream or with a given step.
        step_ratio: default step, in standard deviations of each channel.
    """
    options = {"base": base, "tables": tables, "seconds": seconds, "step_ratio": step_ratio}
    layout, quantizer, codec = _BASES[check_option("base", base, _BASES)]
    static = check_option("tables", tables, ("static", "adaptive")) == "static" and base == "dct"
    return TransformCoder(
        layout(),
        quantizer(),
        AdaptiveBinary if codec is StaticTables and not static else codec,
        side_codec=AdaptiveBinary(channels=0),
        step_ratio=1.0 if base == "mulaw" else step_ratio,
        tables="eeg-dct100-1" if static else "",
        spatial=KLT(seconds=seconds),
    ).named("klt", options)


def demo(seed: int = 0) -> dict[str, float]:
    """Share of the bits of codes that the transform saves at an equal step, on 16 channels of real EEG."""
    from signalpiece.tokenizers.rate import code_bits

    signal = excerpt(seed, channels=16)
    mixed = build()
    alone = TransformCoder(DCT(size=100), DeadZone(), StaticTables, side_codec=mixed.side_codec, tables="eeg-dct100-1")
    with_klt, without = (code_bits(c, c.encode(signal)) for c in (mixed, alone))
    return {"saved": 1 - with_klt / without}
