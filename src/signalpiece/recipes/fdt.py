"""FDT: two modalities are compared as sparse mixtures of the same learned tokens; here digits as sound and as words.

Kept: one table of tokens for both modalities, query network, maximum over places, temperature that falls from 1000 to
.01, sparsemax, symmetric contrastive loss alone.
Left out: pictures and captions of the web, pretrained encoders, the published size (BASE has it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from signalpiece.core.types import Paper
from signalpiece.layouts.stft import STFT
from signalpiece.mixers.attention import Block
from signalpiece.mixers.trunk import Trunk
from signalpiece.objectives.contrastive import info_nce
from signalpiece.positions.sinusoidal import Sinusoidal
from signalpiece.quantizers.finite_discrete import FiniteDiscrete
from signalpiece.signals.files import read
from signalpiece.tasks.retrieval import recall_at_1

PAPER = Paper(
    148,
    "Revisiting Multimodal Representation in Contrastive Learning: From Patch and Token Embeddings to Finite "
    "Discrete Tokens",
    2023,
)
BASE = {"dim": 512, "depth": 12, "heads": 8, "size": 16384, "code_dim": 512}
EXPECT = {"recall_gained": (0.0, 1.0), "overlap_ratio": (2.0, 1e6), "sum_margin": (0.0, 1e-6)}
BANDS, STACK, PLACES = 40, 4, 24  # mel bands, frames of a sound token, tokens of a clip
WINDOW, HOP = 256, 128
HELD_OUT = 5  # takes of each speaker and digit: the first ones, as the data set's authors split it


@dataclass(frozen=True)
class _Pairs:
    """Items in two modalities; `captions` says which are the same in words."""

    sounds: Float[Tensor, "b n f"]
    valid: Bool[Tensor, "b n"]
    words: Int[Tensor, "b w"]

    def rows(self, at: Tensor | slice) -> "_Pairs":
        return _Pairs(self.sounds[at], self.valid[at], self.words[at])

    @property
    def captions(self) -> list[tuple[int, ...]]:
        return [tuple(row) for row in self.words.tolist()]


class _Mean(nn.Module):
    """The rival's way to one vector: mean over the places, projected."""

    def __init__(self, dim: int, code_dim: int) -> None:
        super().__init__()
        self.out = nn.Linear(dim, code_dim)

    def forward(self, x: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"]) -> Float[Tensor, "b k"]:
        weight = valid[..., None].to(x.dtype)
        return self.out((x * weight).sum(1) / weight.sum(1))


class _Tokens(nn.Module):
    """One vector of finite discrete tokens."""

    def __init__(self, quantizer: FiniteDiscrete) -> None:
        super().__init__()
        self.quantizer = quantizer

    def forward(self, x: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"]) -> Float[Tensor, "b k"]:
        return self.quantizer(x, valid).embeddings[:, 0]


class _TwoTowers(nn.Module):
    """Encoders of sound and words, each with its way to one vector."""

    def __init__(
        self, trunks: Sequence[Trunk], pools: Sequence[nn.Module], *, features: int, words: int, dim: int
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleList([nn.Linear(features, dim), nn.Embedding(words, dim)])
        self.trunks, self.pools = nn.ModuleList(trunks), nn.ModuleList(pools)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def features(self, pairs: _Pairs) -> list[tuple[Tensor, Tensor]]:
        """Vectors of all places of both modalities, and which places count."""
        found = []
        valid = pairs.valid, torch.ones_like(pairs.words, dtype=torch.bool)
        for x, mask, embed, trunk in zip((pairs.sounds, pairs.words), valid, self.inputs, self.trunks, strict=True):
            places = torch.arange(x.shape[1], device=x.device)[None, :, None].expand(len(x), -1, 1)
            found.append((trunk(embed(x), coords=places, valid=mask).values, mask))
        return found

    def forward(self, pairs: _Pairs) -> list[Tensor]:
        """One vector per item, of sounds and of words."""
        return [pool(x, mask) for pool, (x, mask) in zip(self.pools, self.features(pairs), strict=True)]

    def weights(self, pairs: _Pairs) -> list[Tensor]:
        """Weights of the shared tokens, of sounds and of words."""
        pools = [p.quantizer for p in self.pools if isinstance(p, _Tokens)]
        return [q.weights(x, mask) for q, (x, mask) in zip(pools, self.features(pairs), strict=True)]


def build(
    *,
    features: int = BANDS * STACK,
    words: int = 19,
    dim: int = 64,
    depth: int = 1,
    heads: int = 4,
    size: int = 256,
    code_dim: int = 64,
) -> nn.Module:
    """Two untrained encoders that share their tokens.

    Args:
        features: numbers of one token of sound.
        words: size of the vocabulary.
        dim: width of both encoders.
        depth: blocks of each.
        heads: of each block.
        size: number of shared tokens.
        code_dim: their width.
    """
    trunks = _trunks(dim, depth, heads)
    first = FiniteDiscrete(dim, size=size, code_dim=code_dim)
    pools = _Tokens(first), _Tokens(FiniteDiscrete(dim, code_dim=code_dim, like=first))
    return _TwoTowers(trunks, pools, features=features, words=words, dim=dim)


def demo(seed: int = 0) -> dict[str, float]:
    """A second of training on EEG of eyes open and closed with words for state, alpha and size; later seconds measure.

    Returns:
        overlap of the active tokens of matched pairs in parts of that of others; recall beyond chance.
    """
    samples = files("signalpiece.samples")
    spectra = []
    for run in ("01", "02"):
        values = read(str(samples / f"S001R{run}.edf")).values[::4, : 60 * 160].reshape(16, 60, 160).swapaxes(0, 1)
        power = np.abs(np.fft.rfft(values - values.mean(-1, keepdims=True), axis=-1))[..., 2:42]
        spectra.append(np.log(power + 1e-9).astype(np.float32))
    x = np.concatenate(spectra)
    alpha, level = x[..., 6:11].mean((1, 2)) - x.mean((1, 2)), x.mean((1, 2))
    state = np.repeat([0, 1], 60)
    words = np.stack([state, 2 + (alpha > np.median(alpha)), 4 + (level > np.median(level))], 1)
    x = torch.from_numpy((x - x.mean((0, 1))) / x.std((0, 1)))
    pairs = _Pairs(x, torch.ones(x.shape[:2], dtype=torch.bool), torch.from_numpy(words))
    early = torch.arange(len(x)) % 60 < 40
    torch.manual_seed(seed)
    model = _trained(build(features=40, words=6, dim=32, size=64, code_dim=32), pairs.rows(early), seed, steps=80)
    test = pairs.rows(~early)
    return {"overlap_ratio": _overlap_ratio(model, test), "recall_above_chance": _recall(model, test) - 1 / 8}


def check(seed: int, data: Path) -> dict[str, float]:
    """Spoken digits and words for digit, length, brightness and loudness; unseen takes of the same four speakers.

    Returns:
        recall at 1, mean of both directions, gained over mean pooling with the same encoders and steps; overlap
        (Jaccard) of the active tokens of matched pairs in parts of that of pairs with other words; what the sums of
        the weights leave of 1e-6; the recalls, the number of captions and of active tokens.
    """
    train, test = _digits(data / "audio_fsdd")
    torch.manual_seed(seed)
    tokens = _trained(build(), train, seed, steps=800)
    torch.manual_seed(seed)
    pools = _Mean(64, 64), _Mean(64, 64)
    mean = _TwoTowers(_trunks(64, 1, 4), pools, features=BANDS * STACK, words=19, dim=64)
    mean = _trained(mean, train, seed, steps=800)
    with torch.no_grad():
        weights = tokens.weights(test)
    worst = max(float((w.sum(-1, dtype=torch.float64) - 1).abs().max()) for w in weights)
    recalls = _recall(tokens, test), _recall(mean, test)
    return {
        "recall_gained": recalls[0] - recalls[1],
        "overlap_ratio": _overlap_ratio(tokens, test),
        "sum_margin": 1e-6 - worst,
        "recall": recalls[0],
        "mean_pooled_recall": recalls[1],
        "captions": float(len(set(test.captions))),
        "active_tokens": float((weights[0] > 0).sum(-1).float().mean()),
    }


def _trunks(dim: int, depth: int, heads: int) -> list[Trunk]:
    return [Trunk(dim, mixer=lambda d: Block(d, heads=heads), depth=depth, positions=Sinusoidal(dim)) for _ in range(2)]


def _trained(model: nn.Module, pairs: _Pairs, seed: int, *, steps: int) -> _TwoTowers:
    assert isinstance(model, _TwoTowers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for pool in model.pools:
            if isinstance(pool, _Tokens):
                pool.quantizer.anneal(step / (steps - 1))
        batch = pairs.rows(torch.randperm(len(pairs.words), generator=generator)[:64])
        optimizer.zero_grad()
        sounds, words = model(batch)
        info_nce(sounds, words, scale=model.log_scale.exp().clamp(max=100.0)).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def _recall(model: _TwoTowers, pairs: _Pairs) -> float:
    """Mean of both directions; every caption stands in the gallery once."""
    sounds, words = (nn.functional.normalize(x, dim=-1) for x in model(pairs))
    captions = pairs.captions
    first = [captions.index(c) for c in dict.fromkeys(captions)]
    similarity = (sounds @ words[first].mT).numpy()
    unique = [captions[k] for k in first]
    there = recall_at_1(similarity, captions, unique).mean()
    return float((there + recall_at_1(similarity.T, unique, captions).mean()) / 2)


@torch.no_grad()
def _overlap_ratio(model: _TwoTowers, pairs: _Pairs) -> float:
    """Mean Jaccard index of active tokens of matched pairs over that of pairs whose words differ."""
    sounds, words = ((w > 0).double() for w in model.weights(pairs))
    both = sounds @ words.mT
    jaccard = (both / (sounds.sum(1)[:, None] + words.sum(1) - both)).numpy()
    same = np.array([[a == b for b in pairs.captions] for a in pairs.captions])
    return float(np.diag(jaccard).mean() / max(jaccard[~same].mean(), 1e-9))


def _digits(folder: Path) -> tuple[_Pairs, _Pairs]:
    """Training and test clips; levels of the spectral words are terciles of the training clips."""
    names = sorted(folder.glob("*.wav"))
    clips = [read(name).values[0] for name in names]
    held = np.array([int(n.stem.split("_")[2]) < HELD_OUT for n in names])
    frames = [_mel(c) for c in clips]
    energies = [np.exp(f).mean(0) for f in frames]
    bright = [float((e * np.arange(BANDS)).sum() / e.sum()) for e in energies]
    level = np.stack([[len(c) for c in clips], bright, [float(np.square(c).mean()) for c in clips]], 1)
    edges = np.quantile(level[~held], [1 / 3, 2 / 3], axis=0)
    grades = (level[:, None] > edges).sum(1) + 10 + 3 * np.arange(3)
    words = np.concatenate([[[int(n.stem[0])] for n in names], grades], 1)
    seen = np.concatenate([x for x, h in zip(frames, held, strict=True) if not h])
    sounds = np.zeros((len(clips), PLACES * STACK, BANDS), np.float32)
    valid = np.zeros((len(clips), PLACES), bool)
    for row, x in enumerate(frames):
        x = x[: PLACES * STACK]
        sounds[row, : len(x)] = (x - seen.mean(0)) / seen.std(0)
        valid[row, : -(-len(x) // STACK)] = True
    pairs = _Pairs(
        torch.from_numpy(sounds.reshape(len(clips), PLACES, -1)), torch.from_numpy(valid), torch.from_numpy(words)
    )
    out = torch.from_numpy(held)
    return pairs.rows(~out), pairs.rows(out)


def _mel(samples: np.ndarray) -> np.ndarray:
    """Logarithms of the energy in triangular bands of equal width in mel: "frames bands"."""
    layout = STFT(window=WINDOW, hop=HOP)
    y = layout.analyse(samples[None].astype(np.float64))[0]
    power = np.square(y[:, : layout.bins]) + np.square(y[:, layout.bins :])
    mel = 2595 * np.log10(1 + np.linspace(0, 4000, layout.bins) / 700)
    centres = np.linspace(0, mel[-1], BANDS + 2)
    triangles = np.maximum(0, 1 - np.abs(mel[:, None] - centres[1:-1]) / (centres[1] - centres[0]))
    return np.log(power @ triangles + 1e-8)
