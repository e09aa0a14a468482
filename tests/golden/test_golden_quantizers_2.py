"""Parity of the binary, learned-matrix, residual grid, multi-scale and image quantizers with the official operators."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from signalpiece import quantizers
from signalpiece.quantizers.gaussian import normal_divergence, posterior
from signalpiece.quantizers.learning import EMA, Clustered, Gradient
from signalpiece.quantizers.lfq import BSQ, LFQ

HERE = Path(__file__).parent
CLOSE = {"atol": 2e-6, "rtol": 1e-5}


def load(name):
    return load_file(HERE / f"{name}.safetensors")


def close(a, b, **tolerance):
    torch.testing.assert_close(a, b, **(tolerance or CLOSE))


def linear(layer, golden, prefix):
    layer.load_state_dict({k: golden[f"{prefix}.{k}"] for k in ("weight", "bias")})


BINARY = {
    "lfq": (LFQ, 10, {"bits": 10}),
    "lfq_commit": (LFQ, 8, {"bits": 8, "weight": 0.02, "diversity": 2.5, "commitment": 0.25}),
    "bsq": (BSQ, 10, {"bits": 10}),
    "lfq_2books": (LFQ, 12, {"bits": 12, "group": 6}),
    "lfq_proj": (LFQ, 32, {"bits": 9}),
}


@pytest.mark.parametrize("tag", BINARY)
def test_binary(tag):
    golden, (make, dim, options) = load("lfq_bsq"), BINARY[tag]
    q = make(dim, **options)
    if f"{tag}.w.project_in.weight" in golden:
        linear(q.project_in, golden, f"{tag}.w.project_in")
        linear(q.project_out, golden, f"{tag}.w.project_out")
    indices = golden[f"{tag}.eval.indices"].reshape(2, 64, -1)
    out = q.eval()(golden[f"{tag}.x"])
    assert torch.equal(out.codes, indices)
    close(out.embeddings, golden[f"{tag}.eval.quantized"])
    close(q.decode(indices), golden[f"{tag}.from_indices"])
    x = golden[f"{tag}.x"].clone().requires_grad_()
    out = q.train()(x)
    assert torch.equal(out.codes, golden[f"{tag}.train.indices"].reshape(2, 64, -1))
    close(out.embeddings.detach(), golden[f"{tag}.train.quantized"])
    close(out.loss.detach(), golden[f"{tag}.train.loss"])
    (out.embeddings.sum() + out.loss).backward()
    close(x.grad, golden[f"{tag}.train.grad_x"])
    with torch.no_grad():
        values = q.onto(q.project_in(golden[f"{tag}.x"])).flatten(0, 1)
        parts = [quantizers.exact_entropies(4 * q.sharpness * q.size * v) for v in values.split(q.sizes, -1)]
    for mine, theirs in zip(zip(*parts, strict=True), ("per_sample_entropy", "batch_entropy"), strict=True):
        close(torch.stack(mine).mean(), golden[f"{tag}.train.{theirs}"], atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize("tag", ["rot", "ste"])
def test_simvq(tag):
    golden = load("simvq_misc")
    estimate = quantizers.rotation if tag == "rot" else quantizers.straight_through
    q = quantizers.SimVQ(32, codebook_size=256, estimate=estimate)
    with torch.no_grad():
        q.frozen.copy_(golden[f"{tag}.w.frozen_codebook"])
        q.transform.weight.copy_(golden[f"{tag}.w.code_transform.weight"])
    close(q.table().detach(), golden[f"{tag}.codebook"])
    x = golden[f"{tag}.x"].clone().requires_grad_()
    out = q.train()(x)
    assert torch.equal(out.codes[..., 0], golden[f"{tag}.indices"])
    close(out.embeddings.detach(), golden[f"{tag}.quantized"])
    close(out.loss.detach(), golden[f"{tag}.loss"])
    ((out.embeddings * golden[f"{tag}.out_weight"]).sum() + out.loss).backward()
    close(x.grad, golden[f"{tag}.grad_x"], atol=1e-5, rtol=1e-5)
    close(q.transform.weight.grad, golden[f"{tag}.grad_transform"], atol=1e-5, rtol=1e-4)


def test_latent_grid():
    golden = load("simvq_misc")
    q = quantizers.LatentGrid(16)
    for i, values in enumerate(q.values):
        close(values.detach(), golden[f"latent.values{i}"])
    linear(q.project_in, golden, "latent.w.project_in")
    linear(q.project_out, golden, "latent.w.project_out")
    out = q.eval()(golden["latent.x"].mT)
    assert torch.equal(out.codes[..., 0].int(), golden["latent.indices"].int())
    close(out.embeddings.detach().mT, golden["latent.quantized"])
    close(out.loss.detach(), golden["latent.loss"])


def test_binary_mapper():
    golden = load("simvq_misc")
    bits = golden["binary.x"] > 0
    assert torch.equal(quantizers.pack_bits(bits.flip(-1), (8,))[..., 0], golden["binary.out_argmax_index"])


def test_random_projections():
    golden = load("simvq_misc")
    x = functional.layer_norm(golden["randproj.x"], (32,))
    x = torch.einsum("bnd,hde->bnhe", x, golden["randproj.w.rand_projs"]).flatten(2)
    x = functional.linear(x, golden["randproj.w.vq.project_in.weight"], golden["randproj.w.vq.project_in.bias"])
    q = quantizers.Product(256, quantizer=lambda d: quantizers.VQ(d, codebook_size=64, distance="sphere"))
    for vq, vectors in zip(q.groups, golden["randproj.w.vq._codebook.embed"], strict=True):
        vq.codebook.vectors.copy_(vectors)
    assert torch.equal(q.eval()(x).codes, golden["randproj.indices"])


def test_residual_simvq():
    golden = load("rvq")
    rvq = quantizers.Residual(16, levels=4, quantizer=lambda d: quantizers.SimVQ(d, codebook_size=64)).eval()
    for i, level in enumerate(rvq.levels):
        level.frozen.copy_(golden[f"rsimvq.w.layers.{i}.frozen_codebook"])
        level.transform.weight.data.copy_(golden[f"rsimvq.w.layers.{i}.code_transform.weight"])
    out = rvq(golden["x"])
    assert torch.equal(out.codes, golden["rsimvq.indices"])
    close(out.embeddings, golden["rsimvq.quantized"])


def test_residual_fsq():
    golden = load("rvq")
    q = quantizers.ResidualFSQ(16, levels=(8, 5, 5, 3), depth=4).eval()
    linear(q.project_in, golden, "rfsq.w.project_in")
    linear(q.project_out, golden, "rfsq.w.project_out")
    out = q(golden["x"])
    assert torch.equal(out.codes.int(), golden["rfsq.indices"])
    close(out.embeddings, golden["rfsq.quantized"], atol=5e-6, rtol=1e-5)


def test_cosmos_fsq():
    golden = load("cosmos_haar_fsq")
    q = quantizers.FSQ(6, levels=(8, 8, 8, 5, 5, 5)).eval()
    out = q(golden["fsq.z"].flatten(2).mT)
    assert torch.equal(out.codes[..., 0].int(), golden["fsq.indices"].flatten(1))
    close(out.embeddings.mT.reshape(2, 6, 8, 8), golden["fsq.quantized"])
    close(q.decode(out.codes).mT.reshape(2, 6, 8, 8), golden["fsq.codes_from_indices"])


def fill(q, vectors):
    with torch.no_grad():
        q.codebook.vectors.copy_(vectors)
        q.codebook.steps.fill_(1)


@pytest.mark.parametrize(("tag", "distance"), [("l2_1024x12", "sphere"), ("plain_1024x16", "euclidean")])
def test_titok(tag, distance):
    golden = load("titok_vq")
    table = golden[f"{tag}.codebook"]
    q = quantizers.VQ(table.shape[1], codebook_size=len(table), distance=distance, learn=Gradient(kmeans=0, revive=0.0))
    fill(q, table)
    q.codebook.vectors.requires_grad_()
    z = golden[f"{tag}.z"].clone().requires_grad_()
    out = q.train()(z.flatten(2).mT)
    assert torch.equal(out.codes[..., 0], golden[f"{tag}.indices"].flatten(1))
    drawn = out.embeddings.mT.reshape(z.shape)
    close(drawn.detach(), golden[f"{tag}.quantized"])
    close(out.loss.detach(), golden[f"{tag}.quantizer_loss"])
    ((drawn * golden[f"{tag}.out_weight"]).sum() + out.loss).backward()
    close(z.grad, golden[f"{tag}.grad_z"], atol=1e-5, rtol=1e-5)
    close(q.codebook.vectors.grad, golden[f"{tag}.grad_codebook"], atol=1e-5, rtol=1e-4)


def test_clustered_codebook():
    golden = load("titok_vq")
    q = quantizers.VQ(12, codebook_size=256, distance="cosine", learn=Clustered())
    book = q.codebook
    book.unit = False
    fill(q, golden["cvq.codebook_before"])
    book.counts.zero_()
    x = golden["cvq.z"].permute(0, 2, 3, 1).reshape(-1, 12)
    codes = golden["cvq.indices"].flatten()
    book.update(x, codes)
    close(book.counts, golden["cvq.embed_prob"])
    close(book.vectors.detach(), golden["cvq.codebook_after"])


def test_titok_soft_and_kl():
    golden = load("titok_vq")
    soft = quantizers.soft_tokens(golden["soft.weights_f16"].float(), golden["l2_1024x12.codebook"])
    close(functional.normalize(soft, dim=-1), golden["soft.entry"])
    mean, log_variance = posterior(golden["kl.params"].mT)
    close(mean.mT, golden["kl.mean"])
    close((log_variance / 2).exp().mT, golden["kl.std"])
    close(normal_divergence(mean, log_variance).sum(1), golden["kl.kl"], atol=1e-3, rtol=1e-5)


def test_llamagen():
    golden = load("llamagen_vq")
    q = quantizers.VQ(8, codebook_size=2048, distance="sphere", learn=Gradient(kmeans=0, revive=0.0))
    fill(q, golden["codebook"])
    z = golden["z"].clone().requires_grad_()
    rows = z.flatten(2).mT
    out = q.train()(rows)
    assert torch.equal(out.codes.flatten(), golden["indices"])
    drawn = out.embeddings.mT.reshape(z.shape)
    close(drawn.detach(), golden["quantized"])
    close(out.loss.detach(), golden["vq_loss"] + golden["commit_loss"])
    x = functional.normalize(rows.flatten(0, 1), dim=-1)
    entropy = 0.05 * quantizers.code_entropy(x, q.codebook.table())
    close(entropy.detach(), golden["entropy_loss"])
    ((drawn * golden["out_weight"]).sum() + out.loss + entropy).backward()
    close(z.grad, golden["grad_z"], atol=2e-5, rtol=1e-4)
    queue = torch.cat([torch.zeros(1, dtype=torch.int64), out.codes.flatten()])  # their queue begins with zeros
    close(torch.tensor(len(queue.unique()) / 2048), golden["usage"])


@pytest.mark.parametrize("cosine", [False, True])
def test_multi_scale(cosine):
    golden, tag = load("var_quant"), f"znorm{int(cosine)}"
    sides = golden["patch_nums"].tolist()
    q = quantizers.MultiScale(32, sides=sides, codebook_size=1024, cosine=cosine)
    with torch.no_grad():
        q.vectors.copy_(golden[f"{tag}.w.embedding.weight"])
    for i, conv in enumerate(q.convs):
        linear(conv, golden, f"{tag}.w.quant_resi.qresi_ls.{i}")
    assert torch.equal(q.level, golden["level_of_position"])
    assert [q.conv_of(s) for s in range(10)] == golden[f"{tag}.phi_index_per_scale"].tolist()
    rows = golden[f"{tag}.f"].flatten(2).mT
    out = q.eval()(rows)
    for s, part in enumerate(out.codes[..., 0].split(q.cells, 1)):
        assert torch.equal(part, golden[f"{tag}.idx{s}"])
    maps = q.partial_maps(out.codes)
    loose = {"atol": 2e-5, "rtol": 1e-4}
    for s in (0, 3, 9):
        close(maps[s].detach(), golden[f"{tag}.fhat{s}"], **loose)
    close(q.next_inputs(out.codes).detach(), golden[f"{tag}.var_input"], **loose)
    if not cosine:
        close(out.embeddings.mT.reshape(2, 32, 16, 16), golden[f"{tag}.embed_to_fhat_last"], **loose)
    trained = q.train()(rows)
    close(trained.loss.detach(), golden[f"{tag}.forward_loss"], **loose)
    close(trained.embeddings.detach().mT.reshape(2, 32, 16, 16), golden[f"{tag}.forward_fhat"], **loose)


def test_residual_of_signs():
    golden = load("rvq")
    x = functional.linear(golden["x"], golden["rlfq.w.project_in.weight"], golden["rlfq.w.project_in.bias"])
    total, q = torch.zeros_like(x), LFQ(8, bits=8).eval()
    for level in range(4):
        out = q(x - total)
        assert torch.equal(out.codes[..., 0], golden["rlfq.indices"][..., level])
        total = total + out.embeddings * 0.5**level
    out = functional.linear(total, golden["rlfq.w.project_out.weight"], golden["rlfq.w.project_out.bias"])
    close(out, golden["rlfq.quantized"])


def test_the_chain_of_neurorvq():
    """Residual levels on the unit sphere: each sets what is left to unit length, and takes a unit code away."""
    rvq = quantizers.Residual(
        8, levels=3, quantizer=lambda d: quantizers.VQ(d, codebook_size=16, distance="sphere", learn=EMA(kmeans=0))
    ).eval()
    z = torch.randn(2, 5, 8)
    out, rest = rvq(z), z
    for i, level in enumerate(rvq.levels):
        table = level.codebook.table()
        code = (functional.normalize(rest, dim=-1) @ table.T).argmax(-1)
        assert torch.equal(code, out.codes[..., i])
        rest = rest - table[code]
    close(out.embeddings, z - rest)


def test_annealed_tokens_of_a_trained_model():
    """MEG-GPT's released tokenizer: its codes, and its waveform from the one-hot vectors, with its own weights."""
    golden = load("ephys_tokenizer_real")
    q = quantizers.AnnealedOneHot(128).eval()
    linear(q.scores[0], golden, "w.token_weights_layer.dense_layer")
    linear(q.scores[1], golden, "w.token_weights_layer.norm_layer")
    out = q(golden["out.encoder"])
    assert torch.equal(out.codes.reshape(2, 3, 200).mT, golden["out.codes"])
    kernel, bias = (golden[f"w.decoder_layer.token_basis_layer.{k}"] for k in ("weight", "bias"))
    drawn = functional.conv1d(functional.pad(q.decode(out.codes).mT, (9, 0)), kernel, bias).sum(1)
    close(drawn.reshape(2, 3, 200).mT, golden["out.reconstruction"], atol=2e-5, rtol=1e-5)
