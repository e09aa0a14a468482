"""Binary quantizers: codes of up to 128 bits, and entropies against their definitions."""

import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers import (
    BSQ,
    LFQ,
    Bernoulli,
    code_entropy,
    exact_entropies,
    factorised_entropies,
    pack_bits,
    siglu,
    unpack_bits,
)
from signalpiece.quantizers.bits import group_sizes


def normal(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.mark.parametrize(("bits", "group"), [(1, 16), (16, 16), (20, 16), (128, 16), (12, 6), (9, 1)])
def test_bits_go_there_and_back(bits, group):
    sizes, given = group_sizes(bits, group), normal(3, 5, bits) > 0
    codes = pack_bits(given, sizes)
    assert codes.shape == (3, 5, len(sizes)) and (codes >= 0).all() and (codes < 1 << 16).all()
    assert torch.equal(unpack_bits(codes, sizes), given)
    one = torch.zeros(bits, dtype=torch.bool)
    one[0] = True
    assert pack_bits(one, sizes)[0] == 1 << (sizes[0] - 1), "the first bit is the most significant"


def test_a_vector_of_128_signs_is_eight_codes():
    for make in (LFQ, BSQ):
        q = make(128, bits=128, entropies=factorised_entropies)
        assert q.codebook_sizes == (65536,) * 8
        z = normal(2, 7, 128)
        out = q.eval()(z)
        assert torch.equal(torch.sign(out.embeddings), torch.where(z > 0, 1.0, -1.0))
    assert torch.allclose(out.embeddings.norm(dim=-1), torch.ones(2, 7))


def by_definition(logits, floor=1e-5):
    bits = logits.shape[1]
    codes = ((torch.arange(2**bits)[:, None] >> torch.arange(bits - 1, -1, -1)) & 1).double()
    p = (logits.double() @ codes.T).softmax(-1)

    def entropy(q):
        return -(q * q.clamp(min=floor).log()).sum(-1)

    return entropy(p).mean(), entropy(p.mean(0))


@pytest.mark.parametrize(("bits", "scale"), [(1, 1.0), (2, 5.0), (7, 0.3), (9, 8.0)])
def test_exact_entropies_are_those_of_all_codes(bits, scale):
    logits = normal(70, bits, scale=scale).requires_grad_()
    mine = exact_entropies(logits)
    theirs = by_definition(logits)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a.double(), b, atol=2e-6, rtol=1e-5)
    grads = [torch.autograd.grad(v[0] - 0.7 * v[1], logits)[0] for v in (mine, theirs)]
    torch.testing.assert_close(grads[0], grads[1].float(), atol=1e-6, rtol=1e-4)


def test_entropies_do_not_depend_on_chunks(monkeypatch):
    from signalpiece.quantizers import bit_entropy

    logits = normal(50, 6)
    whole = exact_entropies(logits)
    monkeypatch.setattr(bit_entropy, "CHUNK", 3 * 64)
    torch.testing.assert_close(exact_entropies(logits), whole)


def test_factorised_entropies_bound_the_exact_ones():
    logits = normal(200, 8, scale=5.0)
    logits[:, 1:4] = logits[:, :1]  # bits that go together: the sum over bits cannot see it
    (vectors, batch), (mine, bound) = exact_entropies(logits), factorised_entropies(logits)
    torch.testing.assert_close(mine, vectors, atol=2e-3, rtol=2e-3)
    assert bound > batch + 0.5
    independent = factorised_entropies(torch.zeros(4, 8))
    torch.testing.assert_close(independent[1], 8 * torch.tensor(2.0).log())


def test_too_many_bits_for_the_exact_entropy_are_refused():
    with pytest.raises(SignalPieceError, match="factorised_entropies"):
        LFQ(16, bits=16).train()(normal(1, 4, 16))


def test_code_entropy_is_its_definition():
    x, table = normal(300, 4).requires_grad_(), normal(20, 4, seed=1).requires_grad_()
    mine = code_entropy(x, table, temperature=0.5)
    logits = -torch.cdist(x.double(), table.double()).square() / 0.5
    p, logs = logits.softmax(-1), logits.log_softmax(-1)
    theirs = -(p * logs).sum(-1).mean() + (p.mean(0) * (p.mean(0) + 1e-5).log()).sum()
    torch.testing.assert_close(mine.double(), theirs, atol=1e-5, rtol=1e-5)
    for a, b in zip(torch.autograd.grad(mine, (x, table)), torch.autograd.grad(theirs, (x, table)), strict=True):
        torch.testing.assert_close(a, b.float(), atol=1e-6, rtol=1e-3)


def test_siglu_bounds_and_keeps_the_sign():
    x = normal(100, scale=10.0)
    y = siglu(x)
    assert (y.abs() <= 1).all() and torch.equal(y > 0, x > 0)


def test_bernoulli_draws_what_its_logits_say():
    q = Bernoulli(8, bits=20).train()
    with torch.no_grad():
        q.logits.weight.zero_()
        q.logits.bias.fill_(1.0)
    codes = q(normal(40, 50, 8)).codes
    share = unpack_bits(codes, q.sizes).float().mean()
    assert abs(float(share) - float(torch.tensor(1.0).sigmoid())) < 0.01
    assert unpack_bits(q.eval()(normal(1, 3, 8)).codes, q.sizes).all()
