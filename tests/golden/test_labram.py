"""Parity of LaBraM's tokenizer with the authors' code: codes exact, floats 2e-5; angles of near-zero bins 1e-3."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from signalpiece.objectives.spectrum_targets import spectrum_losses, standardised_spectrum
from signalpiece.quantizers.learning import UnitEMA
from signalpiece.tokenizers.vqnsp import VQNSP, from_official

CLOSE = {"atol": 2e-5, "rtol": 1e-6}


@pytest.fixture(scope="module")
def golden():
    return load_file(Path(__file__).parent / "labram_vqnsp.safetensors")


@pytest.fixture
def net(golden):
    net = VQNSP(codebook_size=64, code_dim=32, outputs=(200, 200), slots=129, shared_statistics=True)
    net.quantizer.codebook.learn = UnitEMA(kmeans=0)
    net.load_state_dict(from_official({k[2:]: v for k, v in golden.items() if k.startswith("w.")}))
    return net.eval()


@pytest.fixture
def inputs(golden):
    return golden["in.x"].view(2, 3, 4, 200), golden["in.input_chans"][1:].expand(2, 3)


@torch.no_grad()
def test_patches_to_codes_to_spectra(golden, net, inputs):
    out = net(*inputs)
    embedded = net.embed(inputs[0].reshape(2, 12, 200))
    torch.testing.assert_close(embedded, golden["out.patch_embed"], **CLOSE)
    torch.testing.assert_close(out.features.reshape(2, 12, 200), golden["out.encoder_features"], **CLOSE)
    torch.testing.assert_close(out.latent.reshape(2, 12, 32), golden["out.to_quantizer"], **CLOSE)
    assert torch.equal(out.codes.flatten(), golden["out.codes"])
    torch.testing.assert_close(out.quantized.permute(0, 3, 1, 2), golden["out.quantized"], **CLOSE)
    torch.testing.assert_close(out.amplitude.reshape(2, 12, 200), golden["out.rec_amplitude"], **CLOSE)
    torch.testing.assert_close(out.angle.reshape(2, 12, 200), golden["out.rec_angle"], **CLOSE)


@torch.no_grad()
def test_codes_alone_give_the_spectra(net, inputs):
    out = net(*inputs)
    amplitude, angle = net.decode(net.encode(*inputs), inputs[1])
    assert torch.equal(amplitude, out.amplitude) and torch.equal(angle, out.angle)


def test_losses_and_one_step_of_the_codebook(golden, net, inputs):
    targets = standardised_spectrum(inputs[0])
    torch.testing.assert_close(targets[0], golden["out.target_amplitude"], **CLOSE)
    torch.testing.assert_close(targets[1], golden["out.target_angle"], atol=1e-3, rtol=0)
    out = net.train()(*inputs)
    losses = spectrum_losses(targets, out.amplitude, out.angle)
    torch.testing.assert_close(out.commitment, golden["out.loss_quant"], **CLOSE)
    torch.testing.assert_close(losses["amplitude"], golden["out.loss_rec"], **CLOSE)
    torch.testing.assert_close(losses["angle"], golden["out.loss_rec_angle"], **CLOSE)
    torch.testing.assert_close(out.commitment + sum(losses.values()), golden["out.loss_total"], **CLOSE)
    torch.testing.assert_close(net.quantizer.codebook.vectors, golden["ema1.embedding_weight"], **CLOSE)
    torch.testing.assert_close(net.quantizer.codebook.counts, golden["ema1.cluster_size"], **CLOSE)
