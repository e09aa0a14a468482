"""The doctor of a vocabulary: which codes live, which are dead or double, what drifts between data sets, what to do."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.apps.measure import segments, write_file
from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.codes import CodeCounts

FEW = 20  # a code needs about this many chances to be called dead


@dataclass(frozen=True)
class ColumnHealth:
    """One code column.

    Attributes:
        size: codes in the book; 0 for open integers.
        live: codes that occurred.
        dead: codes that did not; 0 for open integers.
        double: codes whose vector equals another's; None where there is no table of vectors.
        perplexity: equally likely codes that would cost as much.
        bits: order-0 entropy per code.
        low: smallest code.
        high: largest code.
        zeros: share of the code 0.
        large: share of codes beyond +-15 (open integers: what a coder escapes).
        drift: Jensen-Shannon divergence to the second data set, 0 (equal) to 1 bit; None without one.
        unseen: share of the second data set's codes that the first never used; None without one.
    """

    name: str
    size: int
    live: int
    dead: int
    double: int | None
    perplexity: float
    bits: float
    low: int
    high: int
    zeros: float
    large: float
    drift: float | None = None
    unseen: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """State of every column, and what to do.

    Attributes:
        tokens: rows that were looked at.
        counts: of the first data set, for `fixed`.
    """

    model: str
    tokens: int
    columns: tuple[ColumnHealth, ...]
    advice: tuple[str, ...]
    counts: CodeCounts

    @property
    def is_open(self) -> bool:
        """Whether the codes are open integers, which have no codebook."""
        return any(c.size == 0 for c in self.columns)

    def json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "model": self.model,
            "tokens": self.tokens,
            "columns": [vars(c) for c in self.columns],
            "advice": list(self.advice),
        }

    def table(self) -> tuple[list[str], list[list[object]]]:
        """Headings and rows for the screen."""
        if self.is_open:
            names = ["column", "range", "bits", "zeros %", "beyond 15 %"]
            rows = [
                [c.name, f"{c.low}..{c.high}", round(c.bits, 2), round(100 * c.zeros, 1), round(100 * c.large, 2)]
                for c in self.columns
            ]
        else:
            names = ["column", "codes", "live", "dead", "double", "perplexity", "bits"]
            rows = [
                [c.name, c.size, c.live, c.dead, c.double, round(c.perplexity, 1), round(c.bits, 2)]
                for c in self.columns
            ]
        if any(c.drift is not None for c in self.columns):
            names += ["drift", "unseen %"]
            for row, c in zip(rows, self.columns, strict=True):
                row += [round(c.drift or 0.0, 3), round(100 * (c.unseen or 0.0), 2)]
        return names, rows


def examine(
    name: str,
    tokenizer: Any,
    recordings: Sequence[Any],
    *,
    against: Sequence[Any] = (),
    progress: Callable[[float, str], None] | None = None,
) -> Diagnosis:
    """Encodes recordings and looks at how the codes are used.

    Args:
        name: what to call the model.
        tokenizer: the model.
        recordings: opened; the data that the vocabulary should fit.
        against: a second data set, for drift.
        progress: called with the share done and what is being done.

    Raises:
        SignalPieceError: there are no recordings, or none gives tokens.
    """
    total = len(recordings) + len(against)
    counts = _count(tokenizer, recordings, progress, 0, total)
    other = _count(tokenizer, against, progress, len(recordings), total) if against else None
    doubles = _doubles(tokenizer)
    entropy = counts.entropy()
    columns = []
    for q, (column, use) in enumerate(zip(tokenizer.columns, counts.use(), strict=True)):
        drift, unseen = (None, None) if other is None else compared(counts, other, q)
        columns.append(
            ColumnHealth(
                name=column.name,
                size=column.size,
                live=use.live,
                dead=column.size - use.live if column.size else 0,
                double=None if doubles is None else int(doubles[q].sum()),
                perplexity=use.perplexity,
                bits=float(entropy[q]),
                low=use.low,
                high=use.high,
                zeros=use.zeros,
                large=use.large,
                drift=drift,
                unseen=unseen,
            )
        )
    return Diagnosis(name, counts.total, tuple(columns), tuple(_advice(columns, counts.total)), counts)


def fixed(tokenizer: Any, diagnosis: Diagnosis) -> Any:
    """A tokenizer without dead and double codes; tokens of the old one still decode with it, sample for sample.

    Raises:
        SignalPieceError: open integers, a model without recipe or without tables of vectors, or nothing is dead.
    """
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.pruned import codebooks, duplicates

    if diagnosis.is_open:
        raise SignalPieceError(f"{diagnosis.model}: its codes are open integers; there is no codebook to prune")
    if tokenizer.recipe in (None, "pruned"):
        raise SignalPieceError(f"{diagnosis.model}: only a model made by a recipe, and not pruned yet, can be pruned")
    kept = []
    for q, book in enumerate(codebooks(tokenizer).values()):
        values, _ = diagnosis.counts.column(q)
        alive = np.zeros(len(book), bool)
        alive[values] = True
        kept.append(np.flatnonzero(alive & ~_double_of_live(book, alive, duplicates)).astype(np.int32))
    if all(len(k) == c.size for k, c in zip(kept, tokenizer.columns, strict=True)):
        raise SignalPieceError(f"{diagnosis.model}: every code is in use and none is double; there is nothing to fix")
    build = recipe("pruned").build
    pruned = build(base=tokenizer.recipe, options=dict(tokenizer.options), sizes=tuple(len(k) for k in kept))
    pruned.decoder.load_tensors(tokenizer.tensors())
    return pruned.keep(kept)


def remap_table(pruned: Any) -> dict[str, list[int]]:
    """For the header of a model file: new number of every old code, column by column."""
    return {c.name: [int(v) for v in m] for c, m in zip(pruned.columns, pruned.old_to_new, strict=True)}


def compared(one: CodeCounts, two: CodeCounts, q: int) -> tuple[float, float]:
    """Jensen-Shannon divergence (bits) of column `q` of two data sets, and the share of `two` that `one` never used."""
    values = np.union1d(one.column(q)[0], two.column(q)[0])
    p, r = _share(one, q, values), _share(two, q, values)
    middle = (p + r) / 2
    divergence = (_kl(p, middle) + _kl(r, middle)) / 2
    return float(np.clip(divergence, 0, 1)), float(r[p == 0].sum())


def _count(tokenizer: Any, recordings: Sequence[Any], progress: Any, done: int, total: int) -> CodeCounts:
    if not recordings:
        raise SignalPieceError("the doctor needs at least one recording")
    counts = CodeCounts([c.size for c in tokenizer.columns])
    with tempfile.TemporaryDirectory() as folder:
        for k, recording in enumerate(recordings):
            if progress is not None:
                progress((done + k) / total, recording.path.name)
            path = Path(folder) / f"{k}.sp"
            for stored in write_file(tokenizer, recording, path, {}):
                for part in segments(stored):
                    counts.add(np.asarray(part.codes)[0])
            path.unlink()
    if not counts.total:
        raise SignalPieceError("these recordings are too short to give a single token")
    return counts


def _doubles(tokenizer: Any) -> list[np.ndarray] | None:
    from signalpiece.tokenizers.pruned import codebooks, duplicates

    try:
        return [duplicates(book) for book in codebooks(tokenizer).values()]
    except SignalPieceError:
        return None


def _double_of_live(book: Float[np.ndarray, "k d"], alive: np.ndarray, find: Callable[..., Any]) -> np.ndarray:
    """Live codes that equal an earlier live one."""
    out = np.zeros(len(book), bool)
    numbers = np.flatnonzero(alive)
    if len(numbers):
        out[numbers] = find(book[numbers])
    return out


def _advice(columns: Sequence[ColumnHealth], tokens: int) -> list[str]:
    out = []
    if any(c.size == 0 for c in columns):
        zeros = float(np.mean([c.zeros for c in columns]))
        worst = max(columns, key=lambda c: c.large)
        out.append(f"codes are open integers: nothing can be dead; {100 * zeros:.0f} % are 0")
        if worst.large > 0.02:
            out.append(f"{100 * worst.large:.1f} % of {worst.name} lie beyond 15: a coarser step would save bits there")
        if zeros > 0.97:
            out.append("almost every code is 0: the step is too coarse for this signal")
    else:
        out += _advice_on_books(columns, tokens)
    moved = [c for c in columns if c.drift is not None and c.drift > 0.1]
    if moved:
        most = max(moved, key=lambda c: c.drift or 0.0)
        out.append(
            f"{len(moved)} columns drift between the data sets (most: {most.name}, {most.drift:.2f} bit): "
            "fit on both, or report them apart"
        )
    return out


def _advice_on_books(columns: Sequence[ColumnHealth], tokens: int) -> list[str]:
    out = []
    dead, size = sum(c.dead for c in columns), max(c.size for c in columns)
    if tokens < FEW * size:
        out.append(
            f"only {tokens} tokens for codebooks of {size}: a code may look dead by chance; give at least {FEW * size}"
        )
    if dead:
        share = 100 * dead / sum(c.size for c in columns)
        out.append(f"{dead} codes are dead ({share:.0f} %): --fix prunes them, or train on with revival of dead codes")
    if any(c.double for c in columns):
        out.append(f"{sum(c.double or 0 for c in columns)} codes have the vector of another: --fix merges them")
    skewed = [c.name for c in columns if c.live > 1 and c.perplexity < 0.25 * c.live]
    if skewed:
        out.append(f"{', '.join(skewed[:6])}: few codes carry most tokens; an entropy coder gains, a model gets less")
    return out or ["every code is in use; nothing to do"]


def _share(counts: CodeCounts, q: int, values: Int[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    found, number = counts.column(q)
    out = np.zeros(len(values))
    out[np.searchsorted(values, found)] = number / max(number.sum(), 1)
    return out


def _kl(p: Float[np.ndarray, "k"], q: Float[np.ndarray, "k"]) -> float:
    used = p > 0
    return float((p[used] * np.log2(p[used] / q[used])).sum())
