"""Coders side by side at equal bits: real files, error per band, read off rate-distortion curves.

A coder with a rate is run at seven steps (more, until the standard rates lie inside) that follow each channel's SD; its
decibels at a rate are read by PCHIP over log real bits, never beyond its points. A coder of one rate stands at its own,
and the others are read there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.apps.excerpt import Excerpt
from signalpiece.apps.measure import Measured, has_rate, measure
from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.bands import NAMES
from signalpiece.metrics.rate_distortion import Curve, rate_distortion_at

RATES = (40.0, 80.0, 150.0, 240.0, 400.0)  # bits per second and channel, in the file
STEPS = (0.085, 0.15, 0.27, 0.48, 0.85, 1.5, 2.6)  # in SD of each channel
MORE = 5  # further steps on each side, at most
BASELINE = "dct"


@dataclass(frozen=True)
class Item:
    """One coder at one setting on one recording; bits per second and channel."""

    file: str
    coder: str
    seed: int
    step: float | None
    bits_nominal: float
    bits_entropy: float
    bits_file: float
    nmse_db: Mapping[str, float]
    pcc: float
    set: str = ""


@dataclass(frozen=True)
class Difference:
    """A coder against another over recordings: mean of the paired differences in dB and its 95 % interval."""

    mean: float
    low: float
    high: float
    files: int


@dataclass(frozen=True)
class Comparison:
    """Every measurement, and what is read from them.

    Attributes:
        suite: name of the suite and split, or "" for files of one's own.
        items: every coder, recording and setting.
        coders: names in the order given; rivals after.
        fixed: coders of one rate.
        spatial: coders that look at all channels together; they are a class of their own.
        scope: in words, what of the recordings was coded.
    """

    suite: str
    items: tuple[Item, ...]
    coders: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    spatial: tuple[str, ...] = ()
    scope: str = ""
    notes: tuple[str, ...] = field(default=())

    def class_of(self, coder: str) -> list[str]:
        """The other coders that it must be judged against: single-channel ones, or all if it looks at all channels."""
        return [n for n in self.coders if n != coder and (coder in self.spatial or n not in self.spatial)]

    @property
    def files(self) -> tuple[str, ...]:
        """Recordings, in order."""
        return tuple(dict.fromkeys(i.file for i in self.items))

    def of(self, coder: str, file: str) -> list[Item]:
        """Measurements of one coder on one recording, by rising bits."""
        return sorted((i for i in self.items if i.coder == coder and i.file == file), key=lambda i: i.bits_file)

    def curve(self, coder: str, file: str) -> Curve:
        """Error per band (columns as in NAMES) against real bits; seeds of one coder are averaged step by step."""
        chosen = self.of(coder, file)
        steps = dict.fromkeys(i.step for i in chosen)
        groups = [[i for i in chosen if i.step == s] for s in steps]
        bits = np.array([np.mean([i.bits_file for i in g]) for g in groups], float)
        db = np.array([np.mean([[i.nmse_db[b] for b in NAMES] for i in g], 0) for g in groups], float)
        return Curve(bits, db.reshape(len(groups), len(NAMES)))

    def at(self, coder: str, bits: float | None, band: str = "all") -> Float[np.ndarray, "f"]:
        """Decibels of a coder on every recording at a rate (its own rate if None); NaN where it has none."""
        column = NAMES.index(band)
        out = []
        for file in self.files:
            curve = self.curve(coder, file)
            if not len(curve.bits):
                out.append(np.nan)
            elif bits is None:
                out.append(float(curve.values[0, column]))
            else:
                out.append(float(rate_distortion_at(curve, bits)[column]))
        return np.array(out)

    def own_rate(self, coder: str) -> Float[np.ndarray, "f"]:
        """Real bits per second and channel of a fixed-rate coder on every recording."""
        return np.array([self.of(coder, f)[0].bits_file if self.of(coder, f) else np.nan for f in self.files])

    def at_rate_of(self, fixed: str, coder: str, band: str = "all") -> Float[np.ndarray, "f"]:
        """Decibels of `coder` on every recording at the rate at which the coder `fixed` stands there."""
        column = NAMES.index(band)
        pairs = zip(self.files, self.own_rate(fixed), strict=True)
        return np.array([rate_distortion_at(self.curve(coder, f), r)[column] for f, r in pairs])

    def json(self) -> dict[str, Any]:
        """Plain data: `suite`, `items`, and the tables read from them."""
        keys = ("file", "coder", "seed", "bits_nominal", "bits_entropy", "bits_file", "nmse_db", "pcc", "step", "set")
        tables = [
            {"file": file, "coder": coder, "bits": rate, "nmse_db": _named(row)}
            for coder in self.coders
            if coder not in self.fixed
            for file in self.files
            for rate, row in zip(RATES, rate_distortion_at(self.curve(coder, file), RATES), strict=True)
        ]
        return {
            "suite": self.suite,
            "scope": self.scope,
            "coders": list(self.coders),
            "fixed_rate": list(self.fixed),
            "spatial": list(self.spatial),
            "items": [{k: getattr(i, k) for k in keys} for i in self.items],
            "at_rates": tables,
            "notes": list(self.notes),
        }


def compare(
    coders: Mapping[str, Any],
    excerpts: Sequence[Excerpt],
    *,
    suite: str = "",
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Comparison:
    """Measures every coder on every recording.

    Args:
        coders: name -> tokenizer, outside rival, or tuple of variants that differ in rate; models first, rivals after.
        excerpts: recordings as coders get them (`excerpt_of`, `suite_excerpts`).
        suite: name of the suite and split, for the record.
        seed: of the models' training, unless a model says its own.
        progress: called with the share done and what is being measured.

    Raises:
        SignalPieceError: there is nothing to compare.
    """
    if not coders or not excerpts:
        raise SignalPieceError("a comparison needs at least one coder and one recording")
    items: list[Item] = []
    notes: list[str] = []
    first = sorted(coders, key=lambda n: has_rate(coders[n]))  # the others' curves must reach the rates of these
    for k, excerpt in enumerate(excerpts):
        found: dict[str, list[Item]] = {}
        reach = [RATES[0], RATES[-1]]
        for j, name in enumerate(first):
            if progress is not None:
                progress((k + j / len(coders)) / len(excerpts), f"{name}: {excerpt.file}")
            coder = coders[name]
            try:
                points = _curve(coder, excerpt, reach)
            except SignalPieceError as error:
                notes.append(f"{name} could not code {excerpt.file}: {error}")
                continue
            found[name] = [_item(excerpt, name, int(getattr(coder, "seed", seed)), ratio, m) for ratio, m in points]
            if not has_rate(coder):
                reach = [min(reach[0], points[0][1].bits_file), max(reach[1], points[0][1].bits_file)]
        items += [i for name in coders for i in found.get(name, [])]
    fixed = tuple(n for n, c in coders.items() if not has_rate(c))
    if not items:
        raise SignalPieceError(notes[0])
    spatial = tuple(n for n, c in coders.items() if looks_at_all_channels(c))
    return Comparison(suite, tuple(items), tuple(coders), fixed, spatial, scope_of(excerpts), tuple(notes))


def looks_at_all_channels(coder: Any) -> bool:
    """Whether one channel's codes depend on the others."""
    one = coder[0] if isinstance(coder, tuple) else coder
    return getattr(one, "spatial", None) is not None


def best_rows(values: Float[np.ndarray, "n k"], eligible: Bool[np.ndarray, "n"]) -> list[int | None]:
    """For each column the row of the smallest value among the eligible ones; None where there is no contest."""
    out: list[int | None] = []
    for column in np.where(eligible[:, None], values, np.nan).T:
        out.append(int(np.nanargmin(column)) if np.isfinite(column).sum() > 1 else None)
    return out


def difference(one: Float[np.ndarray, "f"], two: Float[np.ndarray, "f"]) -> Difference:
    """Paired difference one - two over recordings with Student's 95 % interval; negative: `one` has less error."""
    from scipy.stats import t

    paired = (one - two)[np.isfinite(one - two)]
    if not len(paired):
        return Difference(float("nan"), float("nan"), float("nan"), 0)
    mean = float(paired.mean())
    if len(paired) < 2:
        return Difference(mean, float("nan"), float("nan"), 1)
    half = float(t.ppf(0.975, len(paired) - 1) * paired.std(ddof=1) / np.sqrt(len(paired)))
    return Difference(mean, mean - half, mean + half, len(paired))


def gain_score(comparison: Comparison, coder: str, baseline: str = BASELINE) -> float:
    """The score that picks a default: mean gain in dB over the baseline at 40, 80, 150 and 240, sets weighted equally.

    A fixed-rate coder is scored at its own rate. NaN unless every rate was reached on every recording.
    """
    sets = {i.file: i.set for i in comparison.items}
    names = np.array([sets[f] for f in comparison.files])
    if coder in comparison.fixed:
        gains = (comparison.at_rate_of(coder, baseline) - comparison.at(coder, None))[None]
    else:
        gains = np.stack([comparison.at(baseline, r) - comparison.at(coder, r) for r in RATES[:4]])
    per_set = [gains[:, names == s].mean() for s in dict.fromkeys(names)]
    return float(np.mean(per_set))


def scope_of(excerpts: Sequence[Excerpt]) -> str:
    """In words, what of the recordings was coded."""
    cut = [e for e in excerpts if len(e.pieces) > 1]
    fewer = [e for e in excerpts if e.signal.grid.size("channel") < e.channels]
    seconds = sum(e.signal.grid.seconds for e in excerpts)
    channels = max(e.signal.grid.size("channel") for e in excerpts)
    text = f"{len(excerpts)} recording{'s' * (len(excerpts) > 1)}, {seconds:.0f} s in all, "
    text += f"up to {channels} channels" if len(excerpts) > 1 else f"{channels} channel{'s' * (channels > 1)}"
    if cut:
        which = "long ones are" if len(excerpts) > 1 else "it is"
        text += f"; {which} represented by {len(cut[0].pieces)} evenly spaced pieces"
    if fewer:
        text += "; where there are more channels, evenly chosen ones"
    return text


def _curve(coder: Any, excerpt: Excerpt, reach: Sequence[float]) -> list[tuple[float | None, Measured]]:
    """Seven steps, then finer and coarser ones until the rates of `reach` lie between the ends; variants one by one."""
    if isinstance(coder, tuple):
        return [(float(k), measure(variant, excerpt)) for k, variant in enumerate(coder)]
    if not has_rate(coder):
        return [(None, measure(coder, excerpt))]
    found: dict[float, Measured] = {s: measure(coder, excerpt, s) for s in STEPS}
    for factor, done in ((0.56, lambda m: m.bits_file > reach[1]), (1.75, lambda m: m.bits_file < reach[0])):
        step = STEPS[0] if factor < 1 else STEPS[-1]
        for _ in range(MORE):
            if done(found[step]):
                break
            before, step = found[step].bits_file, step * factor
            found[step] = measure(coder, excerpt, step)
            if factor > 1 and found[step].bits_file > 0.99 * before:
                break  # only the header is left
    return [(s, found[s]) for s in sorted(found)]


def _item(excerpt: Excerpt, coder: str, seed: int, step: float | None, m: Measured) -> Item:
    pcc = m.pcc[np.isfinite(m.pcc)]
    return Item(
        excerpt.file,
        coder,
        seed,
        step,
        m.bits_nominal,
        m.bits_entropy,
        m.bits_file,
        m.errors.db,
        float(pcc.mean()) if len(pcc) else float("nan"),
        excerpt.set,
    )


def _named(row: Float[np.ndarray, "f"]) -> dict[str, float]:
    return dict(zip(NAMES, row.tolist(), strict=True))


def _mean(x: Float[np.ndarray, "*s"]) -> float:
    good = x[np.isfinite(x)]
    return float(good.mean()) if len(good) else float("nan")
