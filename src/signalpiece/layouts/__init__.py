"""Signal to slots and back: patches, spectra, wavelets, whole channels, slices, points and bytes."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "BandEntropy": "band_entropy",
    "Bytes": "bytes",
    "DCT": "dct",
    "DCTBlocks": "dct_blocks",
    "FrequencyLevels": "frequency_levels",
    "GaussianAnchors": "gaussian_anchors",
    "Gaussians": "gaussians",
    "HaarPatches": "haar",
    "HaarTubelets": "haar",
    "Lapped": "lapped",
    "LappedBlocks": "lapped_blocks",
    "MixedScale": "mixed_scale",
    "Patches": "patches",
    "Quadtree": "quadtree",
    "STFT": "stft",
    "ScaleGate": "scale_gate",
    "Slices": "slices",
    "SoftSplits": "soft_splits",
    "Superpixels": "superpixels",
    "SurfacePoints": "surface_points",
    "TimePatches": "time_patches",
    "TimeSoftSplits": "soft_splits",
    "Trajectories": "trajectories",
    "Tubelets": "tubelets",
    "Variates": "variates",
    "Wavelet": "wavelet",
    "WaveletBits": "significance",
    "WaveletTrees": "wavelet_trees",
    "align_slices": "slices",
    "carry_labels": "flow",
    "entropy_regions": "region_split",
    "follow_superpixels": "following",
    "has_detail": "mixed_scale",
    "location_maps": "flow",
    "low_pass": "frequency_levels",
    "rotated_spread": "gaussian_anchors",
    "splat": "splatting",
    "uniform_regions": "region_split",
    "weigh": "splatting",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
