"""Figures of loss: spectra, error per band and channel, curves of error against bits; bars of code columns."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from signalpiece.apps.svg import Scale, db, figure, frame, label, line, minus, path, rect, tag
from signalpiece.metrics.bands import BANDS, NAMES


def spectra(
    hertz: Float[np.ndarray, "f"],
    original: Float[np.ndarray, "c f"],
    decoded: Float[np.ndarray, "c f"],
    error: Float[np.ndarray, "c f"],
) -> str:
    """Mean power spectra of original, decoded and error in dB, channels of equal variance."""
    width, height = 560, 380
    keep = (hertz >= 0.5) & (hertz <= 48)
    f = hertz[keep]
    rows = [_mean_db(s[:, keep]) for s in (original, decoded, error)]
    top = float(np.nanmax(rows[0])) + 3
    low = max(float(np.nanmin(rows)) - 2, top - 70)
    x, y = (
        Scale(0.5, max(float(f[-1]) if len(f) else 48.0, 2.0), 50, width - 10, log=True),
        Scale(low, top, height - 48, 28),
    )
    body = []
    for k, (name, (a, b)) in enumerate(BANDS.items()):
        left, right = float(x(a)), float(x(min(b, x.high)))
        if k % 2 == 0:
            body.append(rect(left, 28, right - left, height - 76, class_="band"))
        if right - left > 30:
            body.append(label((left + right) / 2, height - 54, name, anchor="middle", class_="t small"))
    body.append(frame(x, y, x_label="Hz", y_label="dB", x_ticks=(1, 2, 4, 8, 13, 20, 30, 45)))
    for row, name in zip(rows, ("original", "decoded", "error"), strict=True):
        body.append(
            path(x(f), y(np.maximum(row, low)), class_=f"line thick {name}" + (" dash" if name == "error" else ""))
        )
    return figure(width, height, body, "power spectra of the original, the decoded signal and the error")


def band_strips(
    per_channel: Mapping[str, Float[np.ndarray, "c"]], pooled: Mapping[str, float], names: Sequence[str]
) -> str:
    """NMSE of every channel as a dot and of all together as a bar, band by band; the worst channel is named."""
    width, row, left = 560, 54, 62
    values = np.concatenate([per_channel[b] for b in NAMES])
    values = values[np.isfinite(values)]
    low = float(np.floor(max(values.min(), -80) / 5) * 5) if len(values) else -20.0
    high = float(np.ceil(max(values.max(), 0) + 2)) if len(values) else 2.0
    x = Scale(min(low, -5), high, left, width - 14)
    height = row * len(NAMES) + 46
    body = []
    for v in x.ticks(7):
        body += [
            line(float(x(v)), 6, float(x(v)), height - 44, "zero" if v == 0 else "grid"),
            label(float(x(v)), height - 26, minus(v), anchor="middle"),
        ]
    for k, band in enumerate(NAMES):
        y = 8 + row * k
        dots = per_channel[band]
        body.append(label(0, y + 22, band, class_="t strong"))
        if np.isfinite(pooled[band]):
            end, zero = float(x(pooled[band])), float(x(0))
            tip = f"{band}, all channels\n{db(pooled[band])} dB"
            body.append(rect(min(end, zero), y + 8, abs(zero - end), 14, class_="bar pooled", data_tip=tip))
            body.append(label(min(end, zero) - 6, y + 20, db(pooled[band]), anchor="end", class_="t strong halo"))
        for c in np.flatnonzero(np.isfinite(dots)).tolist() if len(dots) > 1 else ():
            tip = f"{names[c]}, {band}\n{db(dots[c])} dB"
            body.append(tag("circle", cx=float(x(dots[c])), cy=float(y + 33), r=3.4, class_="dot", data_tip=tip))
        if len(dots) > 1 and np.isfinite(dots).any():
            worst = int(np.nanargmax(dots))
            at = min(float(x(dots[worst])), width - 40)
            body.append(label(at, y + 49, names[worst], anchor="middle", class_="t small halo"))
    body.append(label(width - 14, height - 6, "NMSE, dB: lower is better, 0 = all lost", anchor="end", class_="t name"))
    return figure(width, height, body, "error per frequency band, all channels together and one by one")


def rate_curves(
    curves: Mapping[str, tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]],
    *,
    own: str = "",
    point: tuple[float, float] | None = None,
    y_label: str = "NMSE, dB",
    bits: tuple[float, float] = (20, 800),
) -> str:
    """Error against bits per second and channel, one line a coder; `point` is where the page's own file stands."""
    width, height = 580, 420
    shown = {n: _inside(b, v, bits) for n, (b, v) in curves.items()}
    values = np.concatenate([v for _, v in shown.values()] or [np.array([-20.0, 0.0])])
    values = np.append(values[np.isfinite(values)], point[1] if point else [])
    low, high = (float(values.min()), float(values.max())) if len(values) else (-20.0, 0.0)
    x = Scale(bits[0], bits[1], 50, width - 84, log=True)
    y = Scale(np.floor(low - 1), max(min(np.ceil(high + 0.5), 1.0), low + 2), height - 48, 28)
    body = [
        frame(
            x,
            y,
            x_label="bits per second and channel, in the file",
            y_label=y_label,
            x_ticks=(20, 40, 80, 150, 240, 400, 800),
        )
    ]
    ends = []
    order = [n for n in shown if n != own] + ([own] if own in shown else [])
    for name in order:
        b, v = shown[name]
        style = f"stroke:var({series_colour(list(curves).index(name), name == own)})"
        fill = style.replace("stroke", "fill")
        body.append(path(x(b), y(v), class_="line thick" if name == own else "line", style=style))
        for one, value in zip(b, v, strict=True):
            if np.isfinite(value):
                tip = f"{name}\n{one:.0f} bits/s/channel\n{db(value, 2)} dB"
                body.append(
                    tag(
                        "circle",
                        cx=float(x(one)),
                        cy=float(y(value)),
                        r=4.6 if name == own else 3.6,
                        class_="mark",
                        style=fill,
                        data_tip=tip,
                    )
                )
        if np.isfinite(v).any():
            last = int(np.flatnonzero(np.isfinite(v))[-1])
            ends.append((float(y(v[last])), float(x(b[last])), name, fill))
    if point is not None and all(np.isfinite(point)):
        px, py = float(x(point[0])), float(y(point[1]))
        body.append(
            tag(
                "path",
                d=f"M{px:.1f} {py - 9:.1f}l9 9l-9 9l-9 -9z",
                class_="mark",
                style="fill:var(--decoded)",
                data_tip=f"this file\n{point[0]:.0f} bits/s/channel\n{db(point[1], 2)} dB",
            )
        )
        body.append(label(px + 13, py + 4, "this file", class_="t strong halo"))
    body += _end_labels(ends, width, height - 56.0)
    return figure(width, height, body, "error against bits for each coder")


def series_colour(index: int, own: bool = False) -> str:
    """The style sheet's colour of a coder: the page's own is the first."""
    return "--s0" if own else f"--s{1 + index % 7}"


def column_bars(
    values: Sequence[float], names: Sequence[str], *, y_label: str, limits: Sequence[float] | None = None
) -> str:
    """One bar a code column; `limits` are outlines such as the codebook size."""
    width, height = 560, 300
    top = float(np.nanmax([*values, *(limits or [0.0]), 1e-9])) * 1.08
    x, y = Scale(0, len(values), 50, width - 10), Scale(0, top, height - 48, 28)
    every = max(len(values) // 8, 1)
    body = []
    for v in y.ticks(5):
        body += [
            line(50, float(y(v)), width - 10, float(y(v)), "grid"),
            label(43, float(y(v)) + 4, minus(v), anchor="end"),
        ]
    slot = float(x(1) - x(0))
    for k, value in enumerate(values):
        left, wide = float(x(k)) + slot * 0.1, slot * 0.8
        if limits is not None:
            body.append(rect(left, float(y(limits[k])), wide, float(y(0) - y(limits[k])), class_="outline"))
        body.append(
            rect(left, float(y(value)), wide, float(y(0) - y(value)), class_="bar", data_tip=f"{names[k]}\n{value:.3g}")
        )
        if k % every == 0:
            body.append(label(float(x(k)) + slot / 2, height - 30, names[k], anchor="middle"))
    body += [line(50, float(y(0)), width - 10, float(y(0))), label(16, 18, y_label, class_="t name")]
    return figure(width, height, body, y_label)


def _mean_db(power: Float[np.ndarray, "c f"]) -> Float[np.ndarray, "f"]:
    mean = power.mean(0)
    return 10 * np.log10(np.maximum(mean, max(float(mean.max(initial=0)) * 1e-12, 1e-300)))


def _inside(
    bits: Float[np.ndarray, "k"], values: Float[np.ndarray, "k"], limits: tuple[float, float]
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    order = np.argsort(bits)
    b, v = np.asarray(bits, float)[order], np.asarray(values, float)[order]
    keep = (b >= limits[0]) & (b <= limits[1])
    return b[keep], v[keep]


def _end_labels(ends: list[tuple[float, float, str, str]], width: int, lowest: float) -> list[str]:
    """Names in a column at the right, none over another, each joined to the end of its line."""
    ends = sorted(ends)
    at: list[float] = []
    for y, *_ in ends:
        at.append(max(y, at[-1] + 16) if at else y)
    for k in range(len(at) - 1, -1, -1):
        at[k] = min(at[k], lowest if k == len(at) - 1 else at[k + 1] - 16)
    out = []
    for (y, x, name, fill), where in zip(ends, at, strict=True):
        short = name if len(name) < 13 else name[:12] + "\u2026"
        left = float(width - 80)
        points = f"M{x:.1f} {y:.1f}L{left - 14:.1f} {where:.1f}H{left - 4:.1f}"
        out.append(tag("path", "", d=points, class_="line leader", style=fill.replace("fill", "stroke")))
        out.append(tag("text", short, x=left, y=where + 4, class_="t strong", style=fill))
    return out
