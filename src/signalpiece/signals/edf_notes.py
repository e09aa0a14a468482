"""Time-stamped annotation lists (TAL) of EDF+ and BDF+: when each data record starts, and the events.

A list is `+onset[0x15 duration]0x14 text 0x14 ... 0x00`; the first one of a record, with an empty first text, tells
when the record starts. Text ought to be UTF-8; bytes that are not are read as Latin-1.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from signalpiece.core.signal import Annotation
from signalpiece.signals.edf_header import EdfHeader

_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d*(?:\.\d*)?))?\x14([^\x00]*?)\x14?\x00")
_FARTHEST = 1e10  # seconds; an onset beyond is damage


@dataclass(frozen=True)
class Notes:
    """Starts of data records in seconds (NaN where not told), events relative to the first one, and what is odd."""

    starts: Float[np.ndarray, "r"]
    annotations: tuple[Annotation, ...]
    warnings: tuple[str, ...] = ()


def read_notes(path: Path, header: EdfHeader) -> Notes:
    """Reads all annotation signals, seeking to their bytes alone."""
    places = [(c.offset * header.width, c.samples * header.width) for c in header.channels if c.is_notes]
    if not places:
        return Notes(np.zeros(0), ())
    starts = np.full(header.records, np.nan)
    events, damaged = list[tuple[float, float, str]](), 0
    with path.open("rb", buffering=0) as file:
        for record in range(header.records):
            for number, (offset, size) in enumerate(places):
                file.seek(header.size + record * header.record_bytes + offset)
                data = file.read(size)
                lists = list(_lists(data))
                damaged += not lists and bool(data.strip(b"\0 "))
                if number == 0 and lists and lists[0][2][0] == "":
                    starts[record] = lists[0][0]
                events += [(onset, long, text) for onset, long, texts in lists for text in texts if text]
    origin = float(starts[0]) if len(starts) and np.isfinite(starts[0]) else 0.0
    found = sorted((Annotation(round(a - origin, 9), b, text) for a, b, text in events), key=lambda e: e.onset)
    warnings = (f"{damaged} annotation lists cannot be read; they are left out",) if damaged else ()
    return Notes(starts, tuple(found), warnings)


def _lists(data: bytes) -> Iterator[tuple[float, float, list[str]]]:
    """Onset, duration and texts of every list in one record of one signal."""
    for match in _TAL.finditer(data if data.endswith(b"\0") else data + b"\0"):
        onset = float(match[1])
        duration = float(match[2]) if match[2] and match[2] != b"." else 0.0
        if abs(onset) < _FARTHEST and math.isfinite(duration):
            yield onset, duration, [_text(part) for part in match[3].split(b"\x14")]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
