"""Codes to bytes and back, on integers alone: static tables and adaptive binary models in front of range coders."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "AdaptiveBinary": "adaptive_binary",
    "Categorical": "categorical",
    "CellTables": "adaptive_binary",
    "Lossless": "lossless",
    "Raw": "raw",
    "StaticTables": "static_tables",
    "TrellisBinary": "adaptive_binary",
    "train_start": "train_start",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
