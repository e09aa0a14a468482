"""Embeddings to codes and back: scalar, vector, residual and finite scalar quantizers."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "DeadZone": "dead_zone",
    "EMA": "learning",
    "FSQ": "fsq",
    "Gradient": "learning",
    "MuLaw": "mu_law",
    "Product": "product",
    "Residual": "residual",
    "Uniform": "uniform",
    "UnitEMA": "learning",
    "VQ": "vq",
    "rotation": "estimators",
    "straight_through": "estimators",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
