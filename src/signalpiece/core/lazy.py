"""Names of a room load when first used, so that importing the library costs nothing.

A room's `__init__` holds a literal table name -> file; this looks a name up in it.
"""

import importlib
from collections.abc import Mapping
from typing import Any


def load_name(room: str, files: Mapping[str, str], name: str) -> Any:
    """The public object `name` of `room`, from the file that the table gives."""
    if name not in files:
        raise AttributeError(f"module {room!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{room}.{files[name]}"), name)
