"""What `signalpiece info` tells of a file, as plain values ready for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError

_LARGEST = 1.0  # volt; electrodes on or in a head never give more


def describe(path: str | Path, recordings: Sequence[Any]) -> dict[str, Any]:
    """Facts of every recording of a file; names of persons and dates are not among them.

    Returns:
        `file`, `bytes` and `recordings`, each with `channels`, `kinds`, `rate` (Hz; None without time), `samples`
        (stored ones, gaps not counted), `seconds` (gaps counted), `units` (one per channel, or one for all),
        `annotations` [onset s, duration s, text], `gaps` [start s, stop s], `warnings`, `axes`, `shape` and what else
        the format says (`times` of frames).
    """
    size = Path(path).stat().st_size if Path(path).exists() else None
    return {"file": Path(path).name, "bytes": size, "recordings": [_facts(r) for r in recordings]}


def _facts(recording: Any) -> dict[str, Any]:
    grid = recording.grid
    rate = dict(zip(grid.axes, grid.rate, strict=True)).get("time")
    timed = "time" in grid.axes and rate is not None
    channels = grid.size("channel") if "channel" in grid.axes else 0
    return {
        "format": recording.format,
        "channels": list(grid.names),
        "kinds": list(grid.kinds),
        "rate": rate if channels or "channel" not in grid.axes else None,
        "samples": recording.samples if timed else None,
        "seconds": grid.seconds if timed else None,
        "units": [grid.unit(c) for c in range(channels)] if "channel" in grid.axes else list(grid.units),
        "annotations": [[a.onset, a.duration, a.text] for a in recording.annotations],
        "gaps": [list(gap) for gap in recording.gaps] if timed else [],
        "positions": sum(s.position is not None for s in grid.sensors),
        "stored_integers": recording.has_stored,
        "warnings": [*recording.warnings, *_implausible(recording)],
        "axes": list(grid.axes),
        "shape": list(grid.shape),
        **{key: v for key, v in getattr(recording, "extra", {}).items() if isinstance(v, (str, int, float, tuple))},
    }


def _implausible(recording: Any) -> list[str]:
    """A sentence about electrodes whose first second reaches volts: their unit is probably wrong in the file."""
    grid = recording.grid
    heads = [n for n, s in enumerate(grid.sensors) if s.kind in ("eeg", "ecog", "seeg") and grid.unit(n) == "V"]
    if not heads or "time" not in grid.axes or not grid.size("time"):
        return []
    try:
        first = recording.read(0.0, min(1.0, grid.seconds))
    except SignalPieceError:
        return []
    peak = np.abs(first.values[heads]).max(axis=1, initial=0.0)
    if not (peak > _LARGEST).any():
        return []
    name = grid.names[heads[int(peak.argmax())]]
    return [f"{name} reaches {peak.max():.3g} V in the first second; the unit in the file is probably wrong"]
