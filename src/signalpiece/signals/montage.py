"""Where electrodes of the 10-05 system sit, so that positions exist without MNE.

The table is the template "standard_1005" of MNE-Python (BSD-3-Clause, after Oostenveld and Praamstra, "The five percent
electrode system for high-resolution EEG and ERP measurements", 2001), in head coordinates, rounded to 1 mm.
"""

import re
from functools import cache
from importlib.resources import files

_OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


@cache
def standard_1005() -> dict[str, tuple[float, float, float]]:
    """Position in metres (right, front, up) by upper-case name."""
    text = files("signalpiece.signals").joinpath("montage_1005.tsv").read_text(encoding="ascii")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {name.upper(): (int(x) / 1e3, int(y) / 1e3, int(z) / 1e3) for name, x, y, z in rows}


def place_of(name: str) -> tuple[float, float, float] | None:
    """Position in metres of a channel by its name, or None.

    Case, dots, a leading "EEG" and a reference behind a hyphen are ignored; a bipolar pair has no single place.

    >>> place_of("Fc5.") == place_of("EEG FC5-Ref") == place_of("fc5")
    True
    """
    text = re.sub(r"^(EEG|POL)[\s_]+", "", name.strip().upper()).replace(".", "").strip()
    head, _, reference = text.partition("-")
    if reference and reference.strip() not in _REFERENCES:
        return None
    table = standard_1005()
    head = head.strip()
    return table.get(head) or table.get(_OLD.get(head, ""))


_REFERENCES = {
    "REF",
    "LE",
    "AR",
    "A1",
    "A2",
    "M1",
    "M2",
    "A1A2",
    "A1+A2",
    "M1M2",
    "AVG",
    "G2",
    "G19",
    "CAR",
    "LER",
    "0",
}
