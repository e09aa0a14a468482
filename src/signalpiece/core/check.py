"""The one error of the library and the checks that word it.

Every message names what is wrong, the rule, the value and, where there is one, the remedy, in one sentence.
The command line prints that sentence and exits with code 2.
"""

import difflib
from collections.abc import Collection


class SignalPieceError(ValueError):
    """What the caller (or the caller's file) did; our own bugs are `assert`s."""


def check_option(name: str, value: object, options: Collection[str]) -> str:
    """Returns `value` if it is one of `options`.

    Raises:
        SignalPieceError: it is not; a long list is cut to the three closest names.
    """
    if value in options:
        return str(value)
    known = list(options)
    if len(known) > 12:
        known = difflib.get_close_matches(str(value), known, 3, 0.0)
        raise SignalPieceError(f"{name} {value!r} is not known; the closest are {', '.join(known)}")
    raise SignalPieceError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raises SignalPieceError unless low <= value <= high."""
    if not low <= value <= high:
        raise SignalPieceError(f"{name} must be between {low:g} and {high:g}, got {value:g}")


def check_divides(name: str, part: int, whole: int, what: str) -> None:
    """Raises SignalPieceError unless `part` divides `whole`."""
    if part < 1 or whole % part:
        raise SignalPieceError(f"{name} of {part} does not divide {what} of {whole}; crop or pad it first")


def missing_extra(package: str, extra: str, purpose: str) -> SignalPieceError:
    """The error for an optional package that is not installed."""
    return SignalPieceError(f"{purpose} needs {package}; install it with: pip install 'signalpiece[{extra}]'")
