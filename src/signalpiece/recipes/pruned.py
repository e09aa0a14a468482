"""A trained tokenizer whose dead codes were removed by `doctor --fix prune`; not a paper of its own.

Kept: every weight, so that tokens of the unpruned model decode as before. Left out: codes that its data never used.
"""

from collections.abc import Sequence
from typing import Any

from signalpiece.core.types import Paper

PAPER = Paper(system=None, title="Pruned codebooks", year=2026)
BASE: dict[str, Any] = {}


def build(*, base: str = "biocodec", options: dict | None = None, sizes: Sequence[int] = ()) -> Any:
    """The tokenizer of recipe `base` with `options`, of whose codes `sizes` per column are kept (all by default)."""
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.mended import Mended

    decoder, encoder = (recipe(base).build(**(options or {})) for _ in range(2))
    for tokenizer in (decoder, encoder):
        tokenizer.eval()
    sizes = tuple(sizes) or tuple(c.size for c in decoder.columns)
    own = {"base": base, "options": dict(options or {}), "sizes": list(sizes)}
    return Mended(decoder, encoder, sizes=sizes).named("pruned", own)


def demo(seed: int = 0) -> dict[str, float]:
    """Share of codes left when an untrained codec keeps those that 4 s of EEG use, and what decoding loses by it: 0."""
    import numpy as np

    from signalpiece.tokenizers.samples import excerpt

    signal, model = excerpt(seed, channels=1).crop(0, 640), build()
    tokens = model.decoder.encode(signal)
    model.keep([np.unique(tokens.codes[..., q]) for q in range(len(model.columns))])
    before, after = model.decoder.decode(tokens).values, model.decode(model.encode(signal)).values
    share = sum(c.size for c in model.columns) / sum(c.size for c in model.decoder.columns)
    return {"codes_left": share, "largest_change": float(np.abs(after - before).max())}
