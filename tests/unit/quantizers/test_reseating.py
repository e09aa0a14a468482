"""Dead codes get seats where vectors are, and nothing else moves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers import FSQ, VQ, Dual, Gradient, Product, Residual, SimVQ, reseat


def clusters(seed, count=6, dim=4):
    """Vectors around `count` places far apart."""
    g = torch.Generator().manual_seed(seed)
    places = torch.randn(count, dim, generator=g) * 5
    return places[torch.randint(count, (1, 400), generator=g)] + 0.05 * torch.randn(1, 400, dim, generator=g)


def collapsed(seed, kind="vq"):
    """A quantizer whose codes lie far from the vectors, but for a few."""
    torch.manual_seed(seed)
    level = lambda dim: VQ(dim, codebook_size=12)  # noqa: E731
    made = {
        "vq": lambda: VQ(4, codebook_size=12),
        "gradient": lambda: VQ(4, codebook_size=12, learn=Gradient()),
        "sphere": lambda: VQ(4, codebook_size=12, code_dim=3, distance="sphere"),
        "dual": lambda: Dual(4, codebook_size=12, weight=2.0),
        "residual": lambda: Residual(4, levels=3, quantizer=level),
        "product": lambda: Product(4, groups=2, quantizer=level),
        "both": lambda: Product(4, groups=2, quantizer=lambda d: Residual(d, levels=2, quantizer=level)),
    }[kind]()
    for name, tensor in made.named_parameters():
        if name.endswith("codebook.vectors"):
            tensor.data[4:] += 100
    for name, tensor in made.named_buffers():
        if name.endswith("codebook.vectors") and kind != "sphere":
            tensor[4:] += 100
    return made.eval()


@torch.no_grad()
def error_of(quantizer, z):
    return float((quantizer(z).embeddings - z).double().square().mean())


KINDS = ("vq", "gradient", "sphere", "dual", "residual", "product", "both")


def used(quantizer, z):
    codes = quantizer(z).codes
    return [torch.isin(torch.arange(12), codes[..., q]) for q in range(codes.shape[2])]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_living_codes_keep_every_bit_and_the_error_never_rises(kind, seed):
    q, train, held = collapsed(seed, kind), clusters(seed), clusters(seed)[:, ::3]
    alive = used(q, train)
    before = {k: v.clone() for k, v in q.state_dict().items()}
    error = error_of(q, held)
    found = reseat(q, train, alive, held=held, seed=seed)
    after = error_of(q, held)
    assert found.before == pytest.approx(error) and found.after == pytest.approx(after) and after <= error
    column = 0
    for key, value in q.state_dict().items():
        if key.endswith("codebook.vectors"):
            same = torch.ones(12, dtype=torch.bool)
            same[found.seats[column]] = False
            assert torch.equal(value[same], before[key][same]) and same[alive[column]].all()
            column += 1
        elif not key.endswith(("counts", "sums")):
            assert torch.equal(value, before[key]), key
    assert column == len(found.seats)


def test_one_seat_by_hand():
    """Eleven vectors at 0, one at 9: the dead code goes to 9, for no other vector is away from a code."""
    q = VQ(1, codebook_size=2).eval()
    q.codebook.vectors.copy_(torch.tensor([[0.0], [50.0]]))
    z = torch.tensor([0.0] * 11 + [9.0])[None, :, None]
    found = reseat(q, z, [torch.tensor([True, False])], held=z)
    assert q.codebook.vectors.flatten().tolist() == [0.0, 9.0]
    assert found.seats[0].tolist() == [1] and found.before == pytest.approx(81 / 12) and found.after == 0


def test_no_more_seats_than_different_vectors():
    q = VQ(1, codebook_size=8).eval()
    q.codebook.vectors.copy_(torch.arange(8.0)[:, None] * 100)
    z = torch.tensor([1.0, 1.0, 2.0, 0.0])[None, :, None]
    found = reseat(q, z, [torch.arange(8) == 0], held=z)
    assert sorted(q.codebook.vectors[found.seats[0]].flatten().tolist()) == [1.0, 2.0]


def test_seats_that_help_no_one_are_given_up():
    q = VQ(1, codebook_size=2).eval()
    q.codebook.vectors.copy_(torch.tensor([[0.0], [50.0]]))
    before = q.codebook.vectors.clone()
    found = reseat(q, torch.full((1, 4, 1), 9.0), [torch.tensor([True, False])], held=torch.zeros(1, 4, 1))
    assert found.seats[0].tolist() == [] and torch.equal(q.codebook.vectors, before) and found.after == found.before


def test_the_same_seed_gives_the_same_seats():
    one, two = collapsed(3, "residual"), collapsed(3, "residual")
    for q in (one, two):
        reseat(q, clusters(1), used(q, clusters(1)), held=clusters(1), seed=7)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize("quantizer", [FSQ(4), SimVQ(4), Residual(4, levels=2, quantizer=FSQ)])
def test_what_has_no_codebook_is_refused(quantizer):
    z = torch.zeros(1, 3, 4)
    with pytest.raises(SignalPieceError, match="has no codebook"):
        reseat(quantizer.eval(), z, [], held=z)


def test_wrong_masks_and_no_vectors_are_refused():
    q, z = collapsed(0), clusters(0)
    with pytest.raises(SignalPieceError, match="mask for each"):
        reseat(q, z, [torch.ones(11, dtype=torch.bool)], held=z)
    with pytest.raises(SignalPieceError, match="there are none"):
        reseat(q, z[:, :0], [torch.ones(12, dtype=torch.bool)], held=z)
