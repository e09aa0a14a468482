"""How many of 8192 codes live on unseen data: python -m benchmarks.codebook_health --data DIR [--json]

At least a million real vectors each: windows of 32 samples of EEG at 100 Hz (16 lowest cosines, channels divided by
their SD; learned on the training split of suite-eeg-1, counted on its test split) and 8 x 8 grey patches of photos (16
lowest cosines of 64; 64 px crops, split by picture). One pass of training in batches of 16,384, then use is counted.
`ours` starts by k-means and revives dead codes, as `VQ` does by default; `plain` does neither. Last, what the
factorised entropy of a batch costs: signs of 12 cosines as bits, against the exact entropy of the same 4096 codes.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.timing import show

CODES, WIDTH, BATCH, STEPS, SEEDS = 8192, 16, 16384, 120, 3
LIVE, MOST = 0.95, 1_200_000


def main() -> int:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", help="folder of the recordings (default: SIGNALPIECE_DATA)")
    parser.add_argument("--json", action="store_true")
    data = parser.parse_args().data
    torch.set_num_threads(1)
    rows, notes = [], []
    for what, (train, held) in {"EEG": eeg(data), "photos": photos(data)}.items():
        train, held = train / train.std(), held / train.std()  # a random start is not to fail by scale alone
        notes.append(f"{what}: {bound(train)}")
        for who, learn in learnings().items():
            found = [health(train, held, learn, seed) for seed in range(SEEDS)]
            row: dict[str, Any] = {"vectors": what, "who": who, "trained on": len(train), "unseen": len(held)}
            for name in found[0]:
                values = [f[name] for f in found]
                row[name] = sum(values) / SEEDS
                row[f"{name} from"], row[f"{name} to"] = min(values), max(values)
            rows.append(row)
    reached = all(r["live %"] > 100 * LIVE for r in rows if r["who"] == "ours")
    show(rows, [*notes, f"{'reached' if reached else 'missed'}: over {100 * LIVE:g} % of the codes of `ours` live"])
    return 0 if reached else 1


def learnings() -> dict[str, Any]:
    from signalpiece.quantizers.learning import EMA

    return {"ours": EMA(), "plain": EMA(kmeans=0, revive=0.0)}


def eeg(data: str | None) -> tuple[Any, Any]:
    """Vectors of the training and of the test split."""
    from signalpiece.apps.suite import suite_excerpts

    found = []
    for split in ("train", "test"):
        signals = [e.signal for e in suite_excerpts("suite-eeg-1", split, data)]
        found.append(some([windows(s.values) for s in signals]))
    return found[0], found[1]


def windows(x: Any) -> Any:
    """Every window of 32 samples of every channel, as its lowest cosines."""
    import numpy as np
    import torch

    from signalpiece.layouts.dct import dct_matrix

    x = torch.from_numpy(np.asarray(x, np.float32))
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True).clamp(min=1e-12)
    basis = torch.from_numpy(dct_matrix(32)[:, :WIDTH].astype(np.float32))
    return x.unfold(1, 32, 1).flatten(0, 1) @ basis


def photos(data: str | None) -> tuple[Any, Any]:
    """Patches of the first three quarters of the pictures, and of the rest."""
    from signalpiece.apps.suite import data_folder
    from signalpiece.core.check import SignalPieceError

    folder = data_folder(data) / "images_imagenet_samples"
    if not folder.is_dir():
        raise SystemExit(f"{folder} is missing")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpeg", ".jpg"))
    parts: list[list[Any]] = [[], []]
    for number, path in enumerate(paths):
        try:
            parts[number % 4 == 3].append(patches(path))
        except SignalPieceError as error:
            print(error, file=sys.stderr)
    return some(parts[0]), some(parts[1])


def patches(path: Path) -> Any:
    """Grey 8 x 8 patches of every 64 px crop, every 2 pixels, as their lowest cosines."""
    import numpy as np
    import torch

    from signalpiece.layouts.dct import dct_matrix
    from signalpiece.signals.files import read

    signal = read(path)
    grey = torch.from_numpy(np.asarray(signal.values, np.float32).mean(signal.grid.axes.index("color")))
    crops = grey.unfold(0, 64, 64).unfold(1, 64, 64).reshape(-1, 64, 64)
    basis = torch.from_numpy(dct_matrix(8)[:, :4].astype(np.float32))
    blocks = crops.unfold(1, 8, 2).unfold(2, 8, 2).reshape(-1, 8, 8)
    return (basis.T @ blocks @ basis).reshape(-1, WIDTH)


def bound(x: Any) -> str:
    """Entropy of a batch of 16,384 vectors in bits, exact and as the sum over bits; those of single vectors beside."""
    import math

    from signalpiece.quantizers import exact_entropies, factorised_entropies

    part = x[:BATCH, 1:13]
    logits = 40 * (part - part.mean(0)) / part.std(0)
    (own, batch), (_, most) = exact_entropies(logits), factorised_entropies(logits)
    own, batch, most = (float(v) / math.log(2) for v in (own, batch, most))
    return (
        f"12 signs, {own:.2f} bits a vector; of the batch {batch:.2f} bits exactly, {most:.2f} by the factorised bound"
    )


def some(parts: list[Any]) -> Any:
    """At most `MOST` vectors in random order."""
    import torch

    x = torch.cat(parts)
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:MOST]]


def health(train: Any, held: Any, learn: Any, seed: int) -> dict[str, float]:
    """Live codes and perplexity on unseen vectors, and the error there."""
    import torch

    from signalpiece.quantizers.vq import VQ

    torch.manual_seed(seed)
    vq = VQ(WIDTH, codebook_size=CODES, learn=learn).train()
    with torch.no_grad():
        for step in range(STEPS):
            at = (step + seed) * BATCH % max(len(train) - BATCH, 1)
            vq(train[None, at : at + BATCH])
    counts, error = torch.zeros(CODES), 0.0
    for part in held.split(BATCH):
        out = vq.eval()(part[None])
        counts += torch.bincount(out.codes.flatten(), minlength=CODES)
        error += float((out.embeddings[0] - part).square().sum())
    p = counts / counts.sum()
    nmse = 10 * torch.log10(torch.tensor(error / float((held - held.mean(0)).square().sum())))
    perplexity = torch.special.entr(p).sum().exp()
    return {"live %": 100 * float((counts > 0).float().mean()), "perplexity": float(perplexity), "dB": float(nmse)}


if __name__ == "__main__":
    sys.exit(main())
