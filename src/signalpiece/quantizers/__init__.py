"""Embeddings to codes and back: scalar, vector, residual, multi-scale, finite scalar, binary, soft and continuous."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "AnnealedOneHot": "annealed",
    "BSQ": "lfq",
    "Bernoulli": "bernoulli",
    "Clustered": "learning",
    "DeadZone": "dead_zone",
    "DimensionWise": "dimension_wise",
    "Dual": "dual",
    "EMA": "learning",
    "FSQ": "fsq",
    "FiniteDiscrete": "finite_discrete",
    "Gaussian": "gaussian",
    "GlobalBasis": "global_basis",
    "Gradient": "learning",
    "LFQ": "lfq",
    "LatentGrid": "latent_grid",
    "MuLaw": "mu_law",
    "MultiScale": "multi_scale",
    "OwnCodebook": "adaptive_codebook",
    "Product": "product",
    "Residual": "residual",
    "ResidualFSQ": "residual_fsq",
    "SimVQ": "simvq",
    "TopK": "top_k",
    "Trellis": "trellis",
    "Uniform": "uniform",
    "UnitEMA": "learning",
    "VQ": "vq",
    "code_entropy": "entropy_penalty",
    "exact_entropies": "bit_entropy",
    "factorised_entropies": "bit_entropy",
    "own_codebook": "adaptive_codebook",
    "own_codebook_size": "adaptive_codebook",
    "pack_bits": "bits",
    "reseat": "reseating",
    "rotation": "estimators",
    "siglu": "bound",
    "soft_tokens": "soft",
    "sparsemax": "sparse",
    "straight_through": "estimators",
    "unpack_bits": "bits",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
