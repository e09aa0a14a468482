"""The one table of how people spell units, and what each spelling means in SI.

A label that the table does not know is never scaled: the channel keeps it as its unit. Most readers hand such channels
out as volts, a million times too large.
"""

import re
import unicodedata
from collections.abc import Mapping

from signalpiece.core.check import SignalPieceError

_PREFIXES = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}
# UTF-8 read as Latin-1 first, then the micro sign and the Greek letter
_MICRO = {"\u00c2\u00b5": "u", "\u00ce\u00bc": "u", "\u00b5": "u", "\u03bc": "u"}
_WORDS = {"nano": "n", "micro": "u", "milli": "m", "femto": "f", "pico": "p", "kilo": "k"}
_BASES = {
    "v": "V", "volt": "V", "volts": "V",
    "t": "T", "tesla": "T", "teslas": "T",
    "t/m": "T/m", "t/cm": "T/cm",
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "siemens": "S", "ohm": "Ohm", "ohms": "Ohm", "\u03c9": "Ohm", "\u2126": "Ohm",
    "hz": "Hz", "a": "A", "amp": "A", "ampere": "A", "m": "m", "g": "g", "pa": "Pa", "w": "W", "watt": "W",
}  # fmt: skip
_WHOLE = {
    "%": ("%", 1.0),
    "": ("", 1.0),
    "boolean": ("", 1.0),
    "bool": ("", 1.0),
    "n/a": ("", 1.0),
    "degc": ("degC", 1.0),
}


def to_si(label: str) -> tuple[str, float] | None:
    """SI unit and factor of a unit label, or None if the table does not know it.

    >>> to_si("uVolt")
    ('V', 1e-06)
    """
    text = unicodedata.normalize("NFC", label).strip().strip("[]()").strip()
    for spelling, letter in _MICRO.items():
        text = text.replace(spelling, letter)
    lower = text.lower()
    if lower in _WHOLE:
        return _WHOLE[lower]
    for word, letter in _WORDS.items():
        if lower.startswith(word):
            text, lower = letter + text[len(word) :].lstrip(" -"), letter + lower[len(word) :].lstrip(" -")
            break
    return _split(text, lower)


def _split(text: str, lower: str) -> tuple[str, float] | None:
    if text == "S":
        return "S", 1.0
    if text.endswith("M"):
        return None  # molar, not metres
    if lower in _BASES and text[:1] not in ("M", "G"):
        unit, factor = _BASES[lower], 1.0
    elif text[:1] in ("U", "N", "K") and lower[1:] in _BASES:  # shouted labels: UV, NV
        unit, factor = _base(text[1:]), _PREFIXES[lower[0]]
    elif text[:1] in _PREFIXES and lower[1:] in _BASES:
        unit, factor = _base(text[1:]), _PREFIXES[text[0]]
    elif text[:1] == "M" and lower[1:] in ("v", "volt", "volts"):
        return None  # megavolt or a shouted millivolt: not ours to guess
    else:
        return None
    return ("T/m", factor * 100) if unit == "T/cm" else (unit, factor)


def _base(text: str) -> str:
    return "S" if text == "S" else _BASES[text.lower()]


def parse_units(pairs: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """What a user says about channels, e.g. {"C3": "uV", "*": "uV"}, as SI units and factors.

    Raises:
        SignalPieceError: the table does not know a unit.
    """
    out = {}
    for channel, label in pairs.items():
        known = to_si(label)
        if known is None:
            raise SignalPieceError(f"unit {label!r} of {channel} is not known; use one such as V, mV, uV, nV, T, fT")
        out[channel] = known
    return out


def quantity(text: str) -> tuple[float, str] | None:
    """Number and unit label of a text such as 2uV, or None if it is not one.

    >>> quantity(".5 uV"), quantity("0.5")
    ((0.5, 'uV'), None)
    """
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*([^\d\s.]\S*)\s*", text)
    return (float(found[1] + (found[2] or "")), found[3]) if found else None
