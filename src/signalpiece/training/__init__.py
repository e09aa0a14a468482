"""The one training loop: progress, validation, checkpoints, resume."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "Batch": "crops",
    "Crops": "crops",
    "Fitted": "loop",
    "Plan": "run",
    "fit": "loop",
    "warm_cosine": "schedule",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
