"""Lossless and bounded coding against the tools that people have.

    python -m benchmarks.lossless --data DIR [--json] [--only NAME] [--no-tools]

Bits per sample of the samples' payload, a whole recording as one unit, and at level default also in units of 60 s;
channel-seconds per CPU-second in brackets (`encode`, `decode`), one thread, one run after a warm one. Every unit is
decoded and compared. `bounded` rows: samples within half a microvolt; the tools get the same grid.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks.timing  # noqa: F401 (one thread)
from benchmarks import lossless_tools
from benchmarks.lossless_sets import CASES, MUSE_MARGIN, Samples, find, load
from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Header
from signalpiece.entropy.lossless import LEVELS, Lossless
from signalpiece.tokenizers.bound import check_bound, from_grid, steps_within, to_grid

CHUNK, BOUND = 60.0, 0.5e-6  # seconds, volts
BEST = ("xz", "bzip2", "flac", "wavpack")  # what a unit must never be larger than


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--no-tools", action="store_true")
    said = parser.parse_args()
    rows = []
    for case in CASES:
        path = find(case, said.data)
        if said.only not in case.name or path is None:
            continue
        samples = load(case, path)
        rows.append(measure(samples, case.target, not said.no_tools))
        tell(rows[-1], said.json)
        if case.bound_target is not None:
            rows.append(measure(bounded(samples), case.bound_target, not said.no_tools))
            tell(rows[-1], said.json)
    gone = {} if said.no_tools else lossless_tools.missing()
    if said.json:
        print(json.dumps({"rows": rows, "left out": gone}))
        return
    for tool, why in gone.items():
        print(f"{tool} left out: {why}")


def bounded(samples: Samples) -> Samples:
    """The recording brought to the widest grid that keeps half a microvolt."""
    limit = np.where(np.isnan(samples.unit), 0.0, BOUND / samples.unit)
    steps = steps_within(limit)
    k = to_grid(samples.values, steps)
    check_bound(samples.values, k, steps, limit)
    assert (to_grid(np.floor(from_grid(k, steps)).astype(np.int64), steps) == k).all()
    return Samples(f"{samples.name} within .5 uV", k, samples.rate, samples.width, samples.unit)


def measure(samples: Samples, target: float | None, tools: bool) -> dict[str, Any]:
    """One row: bits per sample of every tool and level, speeds, and whether the target is reached."""
    x = samples.values
    per, work = 8 / x.size, x.size / samples.rate
    row: dict[str, Any] = {"set": samples.name, "channels": x.shape[1], "seconds": len(x) / samples.rate}
    if tools:
        row |= {t: n * per for t, n in lossless_tools.sizes(x, samples.rate).items()}
    for level in LEVELS:
        run_unit(x[:64], level)
        size, encode, decode = run_unit(x, level)
        row |= {level: size * per, f"{level} encode": work / encode, f"{level} decode": work / decode}
    rows = max(round(CHUNK * samples.rate), 1)
    row["60 s"] = sum(run_unit(x[a : a + rows], "default")[0] for a in range(0, len(x), rows)) * per
    best = min((row[t] for t in BEST if t in row), default=None)
    if best is not None:
        row["under the best"] = 1 - row["best"] / best
        row["never larger"] = row["best"] <= best * 1.001 + 64 * per
        if samples.name.startswith("Muse"):
            row["target"], row["reached"] = best * (1 - MUSE_MARGIN), row["best"] <= best * (1 - MUSE_MARGIN)
    if target is not None:
        row["target"], row["reached"] = target, row["best"] <= target
    return row


def run_unit(x: np.ndarray, level: str) -> tuple[int, float, float]:
    """Bytes of one unit, CPU-seconds to encode and to decode it; what comes back must be the same."""
    grid = Grid(("channel", "time"), (None, 1.0), ("",), (x.shape[1], len(x)))
    header, codec = Header(grid, (Column("sample", 0),), segment=len(x)), Lossless(channels=0, level=level)
    began = time.process_time()
    data = codec.encode(x[:, :, None], header)
    between = time.process_time()
    back = codec.decode(data, header)
    ended = time.process_time()
    assert (back[:, :, 0] == x).all(), "what comes back is something else"
    return len(data), between - began, ended - between


def tell(row: dict[str, Any], quiet: bool) -> None:
    """A row as soon as it is known."""
    if quiet:
        print(f"{row['set']} done", file=sys.stderr)
        return
    tools = " ".join(f"{t} {row[t]:.3f}" for t in lossless_tools.TOOLS if t in row)
    levels = " ".join(f"{v} {row[v]:.3f} ({row[f'{v} encode']:.0f}, {row[f'{v} decode']:.0f})" for v in LEVELS)
    said = [
        f"{row['set']}, {row['channels']} channels, {row['seconds']:.0f} s: {tools} | {levels} 60 s {row['60 s']:.3f}"
    ]
    if "under the best" in row:
        said.append(f"{100 * row['under the best']:.1f} % under the best")
        said += [] if row["never larger"] else ["LARGER THAN THE BEST TOOL"]
    if "target" in row:
        said.append(f"target {row['target']:.3f} {'reached' if row['reached'] else 'NOT REACHED'}")
    print("; ".join(said), flush=True)


if __name__ == "__main__":
    main()
