import struct
from fractions import Fraction

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.files import open, write

av = pytest.importorskip("av")


def frames(count, height=48, width=64):
    out = np.zeros((count, height, width, 3), np.uint8) + 40
    out[:, :16, :16] = 230
    out[:, :, :, 2] += (10 * np.arange(count)).astype(np.uint8)[:, None, None]
    return out


def film(path, pictures, stamps, *, tick=1000, sound=False):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1", "bf": "2", "g": "5"})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv444p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, tick)
        if sound:
            container.add_stream("aac", rate=8000)
        for picture, stamp in zip(pictures, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, tick)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def turned(path, matrix):
    """The file with another display matrix (a b c d as 1, 0 or -1) in its track."""
    raw = bytearray(path.read_bytes())
    at = raw.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    raw[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(raw))


def test_even_film_is_read_in_pieces(tmp_path):
    pictures = frames(20)
    film(tmp_path / "a.mp4", pictures, [40 * n for n in range(20)])
    recording = open(tmp_path / "a.mp4")
    assert recording.grid.rate[0] == pytest.approx(25.0) and recording.grid.shape == pictures.shape
    whole = recording.read().values
    assert np.abs(whole - pictures / 255).max() < 0.03
    np.testing.assert_array_equal(recording.read(0.48, 0.6).values, whole[12:15])
    np.testing.assert_array_equal(np.concatenate([b.values for b in recording.blocks(0.3)]), whole)
    assert recording.read(0.48, 0.6).grid.start == pytest.approx(0.48)
    with pytest.raises(SignalPieceError, match="outside"):
        recording.read(0.0, 2.0)


def test_rounded_clock_is_even(tmp_path):
    film(tmp_path / "a.mp4", frames(12), [round(n * 1000 / 30) for n in range(12)])
    assert open(tmp_path / "a.mp4").grid.rate[0] == pytest.approx(30.0, rel=0.01)


def test_uneven_film_keeps_its_times(tmp_path):
    stamps = [0, 40, 80, 480, 500, 600, 640]
    film(tmp_path / "a.mp4", frames(7), stamps)
    recording = open(tmp_path / "a.mp4")
    assert recording.grid.rate[0] is None
    assert recording.times == pytest.approx(np.array(stamps) / 1000)
    whole = recording.read().values
    np.testing.assert_array_equal(recording.read(0.4, 0.55).values, whole[3:5])
    pieces = list(recording.blocks(0.25))
    np.testing.assert_array_equal(np.concatenate([p.values for p in pieces]), whole)
    assert pieces[1].grid.start == pytest.approx(0.48)


@pytest.mark.parametrize(
    "matrix,right",
    [
        ((1, 0, 0, 1), lambda p: p),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1, (1, 2))),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2, (1, 2))),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1, (1, 2))),
        ((-1, 0, 0, 1), lambda p: p[:, :, ::-1]),
        ((0, 1, 1, 0), lambda p: p.swapaxes(1, 2)),
    ],
)
def test_display_matrix(tmp_path, matrix, right):
    pictures = frames(3)
    film(tmp_path / "a.mp4", pictures, [0, 40, 80])
    turned(tmp_path / "a.mp4", matrix)
    found = open(tmp_path / "a.mp4").read().values
    assert np.abs(found - right(pictures) / 255).max() < 0.03


def test_no_film_and_no_mp4(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SignalPieceError, match="holds no film"):
        open(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"GIF89a" + bytes(100))
    with pytest.raises(SignalPieceError, match="cannot be read"):
        open(tmp_path / "b.mp4")


def test_a_lost_frame_is_named(tmp_path):
    film(tmp_path / "a.mp4", frames(10), [40 * n for n in range(10)])
    raw = bytearray((tmp_path / "a.mp4").read_bytes())
    at = raw.index(b"mdat")
    size = struct.unpack_from(">I", raw, at - 4)[0]
    raw[at + size // 2 : at + size - 8] = bytes(len(raw[at + size // 2 : at + size - 8]))
    (tmp_path / "a.mp4").write_bytes(bytes(raw))
    with pytest.raises(SignalPieceError):
        open(tmp_path / "a.mp4").read()


@pytest.mark.parametrize("shape", [(5, 48, 64, 3), (4, 33, 47, 1)])
def test_write_and_read(tmp_path, shape):
    values = np.broadcast_to(np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None, None], shape).copy()
    grid = Grid(("time", "row", "column", "color"), (29.97, None, None, None), ("",), shape)
    write(tmp_path / "a.mp4", Signal(grid, values))
    recording = open(tmp_path / "a.mp4")
    assert recording.grid.rate[0] == pytest.approx(29.97) and recording.grid.shape[:3] == shape[:3]
    assert np.abs(recording.read().values - values).max() < 0.05
    uneven = Grid(("time", "row", "column", "color"), (None,) * 4, ("",), shape)
    with pytest.raises(SignalPieceError, match="uneven"):
        write(tmp_path / "b.mp4", Signal(uneven, values))
