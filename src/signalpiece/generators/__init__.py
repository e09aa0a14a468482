"""What a generator is made of: in which order places are visited, and how many of them at each step."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "cosine_schedule": "schedule",
    "diagonal_steps": "order",
    "halton_order": "order",
    "halton_schedule": "schedule",
    "inverse_root_temperatures": "temperature",
    "linear_schedule": "schedule",
    "linear_temperatures": "temperature",
    "masked_arccos_schedule": "schedule",
    "masked_cosine_schedule": "schedule",
    "maskgit_schedule": "schedule",
    "order_of": "order",
    "random_order": "shuffled",
    "raster_order": "order",
    "resume": "schedule",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
