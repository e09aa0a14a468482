"""Sections of a report on the tokens: their cost, their looks, the use of the vocabulary, and what was not measured."""

from collections import Counter
from typing import Any

import numpy as np

from signalpiece.apps import plot_error, plot_time, png
from signalpiece.apps.page import Section, escape, plain_list, table
from signalpiece.apps.report_data import FileMeasured
from signalpiece.metrics.codes import CodebookUse

PARTS = {"codes": "codes", "side": "side (steps, gains, transforms)", "header": "header", "index": "index, checksums"}


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.3g} {unit}" if count < 1000 else f"{count:,.0f} {unit}"
        count /= 1000
    return ""


def cost_section(m: FileMeasured) -> Section:
    """Bits by part, and what coding adds to or saves on the ideal."""
    total = m.bits["total"] - m.bits.get("annotations", 0)
    rows = [
        [text, size(m.bits[k] / 8), f"{m.bits[k] / m.channel_seconds:.2f}", f"{100 * m.bits[k] / total:.1f} %"]
        for k, text in PARTS.items()
    ]
    rows.append(["the file", size(total / 8), f"{m.rate_file:.2f}", "100 %"])
    parts = table(["part", "size", "bits/s/channel", "share"], rows, caption="The file")
    kinds = table(
        ["counted as", "bits/s/channel"],
        [
            ["nominal: fixed-length codes", f"{m.rate_nominal:.1f}"],
            ["order-0 entropy of the codes", f"{m.rate_entropy:.1f}"],
            ["the real file", f"{m.rate_file:.1f}"],
        ],
        caption="Three ways to count",
    )
    saved = 1 - m.rate_file / m.rate_nominal if m.rate_nominal else 0.0
    finding = f"The file spends {m.rate_file:.0f} bits per second and channel"
    if saved > 0.005:
        finding += f", {100 * saved:.0f} % less than fixed-length codes would"
    note = "Nominal: every code with the same number of bits (of the range used, where the codebook is open)."
    events = m.bits.get("annotations", 0)
    if events:
        note += f" Events take another {size(events / 8)}, not counted in the rate."
    return Section("Cost", finding, note, f'<div class="columns"><div>{parts}</div><div>{kinds}</div></div>')


def tokens_section(m: FileMeasured) -> Section:
    """Tokens as a picture: where and when they are large, or which code stands where."""
    header = m.stored.header
    names = list(header.grid.names)
    frames, seconds = header.frames, m.recording.grid.seconds
    per_second = frames.rate / frames.hop if frames is not None else float("nan")
    columns = len(header.columns)
    if header.columns[0].size == 0:
        low, high = np.percentile(m.raster, [1, 99.5]) if m.raster.size else (0.0, 1.0)
        cells = png.colour((m.raster - low) / max(high - low, 1e-9))
        note = "Rows are channels; bright: large codes, which cost bits; dark: zeros."
        stop = seconds
    else:
        cells = png.hue(m.raster)
        stop = min(m.raster.shape[1] / per_second, seconds)
        note = f"Rows are channels; colours are codes of the first column ({header.columns[0].name})."
    pace = f"{round(per_second, 2):g}" if per_second >= 0.1 else f"{per_second:.2g}"
    finding = f"{m.tokens:,} tokens: {pace} per second and channel, {columns} code{'s' * (columns > 1)} each"
    return Section("Tokens", finding, note, plot_time.raster(cells, names, 0.0, stop, "tokens of every channel"))


def vocabulary_section(m: FileMeasured) -> Section:
    """Use and perplexity of closed codebooks; range and entropy of open codes."""
    counts = m.counts["codes"]
    uses, entropy = counts.use(), counts.entropy()
    names = [c.name for c in m.stored.header.columns]
    if all(u.size for u in uses):
        live, total = sum(u.live for u in uses), sum(u.size for u in uses)
        finding = f"{live:,} of {total:,} codes are in use in this recording"
        left = plot_error.column_bars(
            [u.perplexity for u in uses], names, y_label="perplexity", limits=[float(u.size) for u in uses]
        )
        rows = [
            [n, u.size, u.live, f"{100 * u.usage:.1f} %", f"{u.perplexity:.1f}", f"{h:.2f}"]
            for n, u, h in zip(names, uses, entropy, strict=True)
        ]
        right = table(["column", "codes", "live", "use", "perplexity", "bits"], rows)
        note = "Perplexity: how many equally likely codes would cost as much; outlined: codes in the book."
        return Section("Vocabulary", finding, note, _two(left, right))
    zeros = float(np.mean([u.zeros for u in uses]))
    half = int(np.searchsorted(np.cumsum(entropy), entropy.sum() / 2)) + 1
    finding = f"{100 * zeros:.0f} % of the codes are 0; half of the bits go to the first {half} of {len(uses)} columns"
    left = plot_error.column_bars(entropy.tolist(), names, y_label="bits per code (order-0 entropy)")
    last = len(uses) - 1
    shown = sorted({0, min(1, last), min(2, last), last // 4, last // 2, 3 * last // 4, last})
    rows = [_open_row(names[k], uses[k], float(entropy[k])) for k in shown]
    right = table(["column", "range", "bits", "zeros", "beyond \u00b115"], rows, caption="Some columns")
    note = "Codes are open integers: there is no codebook whose entries could die. Columns are coefficients, in order."
    return Section("Vocabulary", finding, note, _two(left, right))


def _open_row(name: str, use: CodebookUse, bits: float) -> list[str]:
    extent = f"{use.low}\u2026{use.high}".replace("-", "\u2212")
    return [name, extent, f"{bits:.2f}", f"{100 * use.zeros:.1f} %", f"{100 * use.large:.2f} %"]


def events_section(m: FileMeasured) -> Section:
    """Events and gaps of the recording, which travel with the tokens."""
    events, gaps = m.recording.annotations, m.recording.gaps
    lost = sum(b - a for a, b in gaps)
    finding = f"{len(events) or 'No'} event{'s' * (len(events) != 1)}"
    finding += f" and {len(gaps)} gap{'s' * (len(gaps) != 1)} of {lost:.1f} s in all" if gaps else " and no gaps"
    body = ""
    if events:
        rows = []
        for text, count in Counter(e.text for e in events).most_common(12):
            mine = [e for e in events if e.text == text]
            mean = float(np.mean([e.duration for e in mine]))
            rows.append(
                [text, count, f"{mean:.2f} s", plot_time.clock(round(mine[0].onset, 2), m.recording.grid.seconds)]
            )
        body += table(["event", "count", "mean length", "first at"], rows)
    if gaps:
        rows = [[f"{a:.2f} s", f"{b:.2f} s", f"{b - a:.2f} s"] for a, b in gaps[:12]]
        body += table(["gap from", "to", "length"], rows)
    warnings = [w for w in m.recording.warnings]
    if warnings:
        body += "<h3>What the reader noticed</h3>" + plain_list(warnings)
    return Section(
        "Events", finding, "Events are stored beside the tokens; a gap takes its time and shifts nothing.", body
    )


def limits_section(tokenizer: Any, m: FileMeasured, scope: str) -> Section:
    """What this page does not say."""
    rate, source = float(tokenizer.rate or m.recording.grid.time_rate), m.recording.grid.time_rate
    left = [n for n in m.recording.grid.names if n not in m.grid.names]
    items = [
        "Whether a clinical reading, a sleep score or a classifier changes: NMSE and correlation do not say.",
        "Anything below .5 Hz or above 45 Hz: both sides were filtered (Butterworth of order 4, zero phase).",
        "One recording says little about others; signalpiece compare takes several, or a whole suite.",
    ]
    if rate < source:
        items.append(
            f"The model works at {rate:g} Hz, the file has {source:g} Hz: what lies above {rate / 2:g} Hz is gone."
        )
    if left:
        text = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
        items.append(f"Channels not compared (triggers and the like): {text}.")
    if scope:
        items.append(
            f"The curves of rivals use an excerpt ({scope}), already filtered; the model's own figures the whole file."
        )
    return Section("Limits", "What was not measured", "", plain_list(items) + _model(tokenizer))


def _model(tokenizer: Any) -> str:
    rows = [
        ["recipe", tokenizer.recipe or "made by hand"],
        ["hash", tokenizer.model_hash or "\u2013"],
        ["works at", f"{tokenizer.rate:g} Hz" if tokenizer.rate else "the file's rate"],
        ["latency", f"{tokenizer.latency_seconds:.3g} s"],
        ["options", ", ".join(f"{k}={v}" for k, v in dict(tokenizer.options).items()) or "defaults"],
    ]
    body = "".join(f'<tr><td>{escape(a)}</td><td class="text">{escape(b)}</td></tr>' for a, b in rows)
    return f'<h3>The model</h3><div class="scroll"><table><tbody>{body}</tbody></table></div>'


def _two(left: str, right: str) -> str:
    return f'<div class="columns"><div>{left}</div><div>{right}</div></div>'
