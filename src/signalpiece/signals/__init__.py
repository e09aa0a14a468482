"""Files to signals and back, in SI units, with gaps, annotations and a file's own integers.

Only this room reads file formats.
"""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "Recording": "recording",
    "expand": "files",
    "open": "files",
    "open_all": "files",
    "parse_units": "units",
    "read": "files",
    "to_si": "units",
    "write": "files",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
