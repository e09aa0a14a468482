import pytest
import torch

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError


def test_parts_are_quantized_apart():
    q = quantizers.Product(6, groups=2, quantizer=lambda d: quantizers.FSQ(d, levels=(8, 5, 5))).eval()
    z = torch.randn(1, 7, 6, generator=torch.Generator().manual_seed(0))
    out, first = q(z), q.groups[0](z[..., :3])
    assert q.codebook_sizes == (200, 200)
    assert torch.equal(out.codes[..., :1], first.codes) and torch.equal(out.embeddings[..., :3], first.embeddings)
    other = z.clone()
    other[..., 3:] += 1.0
    assert torch.equal(q(other).codes[..., 0], out.codes[..., 0])


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="groups of 4 does not divide a vector of 6"):
        quantizers.Product(6)
    with pytest.raises(SignalPieceError, match="columns of codes must be between 4 and 4, got 3"):
        quantizers.Product(8).decode(torch.zeros(1, 1, 3, dtype=torch.int64))
