"""A comparison as tables for the screen and as one self-contained page."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from signalpiece.apps import plot_error
from signalpiece.apps.compare import BASELINE, RATES, Comparison, Difference, best_rows, difference, gain_score
from signalpiece.apps.page import Section, bold, escape, facts, page, plain_list, table, tabs
from signalpiece.apps.svg import db
from signalpiece.metrics.bands import NAMES
from signalpiece.metrics.rate_distortion import rate_distortion_at

GRID = np.geomspace(20, 800, 41)  # bits at which curves are averaged over recordings


def screen_tables(c: Comparison) -> list[tuple[str, list[str], list[list[object]]]]:
    """Title, columns and rows: error per band at each standard rate, then at the rate of each fixed-rate coder."""
    out = []
    columns = ["coder", *NAMES, f"gain over {BASELINE}"]
    variable = [n for n in c.coders if n not in c.fixed]
    for rate in RATES:
        rows = [[n, *(_mean(c.at(n, rate, b)) for b in NAMES), _gain(c, n, rate).mean] for n in variable]
        out.append((f"NMSE in dB at {rate:g} bits/s/channel, mean of {len(c.files)} recordings", columns, rows))
    for own in c.fixed:
        rows = [[own, *(_mean(c.at(own, None, b)) for b in NAMES), _gain_at(c, own, own).mean]]
        rows += [[n, *(_mean(c.at_rate_of(own, n, b)) for b in NAMES), _gain_at(c, own, n).mean] for n in variable]
        out.append((f"NMSE in dB at the rate of {own}, {_mean(c.own_rate(own)):.0f} bits/s/channel", columns, rows))
    return out


def compare_page(c: Comparison, own: str, *, validation: Comparison | None = None, default: str = "") -> str:
    """The page.

    Args:
        c: the comparison.
        own: the coder the page is about.
        validation: the same coders on the split that chose the default; the page then shows where they disagree.
        default: the coder that the package takes when none is named.
    """
    from signalpiece import __version__

    sections = [_equal_bits(c, own), _bands(c, own), _curves(c, own), _gains(c)]
    if validation is not None:
        sections.append(_chosen(c, validation, default))
    sections += [_recordings(c, own), _limits(c)]
    score = gain_score(c, own)
    return page(
        title=f"{own} and {len(c.coders) - 1} other coders",
        kind="SignalPiece comparison" + (f" \u00b7 {c.suite}" if c.suite else ""),
        lead=_lead(c, own),
        head=facts(
            [
                ("gain over " + BASELINE, _signed(score), "dB, mean of 40 to 240 bits"),
                ("recordings", str(len(c.files)), ""),
                ("coders", str(len(c.coders)), ""),
                ("measured files", str(len(c.items)), ""),
            ]
        ),
        sections=sections,
        foot=f"Made by signalpiece {__version__}. The page is one file and asks nobody for anything.",
    )


def _lead(c: Comparison, own: str) -> str:
    rate = _mean(c.own_rate(own)) if own in c.fixed else 150.0
    mine = c.at(own, None) if own in c.fixed else c.at(own, rate)
    others = {n: _read(c, own, n, rate) for n in c.class_of(own) if n not in c.fixed}
    gains = {n: difference(v, mine) for n, v in others.items()}
    known = {n: g for n, g in gains.items() if g.files}
    text = (
        f"At {bold(f'{rate:.0f} bits per second and channel')}, {escape(own)} reaches {bold(db(_mean(mine)) + ' dB')}"
    )
    if not known:
        return text + " on average."
    best = min(known, key=lambda n: known[n].mean)
    gap = known[best]
    word = "less" if gap.mean >= 0 else "more"
    kind = "" if own in c.spatial or not c.spatial else " single-channel"
    spread = f" (95 % interval {_signed(gap.low)} to {_signed(gap.high)})" if np.isfinite(gap.low) else ""
    return (
        f"{text}: {bold(f'{abs(gap.mean):.2f} dB {word} error')} than {escape(best)}, the best other{kind} coder"
        f"{spread}, over {gap.files} recording{'s' * (gap.files > 1)}."
    )


def _equal_bits(c: Comparison, own: str) -> Section:
    variable = [n for n in c.coders if n not in c.fixed]
    values = np.array([[_mean(c.at(n, r)) for r in RATES] for n in variable]).reshape(len(variable), len(RATES))
    first = ["coder", *(f"{r:g}" for r in RATES)]
    won = [w for w in best_rows(values, np.array([n not in c.spatial for n in variable])) if w is not None]
    mine = sum(variable[w] == own for w in won)
    finding = (
        f"{own} has the smallest error at {mine} of {len(won)} rates" if own in variable else "Error at equal bits"
    )
    body = ""
    if variable:
        body = _dressed(c, first, variable, values, own, "NMSE of all bands, dB, by bits per second and channel")
    for f in c.fixed:
        names = [f, *variable]
        rows = np.array([[_mean(_read(c, f, n, 0.0, band)) for band in NAMES] for n in names])
        title = f"At the rate of {f}: {_mean(c.own_rate(f)):.0f} bits per second and channel"
        body += _dressed(c, ["coder", *NAMES], names, rows, own, title)
    return Section(
        "Equal bits",
        finding,
        f"{c.scope}. Real files: codes, side information, header, index and checksums. Mean over recordings; green: "
        "the best single-channel coder of a column. A dash: at least one recording's curve does not reach that rate.",
        body,
    )


def _bands(c: Comparison, own: str) -> Section:
    variable = [n for n in c.coders if n not in c.fixed]
    panels = []
    for rate in RATES:
        rows = np.array([[_mean(c.at(n, rate, b)) for b in NAMES] for n in variable]).reshape(len(variable), -1)
        panels.append(
            (f"{rate:g} bits", _dressed(c, ["coder", *NAMES], variable, rows, own, f"NMSE, dB, at {rate:g} bits"))
        )
    note = "Delta .5 to 4, theta 4 to 8, alpha 8 to 13, beta 13 to 30, gamma 30 to 45 Hz."
    return Section("Bands", "Error per band", note, tabs("bands", panels))


def _curves(c: Comparison, own: str) -> Section:
    sets = {i.file: i.set or "all recordings" for i in c.items}
    panels = []
    for name in dict.fromkeys(sets.values()):
        files = [f for f in c.files if sets[f] == name]
        lines = {}
        for coder in c.coders:
            if coder in c.fixed:
                bits = [c.of(coder, f)[0].bits_file for f in files if c.of(coder, f)]
                errors = [c.of(coder, f)[0].nmse_db["all"] for f in files if c.of(coder, f)]
                lines[coder] = (np.array([_mean(np.array(bits))]), np.array([_mean(np.array(errors))]))
            else:
                read = np.array([rate_distortion_at(c.curve(coder, f), GRID)[:, -1] for f in files])
                full = np.isfinite(read).all(0)
                lines[coder] = (GRID[full][::4], read.mean(0)[full][::4])
        panels.append((name, f'<div style="max-width:720px">{plot_error.rate_curves(lines, own=own)}</div>'))
    note = "Mean of the recordings of a set, where all of them can be read."
    return Section("Curves", "Error against bits", note, tabs("sets", panels))


def _gains(c: Comparison) -> Section:
    names = [n for n in c.coders if n != BASELINE]
    rows = []
    for n in names:
        if n in c.fixed:
            rows.append([n, *["\u2013"] * len(RATES), _interval(_gain_at(c, n, n)), _signed(gain_score(c, n))])
        else:
            rows.append([n, *(_interval(_gain(c, n, r)) for r in RATES), "\u2013", _signed(gain_score(c, n))])
    columns = ["coder", *(f"{r:g}" for r in RATES), "own rate", "score"]
    return Section(
        "Gains",
        f"Gain over {BASELINE} in dB, with 95 % intervals",
        "Paired over recordings, so that files which are hard for all do not blur the difference. Score: mean gain at "
        "40, 80, 150 and 240 bits (a fixed-rate coder: at its own), data sets weighted equally.",
        table(columns, rows),
    )


def _chosen(c: Comparison, validation: Comparison, default: str) -> Section:
    both = [n for n in c.coders if n in validation.coders and n not in (BASELINE, *c.spatial)]
    scores = {n: (gain_score(validation, n), gain_score(c, n)) for n in both}
    known = [n for n in both if np.isfinite(scores[n]).all()]
    chosen = default if default in known else max(known, key=lambda n: scores[n][0], default="")
    better = [n for n in known if n != chosen and scores[n][1] > scores[chosen][1]]
    finding = f"{chosen} was chosen on the validation split"
    finding += f"; on this split {', '.join(better)} would have been better" if better else ", and this split agrees"
    rows = [[n, *map(_signed, scores[n])] for n in sorted(known, key=lambda n: -scores[n][0])]
    own = [k for k, r in enumerate(rows) if r[0] == chosen]
    return Section(
        "Default", finding, "Scores in dB over " + BASELINE + ".", table(["coder", "validation", "here"], rows, own=own)
    )


def _recordings(c: Comparison, own: str) -> Section:
    rows = []
    for k, file in enumerate(c.files):
        row: list[object] = [file]
        for n in c.coders:
            row.append(db(float((c.at(n, None) if n in c.fixed else c.at(n, 150.0))[k])))
        rows.append(row)
    note = "NMSE of all bands, dB, at 150 bits per second and channel (fixed-rate coders: at their own)."
    body = f"<details><summary>All {len(rows)} recordings</summary>{table(['recording', *c.coders], rows)}</details>"
    return Section("Recordings", "Every recording", note, body)


def _limits(c: Comparison) -> Section:
    items = [
        "Whether a reading, a score or a classifier changes: NMSE does not say.",
        "Anything below .5 or above 45 Hz: the benchmark filters it out before any coder sees it.",
        "Speed and latency.",
        "Seeds: deterministic coders run once; a trained model is one seed unless several are given.",
    ]
    return Section("Limits", "What was not measured", "", plain_list([*items, *c.notes]))


def _read(c: Comparison, own: str, coder: str, rate: float, band: str = "all") -> Float[np.ndarray, "f"]:
    """Errors of a coder at the page's rate: a fixed-rate one's own rate where the page is about one."""
    if own in c.fixed:
        return c.at(own, None, band) if coder == own else c.at_rate_of(own, coder, band)
    return c.at(coder, rate, band)


def _gain(c: Comparison, coder: str, rate: float) -> Difference:
    return _over(c, c.at(BASELINE, rate) if BASELINE in c.coders else None, c.at(coder, rate))


def _gain_at(c: Comparison, fixed: str, coder: str) -> Difference:
    base = c.at_rate_of(fixed, BASELINE) if BASELINE in c.coders else None
    return _over(c, base, _read(c, fixed, coder, 0.0))


def _over(c: Comparison, base: Float[np.ndarray, "f"] | None, mine: Float[np.ndarray, "f"]) -> Difference:
    return difference(base if base is not None else np.full(len(c.files), np.nan), mine)


def _dressed(
    c: Comparison,
    columns: Sequence[str],
    names: Sequence[str],
    values: Float[np.ndarray, "n k"],
    own: str,
    caption: str,
) -> str:
    """A table of decibels; the best single-channel coder of each column is marked, joint ones are named as such."""
    alone = np.array([n not in c.spatial for n in names])
    classes = {(winner, k + 1): "best" for k, winner in enumerate(best_rows(values, alone)) if winner is not None}
    shown = [n if single else f"{n} (all channels)" for n, single in zip(names, alone, strict=True)]
    rows = [[n, *(db(float(v), 2) for v in row)] for n, row in zip(shown, values, strict=True)]
    marked = [names.index(own)] if own in names else []
    return table(columns, rows, caption=caption, own=marked, classes=classes)


def _interval(d: Difference) -> str:
    if not d.files:
        return "\u2013"
    return _signed(d.mean) if not np.isfinite(d.low) else f"{_signed(d.mean)} \u00b1 {d.high - d.mean:.2f}"


def _signed(value: float) -> str:
    return "\u2013" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "\u2212")


def _mean(values: Float[np.ndarray, "f"]) -> float:
    """NaN unless every recording has a value: a mean over the easy ones only would flatter."""
    return float(values.mean()) if len(values) else float("nan")
