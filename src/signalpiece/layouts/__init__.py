"""Signal to slots and back: patches, spectra, wavelets, whole channels, slices, points and bytes."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "DCT": "dct",
    "DCTBlocks": "dct_blocks",
    "HaarPatches": "haar",
    "HaarTubelets": "haar",
    "Lapped": "lapped",
    "LappedBlocks": "lapped_blocks",
    "Patches": "patches",
    "STFT": "stft",
    "TimePatches": "time_patches",
    "Tubelets": "tubelets",
    "Wavelet": "wavelet",
    "WaveletTrees": "wavelet_trees",
    "splat": "splatting",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
