"""PLY meshes: text, and binary of both byte orders, with any other properties beside the ones needed."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_CORNERS = ("vertex_indices", "vertex_index")


@dataclass
class _Element:
    """One element of the header: how many rows, and name, type (and type of the count, for lists) of each property."""

    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def least_bytes(self) -> int:
        return sum(np.dtype(count or type_).itemsize for _, type_, count in self.properties)


def read_ply(path: Path, warnings: list[str]) -> tuple[Float[np.ndarray, "v 3"], Int[np.ndarray, "f 3"]]:
    """Vertices and triangles; polygons are cut as fans, triangle strips unrolled.

    Raises:
        SignalPieceError: no PLY file, cut, or damaged.
    """
    data = path.read_bytes()
    kind, elements, start = _header(path, data)
    if kind == "ascii":
        source: _Text | _Binary = _Text(data[start:].split())
    else:
        source = _Binary(data, start, "<" if "little" in kind else ">")
    vertices, faces = None, list[np.ndarray]()
    for element in elements:
        room = len(source) // max(1 if kind == "ascii" else element.least_bytes, 1)
        if element.properties and element.count > room:
            raise SignalPieceError(
                f"{path}: {element.count} of {element.name} are promised, fewer are there; it is cut"
            )
        columns, lists = source.rows(element)
        if element.name == "vertex":
            vertices = _places(path, columns)
        elif element.name in ("face", "tristrips"):
            faces += _cut(lists, element.name == "tristrips")
    if vertices is None:
        raise SignalPieceError(f"{path}: it has no vertices with x, y and z")
    triangles = np.concatenate(faces).astype(np.int64) if faces else np.zeros((0, 3), np.int64)
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise SignalPieceError(f"{path}: a face names vertex {int(triangles.max())} and there are {len(vertices)}")
    return vertices, triangles


def _header(path: Path, data: bytes) -> tuple[str, list[_Element], int]:
    end = data.find(b"end_header", 0, 1 << 20)
    if data[:3] != b"ply" or end < 0:
        raise SignalPieceError(f"{path}: this is not a PLY file")
    start = data.find(b"\n", end) + 1
    if data[end + 10 : end + 11] == b"\r" and data[end + 11 : end + 12] != b"\n":
        start = end + 11
    kind, elements = "", list[_Element]()
    for line in data[:end].decode("latin-1").replace("\r", "\n").split("\n"):
        words = line.split()
        match words:
            case ["format", found, *_]:
                kind = found
            case ["element", name, count] if count.isdigit():
                elements.append(_Element(name, int(count)))
            case ["property", "list", size, type_, name] if elements and size in _TYPES and type_ in _TYPES:
                elements[-1].properties.append((name, _TYPES[type_], _TYPES[size]))
            case ["property", type_, name] if elements and type_ in _TYPES:
                elements[-1].properties.append((name, _TYPES[type_], ""))
            case ["property" | "element", *_]:
                raise SignalPieceError(f"{path}: header line {line[:60]!r} cannot be understood")
    if kind not in ("ascii", "binary_little_endian", "binary_big_endian") or not start:
        raise SignalPieceError(f"{path}: format {kind!r} is not one that PLY has")
    return kind, elements, start


class _Text:
    """Rows of numbers separated by blanks."""

    def __init__(self, words: list[bytes]) -> None:
        self.words, self.at = words, 0

    def __len__(self) -> int:
        return len(self.words) - self.at

    def rows(self, element: _Element) -> tuple[dict[str, np.ndarray], list[list[int]]]:
        """Columns of single numbers, and the lists of corners."""
        width = len(element.properties)
        if not any(count for _, _, count in element.properties):
            size = element.count * width
            if len(self) < size:
                raise SignalPieceError(f"rows of {element.name} are cut")
            table = np.array(self.words[self.at : self.at + size], np.float64).reshape(element.count, width)
            self.at += size
            return {p[0]: table[:, n] for n, p in enumerate(element.properties)}, []
        lists = list[list[int]]()
        for _ in range(element.count):
            for name, _, count in element.properties:
                size = int(self.words[self.at]) if count else 0
                values = self.words[self.at + 1 : self.at + 1 + size]
                if len(values) < size or size < 0:
                    raise SignalPieceError(f"rows of {element.name} are cut")
                if name in _CORNERS:
                    lists.append([int(v) for v in values])
                self.at += 1 + size
        return {}, lists


class _Binary:
    """Packed rows."""

    def __init__(self, data: bytes, at: int, order: str) -> None:
        self.data, self.at, self.order = data, at, order

    def __len__(self) -> int:
        return len(self.data) - self.at

    def rows(self, element: _Element) -> tuple[dict[str, np.ndarray], list[list[int]] | np.ndarray]:
        """Columns of single numbers, and the lists of corners (an array where all have one length)."""
        names = [f"{n}" for n in range(len(element.properties))]
        if not any(count for _, _, count in element.properties):
            form = np.dtype([(n, self.order + p[1]) for n, p in zip(names, element.properties, strict=True)])
            table = self._take(form, element.count)
            return {p[0]: table[n] for n, p in zip(names, element.properties, strict=True)}, []
        return {}, self._lists(element)

    def _lists(self, element: _Element) -> list[list[int]] | np.ndarray:
        if element.count and (same := self._same(element)) is not None:
            return same
        lists = list[list[int]]()
        for _ in range(element.count):
            for name, type_, count in element.properties:
                size = int(self._take(np.dtype(self.order + count), 1)[0]) if count else 1
                values = self._take(np.dtype(self.order + type_), size)
                if name in _CORNERS and count:
                    lists.append(values.tolist())
        return lists

    def _same(self, element: _Element) -> np.ndarray | None:
        """Corners of all faces at once, if every list is as long as the first row's."""
        fields, at = list[tuple[str, str]](), self.at
        for n, (_, type_, count) in enumerate(element.properties):
            size = 1
            if count:
                width = np.dtype(count).itemsize
                if at + width > len(self.data):
                    return None
                size = int(np.frombuffer(self.data, self.order + count, 1, at)[0])
                fields.append((f"count{n}", self.order + count))
                at += width
            if not 0 < size < 1 << 16:
                return None
            fields.append((f"{n}", f"({size},){self.order}{type_}"))
            at += size * np.dtype(type_).itemsize
        form = np.dtype(fields)
        if element.count * form.itemsize > len(self):
            return None
        table = np.frombuffer(self.data, form, element.count, self.at)
        counts = [name for name, _ in fields if name.startswith("count")]
        if any((table[name] != table[name][0]).any() for name in counts):
            return None
        self.at += table.nbytes
        found = [n for n, p in enumerate(element.properties) if p[0] in _CORNERS]
        return table[f"{found[0]}"] if found else np.zeros((0, 3), np.int64)

    def _take(self, form: np.dtype, count: int) -> np.ndarray:
        if count < 0 or count * form.itemsize > len(self):
            raise SignalPieceError("its rows are cut")
        out = np.frombuffer(self.data, form, count, self.at)
        self.at += out.nbytes
        return out


def _places(path: Path, columns: dict[str, np.ndarray]) -> Float[np.ndarray, "v 3"]:
    if not all(axis in columns for axis in "xyz"):
        raise SignalPieceError(f"{path}: vertices have no x, y and z, or lists among their properties")
    with np.errstate(over="ignore"):
        return np.stack([columns[axis] for axis in "xyz"], 1).astype(np.float32)


def _cut(lists: "list[list[int]] | np.ndarray", strips: bool) -> list[np.ndarray]:
    """Triangles of polygons, or of strips in which -1 begins a new one."""
    if isinstance(lists, np.ndarray) and not strips:
        wide = lists.astype(np.int64)
        if wide.ndim < 2 or wide.shape[1] < 3:
            return []
        return [np.stack([wide[:, [0, n, n + 1]] for n in range(1, wide.shape[1] - 1)], 1).reshape(-1, 3)]
    rows = list[tuple[int, int, int]]()
    for corners in lists.tolist() if isinstance(lists, np.ndarray) else lists:
        if strips:
            strip = list[int]()
            for corner in [*corners, -1]:
                if corner < 0:
                    rows += [(a, b, c) if n % 2 == 0 else (b, a, c) for n, (a, b, c) in _triples(strip)]
                    strip = []
                else:
                    strip.append(corner)
        else:
            rows += [(corners[0], corners[n], corners[n + 1]) for n in range(1, len(corners) - 1)]
    return [np.array(rows, np.int64).reshape(-1, 3)]


def _triples(strip: list[int]) -> "enumerate[tuple[int, int, int]]":
    return enumerate(zip(strip, strip[1:], strip[2:], strict=False))


def ply_bytes(vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]) -> bytes:
    """A binary little-endian file."""
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(triangles), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    faces["count"], faces["corners"] = 3, triangles
    return head.encode() + np.asarray(vertices, "<f4").tobytes() + faces.tobytes()
