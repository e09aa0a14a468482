"""Tokens of one stored recording, gone through segment by segment: how often each code, what it cost, how it looks."""

from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.apps.measure import segments
from signalpiece.metrics.codes import CodeCounts

MAX_CODES = 3e8  # more are not gone through a second time


def code_view(stored: Any) -> tuple[dict[str, CodeCounts], np.ndarray]:
    """Counts of codes and side, and the tokens as a picture of at most 512 columns."""
    header = stored.header
    is_open = header.columns[0].size == 0
    channels, width = header.grid.size("channel"), min(512, stored.frames)
    total, frames = np.zeros((channels, width)), np.zeros(width)
    ids = np.full((channels, width), -1)
    counts: dict[str, CodeCounts] = {}
    for part in segments(stored):
        for key, tokens in (("codes", part), ("side", part.side)):
            if tokens is None or tokens.codes is None or (key == "side" and key in counts and _once(tokens)):
                continue
            columns = tokens.header.columns
            counts.setdefault(key, CodeCounts([c.size for c in columns]))
            counts[key].add(np.asarray(tokens.codes).reshape(-1, len(columns)))
        cube = part.cube()
        at = ((part.first + np.arange(len(cube))) * width) // stored.frames
        if is_open:
            np.add.at(total.T, at, np.log2(1 + np.abs(cube)).sum(2))
            np.add.at(frames, at, 1)
        elif part.first < width:
            ids[:, part.first : part.first + len(cube)] = cube[: width - part.first, :, 0].T
    return counts, total / np.maximum(frames, 1) if is_open else ids


def bits_over_time(stored: Any, counts: dict[str, CodeCounts], bins: int, stretch: float) -> Float[np.ndarray, "m"]:
    """What the codes of each stretch are worth, under the counts of the whole recording."""
    frames, channels = stored.header.frames, stored.header.grid.size("channel")
    if frames is None or stored.frames * channels * len(stored.header.columns) > MAX_CODES:
        return np.zeros(0)
    bits = np.zeros(bins)
    for part in segments(stored):
        cost = counts["codes"].cost(np.asarray(part.codes)[0]).reshape(-1, channels).sum(1)
        middle = ((part.first + np.arange(len(cost))) * frames.hop - frames.lead + frames.window / 2) / frames.rate
        np.add.at(bits, np.clip((middle / stretch).astype(int), 0, bins - 1), cost)
    return bits / (channels * stretch)


def _once(side: Any) -> bool:
    return side.header.frames is None
