"""Recordings without loss, or within a bound: the file's own whole numbers, predicted from all channels.

Kept: sequential prediction of every channel from its past, the other channels now and before, with weights that
recursive least squares learns on the way; mixtures of adaptive distributions in front of an arithmetic coder.
Left out: the paper's choice of the order of channels: the sum of the code lengths does not depend on it.
"""

from typing import Any

from signalpiece.core.types import Paper
from signalpiece.tokenizers.exact import Exact

PAPER = Paper(system=None, title="Efficient Sequential Compression of Multi-Channel Biomedical Signals", year=2016)
BASE: dict[str, Any] = {"level": "best"}


def build(*, level: str = "default", max_error: str = "") -> Exact:
    """The tokenizer.

    Args:
        level: fast, default or best; the tokens are the same, their bytes differ.
        max_error: "" for none, else a bound with a unit, such as "0.5uV" or "2LSB".
    """
    return Exact(level=level, max_error=max_error)


def demo(seed: int = 0) -> dict[str, float]:
    """How much smaller than bzip2 of the differences real EEG gets (16 channels, some seconds); a fraction."""
    import bz2

    import numpy as np

    from signalpiece.tokenizers.samples import excerpt

    coder = build(level="fast")
    tokens = coder.encode(excerpt(seed, channels=16))
    back = coder.decode(tokens).values
    assert (back == excerpt(seed, channels=16).values).all(), "what comes back is something else"
    codes = tokens.cube()
    size = len(coder.codec.encode(codes, tokens.header))
    plain = np.diff(codes[:, :, 0], axis=0, prepend=0).T.astype("<i2").tobytes()
    return {"saved": 1 - size / len(bz2.compress(plain, 9))}
