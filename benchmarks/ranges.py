"""What a range costs: bytes fetched and CPU time for 4 s of 3 channels out of two hours of 64.

    python -m benchmarks.ranges --data DIR [--json]

PhysioNet S001 R01 to R08 one after another, again and again, at one step; read through fsspec, whose bytes are counted:
first those that opening takes, then those of the range. A channel by itself is the cheapest range and the largest file.
"""

from benchmarks.timing import cpu_seconds, show  # noqa: I001 (first: it sets the number of threads)

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.apps.load import load
from signalpiece.apps.measure import in_memory
from signalpiece.apps.suite import suite_excerpts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.stores.source import Source
from signalpiece.tokenizers.files import decode_range, encode_files, open_tokens

SECONDS, STEP, AT, CHANNELS = 7200.0, 4e-6, 4000.0, [3, 21, 40]
WAYS: dict[str, dict[str, Any]] = {
    "eeg": {},
    "eeg --group 8": {"group": 8},
    "eeg --group 1": {"group": 1},
    "eeg --mode spatial": {"mode": "spatial"},
}


def night(data: str | None) -> Signal:
    """Two hours of 64 channels."""
    runs = [e.signal for e in suite_excerpts("suite-eeg-1", "test", data) if e.set.endswith("physionet")]
    values = np.concatenate([np.asarray(r.values) for r in runs], 1)
    length = round(SECONDS * runs[0].grid.time_rate)
    values = np.tile(values, (1, -(-length // values.shape[1])))[:, :length]
    return Signal(replace(runs[0].grid, shape=values.shape), values)


def row(name: str, how: dict[str, Any], signal: Signal, folder: Path) -> dict[str, Any]:
    """Of the table."""
    path, tokenizer = folder / "night.sp", load("eeg", **how)
    encode_files(tokenizer, [in_memory(signal, "night.edf")], path, step=STEP)
    sources: list[Source] = []
    start = Source.__init__

    def noted(self: Source, where: Any) -> None:
        sources.append(self)
        start(self, where)

    Source.__init__ = noted
    stored = open_tokens(path, tokenizer).recordings[0]
    opened = sources[-1].bytes_read
    decode_range(stored, tokenizer, AT, AT + 4, CHANNELS)
    fetched = sources[-1].bytes_read - opened
    Source.__init__ = start
    seconds = cpu_seconds(lambda: decode_range(stored, tokenizer, AT, AT + 4, CHANNELS))
    bits = stored.bits["total"] / (SECONDS * signal.grid.size("channel"))
    return {"coder": name, "bits/s/channel": round(bits, 1), "file": path.stat().st_size, "bytes to open": opened,
            "bytes of the range": fetched, "CPU ms": round(1e3 * seconds, 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--json", action="store_true")
    try:
        signal = night(parser.parse_args().data)
        with tempfile.TemporaryDirectory() as folder:
            show([row(name, how, signal, Path(folder)) for name, how in WAYS.items()])
    except SignalPieceError as error:
        print(f"ranges: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
