"""The record of a run: a CSV file of losses, and a page with their curves that reloads itself while the run goes on."""

import csv
import time
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.training.checkpoint import write_bytes
from signalpiece.training.plot import page

EVERY_SECONDS = 2.0  # between two writes of the page

Row = dict[str, Any]


class Log:
    """Rows of a run: `step`, `seconds`, `learning_rate`, `total`, the parts, `validation`.

    Args:
        folder: where `log.csv` and `progress.html` go.
        upto: rows beyond this step are from before a kill and dropped; 0 begins a new log.
    """

    def __init__(self, folder: Path, *, upto: int = 0) -> None:
        self.csv, self.html = folder / "log.csv", folder / "progress.html"
        self.rows: list[Row] = [r for r in _read(self.csv) if float(r["step"]) <= upto] if upto else []
        spent = float(self.rows[-1]["seconds"]) if self.rows else 0.0
        self._begin, self._drawn = time.monotonic() - spent, 0.0
        if self.rows:
            self.rewrite()

    def add(self, row: Row, *, last: bool = False) -> None:
        """Appends a row; a new column rewrites the file."""
        row = {"step": row["step"], "seconds": f"{time.monotonic() - self._begin:.2f}", **row}
        new = not self.rows or bool(set(row) - set(self.rows[0]))
        self.rows.append(row)
        if new:
            self.rows[0] = {**self.rows[0], **{k: "" for k in row if k not in self.rows[0]}}
            self.rewrite()
        else:
            self._append(row)
        if last or time.monotonic() - self._drawn > EVERY_SECONDS:
            self._drawn = time.monotonic()
            write_bytes(self.html, page(self.rows, running=not last).encode())

    def rewrite(self) -> None:
        """Writes all rows anew."""
        lines = [list(self.rows[0])] + [[r.get(c, "") for c in self.rows[0]] for r in self.rows]
        write_bytes(self.csv, "".join(",".join(map(str, line)) + "\n" for line in lines).encode())

    def _append(self, row: Row) -> None:
        try:
            with self.csv.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([row.get(c, "") for c in self.rows[0]])
        except OSError as error:
            raise SignalPieceError(f"{self.csv}: cannot write: {error.strerror or error}") from error


def _read(path: Path) -> list[Row]:
    """Rows of a log; the last one may have been cut short by a kill."""
    if not path.exists():
        return []
    text = path.read_text()
    with_end = text[: text.rfind("\n") + 1]
    return [dict(r) for r in csv.DictReader(with_end.splitlines()) if r.get("step")]
