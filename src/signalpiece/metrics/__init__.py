"""Functions of two signals or of codes that return a frozen result."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "BANDS": "bands",
    "BandErrors": "bands",
    "BitCounts": "latent_health",
    "BitUse": "latent_health",
    "BookUse": "book_health",
    "CodeCounts": "codes",
    "CodebookUse": "codes",
    "Curve": "rate_distortion",
    "DimensionUse": "latent_health",
    "LevelUse": "book_health",
    "MixtureUse": "latent_health",
    "bandpass": "protocol",
    "bit_use": "latent_health",
    "book_use": "book_health",
    "channel_sd": "bands",
    "codebook_counts": "codes",
    "codebook_use": "codes",
    "correlation": "similarity",
    "dimension_use": "latent_health",
    "level_use": "book_health",
    "log_spectral_distance": "similarity",
    "mixture_use": "latent_health",
    "near_doubles": "book_health",
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
