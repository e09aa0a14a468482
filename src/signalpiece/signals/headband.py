"""CSV of headbands (Muse, Muse Monitor, OpenBCI) and of spreadsheets: a time column, one column per channel, markers.

Units come from column names such as `Fp1 [uV]`; Muse and OpenBCI write microvolts without saying so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.csv_table import Table, read_table
from signalpiece.signals.recording import Recording, Run
from signalpiece.signals.row_clock import clock_of
from signalpiece.signals.units import to_si

_TIME = re.compile(
    r"(lsl[ _]?)?(time[ _]?stamps?|time|zeit|temps|tiempo|tempo|seconds|secs?|t|ms|milliseconds)", re.IGNORECASE
)
_MARK = re.compile(r"(markers?|marker channel|stim|events?|triggers?|elements|annotations?|labels?)\d*", re.IGNORECASE)
_INDEX = re.compile(r"(column 0|index|unnamed: 0|sample( index| number)?|counter|package ?num)", re.IGNORECASE)
_UNIT = re.compile(r"(.*?)[ _]*(?:[\[(]([^\])]*)[\])]|_([munp\u00b5\u03bc]?[vV]|[munp]?s))\s*$")
_MUSE = {"TP9", "AF7", "AF8", "TP10"}


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a table of samples.

    Raises:
        SignalPieceError: this is no table, or neither a column nor a comment tells when rows were taken.
    """
    table = read_table(path)
    stamps, rate, used = _times(path, table)
    marks = [name for name in table.columns if name not in used and _MARK.fullmatch(_split(name)[0])]
    numbers = {
        name: column
        for name, column in table.columns.items()
        if name not in used and name not in marks and not _INDEX.fullmatch(name) and isinstance(column, np.ndarray)
        and np.isfinite(column).any()
    }  # fmt: skip
    if not numbers:
        raise SignalPieceError(f"{path.name}: no column of the table holds numbers of a channel")
    rest = [n for n in table.columns if not (n in used or n in marks or n in numbers or _INDEX.fullmatch(n))]
    values = np.array(list(numbers.values()))
    sampled = np.any(np.isfinite(values), axis=0)
    try:
        clock = clock_of(stamps[sampled], rate)
    except SignalPieceError as error:
        raise SignalPieceError(f"{path.name}: {error}") from error
    names, labels = _labels(list(numbers), table)
    found = si_units(names, labels, units)
    values = (values[:, sampled] * np.array(found.factors)[:, None]).astype(np.float32)
    kinds = [kind_of(name, unit) for name, unit in zip(names, found.units, strict=True)]
    total = clock.runs[-1].at + clock.runs[-1].count
    grid = Grid(
        ("channel", "time"), (None, clock.rate), found.units, (len(names), total), sensors_of(names, kinds)
    )  # fmt: skip
    left = [f"{', '.join(rest)}: no numbers in this column; it is left out"] if rest else []
    return (
        Recording(
            path, grid, _Kept(values), _events(table, marks, sampled, clock.runs, clock.rate),
            (*table.warnings, *clock.warnings, *found.warnings, *left), clock.runs, None, "CSV",
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class _Kept:
    """Values held in memory, fetched by sample numbers."""

    values: Float[np.ndarray, "c t"]

    def __call__(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        return self.values[:, start:stop].copy()


def _split(name: str) -> tuple[str, str]:
    """Name and unit of a column heading; the unit is empty if the heading gives none."""
    match = _UNIT.fullmatch(name)
    if match is None or to_si(match[2] or match[3] or "?") is None:
        return name, ""
    return match[1].strip() or name, match[2] or match[3] or ""


def _times(path: Path, table: Table) -> tuple[Float[np.ndarray, "n"], float | None, list[str]]:
    """Time stamps in seconds, the rate if a comment tells it, and the columns that hold time."""
    said = [re.search(r"(?:sample|sampling) ?rate\s*[=:]\s*([\d.]+)", c, re.IGNORECASE) for c in table.comments]
    rate = next((float(m[1]) for m in said if m and re.fullmatch(r"\d+\.?\d*", m[1]) and float(m[1]) > 0), None)
    used = [name for name in table.columns if _TIME.fullmatch(re.sub(r"\s*\(formatted\)", "", _split(name)[0]))]
    counter = next((c for n, c in table.columns.items() if n.lower() == "sample index"), None)
    if rate is not None and isinstance(counter, np.ndarray):
        return _counted(counter) / rate, rate, used
    for name in used:
        column = table.columns[name]
        if isinstance(column, np.ndarray):
            unit = _split(name)[1] or ("ms" if _split(name)[0].lower() in ("ms", "milliseconds") else "s")
            known = to_si(unit)
            factor = known[1] if known and known[0] == "s" else 1.0
            return column * _scale(column * factor) * factor, rate, used
    if rate is None:
        raise SignalPieceError(
            f"{path.name}: no column is named time or timestamps, and no comment gives a sample rate"
        )
    return np.arange(table.rows) / rate, rate, used


def _scale(stamps: Float[np.ndarray, "n"]) -> float:
    """Stamps of this century in milli-, micro- or nanoseconds are told by their size."""
    known = stamps[np.isfinite(stamps)]
    middle = float(np.median(known)) if len(known) else 0.0
    return next((10.0**-digits for digits in (9, 6, 3) if 9e8 <= middle * 10.0**-digits < 5e9), 1.0)


def _counted(counter: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Sample numbers that go on where the counter of the file starts again."""
    counter = np.nan_to_num(counter)
    top = counter.max() + 1
    step = np.diff(counter)
    if top <= 256 and len(counter) > top:
        step = np.mod(step, 256 if top > 201 else top)
    step = np.where(step <= 0, 1, step)
    return np.concatenate([[0.0], np.cumsum(step)])


def _labels(headings: list[str], table: Table) -> tuple[tuple[str, ...], list[str]]:
    """Channel names and unit labels; what Muse and OpenBCI leave unsaid is filled in."""
    parts = [_split(heading) for heading in headings]
    bare = {name.removeprefix("RAW_") for name, _ in parts}
    muse = bare >= _MUSE
    openbci = any("openbci" in c.lower() for c in table.comments) or any(n.startswith("EXG Channel") for n, _ in parts)

    def label(name: str, unit: str) -> str:
        if unit:
            return unit
        if muse and re.fullmatch(r"(RAW_)?(TP9|AF7|AF8|TP10|FPZ|Right AUX|Left AUX|AUX\w*|AUX_?\d?)", name):
            return "uV"
        return "uV" if openbci and name.startswith("EXG") else ""

    return unique([name for name, _ in parts]), [label(name, unit) for name, unit in parts]


def _events(
    table: Table, marks: list[str], sampled: Bool[np.ndarray, "n"], runs: tuple[Run, ...], rate: float
) -> tuple[Annotation, ...]:
    """Markers: a cell that is neither empty nor 0 and differs from the one above."""
    row = np.maximum(np.cumsum(sampled) - 1, 0)
    out = []
    for name in marks:
        column = table.columns[name]
        texts = column if isinstance(column, list) else ["" if np.isnan(v) else f"{v:g}" for v in column]
        for n, text in enumerate(texts):
            if text not in ("", "0", "nan") and (n == 0 or texts[n - 1] != text):
                run = next(r for r in reversed(runs) if r.stored <= row[n])
                out.append(Annotation(float((run.at + row[n] - run.stored) / rate), 0.0, text))
    return tuple(sorted(out, key=lambda a: a.onset))
