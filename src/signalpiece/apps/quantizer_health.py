"""What each kind of quantizer is asked about its codes: which tally belongs to which kind, and the parts of a whole.

Books of vectors, bits, grids, pyramids and mixtures fail in different ways, so one table of live and dead codes would
say the wrong thing of most. `tallies` reads codes of unseen data block by block; `quantizer_health` takes vectors.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.apps.health import QuantizerHealth
from signalpiece.core.check import SignalPieceError


def quantizer_health(quantizer: Any, z: Float[np.ndarray, "b n d"]) -> tuple[QuantizerHealth, ...]:
    """Health of a quantizer (a module of `signalpiece.quantizers`), part by part, on vectors it was not trained on.

    Raises:
        SignalPieceError: a quantizer of a kind that is not known here, or no vectors.
    """
    import torch

    from signalpiece.apps.health_tallies import continuous_health

    if not z.size:
        raise SignalPieceError("there is no vector by which the quantizer could be examined")
    training, x = quantizer.training, torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32))
    quantizer.eval()
    try:
        with torch.inference_mode():
            found = continuous_health(quantizer, x)
            if found is not None:
                return (found,)
            seen = tallies(quantizer)
            add(seen, quantizer(x).codes.flatten(0, 1).numpy())
            return tuple(tally.health() for tally in seen)
    finally:
        quantizer.train(training)


def tallies(quantizer: Any) -> list[Any]:
    """A tally for each part of a quantizer, in the order of its code columns.

    Raises:
        SignalPieceError: a part of a kind that is not known here.
    """
    kinds = _kinds()
    out = []
    for name, part in parts(quantizer):
        kind = next((kinds[k] for k in type(part).__mro__ if k in kinds), None)
        if kind is None:
            raise SignalPieceError(
                f"{type(part).__name__}: the doctor knows no examination for quantizers of this kind"
            )
        out.append(kind(name, part))
    return out


def add(seen: Sequence[Any], codes: Int[np.ndarray, "n q"]) -> None:
    """Gives each tally its columns of a block of codes."""
    first = 0
    for tally in seen:
        tally.add(codes[:, first : first + tally.width])
        first += tally.width


def parts(quantizer: Any, name: str = "") -> list[tuple[str, Any]]:
    """The quantizers that a residual or product quantizer is made of, level by level, group by group, with names."""
    for inner, label in (("levels", "level"), ("groups", "group")):
        found: Any = getattr(quantizer, inner, None)
        if hasattr(found, "named_children"):
            dot = "." if name else ""
            return [p for k, part in enumerate(found) for p in parts(part, f"{name}{dot}{label}{k}")]
    return [(name, quantizer)]


def _kinds() -> dict[type, Callable[[str, Any], Any]]:
    from signalpiece import quantizers as q
    from signalpiece.apps import health_tallies as t

    return {
        q.VQ: t.BookTally,
        q.SimVQ: t.BookTally,
        q.AnnealedOneHot: t.BookTally,
        q.TopK: t.BookTally,
        q.Dual: t.DualTally,
        q.MultiScale: t.PyramidTally,
        q.GlobalBasis: t.MapsTally,
        q.LFQ: t.BitTally,
        q.Bernoulli: t.BitTally,
        q.FSQ: t.GridTally,
        q.LatentGrid: t.GridTally,
        q.ResidualFSQ: t.GridTally,
        q.DimensionWise: t.GridTally,
    }
