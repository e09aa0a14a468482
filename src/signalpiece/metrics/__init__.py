"""Functions of two signals or of codes that return a frozen result."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES: dict[str, str] = {}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
