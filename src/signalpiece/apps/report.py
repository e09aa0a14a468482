"""The report: one page that says what a model did to recordings, what it cost and what was lost, beside its rivals."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.apps.compare import Comparison, compare
from signalpiece.apps.excerpt import comparable, excerpt_of
from signalpiece.apps.measure import source_bytes
from signalpiece.apps.page import Section, bold, escape, facts, page, table, write_page
from signalpiece.apps.report_cost import (
    cost_section,
    events_section,
    limits_section,
    size,
    tokens_section,
    vocabulary_section,
)
from signalpiece.apps.report_data import EXACT_DB, FileMeasured, measure_file
from signalpiece.apps.report_kept import kept, kept_section
from signalpiece.apps.report_signal import (
    loss_section,
    rivals_section,
    scalp_section,
    time_section,
    traces_section,
)
from signalpiece.apps.rivals import rivals
from signalpiece.apps.svg import db
from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.bands import NAMES

DETAILED = 2  # recordings with figures of their own when there are many
KINDS = {"eeg": "EEG", "mag": "MEG", "grad": "MEG", "seeg": "SEEG", "ecog": "ECoG", "eog": "EOG", "ecg": "ECG"}
KINDS |= {"emg": "EMG", "fnirs": "fNIRS", "sound": "sound"}


@dataclass(frozen=True)
class Report:
    """What was measured, and the page.

    Attributes:
        files: one per recording, figures of the whole file.
        comparisons: curves on an excerpt, one per detailed recording.
        html: the page.
    """

    files: tuple[dict[str, Any], ...]
    comparisons: tuple[Comparison, ...]
    html: str


def report(
    name: str,
    tokenizer: Any,
    recordings: Sequence[Any],
    *,
    options: Mapping[str, Any] | None = None,
    others: Mapping[str, Any] | None = None,
    full: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Report:
    """Encodes every recording whole, measures it, and compares on an excerpt with the classical rivals.

    Args:
        name: what to call the model on the page.
        tokenizer: the model.
        recordings: opened; several are listed, the first two get figures.
        options: of encoding: `bits`, `step`, `step_ratio`.
        others: rivals by name; default: the classical ones. An empty mapping leaves them out.
        full: curves over whole recordings and all channels.
        progress: called with the share done and what is being done.

    Raises:
        SignalPieceError: there is nothing to report on, or a recording cannot be coded.
    """
    if not recordings:
        raise SignalPieceError("a report needs at least one recording")
    rows, details, comparisons = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for k, recording in enumerate(recordings):
            say = _part(progress, k, len(recordings))
            measured = measure_file(
                tokenizer, recording, Path(folder) / f"{k}.sp", options=dict(options or {}), progress=_half(say)
            )
            rows.append(summary(measured, source_bytes(recording, recordings)))
            if k < DETAILED:
                chosen = rivals(several=len(comparable(recording.grid)) > 1) if others is None else dict(others)
                chosen.pop(name, None)
                found = compare({name: tokenizer, **chosen}, [excerpt_of(recording, full=full)], progress=_rest(say))
                comparisons.append(found)
                details.append((measured, sections_of(name, tokenizer, measured, found, k)))
            (Path(folder) / f"{k}.sp").unlink(missing_ok=True)
    return Report(tuple(rows), tuple(comparisons), _page(name, rows, details))


def write_report(path: Path, found: Report) -> int:
    """Writes the page; returns its bytes."""
    return write_page(path, found.html)


def summary(m: FileMeasured, source: float) -> dict[str, Any]:
    """Figures of one recording, whose file spends `source` bytes on it: plain data for tables and JSON."""
    grid = m.recording.grid
    return {
        "file": m.name,
        "channels": m.stored.header.grid.size("channel"),
        "kind": _kind(m),
        "seconds": grid.seconds,
        "rate": grid.time_rate,
        "tokens": m.tokens,
        "bytes": m.bits["total"] // 8,
        "source_bytes": source or None,
        "ratio": source * 8 / m.bits["total"] if source else None,
        "bits_nominal": m.rate_nominal,
        "bits_entropy": m.rate_entropy,
        "bits_file": m.rate_file,
        "bits": dict(m.bits),
        "nmse_db": m.errors.db,
        "pcc": float(np.nanmean(m.pcc)) if np.isfinite(m.pcc).any() else float("nan"),
        "kept": kept(m),
        "channel_db": {n: float(v) for n, v in zip(m.grid.names, m.errors.per_channel["all"], strict=True)},
    }


def sections_of(name: str, tokenizer: Any, m: FileMeasured, c: Comparison, number: int) -> list[Section]:
    """Every section on one recording, in reading order."""
    return [
        traces_section(m, tokenizer, number),
        loss_section(m),
        kept_section(m),
        rivals_section(c, name, m, number),
        cost_section(m),
        time_section(m),
        *([scalp_section(m)] if m.grid.size("channel") > 3 and not m.exact else []),
        tokens_section(m),
        vocabulary_section(m),
        events_section(m),
        limits_section(tokenizer, m, c.scope),
    ]


def duration(seconds: float) -> str:
    """A length as people say it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def _page(name: str, rows: list[dict[str, Any]], details: list[tuple[FileMeasured, list[Section]]]) -> str:
    from signalpiece import __version__

    sections = list(details[0][1])
    if len(rows) > 1:
        limits, sections = sections[-1], [_overview(rows)]
        for k, (row, (measured, more)) in enumerate(zip(rows, details, strict=False), 1):
            head = Section(f"{k}. {measured.name}", f"{measured.name}, in detail", _lead_text(row), "")
            sections += [head, *(Section("", s.finding, s.note, s.body) for s in more[:-1])]
        sections.append(limits)
    title = rows[0]["file"] if len(rows) == 1 else f"{len(rows)} recordings"
    return page(
        title=title,
        kind=f"SignalPiece report \u00b7 tokenizer {name}",
        lead=_lead(rows[0]) if len(rows) == 1 else _lead_many(rows),
        head=facts(_facts(rows)),
        sections=sections,
        foot=f"Made by signalpiece {__version__}. The page is one file and asks nobody for anything.",
    )


def _lead(row: dict[str, Any]) -> str:
    lost = 100 * 10 ** (row["nmse_db"]["all"] / 10)
    share = f"{lost:.2g}" if lost < 10 else f"{lost:.0f}"
    plural = "s" if row["channels"] != 1 else ""
    ratio = f", {bold(_times(row['ratio']))} smaller than the file" if row["ratio"] else ""
    cost, length = bold(f"{row['bits_file']:.0f} bits per second and channel"), duration(row["seconds"])
    bands = {b: v for b, v in row["nmse_db"].items() if b != "all" and np.isfinite(v)}
    worst = max(bands, key=lambda b: bands[b]) if bands else "all"
    loss = f"{bold(f'{share} % of the energy')} between .5 and 45 Hz is wrong; {worst} suffers most."
    if row["nmse_db"]["all"] < EXACT_DB:
        loss = f"{bold('nothing')} between .5 and 45 Hz is wrong."
    return (
        f"{row['channels']} channel{plural} of {escape(row['kind'])}, {length} at {row['rate']:g} Hz, became "
        f"{row['tokens']:,} tokens in {size(row['bytes'])}: {cost}{ratio}. After decoding, {loss}"
    )


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times"


def _lead_text(row: dict[str, Any]) -> str:
    return (
        f"{row['channels']} channels, {duration(row['seconds'])}: {row['bits_file']:.0f} bits per second and channel, "
        f"NMSE {db(row['nmse_db']['all'])} dB, correlation {row['pcc']:.3f}."
    )


def _lead_many(rows: list[dict[str, Any]]) -> str:
    seconds, total = sum(r["seconds"] for r in rows), sum(r["bytes"] for r in rows)
    sources = [r["source_bytes"] for r in rows]
    ratio = f", {bold(_times(sum(sources) / total))} smaller than the files" if all(sources) else ""
    cost = bold(f"{_mean(rows, 'bits_file'):.0f} bits per second and channel")
    return (
        f"{len(rows)} recordings, {duration(seconds)} in all, became {sum(r['tokens'] for r in rows):,} tokens in "
        f"{size(total)}: {cost} on average{ratio}."
    )


def _facts(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    many = " (mean)" if len(rows) > 1 else ""
    found = [
        (f"bits per second and channel{many}", f"{_mean(rows, 'bits_file'):.0f}", ""),
        (f"error, all bands{many}", db(float(np.nanmean([r["nmse_db"]["all"] for r in rows]))), "dB"),
        (f"correlation{many}", f"{_mean(rows, 'pcc'):.3f}", ""),
    ]
    if all(r["ratio"] for r in rows):
        found.insert(1, (f"smaller than the file{many}", f"{_mean(rows, 'ratio'):.3g}", "times"))
    return [*found, ("tokens", f"{sum(r['tokens'] for r in rows):,}", "")]


def _overview(rows: list[dict[str, Any]]) -> Section:
    errors = [r["nmse_db"]["all"] for r in rows]
    finding = f"Error of the recordings: {db(float(np.nanmin(errors)))} to {db(float(np.nanmax(errors)))} dB"
    columns = ["recording", "channels", "length", "size", "x smaller", "bits/s/channel", *NAMES, "correlation"]
    cells = [
        [r["file"], r["channels"], duration(r["seconds"]), size(r["bytes"])]
        + ["-" if r["ratio"] is None else f"{r['ratio']:.3g}", f"{r['bits_file']:.1f}"]
        + [db(r["nmse_db"][b]) for b in NAMES]
        + [f"{r['pcc']:.3f}"]
        for r in rows
    ]
    note = f"NMSE in dB per band. In detail below: {' and '.join(r['file'] for r in rows[:DETAILED])}."
    return Section("Recordings", finding, note, table(columns, cells))


def _kind(m: FileMeasured) -> str:
    kinds = list(dict.fromkeys(KINDS.get(k, k) for k in m.grid.kinds))
    return " and ".join(kinds[:2]) if kinds else "signal"


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    values = [r[name] for r in rows if r[name] is not None and np.isfinite(r[name])]
    return float(np.mean(values)) if values else float("nan")


def _part(progress: Any, k: int, count: int) -> Callable[[float, str], None]:
    return lambda share, text: progress((k + share) / count, text) if progress is not None else None


def _half(say: Callable[[float, str], None]) -> Callable[[float, str], None]:
    return lambda share, text: say(share / 2, text)


def _rest(say: Callable[[float, str], None]) -> Callable[[float, str], None]:
    return lambda share, text: say(0.5 + share / 2, text)
