"""Block maps: equal to the plain double sum, to themselves under any chunking, and on any range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.tokenizers.blocks import BlockMap, BlockStream


def twin(x, matrix, hop):
    """The kernel's specification: every output a float32 sum of groups of four products, in order."""
    taps, width = matrix.shape
    blocks = max((x.shape[1] - taps) // hop + 1, 0)
    out = np.zeros((len(x), blocks, width), np.float32)
    for r in range(len(x)):
        for b in range(blocks):
            for k in range(0, taps, 4):
                p = x[r, b * hop + k : b * hop + k + 4, None] * matrix[k : k + 4]
                out[r, b] += ((p[0] + p[1]) + p[2]) + p[3]
    return out


def make(seed, taps=10, width=5, hop=4, before=3):
    rng = np.random.default_rng(seed)
    return BlockMap(rng.standard_normal((taps, width)).astype(np.float32), hop, before), rng


def test_kernel_equals_its_specification_bit_for_bit():
    for seed, (taps, width, hop) in enumerate([(10, 5, 4), (8, 1, 1), (3, 17, 9), (12, 4, 30)]):
        block_map, rng = make(seed, taps, width, hop, 0)
        x = rng.standard_normal((3, 101)).astype(np.float32)
        assert np.array_equal(block_map.apply(x), twin(x, block_map.matrix, hop))


def test_equals_a_matrix_product():
    block_map, rng = make(1)
    x = rng.standard_normal((2, 40))
    blocks = block_map.apply(x)
    for b in range(blocks.shape[1]):
        assert np.allclose(blocks[:, b], x[:, b * 4 : b * 4 + 12] @ block_map.matrix, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99),
    samples=st.integers(1, 60),
    before=st.integers(-5, 7),
    hop=st.integers(1, 14),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_stream_equals_the_whole(seed, samples, before, hop, cuts):
    block_map, rng = make(seed, hop=hop, before=before)
    x = rng.standard_normal((2, samples)).astype(np.float32)
    blocks = -(-samples // hop) + 1
    stream = BlockStream(block_map)
    pieces = [stream.push(p) for p in np.split(x, sorted(c for c in cuts if c <= samples), axis=1)]
    streamed = np.concatenate([*pieces, stream.close(blocks)], axis=1)[:, :blocks]
    assert np.array_equal(streamed, block_map.between(x, 0, 0, blocks))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), first=st.integers(0, 9), count=st.integers(1, 6), edge=st.booleans())
def test_a_range_equals_that_range_of_the_whole(seed, first, count, edge):
    block_map, rng = make(seed)
    x = rng.standard_normal((2, 50)).astype(np.float32)
    start, stop = block_map.needs(first, first + count)
    start, stop = max(start, 0), min(stop, 50)
    piece = block_map.between(x[:, start:stop], start, first, first + count, edge)
    assert np.array_equal(piece, block_map.between(x, 0, 0, 15, edge)[:, first : first + count])


def test_rows_do_not_depend_on_each_other():
    block_map, rng = make(2)
    x = rng.standard_normal((5, 50)).astype(np.float32)
    assert np.array_equal(block_map.apply(x)[3:4], block_map.apply(x[3:4]))


@pytest.mark.parametrize("edge", [True, False])
def test_outside_the_signal_the_edge_or_zero_stands(edge):
    block_map = BlockMap(np.eye(4, dtype=np.float32), 4, 2)
    out = block_map.between(np.array([[5.0, 6.0]], np.float32), 0, 0, 1, edge)
    assert out.ravel().tolist() == ([5, 5, 5, 6] if edge else [0, 0, 5, 6])
