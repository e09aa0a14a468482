"""Karhunen-Loeve transform over channels: neighbouring sensors carry the same signal, so code their components.

Papers: "Analysis of a Complex of Statistical Variables into Principal Components" (1933), and for the use before a
coder "The Design of Approximately Optimal Transform Codes" (1963). Made from the recording where a first pass has seen
it, else (a live stream, a given step) from the first seconds. Sent in the side information: only the components that
rise above the step, each as finely as its size asks for; the rest of the basis is completed the same way on both sides.
Rows of the tokens are components, so any channel needs all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.tokenizers.blocks import BlockMap

KEEP = 0.05  # variance in squared steps from which a component is sent
FINEST = 12  # bits behind the point of an entry


@dataclass(frozen=True)
class Rotation:
    """An orthonormal matrix (channels x components) and how it is sent.

    Attributes:
        codes: entries of the sent components, in units of 2 ** -precision.
        precision: bits behind the point, one number per sent component.
        matrix: the whole basis, sent components first.
    """

    codes: Int[np.ndarray, "c m"]
    precision: tuple[int, ...]
    matrix: Float[np.ndarray, "c c"]

    @property
    def notes(self) -> dict[str, Any]:
        """What the header says."""
        return {"channels": len(self.matrix), "precision": list(self.precision)}

    def mix(self, z: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
        """Channels to components."""
        return _product(self.matrix, z)

    def unmix(self, y: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
        """Components to channels."""
        return _product(self.matrix.T, y)


class KLT:
    """Makes the rotation.

    Args:
        seconds: how much of the beginning it looks at where there was no first pass; its latency.
    """

    def __init__(self, *, seconds: float = 10.0) -> None:
        check_range("seconds", seconds, 1, 3600)
        self.seconds = seconds

    def fit(self, z: Float[np.ndarray, "c t"]) -> Rotation:
        """The rotation for signals like `z`, which is in units of the step."""
        apart = z.astype(np.float64) - z.mean(1, keepdims=True, dtype=np.float64) if z.shape[1] else np.zeros(z.shape)
        return self.of(apart @ apart.T / max(z.shape[1], 1))

    def of(self, covariance: Float[np.ndarray, "c c"]) -> Rotation:
        """The rotation for channels of this covariance, in units of the step."""
        channels = len(covariance)
        values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[:, order]
        sent = int((values > KEEP).sum()) if channels > 1 else 0
        vectors = vectors[:, :sent] * np.where(vectors[:, :sent].sum(0) < 0, -1, 1)
        bits = np.ceil(np.log2(np.sqrt(np.maximum(values[:sent], 1e-9) * channels))) + 2
        precision = tuple(int(b) for b in np.clip(bits, 3, FINEST))
        codes = np.rint(vectors * 2.0 ** np.array(precision, float)).astype(np.int32)
        return rotation_from(codes, precision)


def rotation_from(codes: Int[np.ndarray, "c m"], precision: tuple[int, ...]) -> Rotation:
    """The rotation of sent entries.

    Raises:
        SignalPieceError: the two do not belong together.
    """
    if len(precision) != codes.shape[1] or codes.shape[1] > codes.shape[0]:
        raise SignalPieceError(f"{codes.shape[1]} components of {codes.shape[0]} channels do not fit the header")
    return Rotation(codes, precision, complete(codes / 2.0 ** np.array(precision, float)))


def complete(vectors: Float[np.ndarray, "c m"]) -> Float[np.ndarray, "c c"]:
    """Makes the columns orthonormal in their order, then adds unit vectors until the basis is full.

    Gram-Schmidt twice over, with plain sums, so that every machine gets the same basis to the last digits but one.
    """
    channels = len(vectors)
    basis = np.zeros((channels, channels))
    found = 0
    for column in vectors.T:
        found += _add(basis, found, column, 1e-3)
    left = list(range(channels))
    while found < channels:
        apart = 1 - (basis[:, :found] ** 2).sum(1)  # squared length of what unit vector k would add
        best = max(left, key=lambda k: round(float(apart[k]), 6))
        left.remove(best)
        found += _add(basis, found, np.eye(channels)[best], 1e-6)
    return basis


def _add(basis: Float[np.ndarray, "c c"], found: int, column: Float[np.ndarray, "c"], least: float) -> bool:
    for _ in range(2):
        column = column - (basis[:, :found] * (basis[:, :found] * column[:, None]).sum(0)).sum(1)
    length = float(np.sqrt((column**2).sum()))
    if length < least:
        return False
    basis[:, found] = column / length
    return True


def _product(matrix: Float[np.ndarray, "c m"], z: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "m t"]:
    """matrix.T @ z, each sample by itself in a fixed order."""
    channels, samples = z.shape
    if not samples:
        return z
    time_major = np.ascontiguousarray(z.T).reshape(1, -1)
    out = BlockMap(matrix.astype(z.dtype), channels).between(time_major, 0, 0, samples, edge=False)
    return np.ascontiguousarray(out[0].T)
