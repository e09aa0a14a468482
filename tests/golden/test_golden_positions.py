"""Parity of rotary positions with the official tables and outputs of three picture generators."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from signalpiece.positions import rotate

GOLDEN = load_file(Path(__file__).parent / "rope2d.safetensors")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def grid(size):
    return torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij"), -1).reshape(1, -1, 2)


def test_rows_then_columns():
    x, golden = (GOLDEN[f"llamagen.{k}"].transpose(1, 2) for k in "xy")
    torch.testing.assert_close(rotate(x[:, :, 1:], grid(16)), golden[:, :, 1:], **CLOSE)


def test_one_axis():
    pair = torch.tensor([1.0, 0.0]).repeat(16).expand(1, 1, 64, 32)
    turned = rotate(pair, torch.arange(64)[None, :, None])
    torch.testing.assert_close(turned.reshape(64, 16, 2), GOLDEN["llamagen.cache1d_L64_d32"], **CLOSE)


def test_a_larger_grid_in_the_units_of_a_smaller_one():
    x, golden = (GOLDEN[f"eva.{k}"].reshape(1, 1, 576, 64) for k in "xy")
    torch.testing.assert_close(rotate(x, grid(24) / 24 * 16), golden, **CLOSE)


def test_another_order_of_tokens():
    cells = grid(16).reshape(2, 8, 2, 8, 2).transpose(1, 2).reshape(1, 256, 2)
    torch.testing.assert_close(rotate(GOLDEN["xar_fast.x"], cells), GOLDEN["xar_fast.y"], **CLOSE)
