"""Parity of the Haar patches and cosine transforms with the official operators, to the tolerance of each note."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from signalpiece import layouts

HERE = Path(__file__).parent
HAAR = load_file(HERE / "cosmos_haar_fsq.safetensors")
COSINE = load_file(HERE / "dct_tofu.safetensors")
CLOSE = {"atol": 2e-6, "rtol": 1e-5}


@pytest.mark.parametrize("patch", [2, 4])
def test_haar_patches(patch):
    layout, x, golden = layouts.HaarPatches(patch=patch), HAAR["img"], HAAR[f"haar2d_p{patch}"]
    y = layout.analyse(np.moveaxis(x, 1, -1))
    np.testing.assert_allclose(y, np.moveaxis(golden, 1, -1).reshape(y.shape), **CLOSE)
    back = layout.synthesise(y, x.shape[2:])
    np.testing.assert_allclose(np.moveaxis(back, -1, 1), HAAR[f"haar2d_p{patch}_inv"], **CLOSE)


@pytest.mark.parametrize("patch", [2, 4])
def test_haar_tubelets(patch):
    layout, x, golden = layouts.HaarTubelets(patch=patch), HAAR["video"], HAAR[f"haar3d_p{patch}"]
    y = layout.analyse(np.moveaxis(x, 1, -1))
    np.testing.assert_allclose(y, np.moveaxis(golden, 1, -1).reshape(y.shape), **CLOSE)
    back = layout.synthesise(y, x.shape[2:])
    np.testing.assert_allclose(np.moveaxis(back, -1, 1), HAAR[f"haar3d_p{patch}_inv"], **CLOSE)


def test_pixels_unshuffled_are_patches_with_colour_slowest():
    x, golden = HAAR["img"], HAAR["rearrange_p4"]
    y = layouts.Patches(patch=4).analyse(np.moveaxis(x, 1, -1)).reshape(1, 64, 16, 3)
    np.testing.assert_array_equal(y.swapaxes(2, 3).reshape(1, 64, 48), np.moveaxis(golden, 1, -1).reshape(1, 64, 48))


def test_cosine_transform():
    x, layout = COSINE["sig"], layouts.DCT(size=196)
    y = layout.analyse(x)[:, 0]
    np.testing.assert_allclose(y, COSINE["sig.dct_ortho"], atol=1e-6, rtol=1e-5)
    scale = np.sqrt(2 * 196) * np.where(np.arange(196), 1, np.sqrt(2))
    np.testing.assert_allclose(y * scale, COSINE["sig.dct_none"], atol=2e-5, rtol=1e-5)
    np.testing.assert_allclose(layout.synthesise(y[:, None], 196), COSINE["sig.idct_of_dct"], **CLOSE)


@pytest.mark.parametrize("ratio", ["0.25", "0.5", "0.9"])
def test_tokens_shortened_by_their_spectrum(ratio):
    """The first coefficients along the tokens, through the inverse of their number; the class token stays aside."""
    x, golden = COSINE["x"], COSINE[f"dct_reduce_{ratio}"]
    keep = golden.shape[1] - 1
    spectrum = layouts.DCT(size=196).analyse(x[:, 1:].swapaxes(1, 2))[..., :keep]
    short = layouts.DCT(size=keep).synthesise(spectrum, keep).swapaxes(1, 2)
    np.testing.assert_allclose(np.concatenate([x[:, :1], short], 1), golden, atol=1e-3, rtol=1e-3)
