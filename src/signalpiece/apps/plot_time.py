"""Figures over time: traces of channels, error and bits along a recording, tokens as a picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

from signalpiece.apps import png
from signalpiece.apps.svg import Scale, figure, label, line, minus, nice_ticks, path, rect, tag, thin, with_prefix
from signalpiece.core.signal import Annotation, Grid


def traces(
    original: Float[np.ndarray, "c t"],
    decoded: Float[np.ndarray, "c t"],
    grid: Grid,
    *,
    valid: Bool[np.ndarray, "c t"] | None = None,
    annotations: Sequence[Annotation] = (),
    row: int = 92,
) -> str:
    """Original and decoded channels over each other, in true proportions, with gaps, events and a scale bar.

    `grid` says names, units and time of both (its start is the first second shown).
    """
    channels, samples = original.shape
    width, left, top = 1100, _left([_name(grid, c) for c in range(channels)]), 34
    height = top + row * channels + 40
    rate, start = grid.time_rate, grid.start
    x = Scale(start, start + samples / rate, left, width - 8)
    seconds = start + np.arange(samples) / rate
    body = [_events(annotations, x, top, height - 38)]
    for v in nice_ticks(x.low, x.high, 10):
        body += [
            line(float(x(v)), top, float(x(v)), height - 38, "grid"),
            label(float(x(v)), height - 20, clock(v, max(x.high, samples / rate)), anchor="middle"),
        ]
    for c in range(channels):
        middle = top + row * (c + 0.5)
        good = np.ones(samples, bool) if valid is None else valid[c]
        x0, x1 = original[c], decoded[c]
        centre = float(np.median(x0[good])) if good.any() else 0.0
        # the largest excursion fills nine tenths of the row
        reach = float(np.abs(x0[good] - centre).max(initial=0)) or 1.0
        y = Scale(centre - reach, centre + reach, middle + row * 0.45, middle - row * 0.45)
        body.append(_spans(~good, x, rate, start, middle - row / 2, row))
        for values, name in ((x0, "original"), (x1, "decoded")):
            at, shown = thin(np.where(good, values, np.nan), 1500)
            body.append(path(x(seconds[at.astype(int)]), y(shown), class_=f"line {name}"))
        body += [
            label(0, middle + 4, _name(grid, c), class_="t strong"),
            _bar(y, reach, grid.unit(c), left - 8, middle),
        ]
    body.append(label(width - 8, height - 4, "time", anchor="end", class_="t name"))
    says = f"{channels} channels, {samples / rate:g} seconds from {start:g} s, original and decoded over each other"
    return f'<div class="scroll">{figure(width, height, body, says, class_="wide traces")}</div>'


def timeline(
    seconds: Float[np.ndarray, "n"],
    error_db: Float[np.ndarray, "n"],
    bits: Float[np.ndarray, "m"],
    *,
    total: float,
    gaps: Sequence[tuple[float, float]] = (),
    annotations: Sequence[Annotation] = (),
) -> str:
    """Error (dB) and bits per second and channel along the whole recording, with its events and gaps."""
    width, left, top, height = 1100, 64, 56, 316 if len(bits) else 210
    x = Scale(0, total, left, width - 8)
    finite = error_db[np.isfinite(error_db)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (-20.0, 0.0)
    y1 = Scale(np.floor(low - 1), np.ceil(high + 1), 166, top)
    y2 = Scale(0, float(np.nanmax(bits, initial=1.0)) * 1.1, height - 44, 202)
    panels = ((y1, "NMSE, dB"), (y2, "bits/s/channel"))[: 2 if len(bits) else 1]
    body = [_events(annotations, x, top - 28, height - 44, most=12)]
    for a, b in gaps:
        body.append(rect(float(x(a)), top, float(x(b) - x(a)), height - 44 - top, class_="gap", title="gap"))
    for y, name in panels:
        for v in y.ticks(3):
            body += [
                line(left, float(y(v)), width - 8, float(y(v)), "grid"),
                label(left - 7, float(y(v)) + 4, minus(v), anchor="end"),
            ]
        body.append(label(left, float(y.stop) - 9, name, class_="t name halo"))
    body.append(path(x(seconds), y1(error_db), class_="line thick decoded"))
    if len(bits):
        body.append(path(x(seconds), y2(bits), class_="line thick", style="stroke:var(--s1)"))
    for v in time_ticks(total):
        body.append(label(float(x(v)), height - 22, clock(v, total), anchor="middle"))
    body.append(line(left, height - 44, width - 8, height - 44))
    says = f"error and bits along {clock(total, total)}"
    return f'<div class="scroll">{figure(width, height, body, says, class_="wide")}</div>'


def raster(cells: UInt8[np.ndarray, "h w 4"], names: Sequence[str], start: float, stop: float, says: str) -> str:
    """Tokens as a picture: one row a channel, time from `start` to `stop` seconds."""
    width, left, top = 1100, _left(names), 6
    tall = int(np.clip(cells.shape[0] * 16, 48, 430))
    x = Scale(start, stop, left, width - 8)
    body = [
        tag(
            "image",
            x=left,
            y=top,
            width=width - 8 - left,
            height=tall,
            href=png.data_uri(cells),
            preserveAspectRatio="none",
            style="image-rendering:pixelated",
        )
    ]
    row = tall / max(len(names), 1)
    for c in range(0, len(names), max(int(np.ceil(15 / row)), 1)):
        body.append(label(left - 8, top + row * (c + 0.5) + 4, _short(names[c]), anchor="end"))
    for v in time_ticks(stop - start):
        body.append(label(float(x(start + v)), top + tall + 18, clock(start + v, stop), anchor="middle"))
    body.append(label(width - 8, top + tall + 34, "time", anchor="end", class_="t name"))
    return f'<div class="scroll">{figure(width, top + tall + 40, body, says, class_="wide")}</div>'


def clock(seconds: float, total: float) -> str:
    """A moment as people read it: 3.5 s, 12:30, 7:05:00."""
    if total <= 120:
        return f"{seconds:g} s"
    whole = int(round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if total > 5400 or hours else f"{minutes}:{rest:02d}"


def time_ticks(total: float) -> list[float]:
    """About eight round moments from 0 to `total` seconds."""
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600)
    step = next((s for s in steps if total / s <= 9), 43200.0)
    return [float(k * step) for k in range(int(total / step) + 1)]


def _events(
    annotations: Sequence[Annotation], x: Scale, top: float, bottom: float, *, most: int = 40, limit: int = 1500
) -> str:
    """Events as lines with their text; where there are more than `most`, as ticks along the top."""
    inside = [a for a in annotations if x.low <= a.onset <= x.high]
    many = len(inside) > most
    parts, free = [], -1.0
    for event in inside[:: -(-len(inside) // limit) or 1]:
        at = float(x(event.onset))
        tip = f"{event.text}\n{clock(round(event.onset, 2), x.high)}"
        end = top + 9 if many else bottom
        parts.append(tag("line", "", x1=at, y1=float(top), x2=at, y2=float(end), class_="event", data_tip=tip))
        if at > free and not many:
            text = event.text if len(event.text) <= 18 else event.text[:17] + "\u2026"
            parts.append(label(at + 3, top - 6, text, class_="t event-name"))
            free = at + 8 + 7 * len(text)
    if many:
        parts.append(label(x.start, top - 6, f"{len(inside)} events", class_="t event-name"))
    return "".join(parts)


def _spans(bad: Bool[np.ndarray, "t"], x: Scale, rate: float, start: float, top: float, height: float) -> str:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(int)))
    parts = []
    for a, b in edges.reshape(-1, 2):
        left, right = float(x(start + a / rate)), float(x(start + b / rate))
        parts.append(rect(left, top, right - left, height, class_="gap", title="missing in the file"))
    return "".join(parts)


def _bar(y: Scale, reach: float, unit: str, x: float, middle: float) -> str:
    size = nice_ticks(0, reach, 2)[-1] or reach
    tall = abs(float(y(y.low + size)) - float(y(y.low)))
    text = tag(
        "text", with_prefix(size, unit), x=float(x - 4), y=float(middle + 19), text_anchor="end", class_="t small"
    )
    return line(x, middle - tall / 2, x, middle + tall / 2) + text


def _name(grid: Grid, channel: int) -> str:
    return _short(grid.names[channel] if grid.sensors else f"ch{channel}")


def _left(names: Sequence[str]) -> int:
    """Room for the names of channels."""
    return 92 if any(len(n) > 6 for n in names) else 64


def _short(name: str) -> str:
    return name if len(name) <= 10 else name[:9] + "\u2026"
