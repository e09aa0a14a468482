import pytest
import torch
from torch.nn import functional

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError
from signalpiece.quantizers.learning import EMA
from signalpiece.quantizers.nearest import nearest_code


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def blobs(count=8, each=50, dim=4):
    centres = normal(count, dim, seed=1) * 10
    x = centres.repeat_interleave(each, 0) + 0.1 * normal(count * each, dim, seed=2)
    return centres, x[torch.randperm(len(x), generator=torch.Generator().manual_seed(3))][None]


@pytest.mark.parametrize(("n", "k"), [(0, 3), (1, 1), (511, 7), (512, 100), (1300, 1025)])
def test_search_is_brute_force(n, k):
    x, codes = normal(n, 5, seed=4).double(), normal(k, 5, seed=5).double()
    found = nearest_code(x, codes)
    if n:
        distance = (x[:, None] - codes).square().sum(-1)
        best = distance.gather(1, found[:, None])[:, 0]
        assert torch.allclose(best, distance.amin(1), atol=1e-5)
        assert (found == distance.argmin(1)).float().mean() > 0.999
    assert len(found) == n


def test_search_never_holds_the_distance_matrix():
    sizes = []

    class Spy(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            sizes.append(out.numel() if isinstance(out, torch.Tensor) else 0)
            return out

    with Spy():
        nearest_code(normal(5000, 4), normal(1000, 4))
    assert max(sizes) <= 512 * 1000


def test_search_ignores_autocast():
    x, codes = normal(300, 16), normal(200, 16, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest_code(x, codes), nearest_code(x, codes))
        inside = nearest_code(x, codes)
    assert torch.equal(inside, nearest_code(x, codes))


def test_kmeans_start_finds_the_clusters():
    centres, x = blobs()
    vq = quantizers.VQ(4, codebook_size=16).train()
    vq(x)
    error = (vq.eval()(x).embeddings - x).square().mean()
    assert error < 1.0 < x.square().mean()
    assert vq.codebook.steps == 1
    without = quantizers.VQ(4, codebook_size=16, learn=EMA(kmeans=0)).eval()
    assert error < 0.1 * (without(x).embeddings - x).square().mean()
    before = vq.codebook.vectors.clone()
    vq.train()(x + 100)
    assert (vq.codebook.vectors - before).abs().max() < 50, "k-means runs once"


def test_kmeans_with_fewer_vectors_than_codes():
    vq = quantizers.VQ(4, codebook_size=64, learn=EMA(revive=0.0)).train()
    x = normal(1, 5, 4)
    vq(x)
    assert vq.codebook.vectors.isfinite().all()
    assert len(vq.codebook.vectors.unique(dim=0)) == 64
    assert (vq.eval()(x).embeddings - x).abs().max() < 0.5


@pytest.mark.parametrize("kind", ["EMA", "Gradient", "UnitEMA"])
def test_dead_codes_come_back(kind):
    unit = kind == "UnitEMA"
    x = normal(1, 400, 4)
    x = functional.normalize(x.abs(), dim=-1) if unit else x

    def used(revive):
        learn = getattr(quantizers, kind)(kmeans=0, revive=revive, decay=0.8)
        torch.manual_seed(0)
        vq = quantizers.VQ(4, codebook_size=32, learn=learn, distance="sphere" if unit else "euclidean")
        with torch.no_grad():
            vq.codebook.vectors[8:] = -0.5 if unit else 100.0
            vq.codebook.sums.copy_(vq.codebook.vectors)
        for _ in range(30):
            vq.train()(x)
        return len(vq.eval()(x).codes.unique())

    assert used(0.0) <= 9 and used(0.1) >= 30


def test_revival_repeats_from_the_state():
    def run():
        torch.manual_seed(0)
        vq = quantizers.VQ(4, codebook_size=64, learn=EMA(revive=0.5, decay=0.5)).train()
        for i in range(5):
            vq(normal(1, 100, 4, seed=i))
            torch.rand(7)  # the global generator plays no part
        return vq.codebook.vectors

    assert torch.equal(run(), run())


@pytest.mark.parametrize("distance", ["cosine", "sphere"])
def test_angles_decide(distance):
    vq = quantizers.VQ(2, codebook_size=2, distance=distance).eval()
    with torch.no_grad():
        vq.codebook.vectors.copy_(torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
    out = vq(torch.tensor([[[10.0, 0.1], [0.01, 0.02]]]))
    assert out.codes.flatten().tolist() == [0, 1]
    assert torch.allclose(out.embeddings, torch.eye(2)[None])


def test_commitment_sees_the_vector_or_its_direction():
    z = torch.tensor([[[3.0, 4.0]]])

    def loss(distance):
        vq = quantizers.VQ(2, codebook_size=1, distance=distance, learn=EMA(kmeans=0), commitment=1.0).train()
        with torch.no_grad():
            vq.codebook.vectors.copy_(torch.tensor([[0.0, 1.0]]))
        return vq(z).loss.item()

    assert loss("euclidean") == pytest.approx((9 + 9) / 2)
    assert loss("cosine") == pytest.approx((9 + 9) / 2)
    assert loss("sphere") == pytest.approx((0.36 + 0.04) / 2, rel=1e-5)


def test_invalid_vectors_have_no_influence():
    z, valid = normal(2, 30, 4), torch.ones(2, 30, dtype=torch.bool)
    valid[:, 20:] = False
    changed = z.clone()
    changed[:, 20:] = 1e3

    def run(x):
        torch.manual_seed(0)
        vq = quantizers.VQ(4, codebook_size=8).train()
        return vq(x, valid).loss, vq.codebook.vectors.clone()

    (loss, vectors), (other, moved) = run(z), run(changed)
    assert torch.equal(loss, other) and torch.equal(vectors, moved)
    assert run(z)[1].isfinite().all()
    vq = quantizers.VQ(4, codebook_size=8).train()
    assert vq(z, torch.zeros_like(valid)).loss == 0


def test_gradient_codebook_receives_gradient():
    vq = quantizers.VQ(4, codebook_size=8, learn=quantizers.Gradient()).train()
    vq(normal(1, 20, 4)).loss.backward()
    assert vq.codebook.vectors.grad.abs().sum() > 0
    assert "codebook.vectors" in dict(vq.named_parameters())
    assert "codebook.vectors" not in dict(quantizers.VQ(4).named_parameters())


def test_decoding_gives_the_same_bits_in_any_batch():
    vq = quantizers.VQ(16, codebook_size=50, code_dim=3).eval()
    codes = torch.randint(50, (1, 200, 1), generator=torch.Generator().manual_seed(0))
    whole = vq.decode(codes)
    for n in (1, 3, 64):
        assert torch.equal(vq.decode(codes[:, :n]), whole[:, :n])


def test_state_dict_names():
    names = set(quantizers.VQ(4, code_dim=2).state_dict())
    assert names == {f"codebook.{n}" for n in ("vectors", "counts", "sums", "steps")} | {
        f"project_{way}.{n}" for way in ("in", "out") for n in ("weight", "bias")
    }


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="distance must be one of euclidean, cosine, sphere; got 'l1'"):
        quantizers.VQ(4, distance="l1")
    with pytest.raises(SignalPieceError, match="codebook_size must be at least 1, got 0"):
        quantizers.VQ(4, codebook_size=0)


def test_one_process_of_a_distributed_run(tmp_path):
    x = normal(1, 100, 4)

    def run():
        torch.manual_seed(0)
        vq = quantizers.VQ(4, codebook_size=8, learn=EMA(revive=0.5, decay=0.5)).train()
        for _ in range(3):
            vq(x)
        return vq.codebook.vectors.clone()

    alone = run()
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        assert torch.equal(run(), alone)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "sphere"])
def test_projected_codes_are_exact_under_autocast(distance):
    vq = quantizers.VQ(16, codebook_size=200, code_dim=4, distance=distance).eval()
    z = normal(2, 50, 16).bfloat16()
    plain = vq(z.float())
    assert torch.equal(vq.decode(plain.codes), plain.embeddings)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = vq(z)
    assert torch.equal(out.codes, plain.codes) and torch.equal(out.embeddings, plain.embeddings)
