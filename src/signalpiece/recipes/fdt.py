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
from signalpiece.mixers.attention import Block
from signalpiece.mixers.trunk import Trunk
from signalpiece.objectives.contrastive import info_nce
from signalpiece.positions.sinusoidal import Sinusoidal
from signalpiece.quantizers.finite_discrete import FiniteDiscrete
from signalpiece.signals.files import read
from signalpiece.tasks.classification import LogisticRegression
from signalpiece.tasks.digits import BANDS, STACK, WORDS, DescribedSounds, spoken_digits
from signalpiece.tasks.retrieval import recall_at_1

PAPER = Paper(
    148,
    "Revisiting Multimodal Representation in Contrastive Learning: From Patch and Token Embeddings to Finite "
    "Discrete Tokens",
    2023,
)
BASE = {"dim": 512, "depth": 12, "heads": 8, "size": 16384, "code_dim": 512}
EXPECT = {
    "recall_gained": (0.0, 1.0),
    "recall_gained_over_better_trained_mean": (0.0, 1.0),
    "recall_gained_over_regression": (0.0, 1.0),
    "overlap_ratio": (2.0, 1e6),
    "sum_margin": (0.0, 1e-6),
}
NORM = 0.02  # length of the shared tokens at the beginning
KNEE = 0.05, 0.8  # after this share of the steps this share of the fall of the temperature, by equal factors, is done


@dataclass(frozen=True)
class _Pairs:
    """Items in two modalities; `captions` says which are the same in words."""

    sounds: Float[Tensor, "b n f"]
    valid: Bool[Tensor, "b n"]
    words: Int[Tensor, "b w"]

    @classmethod
    def of(cls, sounds: DescribedSounds) -> "_Pairs":
        return cls(*(torch.from_numpy(x) for x in (sounds.sounds, sounds.valid, sounds.words)))

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
    features: int = STACK * BANDS,
    words: int = WORDS,
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
    first = FiniteDiscrete(dim, size=size, code_dim=code_dim, norm=NORM)
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
        recall at 1, mean of both directions, gained over mean pooling with the same encoders, loss, batches and steps,
        over the same with stronger noise (which helps it and hurts the tokens), and over a logistic regression of each
        word; overlap (Jaccard) of the active tokens of matched pairs in parts of that of pairs with other words; what
        the sums of the weights leave of 1e-6; the recalls, the number of captions and of active tokens.
    """
    sounds = spoken_digits(data / "audio_fsdd")
    train, test = (_Pairs.of(s) for s in sounds)
    torch.manual_seed(seed)
    tokens = _trained(build(), train, seed, steps=800, blur=(0.3, 0.15))
    recalls = {"tokens": _recall(tokens, test), "regression": _regression_recall(*sounds)}
    for name, blur in (("mean", (0.3, 0.15)), ("better_trained_mean", (0.6, 0.3))):
        torch.manual_seed(seed)
        model = _TwoTowers(
            _trunks(64, 1, 4), (_Mean(64, 64), _Mean(64, 64)), features=STACK * BANDS, words=WORDS, dim=64
        )
        distinct = name == "mean"
        recalls[name] = _recall(_trained(model, train, seed, steps=800, blur=blur, distinct=distinct), test)
    with torch.no_grad():
        weights = tokens.weights(test)
    worst = max(float((w.sum(-1, dtype=torch.float64) - 1).abs().max()) for w in weights)
    return {
        "recall_gained": recalls["tokens"] - recalls["mean"],
        "recall_gained_over_better_trained_mean": recalls["tokens"] - recalls["better_trained_mean"],
        "recall_gained_over_regression": recalls["tokens"] - recalls["regression"],
        "overlap_ratio": _overlap_ratio(tokens, test),
        "sum_margin": 1e-6 - worst,
        **{f"recall_of_{k}": v for k, v in recalls.items()},
        "captions": float(len(set(test.captions))),
        "active_tokens": float((weights[0] > 0).sum(-1).float().mean()),
    }


def _trunks(dim: int, depth: int, heads: int) -> list[Trunk]:
    return [Trunk(dim, mixer=lambda d: Block(d, heads=heads), depth=depth, positions=Sinusoidal(dim)) for _ in range(2)]


def _trained(
    model: nn.Module,
    pairs: _Pairs,
    seed: int,
    *,
    steps: int,
    blur: tuple[float, float] = (0.0, 0.0),
    distinct: bool = True,
) -> _TwoTowers:
    """Batches of 64 pairs, of different captions if `distinct`; `blur`: noise in SDs, share of sound tokens dropped."""
    assert isinstance(model, _TwoTowers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    names = pairs.captions
    for step in range(steps):
        for pool in model.pools:
            if isinstance(pool, _Tokens):
                pool.quantizer.anneal(_cooled(step / (steps - 1)))
        rows = torch.randperm(len(names), generator=generator)
        if distinct:
            rows = torch.tensor(list({names[k]: k for k in rows.tolist()}.values()))
        optimizer.zero_grad()
        sounds, words = model(_blurred(pairs.rows(rows[:64]), blur, generator))
        info_nce(sounds, words, scale=model.log_scale.exp().clamp(max=100.0)).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def _cooled(share: float) -> float:
    """How far the temperature has fallen after a share of the steps: fast at first, slowly where weights thin out."""
    return float(np.interp(share, (0, KNEE[0], 1), (0, KNEE[1], 1)))


def _blurred(pairs: _Pairs, blur: tuple[float, float], generator: torch.Generator) -> _Pairs:
    noise, drop = blur
    sounds = pairs.sounds + noise * torch.randn(pairs.sounds.shape, generator=generator)
    kept = pairs.valid & (torch.rand(pairs.valid.shape, generator=generator) >= drop)
    return _Pairs(sounds, torch.where(kept.any(1, keepdim=True), kept, pairs.valid), pairs.words)


def _regression_recall(train: DescribedSounds, test: DescribedSounds) -> float:
    """The cheap rival: each word by itself from means of eighths of the clip, SDs and length; log-probabilities add."""
    x, y = (np.stack([_summary(*clip) for clip in zip(s.sounds, s.valid, strict=True)]) for s in (train, test))
    captions = [tuple(row) for row in test.words.tolist()]
    unique = list(dict.fromkeys(captions))
    similarity = np.zeros((len(captions), len(unique)))
    for place in range(train.words.shape[1]):
        known, labels = np.unique(train.words[:, place], return_inverse=True)
        log_p = LogisticRegression(penalty=0.001).fit(x, labels).log_probabilities(y)
        similarity += log_p[:, np.searchsorted(known, [c[place] for c in unique])]
    return _both_ways(similarity, captions, unique)


def _summary(sound: np.ndarray, valid: np.ndarray) -> np.ndarray:
    frames = sound[valid].reshape(-1, BANDS)
    eighths = [part.mean(0) for part in np.array_split(frames, 8)]
    return np.concatenate([*eighths, frames.std(0), [len(frames)]])


def _both_ways(similarity: np.ndarray, captions: list[tuple[int, ...]], unique: list[tuple[int, ...]]) -> float:
    there = recall_at_1(similarity, captions, unique).mean()
    return float((there + recall_at_1(similarity.T, unique, captions).mean()) / 2)


@torch.no_grad()
def _recall(model: _TwoTowers, pairs: _Pairs) -> float:
    """Mean of both directions; every caption stands in the gallery once."""
    sounds, words = (nn.functional.normalize(x, dim=-1) for x in model(pairs))
    captions = pairs.captions
    first = [captions.index(c) for c in dict.fromkeys(captions)]
    return _both_ways((sounds @ words[first].mT).numpy(), captions, [captions[k] for k in first])


@torch.no_grad()
def _overlap_ratio(model: _TwoTowers, pairs: _Pairs) -> float:
    """Mean Jaccard index of active tokens of matched pairs over that of pairs whose words differ."""
    sounds, words = ((w > 0).double() for w in model.weights(pairs))
    both = sounds @ words.mT
    jaccard = (both / (sounds.sum(1)[:, None] + words.sum(1) - both)).numpy()
    same = np.array([[a == b for b in pairs.captions] for a in pairs.captions])
    return float(np.diag(jaccard).mean() / max(jaccard[~same].mean(), 1e-9))
