"""RBTransformer: one token per electrode, its differential entropy in each band; attention runs over the electrodes.

Kept: band differential entropies of short windows, linear embedding, learned identity of the electrode, pre-norm blocks
over electrodes, mean pool, MLP, cross-entropy.
Left out: emotions and their recordings (movement against rest here), dropout, folds of single windows (here whole runs
are left out, since windows of one run resemble each other; each run is standardised by itself, without its labels).
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.signal import Signal
from signalpiece.core.types import Paper
from signalpiece.layouts.band_entropy import BandEntropy
from signalpiece.mixers.attention import Block
from signalpiece.mixers.trunk import Trunk
from signalpiece.positions.learned import LearnedTable
from signalpiece.signals.files import read
from signalpiece.tasks.classification import LogisticRegression, Windows, cross_entropy, event_windows, leave_one_out

PAPER = Paper(
    1,
    "A Brain Wave Encodes a Thousand Tokens: Modeling Inter-Cortical Neural Interactions for Effective EEG-based "
    "Emotion Recognition",
    2025,
)
BASE = {"electrodes": 62, "classes": 3, "dim": 128, "depth": 4, "heads": 8}
EXPECT = {
    "nats_saved_by_attention": (0.0, 1.0),
    "nats_saved_over_logistic": (0.0, 1.0),
    "white_noise_margin": (0.0, 0.02),
}
RUNS = ("03", "04", "06", "07", "08", "10")
LABELS = {"T0": 0, "T1": 1, "T2": 1}  # rest; movement, real or imagined
MICROVOLT = 1e-6
EPOCHS = 15
PENALTY = 1.0  # of the logistic regression


class _Classifier(nn.Module):
    def __init__(self, trunk: Trunk, *, bands: int, classes: int, dim: int) -> None:
        super().__init__()
        self.embed, self.trunk = nn.Linear(bands, dim), trunk
        self.head = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, classes))

    def forward(self, entropies: Float[Tensor, "b n d"]) -> Float[Tensor, "b k"]:
        """Scores of the classes from the entropies of all electrodes."""
        b, n, _ = entropies.shape
        coords = torch.arange(n, device=entropies.device)[None, :, None].expand(b, n, 1)
        return self.head(self.trunk(self.embed(entropies), coords=coords).values.mean(1))


class _Alone(nn.Module):
    """The block without attention: a second MLP of as many numbers, so that no electrode sees another one."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Sequential(nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, k * dim), nn.GELU(), nn.Linear(k * dim, dim))
            for k in (2, 4)
        )

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        valid: Bool[Tensor, "b n"] | None = None,
        coords: Real[Tensor, "b n a"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        x = x + self.first(x)
        return x + self.second(x)


def build(
    *, electrodes: int = 64, bands: int = 4, classes: int = 2, dim: int = 16, depth: int = 1, heads: int = 4
) -> nn.Module:
    """An untrained classifier, called with entropies "b electrodes bands", standardised.

    Args:
        electrodes: how many there are.
        bands: entropies of each.
        classes: scores that it gives.
        dim: width.
        depth: blocks.
        heads: of each block.
    """
    positions = LearnedTable(dim, size=electrodes)
    trunk = Trunk(dim, mixer=lambda d: Block(d, heads=heads), depth=depth, positions=positions)
    return _Classifier(trunk, bands=bands, classes=classes, dim=dim)


def demo(seed: int = 0) -> dict[str, float]:
    """A second of training on 30 s each of eyes open and closed; measured on the seconds after them, 16 channels.

    Returns:
        nats per window saved over not knowing.
    """
    samples = files("signalpiece.samples")
    windows = []
    for label, run in enumerate(("01", "02")):
        signal = read(str(samples / f"S001R{run}.edf")).pick(range(0, 64, 4))
        entropies = np.asarray(BandEntropy().analyse(_microvolts(signal.values), signal.grid.time_rate))
        windows.append(Windows(entropies.swapaxes(0, 1), np.full(entropies.shape[1], label)))
    train, test = (_join([Windows(w.values[k], w.labels[k]) for w in windows]) for k in (slice(30), slice(31, None)))
    torch.manual_seed(seed)
    model = build(electrodes=16)
    costs = _costs(model, train, train, test, seed, epochs=12)[0]
    return {"nats_saved": float(np.log(2) - costs.mean())}


def check(seed: int, data: Path) -> dict[str, float]:
    """Movement (real or imagined) against rest in windows of 1 s, each run left out once; within one subject.

    Both networks train on four of the other five runs and stop at the epoch that is best on the fifth; the logistic
    regression trains on all five.

    Returns:
        nats per window saved over the same network without attention and with as many numbers, and over a logistic
        regression on the same entropies; what white noise's entropy leaves of 2 % error; cross-entropies, that of
        knowing the shares of the classes alone, and accuracies.
    """
    folder = data / "eeg_motor_imagery_physionet"
    parts = [_labelled(read(folder / f"S001R{run}.edf")) for run in RUNS]
    groups = np.repeat(np.arange(len(RUNS)), [len(p.labels) for p in parts])
    every = _join(parts)
    costs: dict[str, list[np.ndarray]] = {"attention": [], "alone": [], "logistic": []}
    hits: dict[str, list[np.ndarray]] = {"attention": [], "alone": [], "logistic": []}
    for fold, (rest, out) in enumerate(leave_one_out(groups.tolist())):
        inner = groups[rest] == (fold + 1) % len(RUNS)
        train, choose, test = (Windows(every.values[k], every.labels[k]) for k in (rest[~inner], rest[inner], out))
        for name, make in (("attention", build), ("alone", _rival)):
            torch.manual_seed(seed)
            cost, hit = _costs(make(), train, choose, test, seed, epochs=EPOCHS)
            costs[name].append(cost)
            hits[name].append(hit)
        flat = every.values.reshape(len(every.values), -1)
        log_p = LogisticRegression(penalty=PENALTY).fit(flat[rest], every.labels[rest]).log_probabilities(flat[out])
        costs["logistic"].append(cross_entropy(log_p, every.labels[out]))
        hits["logistic"].append(log_p.argmax(1) == every.labels[out])
    nats = {k: float(np.concatenate(v).mean()) for k, v in costs.items()}
    share = np.bincount(every.labels) / len(every.labels)
    return {
        "nats_saved_by_attention": nats["alone"] - nats["attention"],
        "nats_saved_over_logistic": nats["logistic"] - nats["attention"],
        "white_noise_margin": 0.02 - _white_noise_error(seed),
        **{f"nats_{k}": v for k, v in nats.items()},
        "nats_of_the_shares": float(-(share * np.log(share)).sum()),
        **{f"accuracy_{k}": float(np.concatenate(v).mean()) for k, v in hits.items()},
        "share_of_the_larger_class": float(share.max()),
        "windows": float(len(every.labels)),
    }


def _rival() -> nn.Module:
    trunk = Trunk(16, mixer=_Alone, depth=1, positions=LearnedTable(16, size=64))
    return _Classifier(trunk, bands=4, classes=2, dim=16)


def _microvolts(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float64) / MICROVOLT


def _labelled(signal: Signal) -> Windows:
    """Entropies of windows that lie inside one event, each filtered by itself; standardised over the run, blindly."""
    windows = event_windows(signal, LABELS)
    y = np.asarray(BandEntropy().analyse(_microvolts(windows.values), signal.grid.time_rate))[:, :, 0]
    return Windows((y - y.mean(0)) / y.std(0), windows.labels)


def _join(parts: list[Windows]) -> Windows:
    return Windows(np.concatenate([p.values for p in parts]), np.concatenate([p.labels for p in parts]))


def _costs(
    model: nn.Module, train: Windows, choose: Windows, test: Windows, seed: int, *, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nats that each test window costs after the epoch that is best on `choose`, and whether the guess is right."""
    mean, sd = train.values.mean(0), train.values.std(0) + 1e-6
    x, near, far = (torch.from_numpy((w.values - mean) / sd).float() for w in (train, choose, test))
    y, optimizer = torch.from_numpy(train.labels), torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    generator, best, found = torch.Generator().manual_seed(seed), np.inf, None
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(32):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            cost = float(functional.cross_entropy(model(near), torch.from_numpy(choose.labels)))
            if cost < best:
                best, found = cost, model(far).log_softmax(-1).numpy()
    assert found is not None
    return cross_entropy(found, test.labels), found.argmax(1) == test.labels


def _white_noise_error(seed: int) -> float:
    """Largest relative error of white noise's entropies, beside the power that the filter's response lets pass."""
    from scipy.signal import butter, sosfreqz

    rate, size, sd, layout = 160.0, 160_000, 3.0, BandEntropy()
    noise = np.random.default_rng(seed).normal(scale=sd, size=(4, size))
    y = BandEntropy(window_seconds=size / rate).analyse(noise, rate)[:, 0].mean(0)
    passed = []
    for band in layout.bands:
        response = sosfreqz(np.asarray(butter(4, band, "bandpass", fs=rate, output="sos")), 8192)[1]
        passed.append((np.abs(response) ** 4).mean())  # there and back
    expected = 0.5 * np.log(2 * np.pi * np.e * sd**2 * np.array(passed))
    return float(np.abs(y / expected - 1).max())
