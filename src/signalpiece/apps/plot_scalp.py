"""Error over the scalp, seen from above with the nose up."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from signalpiece.apps import png
from signalpiece.apps.svg import db, figure, label, tag


def flatten(places: Float[np.ndarray, "c 3"]) -> Float[np.ndarray, "c 2"]:
    """Positions in metres (right, front, up) on the unit disc: angle from the vertex becomes distance from the centre.

    The centre of the head is taken from the positions themselves, so that any head frame will do.
    """
    low, high = places.min(0), places.max(0)
    centre = (low + high) / 2
    spread = max(float((high - low)[:2].max()) / 2, 1e-9)
    centre[2] = min(float(np.median(places[:, 2])), float(high[2] - 0.9 * spread))
    x, y, z = ((places - centre) / spread).T
    angle = np.arctan2(np.hypot(x, y), z)
    around = np.arctan2(y, x)
    reach = angle / max(float(angle.max()), np.pi / 2) * 0.94
    return np.stack([reach * np.cos(around), reach * np.sin(around)], 1)


def head_map(
    positions: Float[np.ndarray, "c 2"], loss: Float[np.ndarray, "c"], names: Sequence[str], low: float, high: float
) -> str:
    """Error over the scalp seen from above, nose up; positions within the unit circle."""
    size, r = 200, 88.0
    known = np.isfinite(loss)
    body = [tag("path", d=f"M{100 - 13} {100 - r + 3}L100 {100 - r - 11}L{100 + 13} {100 - r + 3}", class_="outline")]
    if known.sum() >= 3:
        cells = png.colour(
            _interpolate(positions[known], np.clip((loss[known] - low) / ((high - low) or 1), 0, 1)), png.LOSS
        )
        body.append(
            tag(
                "image",
                x=100 - r,
                y=100 - r,
                width=2 * r,
                height=2 * r,
                href=png.data_uri(cells),
                preserveAspectRatio="none",
            )
        )
    body.append(tag("circle", cx=100, cy=100, r=r, class_="outline"))
    for (px, py), value, name in zip(positions, loss, names, strict=True):
        tip = f"{name}\n{db(value)} dB"
        body.append(
            tag(
                "circle",
                cx=float(100 + px * r),
                cy=float(100 - py * r),
                r=2.6 if len(loss) < 80 else 1.6,
                style="fill:#12181f;stroke:#fff;stroke-width:.7",
                data_tip=tip,
            )
        )
    return figure(size, size + 6, body, "error over the scalp")


def colour_bar(low: float, high: float, unit: str = "dB") -> str:
    """What the colours of the maps mean."""
    bar = png.data_uri(png.colour(np.linspace(0, 1, 64)[None], png.LOSS))
    body = [tag("image", x=60, y=4, width=200, height=12, href=bar, preserveAspectRatio="none")]
    body += [label(54, 15, f"{db(low, 0)} {unit}", anchor="end"), label(266, 15, f"{db(high, 0)} {unit}")]
    return f'<div style="max-width:330px">{figure(330, 22, body, "colour scale")}</div>'


def _interpolate(positions: Float[np.ndarray, "c 2"], values: Float[np.ndarray, "c"]) -> Float[np.ndarray, "h w"]:
    """Thin-plate spline over the disc, NaN outside."""
    from scipy.interpolate import RBFInterpolator

    axis = (np.arange(64) + 0.5) / 32 - 1
    px, py = np.meshgrid(axis, -axis)
    inside = px**2 + py**2 <= 1
    places, first = np.unique(np.round(positions, 4), axis=0, return_index=True)
    smooth = RBFInterpolator(places, values[first], smoothing=1e-3, kernel="linear")
    out = np.full(px.shape, np.nan)
    out[inside] = np.clip(smooth(np.stack([px[inside], py[inside]], 1)), 0, 1)
    return out
