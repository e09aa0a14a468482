import numpy as np
import pytest
import torch

from signalpiece.layouts import carry_labels, location_maps


def grid(h, w):
    return np.stack(np.mgrid[:h, :w], 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_flow_gives_the_same_positions_exactly(dtype):
    maps = location_maps(np.zeros((7, 33, 47, 2), dtype))
    assert maps.dtype == dtype and (maps == grid(33, 47)).all() and len(maps) == 8
    other = location_maps(torch.zeros(7, 33, 47, 2))
    assert (other.numpy() == grid(33, 47)).all()


def test_positions_add_up_along_the_flow():
    flow = np.zeros((4, 20, 30, 2))
    flow[..., 0], flow[..., 1] = -1, 0.5  # what is here was one row above and half a column to the right
    maps = location_maps(flow)
    inner = maps[:, 6:, :20]
    for back, positions in enumerate(inner[::-1]):
        np.testing.assert_allclose(positions, grid(20, 30)[6:, :20] + [-back, 0.5 * back], atol=1e-12)
    assert maps.min() >= 0 and maps[..., 0].max() <= 19 and maps[..., 1].max() <= 29


def test_numpy_and_torch_agree_and_gradients_pass():
    flow = np.random.default_rng(0).normal(size=(3, 8, 9, 2)) * 2
    tensor = torch.from_numpy(flow).requires_grad_()
    maps = location_maps(tensor)
    np.testing.assert_allclose(maps.detach(), location_maps(flow), atol=1e-12)
    maps[0].sum().backward()
    assert tensor.grad.abs().sum() > 0


def test_labels_move_with_the_picture_and_end_at_its_edge():
    labels = np.arange(12).reshape(3, 4)
    flow = np.zeros((2, 3, 4, 2))
    flow[..., 1] = -1  # the picture moves one column to the right
    found = carry_labels(labels, flow)
    assert np.array_equal(found[0], labels)
    assert np.array_equal(found[2][:, 2:], labels[:, :2]) and (found[2][:, :2] == -1).all()
