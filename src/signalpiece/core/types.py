"""The small values that travel between rooms: what a layout cuts, a quantizer decides, a paper is called."""

from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Bool, Float, Int

from signalpiece.core.signal import Array, Grid


@dataclass(frozen=True)
class Slots:
    """What a layout cuts out of a signal: one vector per place.

    Rows go by time, then channel. `grid` is the signal's; `join` sees it and never the signal. `assignment` is a
    `core.assignment.Assignment` from samples to rows, where places are no rectangles.
    """

    values: Float[Array, "b n d"]
    grid: Grid
    coords: Float[Array, "b n a"] | None = None
    valid: Bool[Array, "b n"] | None = None
    assignment: Any = None


@dataclass(frozen=True)
class Quantized:
    """What a quantizer returns: embeddings after quantization, codes (None if continuous), weighted loss.

    There are as many rows of codes as of embeddings, but for pyramids, whose scales are rows.
    """

    embeddings: Float[Array, "b n d"]
    codes: Int[Array, "b m q"] | None
    loss: Any = 0.0


@dataclass(frozen=True)
class Losses:
    """What a model with `loss` returns: a scalar to minimise and its named parts for the log."""

    total: Any
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guide:
    """What a reducer may look at beside the tokens; a caller fills in what it has."""

    keys: Float[Array, "b n d"] | None = None
    scores: Float[Array, "b n"] | None = None
    gradients: Float[Array, "b n d"] | None = None
    text: Float[Array, "b m d"] | None = None


@dataclass(frozen=True)
class Paper:
    """Where a recipe comes from. `system` is its number among the 305, or None for a rival that is not one of them."""

    system: int | None
    title: str
    year: int
