"""Laws of the room: decoding gives the embeddings that came with the codes, and codes stay in their codebooks."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.utils.checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Quantizer, StatefulModule
from signalpiece.core.types import Quantized

KINDS = [n for n in quantizers.__all__ if inspect.isclass(getattr(quantizers, n))]
NETS = [n for n in KINDS if issubclass(getattr(quantizers, n), torch.nn.Module)]
CONTINUOUS = [n for n in NETS if not hasattr(getattr(quantizers, n), "decode")]
MAPS = {"MultiScale": (16, 30), "GlobalBasis": (16, 16)}  # fixed numbers of vectors, and of rows of codes
MODULES = [n for n in NETS if n not in CONTINUOUS and n not in MAPS]
SCALAR = [n for n in KINDS if n not in NETS and hasattr(getattr(quantizers, n), "encode")]
CLASSES = MODULES + SCALAR + list(MAPS)
LEARNING = [n for n in KINDS if hasattr(getattr(quantizers, n), "move")]
OF_ONE_SAMPLE = ["OwnCodebook"]
STATEFUL = ["Trellis"]
ESTIMATORS = ["rotation", "straight_through"]
FUNCTIONS = [n for n in quantizers.__all__ if n not in KINDS + ESTIMATORS]  # each has unit tests
LEFT_ALONE = ("DimensionWise",)  # trains nothing

shapes = st.tuples(st.integers(1, 3), st.integers(1, 7))
seeds = st.integers(0, 2**31)


def normal(shape, seed, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def test_every_name_is_under_a_law():
    laws = MODULES + [*MAPS] + CONTINUOUS + SCALAR + LEARNING + OF_ONE_SAMPLE + STATEFUL + ESTIMATORS + FUNCTIONS
    assert sorted(laws) == sorted(quantizers.__all__)
    tested = "".join(p.read_text() for p in (Path(__file__).parents[1] / "unit" / "quantizers").glob("*.py"))
    assert all(f"{n}(" in tested for n in FUNCTIONS)


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_build_a_quantizer(name):
    made = getattr(quantizers, name)()
    assert isinstance(made, Quantizer)
    parameters = {
        k: p for k, p in inspect.signature(getattr(quantizers, name)).parameters.items() if p.kind != p.VAR_KEYWORD
    }
    assert len(parameters) <= 8 and all(p.default is not p.empty for p in parameters.values())


@pytest.mark.parametrize("name", MODULES)
@settings(deadline=None, max_examples=15)
@given(shape=shapes, seed=seeds, scale=st.sampled_from([1e-3, 1.0, 50.0]))
def test_eval_decodes_to_the_bit(name, shape, seed, scale):
    torch.manual_seed(seed)
    q = getattr(quantizers, name)(8).eval()
    z = normal((*shape, 8), seed, scale)
    out = q(z)
    assert isinstance(out, Quantized) and out.embeddings.shape == z.shape
    assert torch.equal(q.decode(out.codes), out.embeddings)
    assert out.codes.shape == (*shape, len(q.codebook_sizes))
    assert (out.codes >= 0).all() and (out.codes < torch.tensor(q.codebook_sizes)).all()
    again = q(z)
    assert torch.equal(out.codes, again.codes) and torch.equal(out.embeddings, again.embeddings)


@pytest.mark.parametrize("name", MODULES)
def test_autocast_and_half_precision_change_no_code(name):
    torch.manual_seed(0)
    q = getattr(quantizers, name)(8).eval()
    z = normal((2, 40, 8), 5).bfloat16()
    plain = q(z.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = q(z)
        assert torch.equal(q.decode(out.codes), plain.embeddings)
    assert torch.equal(out.codes, plain.codes) and torch.equal(out.embeddings, plain.embeddings)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(q.train()(z).embeddings).all()


@pytest.mark.parametrize("name", MAPS)
def test_maps_decode_to_the_bit(name):
    torch.manual_seed(0)
    q, (cells, rows) = getattr(quantizers, name)(8).eval(), MAPS[name]
    z = normal((3, cells, 8), 1)
    out = q(z)
    assert out.embeddings.shape == z.shape and out.codes.shape == (3, rows, 1)
    assert torch.equal(q.decode(out.codes), out.embeddings)
    assert (out.codes >= 0).all() and (out.codes < q.codebook_sizes[0]).all()


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_ones_have_no_codes(name):
    torch.manual_seed(0)
    q = getattr(quantizers, name)(8).eval()
    z = normal((3, 5, 8), 1)
    out = q(z)
    assert q.codebook_sizes == () and out.codes is None
    assert torch.equal(out.embeddings, q(z).embeddings) and out.embeddings.shape[0] == 3


def vectors(name, seed):
    return normal((2, MAPS[name][0] if name in MAPS else 50, 8), seed)


@pytest.mark.parametrize("name", [n for n in NETS if n not in LEFT_ALONE])
def test_checkpointing_changes_nothing(name):
    """The second forward of a checkpointed pass repeats the first and learns nothing twice."""
    make = getattr(quantizers, name)
    torch.manual_seed(0)
    one, two = make(8).train(), make(8).train()
    two.load_state_dict(one.state_dict())
    layer = torch.nn.Linear(8, 8)
    for step in range(3):
        z, grads, outs = vectors(name, step), [], []
        for q, checkpointed in ((one, False), (two, True)):
            x = z.clone().requires_grad_()
            run = lambda x, q=q: (lambda o: (o.embeddings, torch.as_tensor(o.loss)))(q(layer(x)))  # noqa: E731
            y, loss = torch.utils.checkpoint.checkpoint(run, x, use_reentrant=False) if checkpointed else run(x)
            (y.square().sum() + loss).backward()
            grads.append(x.grad)
            outs.append(y.detach())
        assert torch.equal(*outs) and torch.equal(*grads)
        for (key, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
            assert torch.equal(a, b), key


@pytest.mark.parametrize("name", MODULES)
def test_training_agrees_and_reaches_the_input(name):
    torch.manual_seed(0)
    q = getattr(quantizers, name)(8).train()
    z = normal((2, 50, 8), 1).requires_grad_()
    out = q(z)
    (out.embeddings.square().sum() + out.loss).backward()
    assert z.grad is not None and z.grad.isfinite().all() and (z.grad != 0).any()
    assert torch.isfinite(torch.as_tensor(out.loss))


@pytest.mark.parametrize("name", NETS)
def test_a_state_dict_is_the_whole_state(name):
    torch.manual_seed(0)
    make, z = getattr(quantizers, name), vectors(name, 2)
    one, two = make(8).train(), make(8).train()
    one(z)
    two.load_state_dict(one.state_dict())
    for _ in range(3):
        assert torch.equal(one(z).embeddings, two(z).embeddings)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", LEARNING)
def test_learning_brings_codes_to_their_vectors(name):
    torch.manual_seed(0)
    unit = name.startswith("Unit")
    never = {} if name == "Clustered" else {"revive": 0.0}
    learn = getattr(quantizers, name)(kmeans=0, decay=0.5, **never)
    vq = quantizers.VQ(4, codebook_size=8, learn=learn, distance="sphere" if unit else "euclidean").train()
    z = normal((1, 64, 4), 3)
    rate = torch.optim.SGD(vq.parameters(), lr=5.0) if learn.by_gradient else None

    def distance():
        x = torch.nn.functional.normalize(z, dim=-1) if unit else z
        return (vq.eval()(z).embeddings - x).square().mean().item()

    before = distance()
    for _ in range(20):
        loss = vq.train()(z).loss
        if rate:
            rate.zero_grad(), loss.backward(), rate.step()
    assert distance() < 0.8 * before


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_keep_the_value(name):
    z, q = normal((20, 6), 4).requires_grad_(), normal((20, 6), 5)
    out = getattr(quantizers, name)(z, q)
    np.testing.assert_allclose(out.detach(), q, atol=2e-6)
    out.sum().backward()
    assert (z.grad != 0).any()


@pytest.mark.parametrize("name", SCALAR)
@settings(deadline=None, max_examples=30)
@given(shape=shapes, seed=seeds, scale=st.sampled_from([1e-3, 1.0, 200.0]), dtype=st.sampled_from(["f4", "f8"]))
def test_scalar_decodes_to_the_bit(name, shape, seed, scale, dtype):
    q = getattr(quantizers, name)()
    z = (np.random.default_rng(seed).laplace(size=(*shape, 5)) * scale).astype(dtype)
    out = q(z)
    assert out.codes.shape == z.shape == out.embeddings.shape
    assert out.codes.dtype == np.int32 and out.embeddings.dtype == np.float32
    assert np.array_equal(q.decode(out.codes), out.embeddings)
    assert np.array_equal(q.encode(z), out.codes)
    assert np.array_equal(q.encode(z[:, ::-1])[:, ::-1], out.codes)
    if q.codebook_sizes != (0,):
        assert (out.codes >= 0).all() and (out.codes < q.codebook_sizes[0]).all()
    order = np.argsort(z, axis=None)
    assert (np.diff(out.codes.ravel()[order]) >= 0).all()
    closer = q(out.embeddings)
    assert np.array_equal(closer.codes, out.codes), "decoded values are their own codes"


@pytest.mark.parametrize("name", SCALAR)
def test_scalar_quantizers_refuse_what_is_not_finite(name):
    with pytest.raises(SignalPieceError, match="finite"):
        getattr(quantizers, name)()(np.array([[[1.0, np.nan]]]))


@pytest.mark.parametrize("name", STATEFUL)
@settings(deadline=None, max_examples=15)
@given(frames=st.integers(0, 12), columns=st.integers(1, 9), cut=st.integers(0, 12), seed=seeds)
def test_steps_in_any_chunks_are_the_whole(name, frames, columns, cut, seed):
    q = getattr(quantizers, name)()
    assert isinstance(q, StatefulModule) and q.truncates is None
    x = np.random.default_rng(seed).laplace(size=(frames, columns)) * 10
    state = q.start(columns)
    first, state = q.step(x[:cut], state)
    rest, _ = q.step(x[cut:], state)
    assert np.array_equal(np.concatenate([first, rest]), q(x))
