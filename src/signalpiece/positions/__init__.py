"""Where a token stands: embeddings that are added to it, rotations of queries and keys.

An embedding is a module `p(coords "b n a") -> "b n d"`; its law is that it treats every token by itself.
"""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "LearnedTable": "learned",
    "Sinusoidal": "sinusoidal",
    "rotate": "rotary",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
