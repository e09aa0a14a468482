"""Chunks of Zarr arrays: every bit again, or within the error asked for; damage ends in one sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signalpiece.core.check import SignalPieceError

numcodecs = pytest.importorskip("numcodecs")
from signalpiece.apps.zarr_codec import SignalPieceCodec  # noqa: E402

KINDS = ["<i1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", ">i2", ">f4", "?"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_bit_comes_back(data):
    kind = np.dtype(data.draw(st.sampled_from(KINDS)))
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9))
    x = data.draw(hnp.arrays(kind, shape))
    codec = SignalPieceCodec(time_axis=data.draw(st.integers(-len(shape), len(shape) - 1)), level="fast")
    back = codec.decode(codec.encode(x))
    assert back.tobytes() == x.astype(kind.newbyteorder("<")).tobytes() and back.shape == x.shape
    out = np.empty_like(x.astype(kind.newbyteorder("<")))
    codec.decode(codec.encode(x), out)
    assert out.tobytes() == back.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_sample_is_further_off(data):
    kind = np.dtype(data.draw(st.sampled_from(["<i2", "<u2", "<i4", "<f4", "<f8"])))
    most = data.draw(st.sampled_from([1.0, 2.0, 7.5] if kind.kind != "f" else [1e-3, 0.5, 20.0]))
    values = (
        st.integers(np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind != "f" else st.floats(-1000, 1000, width=32)
    )
    x = data.draw(hnp.arrays(kind, hnp.array_shapes(max_dims=2, max_side=20), elements=values))
    codec = SignalPieceCodec(max_error=most, level="fast")
    back = codec.decode(codec.encode(x))
    assert back.dtype == x.dtype
    assert np.abs(back.astype(float) - x.astype(float)).max(initial=0) <= most


@pytest.mark.parametrize(
    ("x", "how", "sentence"),
    [
        (np.array([1.0, np.nan]), {"max_error": 0.5}, "not finite"),
        (np.array([1e12]), {"max_error": 1e-3}, "enlarge max_error"),
        (np.array([33554452], np.float32), {"max_error": 2.5}, "lie too far apart"),
        (np.array(["a"]), {}, "numbers are needed"),
        (np.array([1j]), {}, "numbers are needed"),
    ],
)
def test_what_cannot_be_kept_is_refused(x, how, sentence):
    with pytest.raises(SignalPieceError, match=sentence):
        SignalPieceCodec(**how).encode(x)


def test_wrong_options():
    with pytest.raises(SignalPieceError, match="max_error"):
        SignalPieceCodec(max_error=-1.0)
    with pytest.raises(SignalPieceError, match="level"):
        SignalPieceCodec(level="worst")


def test_damaged_chunks():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 300)).cumsum(1).round().astype(np.int16)
    data = SignalPieceCodec().encode(x)
    for _ in range(200):
        bad = bytearray(data)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        cut = bytes(bad[: rng.integers(1, len(bad))]) if rng.random() < 0.5 else bytes(bad)
        try:
            back = SignalPieceCodec().decode(cut)
        except SignalPieceError:
            continue
        assert (
            sorted(back.ravel().tolist()) == sorted(x.ravel().tolist()) or back.size != x.size or back.dtype != x.dtype
        )


@pytest.mark.parametrize("level", ["fast", "default"])
def test_a_zarr_array(tmp_path, level):
    zarr = pytest.importorskip("zarr")
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 2500)).cumsum(1) * 20
    x = (shared + rng.normal(size=(8, 2500)) * 3).round().astype(np.int16)
    codec = SignalPieceCodec(level=level)
    made = zarr.create_array(tmp_path / "a.zarr", data=x, chunks=(8, 1000), compressors=codec, zarr_format=2)
    found = zarr.open_array(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found[:], x)
    np.testing.assert_array_equal(found[2:5, 900:1100], x[2:5, 900:1100])
    blosc = numcodecs.Blosc("zstd", 9, numcodecs.Blosc.BITSHUFFLE)
    other = zarr.create_array(tmp_path / "b.zarr", data=x, chunks=(8, 1000), compressors=blosc, zarr_format=2)
    assert made.nbytes_stored() < 0.8 * other.nbytes_stored()


def test_found_by_name():
    codec = numcodecs.get_codec({"id": "signalpiece", "level": "fast", "max_error": 0.5})
    assert isinstance(codec, SignalPieceCodec) and codec.get_config()["max_error"] == 0.5
