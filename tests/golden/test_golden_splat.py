"""The renderer against the published one: 1e-5 on features of size 1 to 10."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from signalpiece.layouts import splat


@pytest.mark.parametrize("case", "abc")
def test_rendered(case):
    data = load_file(Path(__file__).parent / "gpstoken_render.safetensors")
    colors, centres, spread, reach, wanted = (
        data[f"{case}.{k}"] for k in ("colors", "coords", "sigmas_rho", "dmax", "rendered_hwc")
    )
    found = splat(colors[None], centres[None], spread[None], *wanted.shape[:2], reach=float(reach))
    torch.testing.assert_close(found[0], wanted, atol=1e-5, rtol=1e-5)
