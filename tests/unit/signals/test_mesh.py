import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.files import open, read, write
from signalpiece.signals.mesh import write_mesh

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)


def as_signal(vertices):
    return Signal(Grid(("vertex", "xyz"), (None, None), ("",), vertices.shape), vertices)


def test_obj_forms(tmp_path):
    text = (
        "# head\nmtllib x.mtl\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\nv 1 1 0\nvt 0 0\nvn 0 0 1\n"
        "f 1/1/1 2//1 \\\n3/1\nv 0 1 0\nf -4 -2 -1\nl 1 2\nstrange 5\n"
    )
    (tmp_path / "a.obj").write_text(text.replace("\n", "\r\n"))
    recording = open(tmp_path / "a.obj")
    np.testing.assert_array_equal(recording.read().values, SQUARE)
    assert recording.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert "strange" in recording.warnings[0] and recording.extra["triangles"] is recording.triangles


@pytest.mark.parametrize(
    "text,words",
    [
        ("v 0 0\n", "line 1 is no vertex"),
        ("v 0 0 0\nf 1 2 3\n", "names vertex 3 and there are 1"),
        ("v 0 0 0\nf 0 1 1\n", "names vertex 0"),
        ("v 0 0 0\nf -2 1 1\n", "names vertex -2"),
        ("v 0 0 0\nf a b c\n", "is no face"),
        ("hello\n", "no vertices"),
    ],
)
def test_obj_refused(tmp_path, text, words):
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(SignalPieceError, match=words):
        open(tmp_path / "a.obj")


def ply(form, header, body):
    lines = "\n".join(["ply", f"format {form} 1.0", "comment made by hand", *header, "end_header", ""])
    return lines.encode() + body


VERTEX = ["element vertex 4", "property double x", "property uchar red", "property double y", "property double z"]
FACE = ["element face 2", "property uchar flag", "property list uchar int vertex_indices"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("faces", [[(0, 1, 2), (0, 2, 3)], [(0, 1, 2, 3), (1, 2, 3)]], ids=["same", "mixed"])
def test_ply_binary(tmp_path, order, faces):
    body = b"".join(struct.pack(f"{order}dBdd", x, 9, y, z) for x, y, z in SQUARE.tolist())
    body += b"".join(struct.pack(f"{order}BB{len(f)}i", 7, len(f), *f) for f in faces)
    form = "binary_little_endian" if order == "<" else "binary_big_endian"
    (tmp_path / "a.ply").write_bytes(ply(form, [*VERTEX, *FACE], body))
    recording = open(tmp_path / "a.ply")
    np.testing.assert_array_equal(recording.read().values, SQUARE)
    cut = [(f[0], f[n], f[n + 1]) for f in faces for n in range(1, len(f) - 1)]
    assert recording.triangles.tolist() == [list(c) for c in cut]


def test_ply_text_and_strips(tmp_path):
    body = "".join(f"{x} 9 {y} {z}\n" for x, y, z in SQUARE.tolist()) + "7 4 0 1 2 3\n7 3 1 2 3\n"
    (tmp_path / "a.ply").write_bytes(ply("ascii", [*VERTEX, *FACE], body.encode()))
    assert open(tmp_path / "a.ply").triangles.tolist() == [[0, 1, 2], [0, 2, 3], [1, 2, 3]]
    strip = ["element tristrips 1", "property list int int vertex_indices"]
    rows = b"".join(struct.pack("<dBdd", x, 9, y, z) for x, y, z in SQUARE.tolist())
    rows += struct.pack("<i8i", 8, 0, 1, 2, 3, -1, 1, 2, 3)
    (tmp_path / "b.ply").write_bytes(ply("binary_little_endian", [*VERTEX, *strip], rows))
    assert open(tmp_path / "b.ply").triangles.tolist() == [[0, 1, 2], [2, 1, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    "header,body,words",
    [
        (["element vertex 4000000000", *VERTEX[1:]], b"\0" * 50, "promised"),
        (["element vertex 1", "property float x"], b"\0" * 4, "no x, y and z"),
        (["element vertex 1", "property odd x"], b"", "cannot be understood"),
        ([*VERTEX, *FACE], b"\0" * 100, "fewer are there|cut"),
    ],
)
def test_ply_refused(tmp_path, header, body, words):
    (tmp_path / "a.ply").write_bytes(ply("binary_little_endian", header, body))
    with pytest.raises(SignalPieceError, match=words):
        open(tmp_path / "a.ply")


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 20), st.integers(0, 30), st.integers(0, 99), st.sampled_from([".obj", ".ply"]))
def test_round_trip(tmp_path_factory, count, faces, seed, ending):
    rng = np.random.default_rng(seed)
    vertices = (rng.standard_normal((count, 3)) * 10.0 ** rng.integers(-6, 6)).astype(np.float32)
    triangles = rng.integers(0, count, (faces, 3))
    path = Path(tmp_path_factory.mktemp("mesh")) / f"a{ending}"
    write_mesh(path, as_signal(vertices), triangles)
    recording = open(path)
    np.testing.assert_array_equal(recording.read().values, vertices)
    np.testing.assert_array_equal(recording.triangles, triangles)


def test_same_as_trimesh(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.icosphere(subdivisions=2)
    for ending, options in ((".ply", {"encoding": "ascii"}), (".ply", {}), (".obj", {"include_normals": True})):
        path = tmp_path / f"a{ending}"
        box.export(path, **options)
        recording = open(path)
        np.testing.assert_allclose(recording.read().values, box.vertices, atol=1e-6)
        np.testing.assert_array_equal(recording.triangles, box.faces)


def test_write_checks(tmp_path):
    write(tmp_path / "a.obj", as_signal(SQUARE))
    assert len(open(tmp_path / "a.obj").triangles) == 0 and read(tmp_path / "a.obj").values.shape == (4, 3)
    with pytest.raises(SignalPieceError, match="name vertices"):
        write_mesh(tmp_path / "b.obj", as_signal(SQUARE), np.array([[0, 1, 4]]))
    with pytest.raises(SignalPieceError, match="vertex x xyz"):
        write(tmp_path / "b.obj", Signal.of(SQUARE, rate=1.0))
