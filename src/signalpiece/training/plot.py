"""Curves of a run as one self-contained page."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, EDGE = 900, 360, 48
COLORS = ("#1f5fa8", "#c2410c", "#15803d", "#7c3aed", "#b91c1c", "#0e7490", "#a16207", "#475569")
AROUND = ("step", "seconds", "learning_rate")  # columns that are no loss
MOST = 600  # points of one curve


def page(rows: Sequence[dict[str, float | str]], *, running: bool) -> str:
    """The page; it reloads itself every 5 s while `running`."""
    names = [n for n in rows[0] if n not in AROUND] if rows else []
    curves = {n: _points(rows, n) for n in names}
    curves = {n: p for n, p in curves.items() if p}
    last = rows[-1] if rows else {}
    head = '<meta http-equiv="refresh" content="5">' if running else ""
    state = f"step {last.get('step', 0)}, {last.get('seconds', 0)} s" + ("" if running else ", done")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}<title>Training</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font:14px system-ui;margin:1rem}'
        "svg{max-width:100%;height:auto}</style></head><body>"
        f"<p>{escape(state)}</p>{_svg(curves)}</body></html>\n"
    )


def _points(rows: Sequence[dict[str, float | str]], name: str) -> list[tuple[float, float]]:
    pairs = [(float(r["step"]), float(r[name])) for r in rows if r.get(name, "") != ""]
    pairs = [(x, y) for x, y in pairs if y > 0 and math.isfinite(y)]
    return pairs[:: max(len(pairs) // MOST, 1)]


def _svg(curves: dict[str, list[tuple[float, float]]]) -> str:
    if not curves:
        return "<p>No losses yet.</p>"
    every = [p for points in curves.values() for p in points]
    right = max(max(x for x, _ in every), 1.0)
    low, high = min(y for _, y in every), max(y for _, y in every)
    low, high = math.log10(low) - 0.02, math.log10(high) + 0.02

    def place(x: float, y: float) -> str:
        across = EDGE + x / right * (WIDTH - 2 * EDGE)
        return f"{across:.1f},{HEIGHT - EDGE - (math.log10(y) - low) / (high - low) * (HEIGHT - 2 * EDGE):.1f}"

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="Losses by step">']
    for k in range(5):
        value = 10 ** (low + (high - low) * k / 4)
        y = place(0, value).split(",")[1]
        out.append(f'<path d="M{EDGE} {y}H{WIDTH - EDGE}" stroke="#ddd"/><text x="2" y="{y}">{value:.3g}</text>')
    out.append(f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 8}" text-anchor="end">step {right:.0f}</text>')
    for k, (name, points) in enumerate(curves.items()):
        color = COLORS[k % len(COLORS)]
        line = " ".join(place(x, y) for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        out.append(f'<text x="{EDGE + 110 * k}" y="16" fill="{color}">{escape(name)}</text>')
    return "".join(out) + "</svg>"
