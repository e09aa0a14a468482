"""Parity of VQ, Residual and FSQ with the official operators: codes exact, floats 2e-6 + 1e-5 relative."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from signalpiece import quantizers
from signalpiece.quantizers.learning import EMA, Gradient, UnitEMA

HERE = Path(__file__).parent
CLOSE = {"atol": 2e-6, "rtol": 1e-5}
KEEP = {"kmeans": 0, "revive": 0.0}


def load(name):
    return load_file(HERE / f"{name}.safetensors")


def close(a, b, **tolerance):
    torch.testing.assert_close(a, b, **(tolerance or CLOSE))


def fill(vq, vectors, counts=None, sums=None):
    book = vq.codebook
    with torch.no_grad():
        book.vectors.copy_(vectors)
        book.counts.copy_(torch.ones(len(vectors)) if counts is None else counts)
        book.sums.copy_(vectors if sums is None else sums)
        book.steps.fill_(1)


def linear(layer, golden, prefix):
    layer.load_state_dict({k: golden[f"{prefix}.{k}"] for k in ("weight", "bias")})


TURN = {"estimate": quantizers.rotation, "commitment": 1.0}
VARIANTS = {
    "vq": {"learn": EMA(decay=0.8, **KEEP), "estimate": quantizers.rotation, "commitment": 1.0},
    "vq_ste": {"learn": EMA(decay=0.99, **KEEP), "commitment": 0.25},
    "vq_cos": {
        "learn": EMA(decay=0.8, **KEEP),
        "estimate": quantizers.rotation,
        "commitment": 1.0,
        "distance": "sphere",
    },
    "vq_proj": {
        "learn": EMA(decay=0.8, **KEEP),
        "estimate": quantizers.rotation,
        "commitment": 1.0,
        "distance": "sphere",
        "code_dim": 8,
    },
    "vq_learn": {"learn": Gradient(weight=0.0, **KEEP), "estimate": quantizers.rotation, "commitment": 1.0},
}


@pytest.mark.parametrize("tag", VARIANTS)
def test_vq(tag):
    golden = load("vq")
    state = {k.removeprefix(f"{tag}.w."): v for k, v in golden.items() if k.startswith(f"{tag}.w.")}
    vq = quantizers.VQ(32, codebook_size=128, **VARIANTS[tag])
    fill(vq, *(state[f"_codebook.{k}"][0] for k in ("embed", "cluster_size", "embed_avg")))
    if "project_in.weight" in state:
        linear(vq.project_in, golden, f"{tag}.w.project_in")
        linear(vq.project_out, golden, f"{tag}.w.project_out")

    out = vq.eval()(golden["x"])
    assert torch.equal(out.codes[..., 0], golden[f"{tag}.eval.indices"])
    close(out.embeddings, golden[f"{tag}.eval.quantized"])

    x = golden["x"].clone().requires_grad_()
    out = vq.train()(x)
    assert torch.equal(out.codes[..., 0], golden[f"{tag}.train.indices"])
    close(out.embeddings.detach(), golden[f"{tag}.train.quantized"])
    close(out.loss.detach(), golden[f"{tag}.train.loss"])
    ((out.embeddings * golden[f"{tag}.train.out_weight"]).sum() + out.loss).backward()
    close(x.grad, golden[f"{tag}.train.grad_x"])
    if f"{tag}.after1._codebook.embed" in golden:
        close(vq.codebook.vectors, golden[f"{tag}.after1._codebook.embed"][0])
        close(vq.codebook.counts, golden[f"{tag}.after1._codebook.cluster_size"][0])
        close(vq.codebook.sums, golden[f"{tag}.after1._codebook.embed_avg"][0])


def test_residual():
    golden = load("rvq")
    rvq = quantizers.Residual(16, levels=8, quantizer=lambda d: quantizers.VQ(d, codebook_size=64)).eval()
    for i, level in enumerate(rvq.levels):
        fill(level, golden[f"rvq.codebook{i}"])
    out = rvq(golden["x"])
    assert torch.equal(out.codes, golden["rvq.indices"])
    close(out.embeddings, golden["rvq.quantized"])
    for keep in (1, 2, 4):
        close(rvq.decode(out.codes[..., :keep]), golden[f"rvq.first{keep}"])
    for i, level in enumerate(rvq.levels):
        close(level.decode(out.codes[..., i : i + 1]), golden["rvq.all_codes"][i])


def test_heads():
    golden = load("vq")
    learn = EMA(decay=0.8, **KEEP)
    heads = quantizers.Product(32, quantizer=lambda d: quantizers.VQ(d, codebook_size=128, learn=learn, **TURN))
    names = ("embed", "cluster_size", "embed_avg")
    for i, vq in enumerate(heads.groups):
        fill(vq, *(golden[f"vq_heads.w._codebook.{n}"][i] for n in names))
    out = heads.eval()(golden["x"])
    assert torch.equal(out.codes, golden["vq_heads.eval.indices"])
    close(out.embeddings, golden["vq_heads.eval.quantized"])
    x = golden["x"].clone().requires_grad_()
    out = heads.train()(x)
    close(out.loss.detach(), golden["vq_heads.train.loss"])
    ((out.embeddings * golden["vq_heads.train.out_weight"]).sum() + out.loss).backward()
    close(x.grad, golden["vq_heads.train.grad_x"])
    for i, vq in enumerate(heads.groups):
        for ours, theirs in zip((vq.codebook.vectors, vq.codebook.counts, vq.codebook.sums), names, strict=True):
            close(ours, golden[f"vq_heads.after1._codebook.{theirs}"][i])


def test_grouped_residual():
    golden = load("rvq")
    grouped = quantizers.Product(
        16,
        groups=2,
        quantizer=lambda d: quantizers.Residual(d, levels=4, quantizer=lambda e: quantizers.VQ(e, codebook_size=64)),
    ).eval()
    for g, group in enumerate(grouped.groups):
        for i, level in enumerate(group.levels):
            fill(level, golden[f"grvq.g{g}.codebook{i}"])
    out = grouped(golden["x"])
    assert torch.equal(out.codes, torch.cat(list(golden["grvq.indices"]), -1))
    close(out.embeddings, golden["grvq.quantized"])


FSQ_TAGS = ("l3-3-3", "l8-6-5", "l8-5-5-5", "l7-5-5-5-5", "l8-8-8-5-5-5", "l16-16-16")


@pytest.mark.parametrize("tag", FSQ_TAGS)
def test_fsq(tag):
    golden, levels = load("fsq"), [int(n) for n in tag[1:].split("-")]
    fsq = quantizers.FSQ(len(levels), levels=levels)
    x = golden[f"{tag}.x"].clone().requires_grad_()
    out = fsq.train()(x)
    assert torch.equal(out.codes[..., 0].int(), golden[f"{tag}.indices"])
    close(out.embeddings.detach(), golden[f"{tag}.quantized"])
    (out.embeddings * torch.arange(1, len(levels) + 1)).sum().backward()
    close(x.grad, golden[f"{tag}.grad_x"])
    out = fsq.eval()(golden[f"{tag}.x"])
    close(out.embeddings, golden[f"{tag}.quantized"])
    close(fsq.decode(out.codes), golden[f"{tag}.from_indices"])
    if f"{tag}.codebook" in golden:
        every = torch.arange(fsq.codebook_sizes[0])[None, :, None]
        close(fsq.decode(every)[0], golden[f"{tag}.codebook"])
    sym = quantizers.FSQ(len(levels), levels=levels, symmetric=True).eval()(golden[f"{tag}.x"])
    assert torch.equal(sym.codes[..., 0].int(), golden[f"{tag}.sym.indices"])
    close(sym.embeddings, golden[f"{tag}.sym.quantized"])


def test_fsq_projected():
    golden = load("fsq")
    fsq = quantizers.FSQ(32, levels=(8, 5, 5, 5)).eval()
    linear(fsq.project_in, golden, "proj32.w.project_in")
    linear(fsq.project_out, golden, "proj32.w.project_out")
    out = fsq(golden["proj32.x"])
    assert torch.equal(out.codes[..., 0].int(), golden["proj32.indices"])
    close(out.embeddings, golden["proj32.quantized"])


def test_fsq_flextok():
    golden = load("fsq")
    fsq = quantizers.FSQ(6, levels=(8, 8, 8, 5, 5, 5)).eval()
    out = fsq(golden["flextok.x"])
    assert torch.equal(out.codes[..., 0], golden["flextok.tokens"])
    close(out.embeddings, golden["flextok.quantized"])
    close(fsq.decode(out.codes), golden["flextok.from_tokens"])


def test_biocodec_quantizer():
    golden, prefix = load("biocodec"), "w.quantizer.vq.layers"
    rvq = quantizers.Residual(
        64,
        quantizer=lambda d: quantizers.VQ(d, codebook_size=32, code_dim=8, distance="cosine", learn=EMA(**KEEP)),
    )
    for i, level in enumerate(rvq.levels):
        fill(level, *(golden[f"{prefix}.{i}._codebook.{k}"] for k in ("embed", "cluster_size", "embed_avg")))
        linear(level.project_in, golden, f"{prefix}.{i}.project_in")
        linear(level.project_out, golden, f"{prefix}.{i}.project_out")
    latent = golden["out.latent"].mT
    out = rvq.eval()(latent)
    assert torch.equal(out.codes.mT, golden["out.codes"])
    close(out.embeddings.mT, golden["out.quantized"], atol=2e-5, rtol=0)
    loss = rvq.train()(latent).loss.detach()
    close(loss[None], golden["out.loss_commit"], atol=2e-5, rtol=0)
    close(rvq.levels[0].codebook.vectors, golden["ema1.layer0_embed"])
    close(rvq.levels[0].codebook.counts, golden["ema1.layer0_cluster_size"])
    close(rvq.levels[5].codebook.vectors, golden["ema1.layer5_embed"])


def test_labram_quantizer():
    golden = load("labram_vqnsp")
    vq = quantizers.VQ(32, codebook_size=64, distance="sphere", learn=UnitEMA(kmeans=0), commitment=1.0)
    fill(vq, golden["w.quantize.embedding.weight"], golden["w.quantize.cluster_size"])
    z = golden["out.to_quantizer"]
    out = vq.eval()(z)
    assert torch.equal(out.codes.flatten(), golden["out.codes"])
    close(out.embeddings.mT.reshape(2, 32, 3, 4), golden["out.quantized"], atol=2e-5, rtol=0)
    close(vq.train()(z).loss.detach(), golden["out.loss_quant"], atol=2e-5, rtol=0)
    close(vq.codebook.vectors, golden["ema1.embedding_weight"])
    close(vq.codebook.counts, golden["ema1.cluster_size"])
