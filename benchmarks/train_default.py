"""Trains the package's default tokenizer on the training split of suite-eeg-1 and scores candidates on validation.

    python -m benchmarks.train_default --data DIR [--out src/signalpiece/models/eeg-2.safetensors]

Without --out it only prints the validation table: mean gain in dB over the static `dct` at 40, 80, 150 and 240 bits per
second and channel, Muse and EEGLAB weighted equally; a fixed-rate tokenizer is scored at its own rate. Learned
candidates are model files named with --candidate.
"""

import argparse
from pathlib import Path

import numpy as np

from signalpiece.apps.compare import BASELINE, RATES, compare, gain_score
from signalpiece.apps.load import load, save
from signalpiece.apps.rivals import rivals
from signalpiece.apps.screen import table
from signalpiece.apps.suite import suite_excerpts
from signalpiece.recipes import recipe

LICENCE = "Apache-2.0"
DATA = (
    "EEGLAB tutorial recording without its last 60 s (sccn/eeglab, BSD-2-Clause repository); NeuroTechX eeg-notebooks"
    " v0.1, Muse recordings of subject 1 without Right AUX (BSD-3-Clause repository). Licences are the repositories';"
    " nothing separate is stated for the data."
)


def trained(data: Path) -> object:
    """The candidate that learns its start state from the training split."""
    model = recipe("trellis").build()
    model.estimate([e.signal for e in suite_excerpts("suite-eeg-1", "train", data)])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--candidate", type=Path, action="append", default=[])
    args = parser.parse_args()
    model = trained(args.data)
    coders = {
        "eeg-2": model,
        "eeg-2 group 1": model.arranged(group=1),
        "eeg-1": load("eeg-1"),
        "lapped": recipe("lapped").build(),
        "dct-adaptive": recipe("dct").build(tables="adaptive"),
    }
    coders |= {p.stem: load(p) for p in args.candidate}
    coders |= rivals(without=tuple(coders))
    excerpts = suite_excerpts("suite-eeg-1", "validation", args.data)
    found = compare(coders, excerpts, suite="suite-eeg-1 validation")
    rows = []
    for name in found.coders:
        at = [float(np.nanmean(found.at(name, r))) if name not in found.fixed else np.nan for r in RATES]
        rows.append((name, gain_score(found, name), *at))
    rows.sort(key=lambda r: -r[1] if r[1] == r[1] else 1e9)
    table("suite-eeg-1 validation", ("coder", f"gain over {BASELINE}, dB", *(f"dB at {r:g}" for r in RATES)), rows)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        save(args.out, model, licence=LICENCE, data=DATA, split="train of suite-eeg-1")
        print(f"wrote {args.out}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
