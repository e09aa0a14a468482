"""What people start: the command line, reports, comparisons, the doctor, bridges to other libraries."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES: dict[str, str] = {}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
