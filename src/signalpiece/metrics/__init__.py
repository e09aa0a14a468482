"""Functions of two signals or of codes that return a frozen result."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "BANDS": "bands",
    "BandErrors": "bands",
    "CodeCounts": "codes",
    "CodebookUse": "codes",
    "Curve": "rate_distortion",
    "bandpass": "protocol",
    "channel_sd": "bands",
    "codebook_counts": "codes",
    "codebook_use": "codes",
    "correlation": "similarity",
    "log_spectral_distance": "similarity",
    "nmse_bands": "bands",
    "order0_bits": "codes",
    "perplexity": "codes",
    "pool_channels": "bands",
    "pool_time": "bands",
    "power_spectrum": "similarity",
    "protocol_rate": "protocol",
    "rate_distortion_at": "rate_distortion",
    "resample": "protocol",
    "to_protocol": "protocol",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
