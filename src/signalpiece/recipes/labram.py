"""LaBraM's tokenizer: one code per electrode and second, from which spectra, and here the waveform, are predicted.

Kept: convolutional patch embedding, transformers with electrode and time tables and a class token, cosine search in one
codebook that moves by running means, two heads for amplitude and angle.
Left out: statistics over the whole trial in norms and targets, which make a code depend on montage and length and the
output undecodable (`VQNSP(shared_statistics=True)` with `standardised_spectrum` is the published one, equal to the
authors' code); the masked model that is trained on the codes.
Added: size and mean of every patch as codes, angle as cosine and sine, loss on the waveform, streaming in windows.
"""

import tempfile
from collections.abc import Sequence
from importlib.resources import files

import torch

from signalpiece.core.types import Paper
from signalpiece.metrics.similarity import correlation
from signalpiece.signals.files import read
from signalpiece.tokenizers.block_tokenizer import BlockTokenizer
from signalpiece.tokenizers.labram import LaBraM
from signalpiece.tokenizers.vqnsp import VQNSP
from signalpiece.training.crops import Crops
from signalpiece.training.loop import fit
from signalpiece.training.run import Plan

PAPER = Paper(None, "Large Brain Model for Learning Generic Representations with Tremendous EEG Data in BCI", 2024)
BASE = {"patches": 8, "depths": (12, 3), "codebook_size": 8192, "code_dim": 64, "joint": True}


def build(
    *,
    rate: float = 200.0,
    patch: int = 200,
    patches: int = 4,
    heads: int = 10,
    depths: Sequence[int] = (2, 1),
    codebook_size: int = 1024,
    code_dim: int = 32,
    joint: bool = False,
) -> BlockTokenizer:
    """An untrained tokenizer.

    Args:
        rate: samples per second that it works at, Hz.
        patch: samples of one code; also the width of the transformers.
        patches: codes that look at each other in time; the latency is as long.
        heads: of each block.
        depths: blocks of encoder and decoder.
        codebook_size: number of codes.
        code_dim: width of the codes.
        joint: channels look at each other, as published; then a channel's codes depend on the others.
    """
    options = {
        "rate": float(rate), "patch": patch, "patches": patches, "heads": heads, "depths": list(depths),
        "codebook_size": codebook_size, "code_dim": code_dim, "joint": joint,
    }  # fmt: skip
    bins = patch // 2 + 1
    net = VQNSP(
        patch, heads=heads, depths=(depths[0], depths[1]), codebook_size=codebook_size, code_dim=code_dim,
        outputs=(bins, 2 * bins),
    )  # fmt: skip
    core = LaBraM(net, rate=float(rate), patch=patch, patches=patches, joint=joint)
    return BlockTokenizer(core).named("labram", options)


def demo(seed: int = 0) -> dict[str, float]:
    """A second of training on one sample recording, measured on another one of the same person.

    Returns:
        share of the loss that is gone, and Pearson's r of what the codes give back.
    """
    torch.manual_seed(seed)
    samples = files("signalpiece.samples")
    train, held = (read(str(samples / f"S001R{run}.edf")).pick([8, 24, 40, 60]) for run in ("02", "01"))
    tokenizer = build(rate=100.0, patch=40, heads=4, depths=(1, 1), codebook_size=64, code_dim=8)
    crops = {"seconds": tokenizer.crop_seconds, "batch": 16, "prepare": tokenizer.at_rate}
    test = Crops([held], **crops).fixed(1)[0]
    with torch.no_grad():
        before = float(tokenizer.eval().loss(test).total)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(learning_rate=5e-3, warmup=5, checkpoint_every=60)
        fit(tokenizer, Crops([train], seed=seed, **crops), steps=60, out=folder, seed=seed, plan=plan)
    with torch.no_grad():
        after = float(tokenizer.loss(test).total)
    decoded = tokenizer.decode(tokenizer.encode(held)).values
    r = correlation(tokenizer.at_rate(held).values, decoded)
    return {"loss_saved": 1 - after / before, "r": float(r.mean())}
