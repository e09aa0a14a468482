"""Soft splits beside torch's unfold; sizes of the paper."""

import numpy as np
import pytest
import torch
from torch.nn.functional import unfold

from signalpiece.core.check import SignalPieceError
from signalpiece.layouts import SoftSplits, TimeSoftSplits

RNG = np.random.default_rng(0)


def unfolded(x, stages):
    """The official chain without the mixers between: unfold, fold tokens back into a map, unfold."""
    for kernel, stride, pad in stages:
        side = (x.shape[2] + 2 * pad - kernel) // stride + 1
        x = unfold(x, kernel, stride=stride, padding=pad)
        x = x.reshape(*x.shape[:2], side, -1)
    return x.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("stages", [[(7, 4, 2)], [(3, 2, 1), (3, 2, 1)], [(7, 4, 2), (3, 2, 1), (3, 2, 1)]])
def test_slots_are_those_of_unfold_after_unfold(stages):
    x = RNG.normal(size=(2, 32, 48, 3)).astype(np.float32)
    kernels, strides, pads = zip(*stages, strict=True)
    ours = SoftSplits(kernels=kernels, strides=strides, pads=pads).analyse(x)
    assert np.array_equal(ours, unfolded(torch.tensor(x).permute(0, 3, 1, 2), stages).numpy())


def test_a_picture_of_224_gives_14_x_14_slots():
    layout = SoftSplits(colors=1)
    assert layout.transform.blocks.counts((224, 224)) == (14, 14)
    assert layout.dim == 49 * 9 * 9 and TimeSoftSplits().hop == 16


def test_stages_of_one_split_each_make_the_whole():
    x = RNG.normal(size=(17, 30, 2))
    first = SoftSplits(kernels=(5,), strides=(3,), pads=(1,), colors=2)
    second = SoftSplits(kernels=(3,), strides=(2,), pads=(1,), colors=first.dim)
    both = SoftSplits(kernels=(5, 3), strides=(3, 2), pads=(1, 1), colors=2)
    between = first.analyse(x).reshape(*first.transform.blocks.counts((17, 30)), first.dim)
    assert np.array_equal(second.analyse(between), both.analyse(x))


def test_what_unfold_leaves_out_stands_in_one_more_window():
    x = np.arange(1.0, 11)[None]
    layout = TimeSoftSplits(kernels=(4,), strides=(3,), pads=(0,))
    assert layout.analyse(x)[0].tolist() == [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10]]
    x = np.arange(1.0, 12)[None]
    assert layout.analyse(x)[0, -1].tolist() == [10, 11, 0, 0]


def test_join_averages_what_a_model_changed():
    layout = TimeSoftSplits(kernels=(2,), strides=(1,), pads=(0,))
    np.testing.assert_allclose(layout.synthesise(np.array([[[1.0, 2], [4, 8]]]), 3), [[1, 3, 8]])


def test_splits_that_leave_samples_out_are_refused():
    with pytest.raises(SignalPieceError, match="strides must be between 1 and 3, got 4"):
        SoftSplits(kernels=(3,), strides=(4,), pads=(1,))
    with pytest.raises(SignalPieceError, match="one per stage"):
        TimeSoftSplits(kernels=(3, 3), strides=(2,), pads=(1,))
