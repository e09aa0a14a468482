"""The networks of RBTransformer, FDT and iTransformer: what each promises exactly, without training."""

import numpy as np
import pytest
import torch

from signalpiece.layouts import BandEntropy
from signalpiece.recipes import recipe


@pytest.mark.parametrize("channels", [3, 17])
def test_forecasts_follow_their_channels(channels):
    torch.manual_seed(0)
    model = recipe("itransformer").build(dim=16, depth=2).eval()
    past = 3 * torch.randn(4, channels, 96) + 5
    order = torch.randperm(channels)
    with torch.no_grad():
        whole = model(past)
        assert (model(past[:, order]) - whole[:, order]).abs().max() < 1e-5
        moved = model(past * 7 + 2)
        assert not torch.allclose(model(past.flip(2)), whole)
    torch.testing.assert_close(moved, whole * 7 + 2, atol=1e-2, rtol=1e-3)
    assert whole.shape == (4, channels, 24)


def test_forecasts_depend_on_other_channels():
    torch.manual_seed(0)
    model, past = recipe("itransformer").build(dim=16).eval(), torch.randn(2, 5, 96)
    other = past.clone()
    other[:, 0] = torch.randn(2, 96)
    with torch.no_grad():
        assert (model(other) - model(past))[:, 1:].abs().max() > 1e-4


def test_electrodes_have_an_identity_and_see_each_other():
    torch.manual_seed(0)
    model, x = recipe("rbtransformer").build(electrodes=6, dim=16).eval(), torch.randn(2, 6, 4)
    with torch.no_grad():
        y = model(x)
        assert y.shape == (2, 2) and not torch.allclose(model(x[:, [1, 0, 2, 3, 4, 5]]), y)
        model.trunk.positions.table.zero_()
        torch.testing.assert_close(model(x[:, [1, 0, 2, 3, 4, 5]]), model(x))


def test_the_rival_without_attention_has_as_many_numbers():
    module = recipe("rbtransformer")
    alone, block = module._Alone(32), module.Block(32, heads=4)
    assert sum(p.numel() for p in alone.parameters()) == sum(p.numel() for p in block.parameters())
    x = torch.randn(1, 5, 32)
    torch.testing.assert_close(alone(x)[:, 2:3], alone(x[:, 2:3]))


def test_entropy_of_white_noise():
    noise = np.random.default_rng(0).normal(scale=4.0, size=(1, 400_000))
    y = BandEntropy(bands=((0.01, 99.9),), window_seconds=2000.0).analyse(noise, 200.0)
    assert y.item() == pytest.approx(0.5 * np.log(2 * np.pi * np.e * 16), rel=0.005)
    assert recipe("rbtransformer")._white_noise_error(0) < 0.02


def test_sound_and_words_share_their_tokens():
    torch.manual_seed(0)
    module = recipe("fdt")
    model = module.build(features=5, words=7, dim=16, size=12, code_dim=8).eval()
    first, second = (pool.quantizer for pool in model.pools)
    assert first.tokens is second.tokens
    valid = torch.arange(6).expand(3, 6) < torch.tensor([[6], [4], [1]])
    pairs = module._Pairs(torch.randn(3, 6, 5), valid, torch.tensor([[1, 5]] * 3))
    louder = module._Pairs(torch.where(valid[..., None], pairs.sounds, 9.0), valid, pairs.words)
    with torch.no_grad():
        for q in (first, second):
            q.anneal(1.0)
        for weights in model.weights(pairs):
            torch.testing.assert_close(weights.sum(-1), torch.ones(3), atol=1e-6, rtol=0)
        torch.testing.assert_close(model(louder)[0], model(pairs)[0])
        torch.testing.assert_close(model(pairs)[1], model.weights(pairs)[1] @ first.tokens)


def test_the_temperature_falls_fast_then_slowly_and_weights_thin_out():
    module = recipe("fdt")
    assert module._cooled(0) == 0 and module._cooled(1) == 1 and module._cooled(0.05) == pytest.approx(0.8)
    torch.manual_seed(0)
    model = module.build(features=5, words=7, dim=16, size=40, code_dim=8).eval()
    pairs = module._Pairs(torch.randn(3, 6, 5), torch.ones(3, 6, dtype=torch.bool), torch.tensor([[1, 5]] * 3))
    active = []
    for share in (0.0, 0.8, 1.0):
        model.pools[0].quantizer.anneal(share)
        with torch.no_grad():
            active.append(int((model.weights(pairs)[0] > 0).sum()))
    assert active[0] == 3 * 40 and active[2] < active[1] <= active[0]


def test_blurred_pairs_keep_a_token_and_nothing_else_changes_without_blur():
    module = recipe("fdt")
    valid = torch.arange(4).expand(50, 4) < 2
    pairs = module._Pairs(torch.randn(50, 4, 3), valid, torch.zeros(50, 2, dtype=torch.long))
    plain = module._blurred(pairs, (0.0, 0.0), torch.Generator().manual_seed(0))
    assert torch.equal(plain.sounds, pairs.sounds) and torch.equal(plain.valid, pairs.valid)
    blurred = module._blurred(pairs, (0.5, 0.9), torch.Generator().manual_seed(0))
    assert blurred.valid.any(1).all() and not (blurred.valid & ~valid).any() and blurred.valid.sum() < valid.sum()


def test_the_rival_of_time_points_sees_all_channels_and_has_as_many_numbers():
    module = recipe("itransformer")
    torch.manual_seed(0)
    rival = module._rival().eval()
    own, other = (sum(p.numel() for p in m.parameters()) for m in (module.build(), rival))
    assert other == pytest.approx(own, rel=0.04)
    past = torch.randn(2, 32, 96)
    other = past.clone()
    other[:, 0] = torch.randn(2, 96)
    with torch.no_grad():
        assert (rival(other) - rival(past))[:, 1:].abs().max() > 1e-4
