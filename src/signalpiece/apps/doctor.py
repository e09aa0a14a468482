"""The doctor of a vocabulary: what is wrong with how codes are used, what drifts between data sets, what to do.

Each kind of quantizer is asked what can go wrong with it (`quantizer_health`); `repair` mends codebooks.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.apps.health import FEW, QuantizerHealth
from signalpiece.apps.measure import segments, write_file
from signalpiece.apps.repair import can_mend, fixed, remap_table
from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.codes import CodeCounts

__all__ = ["ColumnHealth", "Diagnosis", "compared", "examine", "fixed", "remap_table"]


@dataclass(frozen=True)
class ColumnHealth:
    """One code column.

    Attributes:
        size: codes in the book; 0 for open integers.
        live: codes that occurred.
        dead: codes that did not; 0 for open integers.
        double: codes whose vector is nearly that of another; None where there is no table of vectors.
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
        quantizers: of learned tokenizers, part by part; their columns follow each other.
    """

    model: str
    tokens: int
    columns: tuple[ColumnHealth, ...]
    advice: tuple[str, ...]
    counts: CodeCounts
    quantizers: tuple[QuantizerHealth, ...] = ()

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
            "quantizers": [q.json() for q in self.quantizers],
            "advice": list(self.advice),
        }

    @property
    def plain(self) -> tuple[ColumnHealth, ...]:
        """Columns that live and dead codes describe: all but those of bits, grids and shared tables."""
        if not self.quantizers:
            return self.columns
        shown = [q.plain for q in self.quantizers for _ in range(q.columns)]
        return tuple(c for c, plain in zip(self.columns, shown, strict=True) if plain)

    def tables(self) -> list[tuple[str, list[str], list[list[object]]]]:
        """Title, headings and rows of every table for the screen: quantizers of one kind together."""
        found: dict[tuple[object, ...], list[list[object]]] = {}
        for part in self.quantizers:
            if not part.plain:
                found.setdefault((part.kind, part.headings), []).extend(list(r) for r in part.rows)
        out = [(str(kind), list(names), rows) for (kind, names), rows in found.items()]  # type: ignore[call-overload]
        return [("", *self.table()), *out] if self.plain else out

    def table(self) -> tuple[list[str], list[list[object]]]:
        """Headings and rows of the plain columns."""
        if self.is_open:
            names = ["column", "range", "bits", "zeros %", "beyond 15 %"]
            rows = [
                [c.name, f"{c.low}..{c.high}", round(c.bits, 2), round(100 * c.zeros, 1), round(100 * c.large, 2)]
                for c in self.columns
            ]
        else:
            names = ["column", "codes", "live", "dead", "double", "perplexity", "bits"]
            rows = [
                [c.name, c.size, c.live, c.dead, c.double, round(c.perplexity, 1), round(c.bits, 2)] for c in self.plain
            ]
        if any(c.drift is not None for c in self.plain):
            names += ["drift", "unseen %"]
            for row, c in zip(rows, self.plain, strict=True):
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
    seen = _tallies(tokenizer)
    counts = _count(tokenizer, recordings, progress, 0, total, seen)
    other = _count(tokenizer, against, progress, len(recordings), total) if against else None
    quantizers = tuple(tally.health() for tally in seen)
    doubles = [q.double for q in quantizers for _ in range(q.columns)] or [None] * len(counts.sizes)
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
                double=doubles[q],
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
    found = Diagnosis(name, counts.total, tuple(columns), (), counts, quantizers)
    return replace(found, advice=tuple(_advice(found, can_mend(tokenizer))))


def compared(one: CodeCounts, two: CodeCounts, q: int) -> tuple[float, float]:
    """Jensen-Shannon divergence (bits) of column `q` of two data sets, and the share of `two` that `one` never used."""
    values = np.union1d(one.column(q)[0], two.column(q)[0])
    p, r = _share(one, q, values), _share(two, q, values)
    middle = (p + r) / 2
    divergence = (_kl(p, middle) + _kl(r, middle)) / 2
    return float(np.clip(divergence, 0, 1)), float(r[p == 0].sum())


def _tallies(tokenizer: Any) -> list[Any]:
    """For each part of the tokenizer's quantizer what counts its codes; none without a quantizer."""
    if not getattr(tokenizer, "needs_torch", False):
        return []
    from signalpiece.apps.quantizer_health import tallies
    from signalpiece.tokenizers.codebooks import quantizer_of

    quantizer = quantizer_of(tokenizer)
    return [] if quantizer is None else tallies(quantizer)


def _count(
    tokenizer: Any, recordings: Sequence[Any], progress: Any, done: int, total: int, seen: Sequence[Any] = ()
) -> CodeCounts:
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
                    _tell(seen, part)
            path.unlink()
    if not counts.total:
        raise SignalPieceError("these recordings are too short to give a single token")
    return counts


def _tell(seen: Sequence[Any], part: Any) -> None:
    """Gives the tallies the codes of a segment, channel by channel: maps of a pyramid stay together."""
    if seen:
        from signalpiece.apps.quantizer_health import add

        for channel in np.asarray(part.cube()).transpose(1, 0, 2):
            add(seen, channel)


def _advice(found: Diagnosis, mends: bool) -> list[str]:
    out = []
    if found.is_open:
        zeros = float(np.mean([c.zeros for c in found.columns]))
        worst = max(found.columns, key=lambda c: c.large)
        out.append(f"codes are open integers: nothing can be dead; {100 * zeros:.0f} % are 0")
        if worst.large > 0.02:
            out.append(f"{100 * worst.large:.1f} % of {worst.name} lie beyond 15: a coarser step would save bits there")
        if zeros > 0.97:
            out.append("almost every code is 0: the step is too coarse for this signal")
    elif found.plain:
        out += _advice_on_books(found.plain, found.tokens, mends)
    out += [f"{q.title}: {sentence}" for q in found.quantizers if not q.plain for sentence in q.advice]
    moved = [c for c in found.columns if c.drift is not None and c.drift > 0.1]
    if moved:
        most = max(moved, key=lambda c: c.drift or 0.0)
        out.append(
            f"{len(moved)} columns drift between the data sets (most: {most.name}, {most.drift:.2f} bit): "
            "fit on both, or report them apart"
        )
    return out


def _advice_on_books(columns: Sequence[ColumnHealth], tokens: int, mends: bool) -> list[str]:
    out = []
    dead, size = sum(c.dead for c in columns), max(c.size for c in columns)
    if tokens < FEW * size:
        out.append(
            f"only {tokens} tokens for codebooks of {size}: a code may look dead by chance; give at least {FEW * size}"
        )
    if dead:
        share = 100 * dead / sum(c.size for c in columns)
        what = "--fix revive gives them new places in the data, --fix prune removes them" if mends else "train on"
        out.append(f"{dead} codes are dead ({share:.0f} %): {what}")
    double = sum(c.double or 0 for c in columns)
    if double:
        what = "--fix merge makes one of them" if mends else "train on"
        out.append(f"{double} codes have nearly the vector of another: {what}")
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
