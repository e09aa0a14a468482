"""Surfaces as vertices ("vertex", "xyz") with `triangles` beside them: OBJ here, PLY in `ply`; own reading.

OBJ counts from 1, and a negative number counts back from the last vertex read so far (Wavefront OBJ, appendix B1);
readers that collect all vertices first get it wrong. Polygons are cut into triangles as fans. Units are the file's own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.damage import one_sentence
from signalpiece.signals.still import Still


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Still, ...]:
    """Opens a mesh; `extra["triangles"]` holds vertex numbers from 0.

    Raises:
        SignalPieceError: not what its ending says, or damaged.
    """
    warnings = list[str]()
    with one_sentence(path):
        if path.suffix.lower() == ".ply":
            from signalpiece.signals.ply import read_ply

            vertices, triangles = read_ply(path, warnings)
        else:
            vertices, triangles = read_obj(path, warnings)
    if not np.isfinite(vertices).all():
        warnings.append(f"{int((~np.isfinite(vertices)).any(1).sum())} vertices are at no place")
    grid = Grid(("vertex", "xyz"), (None, None), ("",), vertices.shape)
    extra = {"triangles": triangles}
    name = path.suffix[1:].upper()
    return (Still(path, grid, lambda start, stop: vertices, warnings=tuple(warnings), format=name, extra=extra),)


def read_obj(path: Path, warnings: list[str]) -> tuple[Float[np.ndarray, "v 3"], Int[np.ndarray, "f 3"]]:
    """Vertices and triangles of a Wavefront OBJ file.

    Raises:
        SignalPieceError: a line cannot be understood, or a face names a vertex that is not there.
    """
    vertices, triangles, skipped = list[tuple[float, ...]](), list[tuple[int, int, int]](), set[str]()
    for number, line in enumerate(_lines(path), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "v":
            vertices.append(_vertex(path, number, words))
        elif words[0] in ("f", "fo"):
            corners = [_corner(path, number, word, len(vertices)) for word in words[1:]]
            triangles += fan(corners)
        elif words[0] not in _KNOWN:
            skipped.add(words[0])
    if not vertices:
        raise SignalPieceError(f"{path}: it holds no vertices, so it is no OBJ file")
    if skipped:
        warnings.append(f"lines that begin with {', '.join(sorted(skipped)[:5])} were not understood")
    faces = np.array(triangles, np.int64).reshape(-1, 3)
    if faces.size and (faces.max() >= len(vertices) or faces.min() < 0):
        raise SignalPieceError(f"{path}: a face names vertex {int(faces.max()) + 1} and there are {len(vertices)}")
    with np.errstate(over="ignore"):
        return np.array(vertices, np.float64).reshape(-1, 3).astype(np.float32), faces


_KNOWN = {
    "vn", "vt", "vp", "g", "o", "s", "usemtl", "mtllib", "l", "p", "mg", "bevel", "lod", "c_interp", "d_interp",
    "shadow_obj", "trace_obj", "deg", "cstype", "curv", "curv2", "surf", "parm", "trim", "hole", "scrv", "sp", "end",
    "con", "bmat", "step", "call", "csh", "maplib", "usemap", "ctech", "stech",
}  # fmt: skip


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\\\n", " ").split("\n")


def _vertex(path: Path, number: int, words: Sequence[str]) -> tuple[float, ...]:
    try:
        x, y, z = (float(w) for w in words[1:4])
    except ValueError:
        raise SignalPieceError(f"{path}: line {number} is no vertex: {' '.join(words)[:60]!r}") from None
    return x, y, z


def _corner(path: Path, number: int, word: str, count: int) -> int:
    try:
        index = int(word.split("/")[0])
    except ValueError:
        raise SignalPieceError(f"{path}: line {number} is no face: {word[:60]!r}") from None
    if index == 0 or index < -count:
        raise SignalPieceError(f"{path}: line {number} names vertex {index}, which there is not")
    return index - 1 if index > 0 else count + index


def fan(corners: Sequence[int]) -> list[tuple[int, int, int]]:
    """A polygon cut into triangles that share its first corner."""
    return [(corners[0], corners[n], corners[n + 1]) for n in range(1, len(corners) - 1)]


def write_file(path: Path, signal: Signal) -> None:
    """Writes the vertices of a signal; `write_mesh` also writes triangles.

    Raises:
        SignalPieceError: not vertex x xyz.
    """
    write_mesh(path, signal, np.zeros((0, 3), np.int64))


def write_mesh(path: Path, signal: Signal, triangles: Int[np.ndarray, "f 3"]) -> None:
    """Writes OBJ (text, exact for float32) or PLY (binary, little-endian).

    Raises:
        SignalPieceError: not vertex x xyz, or a triangle names a vertex that is not there.
    """
    vertices = np.asarray(signal.values, np.float32)
    if signal.grid.axes != ("vertex", "xyz") or vertices.shape[1] != 3:
        raise SignalPieceError(f"a mesh is vertex x xyz, not {' x '.join(signal.grid.axes)} of {vertices.shape}")
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise SignalPieceError(f"triangles name vertices {triangles.min()} to {triangles.max()} of {len(vertices)}")
    if path.suffix.lower() == ".ply":
        from signalpiece.signals.ply import ply_bytes

        path.write_bytes(ply_bytes(vertices, triangles))
        return
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (triangles + 1).tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
