"""Start-up times: importing the library and asking the command for help, best of several fresh processes.

python -m benchmarks.startup [--json]
"""

import argparse
import json
import resource
import subprocess
import sys
import time

LIMITS = {"import signalpiece": 0.2, "signalpiece --help": 0.3}  # seconds of processor time, Python included


def cases() -> dict[str, list[str]]:
    help_code = "from signalpiece.apps.cli import main; main(['--help'])"
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import signalpiece": [sys.executable, "-c", "import signalpiece"],
        "signalpiece --help": [sys.executable, "-c", help_code],
    }


def measure(command: list[str], times: int) -> tuple[float, float]:
    """Wall and processor seconds of a process, each the least of several runs."""
    walls, cpus = [], []
    for _ in range(times):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(walls), min(cpus)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {name: measure(command, options.times) for name, command in cases().items()}
    bare = found["python -c pass"]
    rows = [
        {
            "case": name,
            "wall_seconds": wall,
            "cpu_seconds": cpu,
            "above_python_seconds": cpu - bare[1],
            "limit_seconds": LIMITS.get(name),
        }
        for name, (wall, cpu) in found.items()
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(f"{'':22}{'wall s':>8}{'cpu s':>8}{'above python':>14}{'limit':>8}")
        for row in rows:
            limit = "-" if row["limit_seconds"] is None else f"{row['limit_seconds']:.1f}"
            print(
                f"{row['case']:22}{row['wall_seconds']:8.3f}{row['cpu_seconds']:8.3f}"
                f"{row['above_python_seconds']:14.3f}{limit:>8}"
            )
    return int(any(r["limit_seconds"] and r["cpu_seconds"] > r["limit_seconds"] for r in rows))


if __name__ == "__main__":
    sys.exit(main())
