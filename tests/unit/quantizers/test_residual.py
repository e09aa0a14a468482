import pytest
import torch

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(**options):
    return quantizers.Residual(4, quantizer=lambda d: quantizers.VQ(d, codebook_size=32), **options)


def test_each_level_helps_and_the_first_columns_decode():
    q, z = make(levels=4).train(), normal(2, 200, 4)
    for _ in range(20):
        q(z)
    codes = q.eval()(z).codes
    errors = [(q.decode(codes[..., :n]) - z).square().mean().item() for n in (1, 2, 3, 4)]
    assert all(b < 0.7 * a for a, b in zip(errors, errors[1:], strict=False))


def test_levels_hand_on_what_is_left():
    q = make(levels=2).eval()
    z = normal(1, 5, 4)
    first = q.levels[0](z)
    second = q.levels[1](z - first.embeddings)
    out = q(z)
    assert torch.equal(out.codes, torch.cat([first.codes, second.codes], 2))
    assert torch.equal(out.embeddings, first.embeddings + second.embeddings)


def test_the_gradient_passes_once():
    q, z = make(levels=5).train(), normal(1, 9, 4).requires_grad_()
    q(z).embeddings.sum().backward()
    assert torch.allclose(z.grad, torch.ones_like(z))


def test_the_loss_is_the_mean_over_levels():
    q, z = make(levels=3).train(), normal(1, 50, 4)
    losses = []
    for level in q.levels:
        level.register_forward_hook(lambda _, __, out: losses.append(out.loss))
    assert torch.allclose(q(z).loss, torch.stack(losses).mean())


def test_dropout_uses_the_first_levels():
    q, z = make(levels=4, dropout=1.0).train(), normal(1, 50, 4)
    used = [q(z).codes.shape[2] for _ in range(40)]
    assert set(used) == {1, 2, 3, 4}
    assert q.eval()(z).codes.shape[2] == 4
    again = make(levels=4, dropout=1.0).train()
    assert [again(z).codes.shape[2] for _ in range(40)] == used


def test_inner_quantizers_of_several_columns():
    q = quantizers.Residual(
        6, levels=2, quantizer=lambda d: quantizers.Residual(d, levels=2, quantizer=lambda e: quantizers.FSQ(e))
    ).eval()
    z = normal(1, 7, 6)
    out = q(z)
    assert q.codebook_sizes == (1000,) * 4 and out.codes.shape == (1, 7, 4)
    assert torch.equal(q.decode(out.codes), out.embeddings)
    assert torch.equal(q.decode(out.codes[..., :2]), q.levels[0].decode(out.codes[..., :2]))
    with pytest.raises(SignalPieceError, match="columns of codes must be between 4 and 4, got 3"):
        q.decode(out.codes[..., :3])


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="levels must be between 1 and 64, got 0"):
        make(levels=0)
    with pytest.raises(SignalPieceError, match="columns of codes must be between 6 and 6, got 7"):
        make(levels=6).decode(torch.zeros(1, 1, 7, dtype=torch.int64))
