"""Soft, sparse, annealed, continuous and data-made quantizers: each one's own promise."""

import pytest
import torch
from scipy import stats

from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers import (
    VQ,
    AnnealedOneHot,
    DimensionWise,
    Dual,
    FiniteDiscrete,
    Gaussian,
    GlobalBasis,
    MultiScale,
    ResidualFSQ,
    TopK,
    own_codebook,
    own_codebook_size,
    soft_tokens,
    sparsemax,
)


def normal(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def test_one_hot_probabilities_give_hard_decoding_to_the_bit():
    vq = VQ(8, codebook_size=16).eval()
    codes = torch.arange(16)[None, :, None]
    one_hot = torch.nn.functional.one_hot(codes[..., 0], 16).float()
    assert torch.equal(soft_tokens(one_hot, vq.codebook.table()), vq.decode(codes))
    with pytest.raises(SignalPieceError, match="16 codes"):
        soft_tokens(torch.ones(2, 3), vq.codebook.table())


def test_sparsemax_is_the_projection_onto_the_simplex():
    x = normal(50, 30, scale=2.0).requires_grad_()
    w = sparsemax(x)
    assert (w.sum(-1) - 1).abs().max() < 1e-6 and (w >= 0).all() and (w == 0).float().mean() > 0.5
    for _ in range(20):  # nearer to x than any other point of the simplex
        other = torch.rand(50, 30).softmax(-1)
        assert ((w - x).square().sum(-1) <= (other - x).square().sum(-1) + 1e-6).all()
    assert torch.equal(sparsemax(torch.tensor([[1000.0, 0.0]])), torch.tensor([[1.0, 0.0]]))
    w.square().sum().backward()
    assert x.grad.isfinite().all()


def test_modalities_share_their_discrete_tokens():
    one = FiniteDiscrete(8, size=32, code_dim=16)
    two = FiniteDiscrete(5, like=one)
    assert two.tokens is one.tokens
    x = normal(3, 6, 8)
    valid = torch.ones(3, 6, dtype=torch.bool)
    valid[:, 4:] = False
    hot = one.weights(x, valid)
    assert torch.allclose(hot, one.weights(x[:, :4])) and (hot.sum(-1) - 1).abs().max() < 1e-6
    one.anneal(1.0)
    assert float(one.temperature) == pytest.approx(0.01)
    assert (one.weights(x) > 0).sum() < (hot > 0).sum(), "a low temperature makes weights sparse"


def test_annealing_ends_hard():
    torch.manual_seed(0)
    q = AnnealedOneHot(8).train()
    z = normal(2, 9, 8)
    soft = q(z).embeddings
    assert torch.allclose(soft.sum(-1), torch.ones(2, 9)) and soft.max() < 1
    q.anneal(1.0)
    hard = q(z)
    assert (hard.embeddings - q.decode(hard.codes)).abs().max() < 2e-3
    assert torch.equal(q.eval()(z).embeddings, q.decode(hard.codes))


def test_bins_of_a_normal_law():
    q = DimensionWise(3, levels=32)
    z = normal(1, 60_000, 3) * torch.tensor([0.1, 1.0, 7.0]) + torch.tensor([3.0, 0.0, -2.0])
    out = q.estimate(z).eval()(z)
    use = torch.stack([torch.bincount(out.codes[0, :, d], minlength=32) for d in range(3)]) / 60_000
    assert (use - 1 / 32).abs().max() < 0.004
    error = ((out.embeddings - z) / z.std(1)).square().mean((0, 1))
    assert (error < 0.012).all()
    edges = torch.cat([torch.tensor([-3.0]), q.edges, torch.tensor([3.0])])
    for k in (0, 15, 31):
        assert float(q.means[k]) == pytest.approx(stats.truncnorm.mean(float(edges[k]), float(edges[k + 1])), abs=1e-4)


def test_gaussian_draws_again_only_in_training():
    torch.manual_seed(0)
    q, z = Gaussian(8, code_dim=4), normal(2, 300, 8)
    a, b = q.train()(z).embeddings, q(z).embeddings
    assert not torch.equal(a, b) and torch.equal(q.eval()(z).embeddings, q(z).embeddings)
    mean = torch.stack([q.train()(z).embeddings for _ in range(200)]).mean(0)
    assert (mean - q.eval()(z).embeddings).abs().mean() < 0.1


def test_the_shared_index_is_the_joint_argmin():
    torch.manual_seed(0)
    q = Dual(10, first=4, codebook_size=50, weight=0.3).eval()
    z = normal(3, 40, 10)
    out = q(z)
    table = q.decode(torch.arange(50)[None, :, None])[0]
    distance = (z[:, :, None, :4] - table[:, :4]).square().sum(-1)
    distance = distance + 0.3 * (z[:, :, None, 4:] - table[:, 4:]).square().sum(-1)
    assert torch.equal(out.codes[..., 0], distance.argmin(-1))


def test_top_codes_are_the_most_similar_ones():
    q = TopK(8, codebook_size=40, active=3).eval()
    z = normal(2, 5, 8)
    out = q(z)
    similar = torch.nn.functional.cosine_similarity(z[:, :, None], q.vectors, dim=-1)
    assert torch.equal(out.codes, similar.argsort(-1, descending=True)[..., :3])
    torch.testing.assert_close(out.embeddings, q.vectors[out.codes].sum(-2))


def test_residual_grids_get_finer():
    q = ResidualFSQ(4, levels=(8, 5, 5, 3), depth=4).eval()
    z = normal(2, 200, 4, scale=0.5)
    codes = q(z).codes
    bound = 1 + 1 / (q.sizes - 1).float()
    x = (z / bound).tanh() * bound
    errors = [float((q.decode(codes[..., :k]) - x).square().mean()) for k in (1, 2, 3, 4)]
    assert all(b < 0.2 * a for a, b in zip(errors, errors[1:], strict=False))


@pytest.mark.parametrize("axes", [1, 2])
def test_scales_refine_and_prefixes_decode(axes):
    torch.manual_seed(0)
    q = MultiScale(6, sides=(1, 2, 4), axes=axes, codebook_size=64, convs=2).train()
    z = normal(8, 4**axes, 6)
    rate = torch.optim.Adam(q.parameters(), lr=1e-2)
    for _ in range(60):
        rate.zero_grad()
        q(z).loss.backward()
        rate.step()
    codes = q.eval()(z).codes
    ends = torch.tensor(q.cells).cumsum(0).tolist()
    errors = [float((q.decode(codes[:, :end]) - z).square().mean().detach()) for end in ends]
    assert errors[2] < errors[1] < errors[0] < float(z.square().mean())
    assert q.next_inputs(codes).shape == (8, ends[-1] - 1, 6)
    with pytest.raises(SignalPieceError, match="whole scales"):
        q.decode(codes[:, :2])


def test_scales_may_be_dropped_in_training():
    q = MultiScale(4, sides=(1, 2, 3), codebook_size=8, dropout=1.0).train()
    rows = {q(normal(2, 9, 4)).codes.shape[1] for _ in range(30)}
    assert rows == {1, 5, 14} and q.eval()(normal(2, 9, 4)).codes.shape[1] == 14


def test_dead_basis_codes_share_the_busiest_cell():
    torch.manual_seed(0)
    q = GlobalBasis(8, maps=3, codebook_size=8, code_dim=4).train()
    with torch.no_grad():
        q.vectors[:, 1:] += 100  # nothing is near them
    z = normal(64, 3, 8)
    for _ in range(600):
        codes = q(z).codes
    assert all(len(codes[:, m].unique()) >= 4 for m in range(3))


def test_a_sample_has_its_own_codebook():
    centres = normal(2, 5, 6, scale=4.0)
    at = torch.randint(0, 5, (2, 90), generator=torch.Generator().manual_seed(1))
    x = torch.take_along_dim(centres, at[..., None], 1) + normal(2, 90, 6, seed=2, scale=0.05)
    found = own_codebook(x, 5)
    assert (found.decode() - x).square().mean() < 0.01
    assert all(len(set(zip(a.tolist(), c.tolist(), strict=True))) == 5 for a, c in zip(at, found.codes, strict=True))
    assert torch.equal(own_codebook(x[1:], 5).codes, found.codes[1:]), "samples do not see each other"
    assert own_codebook_size(x[0], 16) in (4, 6) or own_codebook_size(x[0], 16) == 5
    with pytest.raises(SignalPieceError, match="size of a sample"):
        own_codebook(x, 91)
