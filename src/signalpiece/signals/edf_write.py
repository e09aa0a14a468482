"""EDF+ and BDF+ out: own bytes, original annotations, the least rounding, gaps as interrupted files (EDF+D).

Format: "European data format 'plus' (EDF+), an EDF alike standard format for the exchange of physiological data", 2003.
Names of persons and dates are left out unless a start is given.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.signals.channels import unique
from signalpiece.signals.edf_plan import PADDING, Records, plan_records
from signalpiece.signals.edf_scale import EdfScale, scale_of

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_BLOCK = 1 << 22  # samples converted at a time


def write_file(path: Path, signal: Signal, *, start_datetime: datetime.datetime | None = None) -> None:
    """Writes channels of one rate; the ending decides between 16 bits (.edf) and 24 bits (.bdf).

    Stretches where no channel is valid become gaps; a channel invalid on its own keeps its filler values. A value is
    off by at most half of range / 65535 (or / 16777215).

    Raises:
        SignalPieceError: not channels in time, no samples, or values that the header cannot hold.
    """
    grid = signal.grid
    if grid.axes != ("channel", "time"):
        raise SignalPieceError(f"{path.name}: EDF holds channels in time, not {' x '.join(grid.axes)}")
    wide = path.suffix.lower().startswith(".bdf")
    values = np.asarray(signal.values)
    names = list(grid.names) or [f"ch{c}" for c in range(len(values))]
    kinds = list(grid.kinds) or ["misc"] * len(values)
    scales = [
        scale_of(names[c], kinds[c], grid.unit(c), values[c], 24 if wide else 16) for c in range(len(values))
    ]  # fmt: skip
    records = plan_records(_any_valid(signal), grid.time_rate)
    lists = _lists(signal, records)
    width = 3 if wide else 2
    room = -(-max(map(len, lists)) // width)
    head = _header(_labels(names, wide), scales, records, room, start_datetime, wide)
    with path.open("wb") as file:
        file.write(head)
        step = max(_BLOCK // max(records.per * len(values), 1), 1)
        for first in range(0, len(records.starts), step):
            file.write(_block(values, scales, records, lists, (first, first + step), width))


def _any_valid(signal: Signal) -> Bool[np.ndarray, "t"]:
    total = signal.grid.size("time")
    if signal.valid is None:
        return np.ones(total, bool)
    return np.broadcast_to(np.asarray(signal.valid).any(axis=0), (total,)).copy()


def _labels(names: Sequence[str], wide: bool) -> list[str]:
    plain = [n.encode("ascii", "replace").decode().strip() for n in names]
    short = unique([n if len(n) <= 16 else n[:13].strip() for n in plain])
    return [*(n[:16] for n in short), "BDF Annotations" if wide else "EDF Annotations"]


def _header(labels, scales: Sequence[EdfScale], records: Records, room: int, start, wide: bool) -> bytes:
    most = (1 << 23) if wide else (1 << 15)
    notes = EdfScale("", ("-1", "1"), (-most, most - 1), 1.0)
    rows = list(zip(labels, [*scales, notes], [*[records.per] * len(scales), room], strict=True))
    when = start or datetime.datetime(1985, 1, 1)
    day = f"{when.day:02d}-{_MONTHS[when.month - 1]}-{when.year:04d}" if start else "X"
    kind = ("BDF" if wide else "EDF") + ("+D" if records.interrupted else "+C")
    fields = [
        ("X X X X", 80), (f"Startdate {day} X X X", 80), (when.strftime("%d.%m.%y"), 8), (when.strftime("%H.%M.%S"), 8),
        (str(256 * (1 + len(rows))), 8), (kind, 44), (str(len(records.starts)), 8), (records.seconds, 8),
        (str(len(rows)), 4),
    ]  # fmt: skip
    columns = [
        (16, [label for label, _, _ in rows]), (80, [""] * len(rows)), (8, [s.unit for _, s, _ in rows]),
        (8, [s.physical[0] for _, s, _ in rows]), (8, [s.physical[1] for _, s, _ in rows]),
        (8, [str(s.digital[0]) for _, s, _ in rows]), (8, [str(s.digital[1]) for _, s, _ in rows]),
        (80, [""] * len(rows)), (8, [str(per) for _, _, per in rows]), (32, [""] * len(rows)),
    ]  # fmt: skip
    fields += [(text, size) for size, column in columns for text in column]
    version = b"\xffBIOSEMI" if wide else b"0".ljust(8)
    return version + b"".join(text.encode("ascii", "replace").ljust(size) for text, size in fields)


def _lists(signal: Signal, records: Records) -> list[bytes]:
    """Annotation bytes of every record: when it starts, then as many events as make all records about equal."""
    rate = signal.grid.time_rate
    begin = [f"{_onset(start / rate)}\x14\x14\x00".encode() for start in records.starts]
    events = [(a.onset - signal.grid.start, a.duration, a.text) for a in signal.annotations]
    pads = zip(records.starts, records.stops, strict=True)
    events += [(stop / rate, (a + records.per - stop) / rate, PADDING) for a, stop in pads if stop < a + records.per]
    pieces = [_event(*event) for event in sorted(events, key=lambda e: e[0])]
    size = max([-(-(sum(map(len, pieces)) + sum(map(len, begin))) // len(begin)), *map(len, begin)])
    size = max([size, *(len(p) + len(begin[-1]) for p in pieces)])
    out, at = list[bytes](), 0
    for number, head in enumerate(begin):
        body = bytearray(head)
        while at < len(pieces) and (len(body) + len(pieces[at]) <= size or number == len(begin) - 1):
            body += pieces[at]
            at += 1
        out.append(bytes(body))
    return out


def _event(onset: float, duration: float, text: str) -> bytes:
    clean = "".join(" " if c in "\x00\x14\x15" else c for c in text) or " "
    long = f"\x15{_plain(duration)}" if duration > 0 else ""
    return f"{_onset(onset)}{long}\x14{clean}\x14\x00".encode()


def _onset(seconds: float) -> str:
    return ("-" if seconds < 0 else "+") + _plain(abs(seconds))


def _plain(seconds: float) -> str:
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return text or "0"


def _block(values, scales, records: Records, lists, span: tuple[int, int], width: int) -> bytes:
    """Bytes of records `span`, channel by channel within each."""
    starts, stops = records.starts[slice(*span)], records.stops[slice(*span)]
    room = -(-max(map(len, lists)) // width) * width
    body = len(scales) * records.per * width
    out = np.zeros((len(starts), body + room), np.uint8)
    take = np.minimum(np.array(starts)[:, None] + np.arange(records.per), np.array(stops)[:, None] - 1)
    for channel, scale in enumerate(scales):
        whole = scale.integers(values[channel, take.ravel()]).astype("<i4").reshape(len(starts), records.per)
        part = np.ascontiguousarray(whole).view(np.uint8).reshape(len(starts), records.per, 4)[..., :width]
        at = channel * records.per * width
        out[:, at : at + records.per * width] = part.reshape(len(starts), -1)
    for number, text in enumerate(lists[slice(*span)]):
        out[number, body : body + len(text)] = np.frombuffer(text, np.uint8)
    return out.tobytes()
