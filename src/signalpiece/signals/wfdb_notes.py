"""Annotations of WFDB in the MIT format (.atr): beats, rhythms and notes.

Format: "WFDB Applications Guide", annot(5). The text of an annotation is its symbol, then its note if it has one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from signalpiece.core.signal import Annotation

_ENDINGS = (".atr", ".ari", ".st", ".apn", ".qrs", ".ecg", ".ann")
_SYMBOLS = (
    " N L R a V F J A S E j / Q ~ _15 | _17 s T * D \" = p B ^ t + u ? ! [ ] e n @ x f ( ) r"
).split(" ")  # fmt: skip
_SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _NOTE = 59, 60, 61, 62, 63
_LONGEST = 1 << 26


def read_annotations(path: Path, rate: float) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    """Annotations beside the header `path`, onsets in seconds, and what is odd about them."""
    file = next((f for e in _ENDINGS if (f := path.with_suffix(e)).is_file()), None)
    if file is None:
        return (), ()
    with file.open("rb") as opened:
        data = opened.read(min(_LONGEST, file.stat().st_size))
    found, ticks, out = list(_entries(data)), rate, list[Annotation]()
    for time, code, note in found:
        said = re.match(r"## time resolution: ([\d.]{1,12})", note)
        if said and re.fullmatch(r"\d+\.?\d*", said[1]) and float(said[1]) > 0:
            ticks = float(said[1])
        elif not note.startswith("## "):
            symbol = _SYMBOLS[code] if code < len(_SYMBOLS) else f"_{code}"
            out.append(Annotation(time / ticks, 0.0, f"{symbol} {note}".strip()))
    complete = data[-2:] == b"\0\0"
    return tuple(out), () if complete else (f"{file.name} has no end mark; annotations may be missing",)


def _entries(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Time in ticks, code and note of every annotation."""
    at, time = 0, 0
    pending: tuple[int, int, str] | None = None
    while at + 2 <= len(data):
        word = int.from_bytes(data[at : at + 2], "little")
        code, value = word >> 10, word & 0x3FF
        at += 2
        if code == 0 and value == 0:
            break
        if code == _SKIP:
            high, low = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (0, 2))
            jump = high << 16 | low
            time += jump - (1 << 32) if jump >= 1 << 31 else jump
            at += 4
        elif code == _NOTE:
            note = data[at : at + value].decode("latin-1").strip("\0 ")
            pending = (pending[0], pending[1], note) if pending else None
            at += value + value % 2
        elif code not in (_NUMBER, _SUBTYPE, _CHANNEL):
            if pending:
                yield pending
            time += value
            pending = (time, code, "")
    if pending:
        yield pending
