"""Losses: functions of tensors that return a scalar."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "batch_shaping_loss": "batch_shaping",
    "hyperprior_loss": "batch_shaping",
    "info_nce": "contrastive",
    "multi_scale_stft": "spectral",
    "spectrum_losses": "spectrum_targets",
    "standardised_spectrum": "spectrum_targets",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
