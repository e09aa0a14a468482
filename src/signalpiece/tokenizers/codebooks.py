"""The codebooks of a learned tokenizer, read off its tensors: what can be mended without knowing the network."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError


def quantizer_of(tokenizer: Any) -> Any:
    """The module whose codes a learned tokenizer stores; None where its codes come from elsewhere."""
    core = getattr(getattr(tokenizer, "encoder", tokenizer), "core", None)
    if core is None:
        return None
    sizes = tuple(c.size for c in tokenizer.columns)
    same = [m for m in core.modules() if tuple(getattr(m, "codebook_sizes", ())) == sizes]
    return same[0] if same else None


def codebooks(tokenizer: Any) -> dict[str, Float[np.ndarray, "_ _"]]:
    """Name and vectors of the codebook of each column, in order, as they are looked up: of one length on the sphere.

    Raises:
        SignalPieceError: the tokenizer's codes do not come from tables of vectors.
    """
    found = {k: np.asarray(v, float) for k, v in tokenizer.tensors().items() if k.endswith("codebook.vectors")}
    sizes = [c.size for c in tokenizer.columns]
    if [len(v) for v in found.values()] != sizes or 0 in sizes:
        raise SignalPieceError(
            f"{tokenizer.title} has no table of vectors for each code column, so there is nothing to mend"
        )
    parts = [] if (own := quantizer_of(tokenizer)) is None else own.named_modules()
    units = [m.unit for name, m in parts if name.rpartition(".")[2] == "codebook"] or [False] * len(found)
    return {k: _on_sphere(v) if unit else v for (k, v), unit in zip(found.items(), units, strict=True)}


def _on_sphere(x: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k d"]:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def nearest_kept(book: Float[np.ndarray, "k d"], kept: Int[np.ndarray, "m"]) -> Int[np.ndarray, "k"]:
    """For every code the place among the kept ones of the nearest kept code; a kept one is its own."""
    chosen = book[kept]
    square = np.square(chosen).sum(1)
    out = np.empty(len(book), np.int32)
    for a in range(0, len(book), 4096):  # never the whole distance matrix
        out[a : a + 4096] = np.argmin(square - 2 * book[a : a + 4096] @ chosen.T, axis=1)
    out[kept] = np.arange(len(kept), dtype=np.int32)
    return out
