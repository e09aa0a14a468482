"""What `signalpiece info` tells of a file, as plain values ready for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signalpiece.signals.recording import Recording


def describe(path: str | Path, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Facts of every recording of a file; names of persons and dates are not among them.

    Returns:
        `file`, `bytes` and `recordings`, each with `channels`, `kinds`, `rate` (Hz; None without time), `samples`
        (stored ones, gaps not counted), `seconds` (gaps counted), `units` (one per channel, or one for all),
        `annotations` [onset s, duration s, text], `gaps` [start s, stop s], `warnings`, `axes` and `shape`.
    """
    size = Path(path).stat().st_size if Path(path).exists() else None
    return {"file": Path(path).name, "bytes": size, "recordings": [_facts(r) for r in recordings]}


def _facts(recording: Recording) -> dict[str, Any]:
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
        "units": [grid.unit(c) for c in range(channels)] if channels else list(grid.units),
        "annotations": [[a.onset, a.duration, a.text] for a in recording.annotations],
        "gaps": [list(gap) for gap in recording.gaps] if timed else [],
        "positions": sum(s.position is not None for s in grid.sensors),
        "stored_integers": recording.has_stored,
        "warnings": list(recording.warnings),
        "axes": list(grid.axes),
        "shape": list(grid.shape),
    }
