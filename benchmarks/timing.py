"""One thread, CPU time, best of several runs: imported first, so that the libraries below see the setting."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"


def cpu_seconds(run: Callable[[], Any], repeats: int = 5) -> float:
    """CPU time of the fastest of `repeats` runs, after one that warms up."""
    run()
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        run()
        best = min(best, time.process_time() - began)
    return best


def show(rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> None:
    """Rows as JSON with --json, else as a table; missing cells are blank."""
    if "--json" in sys.argv[1:]:
        print(json.dumps({"rows": list(rows), "notes": list(notes)}))
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns] + [[_text(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print(
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        )
    for note in notes:
        print(note)


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
