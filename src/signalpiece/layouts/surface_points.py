"""Points and normals drawn from the surface of a mesh, every piece of area as likely as any other.

Papers: "3D representation in 512-Byte: Variational tokenizer is the key for autoregressive 3D generation" (2025), whose
encoder reads such points; uniform draws in a triangle from "Shape Distributions" (2002).
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots


class SurfacePoints:
    """`count` slots: a point and the unit normal of its triangle. No inverse: `join` refuses.

    A signal holds vertices only, so that triangles are given here: a reader has them in `extra["triangles"]`. Gradients
    reach the vertices; which triangles are hit does not depend on the array library.

    Args:
        count: points.
        triangles: vertex numbers; default: vertices 0, 1, 2 are a triangle, then 3, 4, 5, and so on.
        seed: of the draws; the same for every cut.

    Raises:
        SignalPieceError: no point, triangles that are not whole numbers "f 3".
    """

    arrays = ("numpy", "torch")
    dim = 6
    loss = "SurfacePoints keeps points and no surface, so that nothing can be joined; keep the mesh beside it"

    def __init__(self, *, count: int = 4096, triangles: Any = None, seed: int = 0) -> None:
        check_range("count", count, 1, 2**31)
        self.count, self.seed, self.triangles = count, seed, None
        if triangles is not None:
            faces = np.asarray(triangles)
            if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
                raise SignalPieceError(
                    f"triangles must be whole numbers of shape (f, 3), got {faces.dtype} {faces.shape}"
                )
            self.triangles = faces

    def cut(self, signal: Signal) -> Slots:
        """Points and normals of a mesh; coordinates are the points.

        Raises:
            SignalPieceError: not vertex x xyz, a triangle of vertices that there are not, a surface without area.
        """
        grid = signal.grid
        if grid.axes != ("vertex", "xyz") or grid.shape[1] != 3:
            raise SignalPieceError(f"this layout cuts vertex x xyz, got a signal of axes {' x '.join(grid.axes)}")
        values = self.draw(signal.values, self._faces(grid.shape[0]))
        return Slots(values[None], grid, _as_numpy(values)[None, :, :3])

    def join(self, slots: Slots) -> Signal:
        """Refused.

        Raises:
            SignalPieceError: always.
        """
        raise SignalPieceError(self.loss)

    def draw(self, vertices: Float[Array, "v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[Array, "n 6"]:
        """Points and normals of the surface that `faces` span."""
        xp, rng = array_namespace(vertices), np.random.default_rng(self.seed)
        area = np.linalg.norm(_cross(*(_as_numpy(vertices).astype(np.float64)[faces[:, k]] for k in range(3))), axis=1)
        total = np.cumsum(np.nan_to_num(area, posinf=0.0))
        if not len(total) or not total[-1] > 0:
            raise SignalPieceError("the surface of this mesh has no area; give its triangles as triangles=")
        hit = np.searchsorted(total, rng.random(self.count) * total[-1], side="right")
        far, along = np.sqrt(rng.random(self.count)), rng.random(self.count)
        chosen = faces[np.minimum(hit, len(faces) - 1)]
        a, b, c = (xp.take(vertices, xp.asarray(chosen[:, k], device=device(vertices)), axis=0) for k in range(3))
        shares = np.stack([1 - far, far * (1 - along), far * along])[..., None]
        u, v, w = xp.asarray(shares, dtype=a.dtype, device=device(a))
        normal = _cross(a, b, c)
        length = xp.sqrt(xp.sum(normal * normal, axis=-1, keepdims=True))
        return xp.concat([u * a + v * b + w * c, normal / length], axis=-1)

    def _faces(self, vertices: int) -> Int[np.ndarray, "f 3"]:
        if self.triangles is None:
            return np.arange(vertices // 3 * 3).reshape(-1, 3)
        if self.triangles.size and not 0 <= self.triangles.min() <= self.triangles.max() < vertices:
            low, high = self.triangles.min(), self.triangles.max()
            raise SignalPieceError(f"triangles name vertices {low} to {high} of {vertices}")
        return self.triangles


def _cross(a: Array, b: Array, c: Array) -> Array:
    """The normal of triangles, as long as twice their area."""
    xp = array_namespace(a)
    return xp.linalg.cross(b - a, c - a)


def _as_numpy(x: Array) -> np.ndarray:
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
