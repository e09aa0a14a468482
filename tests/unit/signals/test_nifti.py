import gzip
import struct

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open, read, write

nibabel = pytest.importorskip("nibabel")
RNG = np.random.default_rng(0)
AFFINE = np.array([[2.0, 0.1, 0, -90], [0, 2, 0.2, -126], [0.3, 0, 3, -72], [0, 0, 0, 1]])


def image(values, *, kind=nibabel.Nifti1Image, units=("mm", "sec"), zooms=None, slope=None, sform=1, qform=0):
    made = kind(values, AFFINE)
    made.header.set_sform(AFFINE if sform else None, sform)
    made.header.set_qform(AFFINE if qform else None, qform)
    made.header.set_xyzt_units(*units)
    if zooms:
        made.header.set_zooms(zooms)
    if slope:
        made.header.set_slope_inter(*slope)
    return made


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8", "u2", ">i2"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_same_as_nibabel(tmp_path, kind, dtype, ending):
    values = (RNG.random((5, 4, 3, 6)) * 200).astype(dtype)
    path = tmp_path / f"a{ending}"
    nibabel.save(image(values, kind=kind, zooms=(2, 2, 3, 1.5)), path)
    recording = open(path)
    right = nibabel.load(path)
    np.testing.assert_array_equal(recording.read().values, right.get_fdata().astype(np.float32))
    metres = np.array(recording.grid.affine)
    metres[:3] *= 1000
    np.testing.assert_allclose(metres, right.affine, atol=1e-5)
    assert recording.grid.axes == ("x", "y", "z", "time")
    assert recording.grid.rate == pytest.approx((500.0, 500.0, 1000 / 3, 2 / 3))
    part = recording.read(1.5, 4.5)
    np.testing.assert_array_equal(part.values, recording.read().values[..., 1:3])
    assert part.grid.start == pytest.approx(1.5)
    blocks = list(recording.blocks(4.0))
    assert sum(b.grid.shape[3] for b in blocks) == 6 and len(blocks) == 3


@pytest.mark.parametrize("slope,right", [((2.0, -10.0), 2 * 7 - 10), ((0.0, 5.0), 7), ((np.nan, np.nan), 7)])
def test_slopes(tmp_path, slope, right):
    made = image(np.full((2, 2, 2), 7, np.int16))
    raw = bytearray(made.to_bytes())
    raw[112:120] = struct.pack("<2f", *slope)
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    assert read(tmp_path / "a.nii").values[0, 0, 0] == right


@pytest.mark.parametrize(
    "units,step,rate,words",
    [
        (("mm", "msec"), 2000, 0.5, ""),
        (("micron", "usec"), 2000, 500, ""),
        (("mm", "unknown"), 2, 0.5, "no unit of time"),
        (("mm", "unknown"), 2000, None, "no unit of time"),
        (("unknown", "sec"), 2, 0.5, "no unit of length"),
        (("mm", "sec"), 2000, 1 / 2000, "perhaps mistaken"),
    ],
)
def test_units(tmp_path, units, step, rate, words):
    made = image(np.zeros((2, 2, 2, 3), np.int16), units=units, zooms=(2, 2, 2, step))
    nibabel.save(made, tmp_path / "a.nii")
    recording = open(tmp_path / "a.nii")
    assert recording.grid.rate[3] == (None if rate is None else pytest.approx(rate))
    metre = 1e-6 if units[0] == "micron" else 1e-3
    assert recording.grid.affine[0][3] == pytest.approx(-90 * metre)
    assert any(words in w for w in recording.warnings) if words else not recording.warnings
    assert recording.read().values.shape == (2, 2, 2, 3)


@pytest.mark.parametrize("sform,qform,words", [(1, 0, ""), (0, 1, ""), (2, 1, ""), (0, 0, "nowhere")])
def test_affines(tmp_path, sform, qform, words):
    raw = bytearray(image(np.zeros((4, 5, 3), np.int16), sform=sform, qform=qform).to_bytes())
    raw[252:256] = struct.pack("<2h", qform, sform)
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    recording, right = open(tmp_path / "a.nii"), nibabel.load(tmp_path / "a.nii").affine
    metres = np.array(recording.grid.affine)
    metres[:3] *= 1000
    np.testing.assert_allclose(np.abs(metres) if words else metres, np.abs(right) if words else right, atol=1e-4)
    assert any(words in w for w in recording.warnings) if words else "disagree" not in str(recording.warnings)


def test_a_mirrored_qform(tmp_path):
    affine = np.diag([-2.0, 2, 3, 1])
    affine[:3, 3] = 90, -126, -72
    made = nibabel.Nifti1Image(np.zeros((4, 5, 3), np.int16), affine)
    made.header.set_qform(affine, 1)
    raw = bytearray(nibabel.Nifti1Image(np.zeros((4, 5, 3), np.int16), None, made.header).to_bytes())
    raw[252:256] = struct.pack("<2h", 1, 0)
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    assert np.sign(struct.unpack_from("<f", raw, 76)[0]) == -1
    metres = np.array(open(tmp_path / "a.nii").grid.affine)
    np.testing.assert_allclose(metres[:3] * 1000, affine[:3], atol=1e-4)


def test_nan_is_not_valid(tmp_path):
    values = np.ones((2, 2, 2), np.float32)
    values[0, 1, 1] = np.nan
    nibabel.save(image(values), tmp_path / "a.nii")
    signal = read(tmp_path / "a.nii")
    assert signal.valid.sum() == 7 and signal.values[0, 1, 1] == 0


def test_cut_and_wrong(tmp_path):
    raw = image(np.zeros((4, 5, 3), np.int16)).to_bytes()
    (tmp_path / "a.nii").write_bytes(raw[:-5])
    with pytest.raises(SignalPieceError, match="cut or damaged"):
        open(tmp_path / "a.nii")
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(raw)[:-20])
    with pytest.raises(SignalPieceError):
        read(tmp_path / "b.nii.gz")
    nibabel.save(image(np.zeros((2, 2, 2), np.complex64)), tmp_path / "c.nii")
    with pytest.raises(SignalPieceError, match="complex"):
        open(tmp_path / "c.nii")


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 3, 6)])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_write_and_read(tmp_path, shape, ending):
    nibabel.save(
        image(RNG.standard_normal(shape).astype(np.float32), zooms=(2, 2, 3, 1.5)[: len(shape)]), tmp_path / "a.nii"
    )
    signal = read(tmp_path / "a.nii")
    write(tmp_path / f"b{ending}", signal)
    again = read(tmp_path / f"b{ending}")
    np.testing.assert_array_equal(again.values, signal.values)
    np.testing.assert_allclose(again.grid.affine, signal.grid.affine, atol=1e-7)
    np.testing.assert_allclose(again.grid.rate, signal.grid.rate, rtol=1e-6)
    np.testing.assert_array_equal(nibabel.load(tmp_path / f"b{ending}").get_fdata(), signal.values)
