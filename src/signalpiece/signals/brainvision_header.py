"""The two text files of BrainVision: header (.vhdr) and markers (.vmrk), in UTF-8 or the code page of old recorders."""

import datetime
import math
import re
from dataclasses import dataclass
from pathlib import Path

from signalpiece.core.check import SignalPieceError

_LONGEST = 1 << 26  # bytes of text that are read
_SECTION = re.compile(r"\[([^\]]+)\]\s*$")
Place = tuple[float, float, float]


@dataclass(frozen=True)
class BvHeader:
    """What the header says of the samples.

    Attributes:
        rate: samples per second.
        points: number of samples if stated.
        names, units, resolutions: per channel; value = integer * resolution, in the unit.
        places: per channel, metres, or None.
    """

    data_file: str
    marker_file: str
    type: str
    vectorized: bool
    rate: float
    points: int | None
    names: tuple[str, ...]
    units: tuple[str, ...]
    resolutions: tuple[float, ...]
    places: tuple[Place | None, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marker:
    """One line of the marker file; `point` counts samples from 0, `channel` from 1 (0 = all)."""

    kind: str
    description: str
    point: int
    size: int
    channel: int
    date: datetime.datetime | None

    @property
    def is_segment(self) -> bool:
        """Whether the samples before and after are not continuous."""
        return self.kind.strip().lower() == "new segment"

    @property
    def text(self) -> str:
        """`kind/description`, the way other readers spell it."""
        return f"{self.kind}/{self.description}"


def read_vhdr(path: Path) -> BvHeader:
    """Reads the header.

    Raises:
        SignalPieceError: it is no BrainVision header, or says something that cannot be.
    """
    text = _text(path)
    if not re.match(r"\s*(Brain ?Vision|BrainVision) (Data Exchange|Core).*Header", text, re.IGNORECASE):
        raise SignalPieceError(f"{path.name}: this is no BrainVision header (its first line does not say so)")
    sections = _sections(text)
    common = {key.lower(): value for key, value in sections.get("common infos", {}).items()}
    count = _whole(path, "NumberOfChannels", common.get("numberofchannels", ""))
    if common.get("dataformat", "BINARY").upper() != "BINARY":
        raise SignalPieceError(f"{path.name}: data format {common['dataformat']} is not read, it must be BINARY")
    if common.get("datatype", "TIMEDOMAIN").upper() != "TIMEDOMAIN":
        raise SignalPieceError(f"{path.name}: data type {common['datatype']} is not read, it must be TIMEDOMAIN")
    interval = _float(common.get("samplinginterval", ""))
    if interval is None or interval <= 0:
        shown = common.get("samplinginterval", "nothing")
        raise SignalPieceError(f"{path.name}: SamplingInterval must be above 0 microseconds, got {shown}")
    listed = sections.get("channel infos", {})
    if count > max(len(listed), 1) * 4 + 1024:
        raise SignalPieceError(f"{path.name}: the header says {count} channels and describes {len(listed)}")
    rows = [_channel(listed.get(f"Ch{n + 1}", ""), n) for n in range(count)]
    binary = {k.lower(): v for k, v in sections.get("binary infos", {}).items()}
    points = common.get("datapoints", "")
    rate = 1e6 / interval
    return BvHeader(
        common.get("datafile", ""), common.get("markerfile", ""), binary.get("binaryformat", "INT_16").upper(),
        common.get("dataorientation", "MULTIPLEXED").upper() == "VECTORIZED",
        round(rate) * 1.0 if abs(rate - round(rate)) < 1e-4 * rate and rate >= 1 else rate,
        int(points) if points.isdigit() else None,
        tuple(r[0] for r in rows), tuple(r[1] for r in rows), tuple(r[2] for r in rows),
        tuple(_place(sections.get("coordinates", {}).get(f"Ch{n + 1}", "")) for n in range(count)),
        tuple(r[3] for r in rows if r[3]),
    )  # fmt: skip


def read_markers(path: Path) -> tuple[tuple[Marker, ...], list[str]]:
    """All markers, and a sentence about lines that cannot be read."""
    out, bad = list[Marker](), 0
    for key, line in _sections(_text(path)).get("marker infos", {}).items():
        parts = [part.replace("\\1", ",") for part in line.split(",")]
        if not re.fullmatch(r"Mk\d+", key) or len(parts) < 3 or not re.fullmatch(r"\d{1,15}", parts[2].strip()):
            bad += 1
            continue
        size, channel = (int(p) if re.fullmatch(r"\d{1,15}", p.strip()) else 0 for p in (*parts[3:5], "", "")[:2])
        out.append(Marker(parts[0], parts[1], int(parts[2]) - 1, size, channel, _date(parts[5:6])))
    return tuple(out), [f"{path.name}: {bad} markers cannot be read; they are left out"] if bad else []


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(min(_LONGEST, path.stat().st_size))
    page = re.search(rb"Codepage\s*=\s*([\w-]+)", data[:4096])
    utf8 = page is None or page[1].upper() in (b"UTF-8", b"UTF8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("utf-8-sig", "replace") if utf8 and page else data.decode("cp1252", "replace")


def _sections(text: str) -> dict[str, dict[str, str]]:
    """`key=value` lines by section (lower case); comments begin with a semicolon."""
    out: dict[str, dict[str, str]] = {}
    now: dict[str, str] = {}
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section:
            now = out.setdefault(section[1].strip().lower(), {})
            if section[1].strip().lower() == "comment":
                now = {}
        elif "=" in line and not line.startswith(";"):
            key, _, value = line.partition("=")
            now.setdefault(key.strip(), value.strip())
    return out


def _channel(line: str, number: int) -> tuple[str, str, float, str]:
    """Name, unit, resolution, and what is odd about a channel line."""
    parts = [part.replace("\\1", ",").strip() for part in line.split(",")]
    name = parts[0] or f"Ch{number + 1}"
    stated = parts[2] if len(parts) > 2 else ""
    resolution = _float(stated)
    unit = parts[3] if len(parts) > 3 and parts[3] else "uV"  # what the format says of a missing unit
    if stated and not resolution:
        return name, unit, 1.0, f"{name}: resolution {stated!r} is no number above 0; 1 is taken"
    return name, unit, resolution or 1.0, ""


def _place(line: str) -> Place | None:
    """Radius (1 = standard head), theta, phi in degrees to metres on a head of 95 mm."""
    parts = [_float(p) for p in line.split(",")]
    if len(parts) != 3 or None in parts or not parts[0]:
        return None
    radius, theta, phi = (float(p or 0) for p in parts)
    a, b = math.radians(theta), math.radians(phi)
    size = 0.095 if radius == 1 else radius / 1000
    return size * math.sin(a) * math.cos(b), size * math.sin(a) * math.sin(b), size * math.cos(a)


def _date(parts: list[str]) -> datetime.datetime | None:
    match = re.fullmatch(r"(\d{14})(\d{6})", parts[0].strip()) if parts else None
    if match is None:
        return None
    try:
        return datetime.datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(microsecond=int(match[2]))
    except ValueError:
        return None


def _float(text: str) -> float | None:
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", text) else None


def _whole(path: Path, name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text) or int(text) < 1:
        raise SignalPieceError(f"{path.name}: {name} must be a whole number above 0, got {text or 'nothing'}")
    return int(text)
