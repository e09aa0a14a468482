import struct
import zlib

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.files import open, read, write
from signalpiece.signals.png16 import read_png16

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, colour, filters=(0,), extra=b"", interlaced=0, late=b""):
    """16-bit PNG with the filters given, row by row in turn. `rows`: "row column color" uint16."""
    height, width, colours = rows.shape
    raw = rows.astype(">u2").tobytes()
    line, step = width * colours * 2, colours * 2
    body, above = b"", bytes(line)
    for y in range(height):
        now, kind = raw[y * line : (y + 1) * line], filters[y % len(filters)]
        body += bytes([kind]) + bytes((now[x] - guess(kind, now, above, x, step)) & 255 for x in range(line))
        above = now
    head = struct.pack(">2I5B", width, height, 16, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head), extra, chunk(b"IDAT", zlib.compress(body)), late, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def guess(kind, now, above, x, step):
    left, up, corner = (now[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
    if kind == 4:
        near = [abs(left + up - corner - v) for v in (left, up, corner)]
        return (left, up, corner)[near.index(min(near))]
    return (0, left, up, (left + up) // 2)[kind]


@pytest.mark.parametrize("colour,colours", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_kept(tmp_path, colour, colours):
    rows = RNG.integers(0, 65536, (7, 5, colours), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png(rows, colour, (0, 1, 2, 3, 4)))
    recording = open(tmp_path / "a.png")
    assert recording.grid.shape == (7, 5, colours)
    np.testing.assert_allclose(recording.read().values, rows / 65535, atol=1e-7)
    np.testing.assert_allclose(read_png16(tmp_path / "a.png"), rows / 65535, atol=1e-7)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_turned_by_exif(tmp_path, turn, deep):
    rows = RNG.integers(0, 65536, (4, 6, 3), dtype=np.uint16)
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, turn, 0, 0)
    if deep:
        (tmp_path / "a.png").write_bytes(png(rows, 2, extra=chunk(b"eXIf", exif)))
        stored = rows / 65535
    else:
        image = Image.fromarray((rows >> 8).astype(np.uint8))
        image.save(tmp_path / "a.png", exif=b"Exif\0\0" + exif)
        stored = (rows >> 8) / 255
    right = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.swapaxes(0, 1),
        6: np.rot90(stored, -1), 7: stored[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(stored),
    }[turn]  # fmt: skip
    recording = open(tmp_path / "a.png")
    assert recording.grid.shape == right.shape
    np.testing.assert_allclose(recording.read().values, right, atol=1e-7)


@pytest.mark.parametrize("mode,colours", [("1", 1), ("L", 1), ("LA", 2), ("P", 3), ("RGB", 3), ("RGBA", 4)])
def test_modes(tmp_path, mode, colours):
    noise = Image.fromarray(RNG.integers(0, 256, (5, 7, 4), dtype=np.uint8))
    image = noise if mode == "RGBA" else noise.convert("LA" if mode == "LA" else "RGB").convert(mode)
    image.save(tmp_path / "a.png")
    right = np.asarray(image.convert({"1": "L", "P": "RGB"}.get(mode, mode)), np.float32).reshape(5, 7, colours) / 255
    recording = open(tmp_path / "a.png")
    assert recording.grid.axes == ("row", "column", "color") and recording.grid.shape == (5, 7, colours)
    np.testing.assert_allclose(recording.read().values, right, atol=1e-6)


def test_exif_behind_the_pixels(tmp_path):
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 8, 0, 0)
    (tmp_path / "a.png").write_bytes(png(np.zeros((4, 6, 3), np.uint16), 2, late=chunk(b"eXIf", exif)))
    assert open(tmp_path / "a.png").grid.shape == (6, 4, 3) == read(tmp_path / "a.png").grid.shape


def test_a_palette_with_opacity(tmp_path):
    image = Image.new("P", (7, 5), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=bytes([255, 51]))
    assert read(tmp_path / "a.png").values[0, 0] * 255 == pytest.approx([40, 50, 60, 51], abs=1e-3)


def test_first_of_several_is_said(tmp_path):
    frames = [Image.new("RGB", (4, 4), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    recording = open(tmp_path / "a.webp")
    assert "2 pictures" in recording.warnings[0] and recording.read().values[0, 0] == pytest.approx([1, 0, 0], abs=0.01)


@pytest.mark.parametrize("ending", [".png", ".webp", ".jpg"])
def test_write_and_read(tmp_path, ending):
    values = np.linspace(0, 1, 16 * 12 * 3, dtype=np.float32).reshape(16, 12, 3)
    write(tmp_path / f"a{ending}", Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), values.shape), values))
    error = np.abs(read(tmp_path / f"a{ending}").values - values).max()
    assert error <= (0.51 / 255 if ending != ".jpg" else 0.1)


def test_no_time(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    recording = open(tmp_path / "a.png")
    with pytest.raises(SignalPieceError, match="no time axis"):
        recording.read(0.0, 1.0)
    assert [s.grid.shape for s in recording.blocks(1.0)] == [(4, 4, 1)]


def test_refused(tmp_path):
    rows = np.zeros((3, 3, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(png(rows, 2, interlaced=1))
    with pytest.raises(SignalPieceError, match="interlaced"):
        read(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(png(rows, 2)[:-30])
    with pytest.raises(SignalPieceError):
        read(tmp_path / "b.png")
    with pytest.raises(SignalPieceError, match="opacity"):
        grid = Grid(("row", "column", "color"), (None,) * 3, ("",), (2, 2, 4))
        write(tmp_path / "c.jpg", Signal(grid, np.zeros((2, 2, 4), np.float32)))
