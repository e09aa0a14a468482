"""Tallies of codes, one class per family: `add` blocks of codes of unseen data, then ask for the `health`."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.apps import health
from signalpiece.apps.health import QuantizerHealth
from signalpiece.metrics.book_health import BookUse, LevelUse, book_use, level_use, near_doubles
from signalpiece.metrics.codes import CodeCounts
from signalpiece.metrics.latent_health import BitCounts, code_bits_of, dimension_use, mixture_use

BOOK = ("codes of", "codes", "live", "dead", "double", "perplexity")
BITS = ("bits of", "bits", "stuck", "p(1)", "entropy", "largest |r|", "effective")
GRID = ("values of", "values", "unused", "entropy", "at most", "shares %")


class _Counts:
    """Counts of the codes of one table that all columns share."""

    def __init__(self, name: str, quantizer: Any) -> None:
        self.name, self.quantizer, self.kind = name, quantizer, type(quantizer).__name__
        self.width = len(quantizer.codebook_sizes)
        self.counts = np.zeros(quantizer.codebook_sizes[0], np.int64)

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """A block of codes."""
        self.counts += np.bincount(codes.ravel(), minlength=len(self.counts))


class BookTally(_Counts):
    """One table of vectors: `VQ`, `SimVQ`, `AnnealedOneHot`; of several codes at once, `TopK`."""

    def health(self) -> QuantizerHealth:
        """Live, dead and double codes."""
        use, total = book_use(self.counts, table_of(self.quantizer)), int(self.counts.sum())
        advice = health.advice_on_book(use, total)
        if self.kind == "SimVQ" and use.dead:
            advice.append("all codes of SimVQ move together: train on, single ones cannot be set anew")
        headings, row = BOOK, _row(self.name or "all", use)
        if self.width > 1:
            headings, row = (*BOOK, "active"), (*row, self.width)
        figures = {"live_share": use.usage, "active": self.width}
        return QuantizerHealth(
            self.name, self.kind, headings, (row,), tuple(advice), self.width, use.double, self.width == 1, figures
        )


class DualTally(_Counts):
    """Two tables with one index: a code is double only if both of its vectors are."""

    def health(self) -> QuantizerHealth:
        """Live and dead codes; doubles of the whole and of each part by itself."""
        table, first = table_of(self.quantizer), self.quantizer.first
        assert table is not None
        use = book_use(self.counts, table)
        rows = [_row(self.name or "both", use)]
        for part, vectors in (("first part", table[:, :first]), ("second part", table[:, first:])):
            rows.append(
                (part, use.size, use.live, use.dead, int(near_doubles(vectors).sum()), round(use.perplexity, 1))
            )
        advice = health.advice_on_book(use, int(self.counts.sum()))
        figures = {"live_share": use.usage}
        return QuantizerHealth(self.name, self.kind, BOOK, tuple(rows), tuple(advice), 1, use.double, False, figures)


class PyramidTally(_Counts):
    """One table for all scales of a pyramid, whose rows come map by map, coarse scales first."""

    def __init__(self, name: str, quantizer: Any) -> None:
        super().__init__(name, quantizer)
        self._level = quantizer.level.numpy()
        self._scales = np.zeros((len(quantizer.sides), len(self.counts)), np.int64)

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """Codes of whole maps; what is left of one at the end does not count."""
        codes = codes[: len(codes) // len(self._level) * len(self._level)]
        super().add(codes)
        flat = codes[:, 0] + np.tile(self._level, len(codes) // len(self._level)) * len(self.counts)
        self._scales += np.bincount(flat, minlength=self._scales.size).reshape(self._scales.shape)

    def health(self) -> QuantizerHealth:
        """Live codes of every scale, and of all together."""
        use = book_use(self.counts, table_of(self.quantizer))
        rows = [_row(f"scale {side}", book_use(c)) for side, c in zip(self.quantizer.sides, self._scales, strict=True)]
        rows.append(_row("all scales", use))
        advice = health.advice_on_book(use, int(self.counts.sum()))
        figures = {"live_share": use.usage}
        return QuantizerHealth(self.name, self.kind, BOOK, tuple(rows), tuple(advice), 1, use.double, False, figures)


class MapsTally:
    """A table of codes for each map; rows come picture by picture, map by map."""

    width = 1

    def __init__(self, name: str, quantizer: Any) -> None:
        self.name, self.quantizer = name, quantizer
        maps, size = quantizer.vectors.shape[:2]
        self._counts: Int[np.ndarray, "maps k"] = np.zeros((maps, size), np.int64)

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """Codes of whole pictures; what is left of one at the end does not count."""
        maps, size = self._counts.shape
        codes = codes[: len(codes) // maps * maps]
        flat = codes[:, 0] + np.tile(np.arange(maps), len(codes) // maps) * size
        self._counts += np.bincount(flat, minlength=maps * size).reshape(maps, size)

    def health(self) -> QuantizerHealth:
        """The maps with the fewest live codes, and the mean."""
        tables = self.quantizer.vectors.detach().cpu().numpy()
        uses = [book_use(c, v) for c, v in zip(self._counts, tables, strict=True)]
        live = np.array([u.live for u in uses])
        worst = np.argsort(live, kind="stable")[: health.NAMED]
        rows = tuple(_row(f"map {k}", uses[k]) for k in worst.tolist())
        size, total = self._counts.shape[1], int(self._counts[0].sum())
        share = float(live.mean() / size)
        advice = [f"{100 * share:.0f} % of the codes of a map are live on average, {live.min()} of {size} in the worst"]
        if total < health.FEW * size:
            advice.append(f"only {total} pictures for {size} codes of a map: one may look dead by chance")
        double = sum(u.double or 0 for u in uses)
        return QuantizerHealth(
            self.name, "GlobalBasis", BOOK, rows, tuple(advice), 1, double, False, {"live_share": share}
        )


class BitTally:
    """Signs and coin flips: `LFQ`, `BSQ`, `Bernoulli`; columns are groups of at most 16 bits."""

    def __init__(self, name: str, quantizer: Any) -> None:
        self.name, self.kind = name, type(quantizer).__name__
        self.sizes = tuple(quantizer.sizes)
        self.width = len(self.sizes)
        self._counts = BitCounts(sum(self.sizes))

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """A block of codes."""
        self._counts.add(code_bits_of(codes, self.sizes))

    def health(self) -> QuantizerHealth:
        """Balance, correlation and worth of the bits of every group, and of all."""
        use, ends = self._counts.use(), np.cumsum([0, *self.sizes]).tolist()
        rows = []
        for k, (a, b) in enumerate(
            [*zip(ends[:-1], ends[1:], strict=True), *([(0, ends[-1])] if self.width > 1 else [])]
        ):
            group, label = use.part(a, b), f"group{k}" if k < self.width else "all"
            between = f"{group.ones.min():.2f}..{group.ones.max():.2f}"
            r = round(float(group.pairs.max(initial=0.0)), 2)
            numbers = (b - a, group.stuck, between, round(float(group.entropy.sum()), 1), r, round(group.effective, 1))
            rows.append((f"{self.name}{'.' if self.name else ''}{label}", *numbers))
        advice = health.advice_on_bits(use, self._counts.total)
        figures = {
            "effective_bits": use.effective,
            "ones": use.ones.tolist(),
            "entropy": use.entropy.tolist(),
            "mean_correlation": float(use.pairs.mean()) if len(use.pairs) else 0.0,
        }
        return QuantizerHealth(self.name, self.kind, BITS, tuple(rows), tuple(advice), self.width, None, False, figures)


class GridTally:
    """Grids: `FSQ`, `LatentGrid`; level by level `ResidualFSQ`; a column per dimension `DimensionWise`."""

    def __init__(self, name: str, quantizer: Any) -> None:
        self.name, self.kind, self.width = name, type(quantizer).__name__, len(quantizer.codebook_sizes)
        by_column = not hasattr(quantizer, "sizes")
        self.levels = [[n] for n in quantizer.codebook_sizes] if by_column else [quantizer.sizes.tolist()] * self.width
        self._by_column, self._counts = by_column, CodeCounts(quantizer.codebook_sizes)

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """A block of codes."""
        self._counts.add(codes)

    def health(self) -> QuantizerHealth:
        """Which values of which dimension are used."""
        uses = [level_use(*self._counts.column(q), levels) for q, levels in enumerate(self.levels)]
        if self._by_column:
            uses = [LevelUse(tuple(s for u in uses for s in u.shares))]
        names = [f"level {k}" if len(uses) > 1 else "the grid" for k in range(len(uses))]
        advice = [a for use, name in zip(uses, names, strict=True) for a in health.advice_on_levels(use, name)]
        total, most = self._counts.total, max(max(levels) for levels in self.levels)
        if total < health.FEW * most:
            advice.insert(0, f"only {total} vectors: a value may be missing by chance; give {health.FEW * most}")
        if self._by_column and advice:
            advice.append("`estimate` anew on latents of such data sets the bins where the latents are")
        advice = advice or ["every value of every dimension is in use; nothing to do"]
        level = [f"{n.replace(' ', '')}." if len(uses) > 1 else "" for n in names]
        dot = "." if self.name else ""
        rows = tuple(
            _levels(f"{self.name}{dot}{where}dim{i}", use, i)
            for use, where in zip(uses, level, strict=True)
            for i in range(len(use.shares))
        )
        figures = {"entropy": [u.entropy.tolist() for u in uses]}
        return QuantizerHealth(self.name, self.kind, GRID, rows, tuple(advice), self.width, None, False, figures)


def continuous_health(quantizer: Any, z: Any) -> QuantizerHealth | None:
    """Of quantizers without codes: active dimensions of a `Gaussian`, mixtures of `FiniteDiscrete`; else None."""
    from signalpiece.quantizers.finite_discrete import FiniteDiscrete
    from signalpiece.quantizers.gaussian import Gaussian, posterior

    if isinstance(quantizer, Gaussian):
        mean, log_variance = posterior(quantizer.project_in(z).flatten(0, 1))
        use = dimension_use(mean.numpy(), log_variance.numpy())
        rows = tuple(
            (f"dim{i}", round(float(d), 4), round(float(v), 4), "yes" if a else "no")
            for i, (d, v, a) in enumerate(zip(use.divergence, use.variance, use.active, strict=True))
        )
        headings = ("dimension", "divergence", "variance", "active")
        figures = {"active": int(use.active.sum())}
        advice = tuple(health.advice_on_dimensions(use))
        return QuantizerHealth("", "Gaussian", headings, rows, advice, 0, None, False, figures)
    if isinstance(quantizer, FiniteDiscrete):
        mixed = mixture_use(quantizer.weights(z).numpy())
        row = (
            "all",
            mixed.size,
            mixed.live,
            mixed.size - mixed.live,
            round(mixed.active, 1),
            round(mixed.perplexity, 1),
        )
        headings = ("tokens of", "tokens", "live", "dead", "active", "perplexity")
        figures = {"active": mixed.active, "live_share": mixed.live / mixed.size}
        advice = tuple(health.advice_on_mixtures(mixed))
        return QuantizerHealth("", "FiniteDiscrete", headings, (row,), advice, 0, None, False, figures)
    return None


def table_of(quantizer: Any) -> Float[np.ndarray, "k d"] | None:
    """The vectors that a quantizer looks its codes up in; None where it has none."""
    place = getattr(quantizer, "codebook", quantizer)
    if hasattr(place, "table"):
        return place.table().detach().cpu().numpy()
    vectors = getattr(quantizer, "vectors", None)
    return None if vectors is None else vectors.detach().cpu().numpy()


def _row(name: str, use: BookUse) -> tuple[object, ...]:
    return (name, use.size, use.live, use.dead, use.double, round(use.perplexity, 1))


def _levels(name: str, use: LevelUse, i: int) -> tuple[object, ...]:
    share = use.shares[i]
    text = " ".join(f"{100 * s:.0f}" for s in share) if len(share) <= 8 else f"most {100 * share.max():.0f}"
    entropy = round(float(use.entropy[i]), 2) + 0.0
    return (name, len(share), len(use.unused[i]), entropy, round(float(use.capacity[i]), 2), text)
