"""A trained tokenizer whose dead codes were removed by `signalpiece doctor --fix`; not a paper of its own.

Kept: every weight, so that tokens of the unpruned model decode as before. Left out: codes that its data never used.
"""

from collections.abc import Sequence
from typing import Any

from signalpiece.core.types import Paper

PAPER = Paper(system=None, title="Pruned codebooks", year=2026)


def build(*, base: str = "biocodec", options: dict | None = None, sizes: Sequence[int] = ()) -> Any:
    """The tokenizer of recipe `base` with `options`, of whose codes `sizes` per column are kept (all by default)."""
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.pruned import Pruned

    decoder, encoder = (recipe(base).build(**(options or {})) for _ in range(2))
    for tokenizer in (decoder, encoder):
        tokenizer.eval()
    sizes = tuple(sizes) or tuple(c.size for c in decoder.columns)
    own = {"base": base, "options": dict(options or {}), "sizes": list(sizes)}
    return Pruned(decoder, encoder, sizes=sizes).named("pruned", own)
