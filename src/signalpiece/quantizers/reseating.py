"""Repair of a trained quantizer: dead codes get new seats at vectors that the live codes serve badly.

Seats are drawn by squared distance to the nearest code so far, a share of them at a time, as k-means is seeded. Live
codes keep every bit. A table is only changed if that lowers the error of vectors kept out of the drawing: in a residual
chain a better level can hurt the ones behind it, which learned to expect the old rest.

Paper: "k-means++: The Advantages of Careful Seeding" (2007), in rounds after "Scalable K-Means++" (2012).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers.codebook import Codebook
from signalpiece.quantizers.dual import Dual
from signalpiece.quantizers.nearest import nearest_code
from signalpiece.quantizers.product import Product
from signalpiece.quantizers.residual import Residual
from signalpiece.quantizers.vq import VQ

ROUNDS = 8  # in which the seats of one table are drawn


@dataclass(frozen=True)
class Reseated:
    """What a repair did.

    Attributes:
        seats: for each code column, which codes have a new vector; none where that would not have helped.
        before: mean squared error of the vectors kept out, before.
        after: and after; never larger.
    """

    seats: tuple[Tensor, ...]
    before: float
    after: float


@torch.no_grad()
def reseat(
    quantizer: nn.Module,
    z: Float[Tensor, "b n d"],
    alive: Sequence[Bool[Tensor, "_"]],
    *,
    held: Float[Tensor, "b m d"],
    seed: int = 0,
) -> Reseated:
    """Gives dead codes of a `VQ` or `Dual`, or of a `Residual` or `Product` of them, new vectors, in place.

    Args:
        quantizer: in eval.
        z: vectors to seat codes at.
        alive: for each code column, the codes that stay as they are.
        held: vectors that decide whether a table's new seats help.
        seed: of the draw.

    Raises:
        SignalPieceError: a quantizer without such tables, masks that do not fit, or no vectors.
    """
    books = list(_books(quantizer))
    if [len(b.counts) for b in books] != [len(a) for a in alive]:
        sizes = ", ".join(str(len(b.counts)) for b in books)
        raise SignalPieceError(f"alive needs a mask for each of the tables of {sizes} codes")
    if not z.numel() or not held.numel():
        raise SignalPieceError("dead codes are seated at vectors of real data; there are none")
    generator = torch.Generator().manual_seed(seed)
    before = best = _error(quantizer, held)
    seats = []
    for (book, x), keep in zip(_inputs(quantizer, z), alive, strict=True):
        dead = (~keep).nonzero().flatten()
        old = [t.detach().clone() for t in (book.vectors, book.counts, book.sums)]
        found = _seats(x, book.table()[keep], len(dead), generator)
        dead = dead[: len(found)]
        _set(book, dead, found, keep)
        error = _error(quantizer, held) if len(dead) else best
        if error >= best:
            for tensor, value in zip((book.vectors, book.counts, book.sums), old, strict=True):
                tensor.data.copy_(value)
            dead = dead[:0]
        best = min(error, best)
        seats.append(dead)
    return Reseated(tuple(seats), before, best)


def _books(quantizer: nn.Module) -> Iterator[Codebook]:
    """The tables of a quantizer, column by column."""
    if isinstance(quantizer, (VQ, Dual)):
        yield quantizer.codebook
    elif isinstance(quantizer, (Residual, Product)):
        for part in quantizer.levels if isinstance(quantizer, Residual) else quantizer.groups:
            yield from _books(part)
    else:
        kind = type(quantizer).__name__
        raise SignalPieceError(f"{kind} has no codebook whose codes could be set anew; only VQ and Dual have")


def _inputs(quantizer: nn.Module, z: Float[Tensor, "b n d"]) -> Iterator[tuple[Codebook, Float[Tensor, "n k"]]]:
    """Each table with the vectors that it searches for; later ones see what became of the earlier."""
    if isinstance(quantizer, VQ):
        yield quantizer.codebook, quantizer.codebook.onto(quantizer.project_in(z.float()).flatten(0, 1))
    elif isinstance(quantizer, Dual):
        yield quantizer.codebook, quantizer.scaled(z.float().flatten(0, 1))
    elif isinstance(quantizer, Residual):
        for level in quantizer.levels:
            yield from _inputs(level, z)
            z = z - level(z).embeddings
    elif isinstance(quantizer, Product):
        for group, part in zip(quantizer.groups, z.chunk(len(quantizer.groups), -1), strict=True):
            yield from _inputs(group, part)


def _seats(
    x: Float[Tensor, "n k"], table: Float[Tensor, "m k"], count: int, generator: torch.Generator
) -> Float[Tensor, "c k"]:
    """At most `count` rows of `x`, none at a code or twice, the likelier the further they are from every code."""
    away, chosen = _distance(x, table), x.new_zeros(0, x.shape[1])
    while len(chosen) < count and (away > 0).any():
        share = max(min(-(-count // ROUNDS), count - len(chosen), int((away > 0).sum())), 1)
        some = torch.multinomial(away[:, None].T.double().cpu(), share, generator=generator)[0].to(x.device)
        new = torch.unique(x[some], dim=0)
        chosen = torch.cat([chosen, new])
        away = torch.minimum(away, _distance(x, new))
    return chosen


def _distance(x: Float[Tensor, "n k"], table: Float[Tensor, "m k"]) -> Float[Tensor, "n"]:
    """Squared distance of each row to the nearest code, 0 where rounding could account for it."""
    if not len(table):
        return x.square().sum(-1) + 1e-12
    square = (x - functional.embedding(nearest_code(x, table), table)).square().sum(-1)
    return torch.where(square > 1e-10 * x.square().sum(-1), square, 0.0)


def _set(book: Codebook, dead: Tensor, vectors: Float[Tensor, "c d"], keep: Bool[Tensor, "k"]) -> None:
    """Vectors of codes, as used as the living ones are on average, so that training can go on."""
    mean = book.counts[keep].mean() if keep.any() else book.counts.mean()
    book.vectors.data[dead] = vectors
    book.counts[dead] = mean
    book.sums[dead] = vectors * mean


def _error(quantizer: nn.Module, z: Float[Tensor, "b n d"]) -> float:
    return float((quantizer(z).embeddings - z).double().square().mean())
