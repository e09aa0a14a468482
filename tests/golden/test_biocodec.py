"""Parity of BioCodec's network with the authors' code: codes exact, floats 2e-5 (and 1e-6 of the value)."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from signalpiece.objectives.spectral import multi_scale_stft
from signalpiece.quantizers.learning import EMA
from signalpiece.tokenizers.seanet_codec import HUBER_BETA, SeanetCodec, from_official, levels_of

CLOSE = {"atol": 2e-5, "rtol": 1e-6}


@pytest.fixture(scope="module")
def golden():
    return load_file(Path(__file__).parent / "biocodec.safetensors")


@pytest.fixture
def net(golden):
    learn = EMA(kmeans=0, revive=0.0)
    quantizer = levels_of(64, levels=6, codebook_size=32, code_dim=8, distance="cosine", learn=learn)
    net = SeanetCodec(64, filters=8, quantizer=quantizer, padding="reflect")
    net.load_state_dict(from_official({k[2:]: v for k, v in golden.items() if k.startswith("w.")}))
    return net.eval()


@torch.no_grad()
def test_signal_to_codes_to_signal(golden, net):
    x = golden["in.x"]
    scale = x.square().mean(2, keepdim=True).sqrt()
    out = net(x / scale)
    torch.testing.assert_close(scale[:, 0], golden["out.scale"], **CLOSE)
    torch.testing.assert_close(out.latent, golden["out.latent"], **CLOSE)
    assert torch.equal(out.codes.transpose(1, 2), golden["out.codes"])
    torch.testing.assert_close(out.quantized, golden["out.quantized"], **CLOSE)
    torch.testing.assert_close(out.reconstruction * scale, golden["out.reconstruction"], **CLOSE)


def test_losses(golden):
    x, y = golden["in.x"][:, 0], golden["out.reconstruction"][:, 0]
    torch.testing.assert_close(multi_scale_stft(x, y), golden["out.loss_freq"], **CLOSE)
    time = functional.smooth_l1_loss(y, x, beta=HUBER_BETA)
    torch.testing.assert_close(time, golden["out.loss_time_huber"], **CLOSE)


@torch.no_grad()
def test_one_training_step_of_the_codebooks(golden, net):
    x = golden["in.x"]
    out = net.train()(x / x.square().mean(2, keepdim=True).sqrt())
    torch.testing.assert_close(out.commitment[None], golden["out.loss_commit"], **CLOSE)
    books = [level.codebook for level in net.quantizer.levels]
    torch.testing.assert_close(books[0].vectors, golden["ema1.layer0_embed"], **CLOSE)
    torch.testing.assert_close(books[5].vectors, golden["ema1.layer5_embed"], **CLOSE)
    torch.testing.assert_close(books[0].counts, golden["ema1.layer0_cluster_size"], **CLOSE)


def test_training_begins_with_codes_that_differ(golden):
    torch.manual_seed(0)
    net, x = SeanetCodec(64, filters=8).train(), golden["in.x"]
    x = (x / x.square().mean(2, keepdim=True).sqrt())[:, :, :1248]
    net.loss(x)
    latent = net.encoder(x)
    assert latent.mean((0, 2)).abs().max() < 1e-4 and abs(latent.std((0, 2)).mean() - 1) < 1e-4
    before = net.encoder[-1].conv.weight.clone()
    net.loss(x * 3)
    assert torch.equal(net.encoder[-1].conv.weight, before), "only before the first batch"
