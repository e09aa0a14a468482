"""Laws of the room over all that it offers: steps over any chunking equal the whole; invalid tokens have no influence."""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import signalpiece.mixers as room

EVERY = [getattr(room, name) for name in room.__all__]
CASES = [
    *(make for make in EVERY if hasattr(make() if callable(make) else make, "start") and make is not room.Chain),
    lambda: room.CausalConv(16, 5, kernel=6, stride=3),
    lambda: room.CausalConv(16, kernel=3, dilation=4),
    lambda: room.CausalUpsample(16, 3, stride=5),
    lambda: room.build_encoder(8, filters=4, strides=(4, 3), depth=1, lstm=1),
]


def make_input(module, samples):
    width = {"SkipLSTM": 16, "ResidualUnit": 16, "CausalConv": 16, "CausalUpsample": 16}.get(type(module).__name__)
    if width is None:
        width = next(m for m in module.modules() if isinstance(m, torch.nn.Conv1d)).in_channels
    return torch.randn(2, width, samples)


def test_everything_builds_without_arguments():
    for make in EVERY:
        assert isinstance(make(), torch.nn.Module)
        for parameter in inspect.signature(make).parameters.values():
            assert parameter.default is not parameter.empty or parameter.kind is parameter.VAR_POSITIONAL


@pytest.mark.parametrize("make", CASES)
@settings(max_examples=12, deadline=None)
@given(chunks=st.lists(st.integers(0, 40), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_steps_equal_the_whole(make, chunks, seed):
    torch.manual_seed(seed)
    module = make().eval()
    x = make_input(module, sum(chunks))
    with torch.no_grad():
        whole = module(x)
        state, pieces = module.start(2), []
        for piece in x.split(chunks, 2):
            y, state = module.step(piece, state)
            pieces.append(y)
    torch.testing.assert_close(torch.cat(pieces, 2), whole, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("make", CASES)
def test_the_future_changes_nothing(make):
    module = make().eval()
    x = make_input(module, 120)
    y = x.clone()
    y[:, :, 60:] += 1
    with torch.no_grad():
        a, b = module(x), module(y)
    same = a.shape[2] // 2
    torch.testing.assert_close(a[:, :, :same], b[:, :, :same], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(a[:, :, same:], b[:, :, same:])


@pytest.mark.parametrize("make", [room.Attention, room.Block])
def test_invalid_tokens_have_no_influence(make):
    module = make()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.1)
        x, valid = torch.randn(2, 7, 16), torch.arange(7).expand(2, 7) < 5
        y = x.clone()
        y[:, 5:] = 9
        torch.testing.assert_close(module(x, valid)[:, :5], module(y, valid)[:, :5])
        torch.testing.assert_close(module(x, valid)[:, :5], module(x[:, :5]))
        order = torch.randperm(7)
        torch.testing.assert_close(module(x)[:, order], module(x[:, order]), atol=2e-6, rtol=1e-5)
