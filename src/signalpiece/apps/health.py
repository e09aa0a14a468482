"""What an examination of a quantizer comes to: figures by rows, and plain sentences on what is wrong and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from signalpiece.metrics.book_health import BookUse, LevelUse
from signalpiece.metrics.latent_health import BitUse, DimensionUse, MixtureUse

FEW = 20  # a code needs about this many chances to be called dead
LOPSIDED = 0.5  # entropy of a bit below this: it is the same 9 times of 10
TOGETHER = 0.9  # |r| of two bits above which one of them says nothing new
WORTH = 0.75  # share of effective bits below which bits repeat each other
POOR = 0.1  # share of a dimension's capacity below which it says nothing
NAMED = 6  # things that one sentence names


@dataclass(frozen=True)
class QuantizerHealth:
    """One part of a quantizer.

    Attributes:
        name: of the part, such as `level2`; empty for the whole.
        kind: of quantizer.
        headings: of `rows`.
        advice: what is wrong and what to do.
        columns: how many code columns it covers.
        double: codes whose vector is nearly that of another; None where nothing is looked up.
        plain: it is one column of one codebook, which a table of live and dead codes describes.
    """

    name: str
    kind: str
    headings: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    advice: tuple[str, ...] = ()
    columns: int = 1
    double: int | None = None
    plain: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name and kind."""
        return f"{self.name} ({self.kind})" if self.name else self.kind

    def json(self) -> dict[str, Any]:
        """Plain data."""
        table = [dict(zip(self.headings, row, strict=True)) for row in self.rows]
        return {"name": self.name, "kind": self.kind, "rows": table, "advice": list(self.advice), **self.figures}


def advice_on_book(use: BookUse, total: int) -> list[str]:
    """Dead and double codes."""
    out = []
    if total < FEW * use.size:
        out.append(f"only {total} codes for {use.size}: one may look dead by chance; give at least {FEW * use.size}")
    if use.dead:
        out.append(f"{use.dead} of {use.size} codes are dead ({100 * use.dead / use.size:.0f} %)")
    if use.double:
        out.append(f"{use.double} codes nearly equal another: they split its uses and say nothing new")
    if use.live > 1 and use.perplexity < 0.25 * use.live:
        out.append("few codes carry most tokens; an entropy coder gains, a model that reads them gets less")
    return out or ["every code is in use; nothing to do"]


def advice_on_bits(use: BitUse, total: int) -> list[str]:
    """Bits that never change, that are nearly always the same, or that go together."""
    count, out = len(use.ones), []
    if total < 1000:
        out.append(f"only {total} vectors: balance and correlation need a thousand or more")
    stuck = np.flatnonzero((use.ones == 0) | (use.ones == 1))
    if len(stuck):
        out.append(
            f"{len(stuck)} of {count} bits never change ({numbered('bit', stuck)}): they take room and say nothing; "
            "train on with a larger entropy term, or with fewer bits"
        )
    lopsided = np.flatnonzero((use.entropy < LOPSIDED) & (use.entropy > 0))
    if len(lopsided):
        out.append(
            f"{len(lopsided)} of {count} bits are the same 9 times of 10 or more ({numbered('bit', lopsided)}): "
            "an entropy coder saves them, training with more diversity would use them"
        )
    first, second = np.nonzero(np.triu(np.abs(use.correlation) > TOGETHER, 1))
    if len(first):
        most = int(np.argmax(np.abs(use.correlation[first, second])))
        out.append(
            f"{len(first)} pairs of bits go together (|r| above {TOGETHER:g}; most: bits {first[most]} and "
            f"{second[most]}): one of the two says nothing new, which a factorised entropy penalty cannot see"
        )
    if use.effective < WORTH * count:
        out.append(f"bits partly repeat each other: {count} are worth {use.effective:.1f} independent balanced ones")
    return out or [f"bits are balanced and say different things: {count} are worth {use.effective:.1f}; nothing to do"]


def advice_on_levels(use: LevelUse, name: str) -> list[str]:
    """Values that never occur, and dimensions that say nothing."""
    out = []
    poor = np.flatnonzero(use.entropy < POOR * use.capacity)
    if len(poor):
        out.append(f"{numbered('dimension', poor)} of {name} nearly always takes one value and says nothing")
    gaps = [(i, u) for i, u in enumerate(use.unused) if u and i not in poor]
    for i, unused in gaps[:NAMED]:
        size = len(use.shares[i])
        out.append(
            f"dimension {i} of {name} never takes {len(unused)} of its {size} values ({numbered('value', unused)}): "
            f"{size - len(unused)} would do"
        )
    if len(gaps) > NAMED:
        out.append(f"and {len(gaps) - NAMED} further dimensions of {name} have values that never occur")
    return out


def advice_on_dimensions(use: DimensionUse) -> list[str]:
    """Dimensions that do not depend on the data."""
    idle = np.flatnonzero(~use.active)
    if not len(idle):
        return [f"all {len(use.active)} dimensions are active; nothing to do"]
    return [
        f"{len(idle)} of {len(use.active)} dimensions do not depend on the data ({numbered('dimension', idle)}): "
        "fewer would do, or train with a smaller weight of the divergence"
    ]


def advice_on_mixtures(use: MixtureUse) -> list[str]:
    """Tokens that no mixture has, and mixtures of nearly all."""
    out = []
    if use.live < use.size:
        out.append(f"{use.size - use.live} of {use.size} tokens take part in no mixture")
    if use.active > 0.5 * use.size:
        out.append("a mixture has more than half of all tokens: it is not sparse yet; anneal further")
    return out or ["every token takes part; nothing to do"]


def numbered(what: str, which: Sequence[int] | np.ndarray) -> str:
    """Things by their numbers, the first few of them.

    >>> numbered("bit", [3, 5])
    'bits 3, 5'
    """
    some = ", ".join(str(int(i)) for i in which[:NAMED])
    more = f" and {len(which) - NAMED} more" if len(which) > NAMED else ""
    return f"{what}{'s' if len(which) > 1 else ''} {some}{more}"
