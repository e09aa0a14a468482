"""The coders that nothing has to be learned for: they stand in every table beside whatever is judged."""

from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.signal import Signal

CLASSICAL = ("dct", "lapped", "wavelet", "klt", "uniform", "mulaw")
MU_LEVELS = (4, 8, 16, 32, 64, 128, 256)  # mu-law has no step: its levels are its rate


def rivals(*, without: Collection[str] = (), several: bool = True) -> dict[str, Any]:
    """Name -> coder: the classical recipes, and bioleptic where it is installed.

    Args:
        without: names that are already there.
        several: whether recordings have several channels; a transform over channels is left out if not.
    """
    from signalpiece.recipes import recipe

    found: dict[str, Any] = {}
    for name in CLASSICAL:
        label = "klt+dct" if name == "klt" else name
        if label in without or (name == "klt" and not several):
            continue
        build = recipe(name).build
        if name == "lapped" and several and "lapped+share" not in without:
            found["lapped+share"] = build(share=True)
        found[label] = tuple(build(levels=n) for n in MU_LEVELS) if name == "mulaw" else build()
    if find_spec("bioleptic") is not None and "bioleptic" not in without:
        found["bioleptic"] = Bioleptic()
    return found


class Bioleptic:
    """The lossy biosignal codec of PyPI through its own package: wavelet db4, automatic coder, one stream a channel.

    A channel's SD is sent as 4 bytes, since the package keeps no scale of its own that fits volts.
    """

    fixed_rate = False

    def measure(self, signal: Signal, step_ratio: float) -> tuple[Float[np.ndarray, "c t"], int]:
        """What came back, and the bits of all streams; `step_ratio` in SD, as for the other coders."""
        bioleptic: Any = import_module("bioleptic")

        options = bioleptic.CompressionOptions(
            method="db4", cutoff="low", coder="auto", quant_multiplier=15.0 / step_ratio
        )
        values = np.asarray(signal.values, np.float32)
        scale = np.maximum(values.std(1, keepdims=True), np.float32(1e-30))
        streams = [bioleptic.compress_signal(np.ascontiguousarray(row), options) for row in values / scale]
        decoded = np.stack([np.asarray(bioleptic.decompress_signal(s), float) for s in streams])
        return decoded[:, : values.shape[1]] * scale, sum(8 * len(s) + 32 for s in streams)
