"""A text table as people and headbands write it: three separators, decimal commas, comment lines, old encodings.

Columns come out as float64 (NaN where a cell holds no number) or as text. Rows of a wrong length are left out and
counted.
"""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError

_LONGEST = 1 << 32  # bytes of text
_EMPTY = ["", "nan", "NaN", "NA", "N/A", "n/a", "null", "None", "-"]


@dataclass(frozen=True)
class Table:
    """Named columns of one length, comment lines before them, and sentences about what is odd."""

    columns: dict[str, Float[np.ndarray, "n"] | list[str]]
    comments: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


def read_table(path: Path) -> Table:
    """Reads a whole table.

    Raises:
        SignalPieceError: this is no table of at least two columns and one row.
    """
    text = _text(path)
    lines = text.splitlines()
    comments = [line.lstrip("%# ") for line in lines[:200] if line[:1] in ("%", "#")]
    at = next((n for n, line in enumerate(lines) if line.strip() and line[:1] not in ("%", "#")), None)
    if at is None:
        raise SignalPieceError(f"{path.name}: the table holds no line of data")
    separator = max(";", "\t", ",", key=lambda s: (lines[at].count(s), s != ","))
    head = [cell.strip().strip('"').strip() for cell in lines[at].split(separator)]
    named = not _is_row(head)
    if len(head) < 2:
        raise SignalPieceError(f"{path.name}: this is no table (its first line has one column)")
    names = _names(head if named else [f"column {n}" for n in range(len(head))])
    body = lines[at + named :]
    comma = separator != "," and any(re.search(r"\d,\d", line) for line in body[:50])
    if separator == "," and body and body[0].count(",") == 2 * len(head) - 1:
        raise SignalPieceError(f"{path.name}: decimal comma and comma between cells cannot be told apart")
    names = _fitted(names, [line.count(separator) + 1 for line in body[:50] if line.strip()])
    columns, skipped = _parse(path, body, names, separator, "," if comma else ".")
    warnings = [f"{skipped} rows have a wrong number of cells; they are left out"] if skipped else []
    columns, odd = _numbers(columns, comma)
    return Table(columns, tuple(comments), (*warnings, *odd))


def _text(path: Path) -> str:
    try:
        if path.suffix.lower() == ".gz":
            data = _unpacked(path)
        else:
            data = path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise SignalPieceError(f"{path.name}: cannot be unpacked: {error}") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _unpacked(path: Path) -> bytes:
    parts, size = list[bytes](), 0
    with gzip.open(path) as file:
        while part := file.read(1 << 20):
            parts.append(part)
            size += len(part)
            if size > _LONGEST:
                raise SignalPieceError(f"{path.name}: unpacks to more than {_LONGEST} bytes of text")
    return b"".join(parts)


def _is_row(cells: list[str]) -> bool:
    return all(re.fullmatch(r"[-+]?[\d.,]+([eE][-+]?\d+)?|", cell) for cell in cells[:-1])


def _names(head: list[str]) -> list[str]:
    out = list[str]()
    for n, name in enumerate(head):
        name = name or f"column {n}"
        out.append(name if name not in out else f"{name}-{n}")
    return out


def _fitted(names: list[str], cells: list[int]) -> list[str]:
    """Names for as many cells as rows have: the last ones may be missing, or have no name."""
    usual = max(set(cells), key=cells.count) if cells else len(names)
    return names[:usual] + [f"column {n}" for n in range(len(names), usual)] if usual > 1 else names


def _parse(path: Path, body: list[str], names: list[str], separator: str, point: str) -> tuple[dict[str, Any], int]:
    import pyarrow
    from pyarrow import csv

    skipped = 0

    def skip(row: Any) -> str:
        nonlocal skipped
        skipped += 1
        return "skip"

    kept = "\n".join(line for line in body if line.strip() and line[:1] not in ("%", "#"))
    if not kept:
        raise SignalPieceError(f"{path.name}: the table holds no row")
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(kept.encode("utf-8")),
            csv.ReadOptions(column_names=names, use_threads=False),
            csv.ParseOptions(delimiter=separator, invalid_row_handler=skip),
            csv.ConvertOptions(decimal_point=point, null_values=_EMPTY, strings_can_be_null=True),
        )
    except pyarrow.ArrowException as error:
        raise SignalPieceError(f"{path.name}: this is no table: {str(error).splitlines()[0]}") from error
    if table.num_rows == 0:
        raise SignalPieceError(f"{path.name}: no row of the table has {len(names)} cells")
    return {name: table.column(n) for n, name in enumerate(names)}, skipped


def _numbers(columns: dict[str, Any], comma: bool) -> tuple[dict[str, Any], list[str]]:
    import pyarrow

    out, warnings = {}, list[str]()
    for name, column in columns.items():
        kind = column.type
        if pyarrow.types.is_timestamp(kind):
            out[name] = column.cast(pyarrow.timestamp("ns")).cast("int64").to_numpy().astype(float) / 1e9
        elif pyarrow.types.is_null(kind):
            out[name] = np.full(len(column), np.nan)
        elif pyarrow.types.is_boolean(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind):
            out[name] = column.cast("float64").to_numpy()
        else:
            cells = [str(v).strip() if v is not None else "" for v in column.to_pylist()]
            values = np.array([_number(cell, comma) for cell in cells])
            bad = int(np.isnan(values).sum()) - cells.count("")
            if bad * 2 < len(cells) - cells.count(""):
                out[name] = values
                warnings.append(f"{name}: {bad} cells are no numbers; these samples are missing")
            else:
                out[name] = cells
    return out, warnings


def _number(cell: str, comma: bool) -> float:
    try:
        return float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return np.nan
