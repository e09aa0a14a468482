"""A trained tokenizer whose dead codes were set anew by `doctor --fix revive`; not a paper of its own.

Kept: every weight and every old vector, so that tokens of the old model decode as before.
Left out: training.
Added: the new vectors.
"""

from collections.abc import Sequence
from typing import Any

from signalpiece.core.types import Paper

PAPER = Paper(system=None, title="Revived codebooks", year=2026)
BASE: dict[str, Any] = {}


def build(*, base: str = "biocodec", options: dict | None = None, seats: Sequence[int] = ()) -> Any:
    """The tokenizer of recipe `base` with `options`, `seats` of whose codes per column (default: none) are set anew."""
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.mended import Mended

    decoder, encoder = (recipe(base).build(**(options or {})) for _ in range(2))
    for tokenizer in (decoder, encoder):
        tokenizer.eval()
    sizes = tuple(c.size for c in decoder.columns)
    seats = tuple(seats) or (0,) * len(sizes)
    own = {"base": base, "options": dict(options or {}), "seats": list(seats)}
    return Mended(decoder, encoder, sizes=sizes, seats=seats).named("revived", own)


def demo(seed: int = 0) -> dict[str, float]:
    """An untrained codec whose dead codes get seats at vectors of 5 s of EEG, looked at on 10 s after them.

    Returns:
        share of all codes in use, how much of it is gained; by how much decoding of old tokens changes: 0.
    """
    import numpy as np

    from signalpiece.tokenizers.revival import new_seats
    from signalpiece.tokenizers.samples import excerpt

    signal = excerpt(seed, channels=1)
    train, judge, held = signal.crop(0, 800), signal.crop(800, 1600), signal.crop(1600, 3200)
    old = build().decoder
    count = len(old.columns)
    alive = [np.isin(np.arange(c.size), old.encode(train).codes[..., q]) for q, c in enumerate(old.columns)]
    seats, _ = new_seats(old, [(train.grid, [train])], [(judge.grid, [judge])], alive)
    model = build(seats=[len(s.codes) for s in seats])
    model.decoder.load_tensors(old.tensors())
    model.reseat(seats)
    tokens = old.encode(held)
    before, after = (
        sum(len(np.unique(t.codes[..., q])) for q in range(count)) / sum(c.size for c in old.columns)
        for t in (tokens, model.encode(held))
    )
    change = float(np.abs(model.decode(tokens).values - old.decode(tokens).values).max())
    return {"live_gained": after - before, "live_after": after, "largest_change": change}
