"""Drawing as text: small functions that return SVG, coloured by the page's style sheet so that it follows dark mode."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "\u00b5"), (1e-9, "n"), (1e-12, "p"))


def number(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def tag(name: str, body: str | Iterable[str] = "", **attributes: object) -> str:
    """One element; `class_` and `_` in names become `class` and `-`, None is left out, `title=` becomes a tooltip."""
    title = attributes.pop("title", None)
    text = body if isinstance(body, str) else "".join(body)
    if title is not None:
        text = f"<title>{html.escape(str(title))}</title>" + text
    parts = []
    for key, value in attributes.items():
        if value is None:
            continue
        shown = number(float(value)) if isinstance(value, float | np.floating) else html.escape(str(value), quote=True)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{shown}"')
    return f"<{name}{''.join(parts)}>{text}</{name}>"


def label(x: float, y: float, text: str, *, anchor: str = "start", class_: str = "t") -> str:
    """A text whose baseline starts (or ends, or is centred) at x, y."""
    return tag("text", html.escape(text), x=float(x), y=float(y), text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "axis") -> str:
    """A straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def rect(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    """A rectangle."""
    return tag(
        "rect", "", x=float(x), y=float(y), width=float(max(width, 0)), height=float(max(height, 0)), **attributes
    )


def path(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], **attributes: object) -> str:
    """A line through points; NaN lifts the pen."""
    steps, down, last = [], False, (0.0, 0.0)
    for a, b in zip(np.round(x, 1).tolist(), np.round(y, 1).tolist(), strict=True):
        if a != a or b != b:
            down = False
            continue
        if down:
            steps.append(f"l{number(a - last[0])} {number(b - last[1])}")
        else:
            steps.append(f"M{number(a)} {number(b)}")
        down, last = True, (a, b)
    attributes.setdefault("class_", "line")
    return tag("path", "", d="".join(steps), **attributes)


def area(x: Float[np.ndarray, "n"], low: Float[np.ndarray, "n"], high: Float[np.ndarray, "n"], class_: str) -> str:
    """The band between two lines."""
    points = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)]
    return tag("path", d="M" + "L".join(f"{number(a)} {number(b)}" for a, b in points) + "z", class_=class_)


def figure(width: int, height: int, body: Iterable[str], says: str, *, class_: str = "") -> str:
    """An SVG that fills its column; `says` is what a screen reader reads."""
    return tag(
        "svg", body, viewBox=f"0 0 {width} {height}", role="img", aria_label=says, class_=f"figure {class_}".strip()
    )


@dataclass(frozen=True)
class Scale:
    """Data to pixels, linear or logarithmic; values outside are clipped to the ends."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: Any) -> Any:
        """Pixels of a value or of an array of values."""
        v = np.asarray(value, float)
        low, high = self.low, self.high
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                v, low, high = np.log(v), np.log(low), np.log(high)
        part = (v - low) / ((high - low) or 1.0)
        return self.start + np.clip(part, 0, 1) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round numbers inside the scale."""
        if not self.log:
            return nice_ticks(self.low, self.high, count)
        wanted = [m * 10.0**e for e in range(-3, 7) for m in (1, 1.5, 2, 3, 4, 6, 8)]
        inside = [w for w in wanted if self.low <= w <= self.high]
        return inside[:: max(len(inside) // (count + 1), 1)]


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """At most about `count` multiples of 1, 2 or 5 times a power of ten."""
    span = (high - low) or 1.0
    raw = span / max(count, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw - 1e-12)
    first = np.ceil(low / step - 1e-9)
    return [float((first + k) * step) for k in range(int((high - first * step) / step + 1e-6) + 1)]


def frame(x: Scale, y: Scale, *, x_label: str = "", y_label: str = "", x_ticks: Sequence[float] = ()) -> str:
    """Grid lines, ticks and axis labels of a plot."""
    left, right = min(x.start, x.stop), max(x.start, x.stop)
    top, bottom = min(y.start, y.stop), max(y.start, y.stop)
    parts = []
    for v in y.ticks(5):
        parts += [
            line(left, float(y(v)), right, float(y(v)), "grid"),
            label(left - 7, float(y(v)) + 4, minus(v), anchor="end"),
        ]
    for v in x_ticks or x.ticks(6):
        parts += [
            line(float(x(v)), bottom, float(x(v)), bottom + 4),
            label(float(x(v)), bottom + 18, minus(v), anchor="middle"),
        ]
    parts += [line(left, bottom, right, bottom), label(right, bottom + 35, x_label, anchor="end", class_="t name")]
    return "".join([*parts, label(left - 34, top - 10, y_label, class_="t name")])


def minus(value: float) -> str:
    """A tick's value with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


def db(value: float, digits: int = 1) -> str:
    """Decibels as people read them: a real minus sign, a dash where there is no value."""
    if not np.isfinite(value):
        return "\u2013"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\u2212")


def with_prefix(value: float, unit: str) -> str:
    """A value with an SI prefix: with_prefix(2e-5, "V") is "20 uV" with a micro sign."""
    if not np.isfinite(value) or value == 0:
        return f"{value:g} {unit}".rstrip()
    factor, letter = next(((f, p) for f, p in PREFIXES if abs(value) >= f * 0.9995), (1e-15, "f"))
    return f"{value / factor:.3g} {letter}{unit}".rstrip()


def thin(y: Float[np.ndarray, "n"], points: int) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Sample numbers and values of at most 2 x `points` samples that keep every peak."""
    size = max(len(y) // max(points, 1), 1)
    if size < 3:
        return np.arange(len(y), dtype=float), np.asarray(y, float)
    whole = len(y) // size * size
    blocks = np.where(np.isfinite(y[:whole]), y[:whole], 0).reshape(-1, size)
    offset = np.arange(len(blocks)) * size
    at = np.sort(np.stack([offset + blocks.argmin(1), offset + blocks.argmax(1)], 1), axis=1).ravel()
    return at.astype(float), np.asarray(y, float)[at]
