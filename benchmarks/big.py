"""A 6 GB recording encodes in bounded memory: peak resident memory and time of `signalpiece encode`.

    python -m benchmarks.big [--gigabytes 6] [--model dct] [--bits N] [--folder DIR] [--json]

The BDF is made on the spot and is sparse: of its 6 GB all but one record in 300 are holes, so it takes little disk and
the reader still goes through every byte.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LIMIT_BYTES = 1.5e9
EVERY = 300  # records from one that is not empty to the next

# runs inside the measured process: what it prints last is its peak resident memory and its time
CHILD = """
import json, os, sys, time
began = time.perf_counter()
{body}
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
spent = os.times()
print(json.dumps({{"peak_bytes": peak, "wall_seconds": time.perf_counter() - began,
                   "cpu_seconds": spent.user + spent.system}}))
"""
COMMAND_LINE = """
from signalpiece.apps.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    if end.code:
        raise
"""


def make_sparse_bdf(path: Path, size: float, channels: int = 64, rate: int = 2048) -> tuple[int, float]:
    """Writes a BDF of about `size` bytes, mostly holes; returns its exact size and its length in seconds."""
    record = channels * rate * 3
    records = max(int(size) // record, 1)
    labels = [f"EEG{c + 1}" for c in range(channels)]

    def column(texts: list[str], width: int) -> bytes:
        return "".join(f"{t:<{width}}" for t in texts).encode("ascii")

    def same(text: str, width: int) -> bytes:
        return column([text] * channels, width)

    head = b"\xffBIOSEMI" + column(["X X X X", "Startdate X X X X"], 80) + b"01.01.0100.00.00"
    head += column([str(256 * (channels + 1))], 8) + column(["24BIT"], 44)
    head += column([str(records), "1"], 8) + column([str(channels)], 4)
    head += column(labels, 16) + same("Active electrode", 80) + same("uV", 8)
    head += same("-262144", 8) + same("262143", 8) + same("-8388608", 8) + same("8388607", 8)
    head += same("", 80) + same(str(rate), 8) + same("", 32)
    generator = np.random.default_rng(0)
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + records * record)
        for number in range(0, records, EVERY):
            noise = generator.normal(0, 20, (channels, rate)).cumsum(axis=1) * 0.1  # about 10 microvolts in a second
            values = (np.round(noise * 32)).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3]
            file.seek(len(head) + number * record)
            file.write(values.tobytes())
    return len(head) + records * record, float(records)


def measure(body: str, arguments: list[str]) -> dict[str, float]:
    """Runs Python code in a process of its own; its peak resident memory and times."""
    command = [sys.executable, "-c", CHILD.format(body=body), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the measured process failed: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=6.0)
    parser.add_argument("--model", default="dct")
    parser.add_argument("--folder", type=Path, default=None, help="where to make the files (default: temporary)")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument(
        "--bits", default=None, help="a budget in bits per second and channel, in place of a step of 2 uV"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path, out = Path(folder, "big.bdf"), Path(folder, "big.sp")
        size, seconds = make_sparse_bdf(path, options.gigabytes * 1e9, options.channels)
        on_disk = path.stat().st_blocks * 512
        how = ["--bits", options.bits] if options.bits else ["--step", "2uV"]
        found = measure(COMMAND_LINE, ["encode", options.model, str(path), "--out", str(out), *how])
        coded = out.stat().st_size
    figures = {
        "file_bytes": size,
        "disk_bytes": on_disk,
        "recording_seconds": seconds,
        "channels": options.channels,
        "coded_bytes": coded,
        **found,
        "limit_bytes": LIMIT_BYTES,
        "channel_seconds_per_cpu_second": seconds * options.channels / found["cpu_seconds"],
    }
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        print(
            f"{size / 1e9:.2f} GB BDF ({on_disk / 1e6:.0f} MB on disk), {seconds / 3600:.1f} h of {options.channels} "
            f"channels -> {coded / 1e6:.1f} MB of tokens"
        )
        print(f"peak resident memory {found['peak_bytes'] / 1e9:.2f} GB (limit {LIMIT_BYTES / 1e9:.1f} GB)")
        print(
            f"{found['wall_seconds']:.0f} s, {found['cpu_seconds']:.0f} s of processor time, "
            f"{figures['channel_seconds_per_cpu_second']:.0f} channel-seconds per CPU-second"
        )
    return int(found["peak_bytes"] > LIMIT_BYTES)


if __name__ == "__main__":
    sys.exit(main())
