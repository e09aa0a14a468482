"""Repair of codebooks: dead codes removed or set anew, double ones merged, in a new model that decodes old tokens too.

The new model holds the old one whole: tokens of the old name decode with the old vectors, bit for bit, whatever
recordings they came from. Use and error before and after are measured on the last quarter of each recording; seats for
dead codes come from the first three, so they are judged on signal that they were not drawn from.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.metrics.book_health import near_doubles
from signalpiece.tokenizers.codebooks import codebooks

KINDS = ("prune", "merge", "revive")
MENDED = ("pruned", "revived")  # recipes of mended models
WORSE = 0.01  # dB by which a revival may raise the error of what comes out
JUDGED = 120.0  # seconds of each recording's last quarter that use and error are measured on, at most


@dataclass(frozen=True)
class State:
    """A model on signal that its repair did not see.

    Attributes:
        codes: in all its codebooks.
        live: codes that occurred.
        tokens: rows that were looked at.
        perplexity: equally likely codes per column that would cost as much (2 to the mean entropy of the columns).
        error: energy of the error over that of the signal, each channel less its mean.
    """

    codes: int
    live: int
    tokens: int
    perplexity: float
    error: float

    @property
    def error_db(self) -> float:
        """The error in dB; -300 at no error."""
        return 10 * float(np.log10(max(self.error, 1e-30)))

    def json(self) -> dict[str, float]:
        """Plain data."""
        numbers = {"codes": self.codes, "live": self.live, "live_share": self.live / self.codes}
        return {**numbers, "perplexity": self.perplexity, "error_db": self.error_db}


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        model: the new tokenizer.
        changed: codes that were removed, merged or set anew.
        before: the old model; None without recordings to measure on.
        after: the new one.
        renumbered: tokens of the old model with the new numbers, as the new one decodes them; None after a revival.
    """

    kind: str
    model: Any
    changed: int
    before: State | None
    after: State | None
    renumbered: State | None = None

    def json(self) -> dict[str, Any]:
        """Plain data."""
        measured = {"before": self.before, "after": self.after, "renumbered": self.renumbered}
        states = {k: s.json() for k, s in measured.items() if s is not None}
        return {"kind": self.kind, "changed": self.changed, "hash": self.model.model_hash, **states}

    def sentences(self) -> list[str]:
        """What a person should know of it."""
        done = {"prune": "removed", "merge": "merged", "revive": "set anew"}[self.kind]
        out = [f"{self.changed} codes {done}; tokens of the old model decode as before, bit for bit"]
        if self.before is not None and self.after is not None:
            a, b = self.before, self.after
            out.append(
                f"on the last quarter of each recording: live {a.live} of {a.codes} ({100 * a.live / a.codes:.1f} %) "
                f"-> {b.live} of {b.codes} ({100 * b.live / b.codes:.1f} %), "
                f"perplexity {a.perplexity:.1f} -> {b.perplexity:.1f}, "
                f"error {a.error_db:.2f} dB -> {b.error_db:.2f} dB ({a.tokens} tokens)"
            )
            if self.renumbered is not None:
                out.append(
                    f"tokens of the old model with the new numbers (the file's remap table): "
                    f"error {self.renumbered.error_db:.2f} dB"
                )
        return out


def can_mend(tokenizer: Any) -> bool:
    """Whether a tokenizer has a table of vectors for each code column, and was not mended before."""
    try:
        _check(tokenizer, tokenizer.title)
    except SignalPieceError:
        return False
    return True


def repaired(
    tokenizer: Any, diagnosis: Any, recordings: Sequence[Any] = (), *, kind: str = "prune", seed: int = 0
) -> Repair:
    """A mended model; the old one stays as it is.

    Args:
        tokenizer: a learned one, made by a recipe.
        diagnosis: of `examine`, on these recordings.
        recordings: opened; for seats and measurement; may be left out for `prune` and `merge`.
        kind: prune (dead codes are removed, double ones merged), merge (double ones alone), or revive (dead and double
            codes get new vectors where the error is).
        seed: of the seats.

    Raises:
        SignalPieceError: no codebook, nothing to mend, a model mended before, or a revival that would not help.
    """
    check_option("kind of repair", kind, KINDS)
    books = list(_check(tokenizer, diagnosis.model).values())
    used = [_used(diagnosis, q, len(book)) for q, book in enumerate(books)]
    if kind == "revive":
        model, changed = _revived(tokenizer, diagnosis.model, books, used, recordings, seed)
    else:
        asked = used if kind == "prune" else [np.ones_like(u) for u in used]
        model, changed = _fewer(tokenizer, diagnosis.model, books, asked, kind)
    signals = _held(tokenizer, recordings)
    if not signals:
        return Repair(kind, model, changed, None, None)
    before, after = state_of(tokenizer, signals), state_of(model, signals)
    if kind == "revive" and after.error_db > before.error_db + WORSE:
        raise SignalPieceError(
            f"{diagnosis.model}: revival would raise the error on the last quarter of these recordings from "
            f"{before.error_db:.2f} to {after.error_db:.2f} dB, so nothing was written; prune, or train on"
        )
    renumbered = None
    if kind != "revive":
        renumbered = state_of(model, signals, lambda s: model.renewed(tokenizer.encode(s)))
    return Repair(kind, model, changed, before, after, renumbered)


def state_of(model: Any, signals: Sequence[Any], encode: Callable[[Any], Any] | None = None) -> State:
    """Use of a model's codes on signals, and the error of what it makes of them, at its own rate.

    Args:
        model: a tokenizer.
        signals: that it was not made of.
        encode: makes the tokens that the model decodes; its own ones by default.
    """
    from signalpiece.apps.excerpt import full_mask
    from signalpiece.metrics.bands import channel_sd, nmse_bands
    from signalpiece.metrics.codes import CodeCounts
    from signalpiece.tokenizers.resample import Resampler

    counts, error, energy = CodeCounts([c.size for c in model.columns]), 0.0, 0.0
    for signal in signals:
        tokens = (encode or model.encode)(signal)
        counts.add(np.asarray(tokens.codes)[0])
        decoded = model.decode(tokens)
        valid = full_mask(decoded)
        wanted = Resampler.between(signal.grid.time_rate, model.rate)(np.asarray(signal.values, np.float32))
        middle = wanted.mean(1, keepdims=True)
        wanted, got = (np.asarray(x, float) - middle for x in (wanted, decoded.values))
        sd = channel_sd(wanted, valid)
        found = nmse_bands(wanted, got, decoded.grid.time_rate, valid=valid, scale=sd)
        error, energy = error + float(found.error[:, -1].sum()), energy + float(found.energy[:, -1].sum())
    live = sum(u.live for u in counts.use())
    perplexity = float(2 ** np.mean(counts.entropy()))
    return State(sum(counts.sizes), live, counts.total, perplexity, error / max(energy, 1e-300))


def fixed(tokenizer: Any, diagnosis: Any, recordings: Sequence[Any] = (), *, kind: str = "prune") -> Any:
    """The model of `repaired`; tokens of the old one still decode with it, sample for sample."""
    return repaired(tokenizer, diagnosis, recordings, kind=kind).model


def remap_table(mended: Any) -> dict[str, list[int]]:
    """For the header of a model file: new number of every old code, column by column."""
    return {c.name: [int(v) for v in m] for c, m in zip(mended.columns, mended.old_to_new, strict=True)}


def _check(tokenizer: Any, name: str) -> dict[str, np.ndarray]:
    """The codebooks of a tokenizer that can be mended."""
    if any(c.size == 0 for c in tokenizer.columns):
        raise SignalPieceError(f"{name}: its codes are open integers; there is no codebook to mend")
    if tokenizer.recipe in MENDED:
        raise SignalPieceError(
            f"{name}: this model was mended before ({tokenizer.recipe}); mend the model it was made from, once"
        )
    found = codebooks(tokenizer)
    if tokenizer.recipe is None:
        raise SignalPieceError(f"{name}: only a model made by a recipe can be mended; this one was built by hand")
    return found


def _used(diagnosis: Any, q: int, size: int) -> Bool[np.ndarray, "k"]:
    out = np.zeros(size, bool)
    out[diagnosis.counts.column(q)[0]] = True
    return out


def _distinct(book: np.ndarray, chosen: Bool[np.ndarray, "k"]) -> Bool[np.ndarray, "k"]:
    """The chosen codes without those that nearly equal an earlier chosen one."""
    out, numbers = chosen.copy(), np.flatnonzero(chosen)
    if len(numbers):
        out[numbers] = ~near_doubles(book[numbers])
    return out


def _fewer(tokenizer: Any, name: str, books: list[np.ndarray], chosen: list[np.ndarray], kind: str) -> tuple[Any, int]:
    from signalpiece.recipes import recipe

    kept = [np.flatnonzero(_distinct(b, c)).astype(np.int32) for b, c in zip(books, chosen, strict=True)]
    changed = sum(len(b) - len(k) for b, k in zip(books, kept, strict=True))
    if not changed:
        what = "no two codes are nearly equal" if kind == "merge" else "every code is in use and none is double"
        raise SignalPieceError(f"{name}: {what}; there is nothing to {kind}")
    build = recipe("pruned").build
    model = build(base=tokenizer.recipe, options=dict(tokenizer.options), sizes=tuple(len(k) for k in kept))
    model.decoder.load_tensors(tokenizer.tensors())
    return model.keep(kept), changed


def _revived(
    tokenizer: Any, name: str, books: list[np.ndarray], used: list[np.ndarray], recordings: Sequence[Any], seed: int
) -> tuple[Any, int]:
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.revival import new_seats

    if not recordings:
        raise SignalPieceError(f"{name}: dead codes are set anew at vectors of recordings; there are none")
    alive = [_distinct(b, u) for b, u in zip(books, used, strict=True)]
    if all(a.all() for a in alive):
        raise SignalPieceError(f"{name}: every code is in use and none is double; there is nothing to revive")
    train, held = zip(*(_split(r) for r in recordings), strict=True)
    seats, _ = new_seats(tokenizer, _pieces(train), _pieces(held), alive, seed=seed)
    counts = [len(s.codes) for s in seats]
    if not any(counts):
        raise SignalPieceError(
            f"{name}: no new place for a dead code lowers the error on the last quarter of these recordings; prune them"
        )
    model = recipe("revived").build(base=tokenizer.recipe, options=dict(tokenizer.options), seats=counts)
    model.decoder.load_tensors(tokenizer.tensors())
    return model.reseat(seats), sum(counts)


def _split(recording: Any) -> tuple[Any, Any]:
    """The first three quarters of a recording, and the last."""
    end = recording.grid.size("time")
    cut = end * 3 // 4
    return recording.crop(0, cut), recording.crop(cut, end)


def _pieces(recordings: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for r in recordings:
        yield r.grid, r.blocks(60.0)


def _held(old: Any, recordings: Sequence[Any]) -> list[Any]:
    """The last quarter of each recording, at most some seconds of it."""
    from signalpiece.tokenizers.intake import coded_channels

    held = [_split(r.pick(coded_channels(r.grid, old.title)))[1] for r in recordings]
    return [r.read(0.0, min(JUDGED, r.grid.seconds)) for r in held if r.grid.size("time")]
