"""The header of EDF, EDF+, BDF and BDF+, read byte by byte and checked against the size of the file.

Format: "A simple format for exchange of digitized polygraphic recordings", 1992; "European data format 'plus' (EDF+),
an EDF alike standard format for the exchange of physiological data", 2003; BDF is the same with 24-bit samples.
"""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from signalpiece.core.check import SignalPieceError

_FIELDS = (("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
           ("digital_min", 8), ("digital_max", 8), ("filter", 80), ("samples", 8), ("reserved", 32))  # fmt: skip


@dataclass(frozen=True)
class EdfChannel:
    """One signal of the header; `offset` counts samples from the start of a data record."""

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    samples: int
    offset: int

    @property
    def is_notes(self) -> bool:
        """Whether this signal holds EDF+ annotations."""
        return self.label in ("EDF Annotations", "BDF Annotations")

    @property
    def is_status(self) -> bool:
        """Whether this signal holds trigger bits, which are never scaled."""
        return self.label.upper() in ("STATUS", "STI 014", "TRIGGER") or self.unit.lower() in ("boolean", "bool")

    @property
    def has_gain(self) -> bool:
        """Whether the header defines a gain."""
        return self.physical[0] != self.physical[1] and self.digital[0] != self.digital[1]


@dataclass(frozen=True)
class EdfHeader:
    """What the header says, after comparison with the file's size.

    Attributes:
        width: bytes per sample, 2 (EDF) or 3 (BDF).
        records: whole data records in the file.
        seconds: duration of a data record.
        size: bytes of the header.
        record_bytes: bytes of one data record.
        interrupted: EDF+D or BDF+D, records may have gaps between them.
    """

    width: int
    size: int
    record_bytes: int
    records: int
    seconds: float
    interrupted: bool
    channels: tuple[EdfChannel, ...]
    identity: dict[str, str]
    warnings: tuple[str, ...]


def read_header(path: Path) -> EdfHeader:
    """Reads and checks the header.

    Raises:
        SignalPieceError: it is no EDF or BDF header, or promises what cannot be.
    """
    total = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(256)
        width = _width(path, head)
        count = _count(path, head, total)
        rows = file.read(256 * count)
    channels = _channels(path, rows, count)
    size, text = 256 * (count + 1), head.decode("latin-1")
    warnings = list[str]()
    stated = _number(text[184:192])
    if stated != size:
        warnings.append(f"the header says it has {text[184:192].strip() or 'no'} bytes, its signals take {size}")
    record_bytes = sum(c.samples for c in channels) * width
    records, said = _records(path, text, (total - size) // record_bytes if record_bytes else 0, total - size)
    leftover = total - size - records * record_bytes
    if said is None and leftover % max(record_bytes, 1):
        warnings.append("the file ends inside a data record; the part is left out")
    warnings += [said] if said else []
    seconds = _number(text[244:252])
    usual = [c for c in channels if not c.is_notes]
    if seconds is None or seconds < 0 or (seconds == 0 and usual):
        raise SignalPieceError(f"{path.name}: a data record lasts {text[244:252].strip() or 'no'} s, must be above 0 s")
    reserved = text[192:236].strip().upper()
    if re.match(r"(EDF|BDF)\+D", reserved) and not any(c.is_notes for c in channels):
        warnings.append("the file says it is interrupted, but has no annotations to tell when; gaps are not known")
    return EdfHeader(
        width, size, record_bytes, records, seconds, bool(re.match(r"(EDF|BDF)\+D", reserved)), channels,
        _identity(text), tuple(warnings),
    )  # fmt: skip


def _width(path: Path, head: bytes) -> int:
    if len(head) == 256 and head[:8].strip(b" \0") == b"0":
        return 2
    if len(head) == 256 and head[0] == 0xFF and head[1:8].strip().upper() == b"BIOSEMI":
        return 3
    raise SignalPieceError(f"{path.name}: this is no EDF or BDF file (it begins with {head[:8]!r})")


def _count(path: Path, head: bytes, total: int) -> int:
    count = _number(head[252:256].decode("latin-1"))
    if count is None or count != int(count) or count < 1:
        raise SignalPieceError(f"{path.name}: the number of signals must be at least 1, got {head[252:256]!r}")
    if 256 * (count + 1) > total:
        raise SignalPieceError(
            f"{path.name}: file is shorter than the header says ({int(count)} signals need {256 * (int(count) + 1)} "
            f"bytes of header, the file has {total})"
        )
    return int(count)


def _channels(path: Path, rows: bytes, count: int) -> tuple[EdfChannel, ...]:
    columns, at = {}, 0
    for field, width in _FIELDS:
        parts = (rows[at + n * width : at + (n + 1) * width] for n in range(count))
        columns[field] = [part.decode("latin-1").strip(" \0") for part in parts]
        at += width * count
    out, offset = list[EdfChannel](), 0
    for n in range(count):
        label = columns["label"][n]
        samples = _number(columns["samples"][n])
        if samples is None or samples != int(samples) or samples < 0:
            raise SignalPieceError(
                f"{path.name}: {label or f'signal {n}'}: samples per data record must be a whole number, "
                f"got {columns['samples'][n]!r}"
            )
        low, high, least, most = (
            _number(columns[key][n]) for key in ("physical_min", "physical_max", "digital_min", "digital_max")
        )
        unknown = None in (low, high, least, most)
        physical = (0.0, 0.0) if unknown else (float(low or 0), float(high or 0))
        digital = (0.0, 0.0) if unknown else (float(least or 0), float(most or 0))
        out.append(EdfChannel(label, columns["unit"][n], physical, digital, int(samples), offset))
        offset += int(samples)
    return tuple(out)


def _records(path: Path, text: str, whole: int, body: int) -> tuple[int, str | None]:
    """Whole data records, and what is to be said about their number."""
    stated = _number(text[236:244])
    if stated is not None and stated == whole:
        return whole, None
    if stated is None or stated < 0:
        shown = text[236:244].strip() or "nothing"
        return whole, f"the header does not know the number of data records ({shown}); the file holds {whole}"
    if whole == 0 and body >= 0:
        raise SignalPieceError(f"{path.name}: file is shorter than the header says (no whole data record in it)")
    if stated > whole:
        return whole, f"file is shorter than the header says: {whole} whole data records of {stated:g} can be read"
    return int(stated), f"the header says {stated:g} data records, the file holds {whole}; the rest is left out"


def _number(text: str) -> float | None:
    text = text.strip(" \0").replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    value = float(text)
    return value if abs(value) < 1e300 else None


def _identity(text: str) -> dict[str, str]:
    found = {"patient": text[8:88].strip(" \0"), "recording": text[88:168].strip(" \0")}
    start = _start(text[168:176], text[176:184], found["recording"])
    return {key: value for key, value in found.items() if value} | ({"start": start} if start else {})


def _start(date: str, time: str, recording: str) -> str | None:
    days, hours = re.findall(r"\d+", date), re.findall(r"\d+", time)
    if len(days) != 3 or len(hours) != 3:
        return None
    day, month, year = map(int, days)
    full = re.search(r"Startdate \d\d-[A-Z]{3}-(\d{4})", recording, re.IGNORECASE)
    year = int(full[1]) if full else year + (1900 if year >= 85 else 2000)
    try:
        return datetime.datetime(year, month, day, int(hours[0]), int(hours[1]), int(hours[2])).isoformat()
    except ValueError:
        return None
