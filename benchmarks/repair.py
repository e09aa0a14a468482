"""What each repair of `doctor --fix` does to small trained tokenizers: python -m benchmarks.repair --data DIR [--json]

Tokenizers learn on the training split of suite-eeg-1 for 1,000 steps: once with codebooks as their recipes say (both
start by k-means, biocodec revives dead codes), once from a random start without revival. The doctor examines and mends
them on the validation split; every figure is of the test split, other people and devices, the first minute of 8
channels of each recording. `perplexity` is that of a column.
`renumbered` is the error of old tokens with new numbers; `differs` how far what the new model makes of old tokens is
from what the old one makes of them: 0, else the bench ends with 1.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from typing import Any

from benchmarks.timing import show

STEPS, SECONDS, CHANNELS = 1000, 60.0, 8
MODELS: dict[str, dict[str, Any]] = {
    "biocodec": {"rate": 100.0, "filters": 4, "strides": (2, 2), "dim": 16, "levels": 3, "codebook_size": 256},
    "labram": {"rate": 100.0, "patch": 40, "heads": 4, "depths": (1, 1), "codebook_size": 512, "code_dim": 8},
}


def main() -> int:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", help="folder of the recordings (default: SIGNALPIECE_DATA)")
    parser.add_argument("--json", action="store_true")
    data = parser.parse_args().data
    torch.set_num_threads(1)
    train, mend, test = (signals(split, data) for split in ("train", "validation", "test"))
    rows, notes = [], []
    for name in MODELS:
        for bare in (False, True):
            model = trained(name, train, bare)
            title = f"{name}, {'random start' if bare else 'as its recipe'}"
            found, said = repairs(title, model, mend, test)
            rows += found
            notes += said
    show(rows, notes)
    return 0 if all(r.get("differs", 0.0) == 0 for r in rows) else 1


def signals(split: str, data: str | None) -> list[Any]:
    """At most some channels and seconds of each recording of a split."""
    from signalpiece.apps.suite import suite_excerpts

    out = []
    for excerpt in suite_excerpts("suite-eeg-1", split, data):
        count, rate = excerpt.signal.grid.size("channel"), excerpt.signal.grid.time_rate
        some = excerpt.signal.pick(range(0, count, max(count // CHANNELS, 1))[:CHANNELS])
        stop = min(some.grid.size("time"), round(SECONDS * rate))
        out.append(some if split == "train" else some.crop(0, stop))
    return out


def trained(name: str, train: list[Any], bare: bool) -> Any:
    """A recipe's tokenizer, or with bare codebooks: a random start, and nothing done against dead codes."""
    import torch

    from signalpiece.quantizers.codebook import Codebook
    from signalpiece.recipes import recipe
    from signalpiece.training.crops import Crops
    from signalpiece.training.loop import fit
    from signalpiece.training.run import Plan

    torch.manual_seed(0)
    model = recipe(name).build(**MODELS[name])
    if bare:
        for part in model.modules():
            if isinstance(part, Codebook):
                learn: Any = part.learn
                part.learn = replace(learn, kmeans=0, revive=0.0)
    crops = Crops(train, seconds=model.crop_seconds, batch=16, prepare=model.at_rate, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(learning_rate=2e-3, warmup=STEPS // 10, checkpoint_every=STEPS)
        fit(model, crops, steps=STEPS, out=folder, seed=0, plan=plan)
    return model.eval()


def repairs(title: str, model: Any, mend: list[Any], test: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for the model and for each repair of it that can be done, and the sentences of those that cannot."""
    from signalpiece.apps.doctor import examine
    from signalpiece.apps.measure import in_memory
    from signalpiece.apps.repair import KINDS, repaired, state_of
    from signalpiece.core.check import SignalPieceError

    recordings = [in_memory(s, f"{k}.edf") for k, s in enumerate(mend)]
    diagnosis = examine(title, model, recordings)
    rows, notes = [row(title, "none", 0, state_of(model, test))], []
    stored = model.encode(test[0])
    before = model.decode(stored).values
    for kind in KINDS:
        try:
            repair = repaired(model, diagnosis, recordings, kind=kind)
        except SignalPieceError as error:
            notes.append(str(error))
            continue
        new = repair.model
        last: dict[str, Any] = {"renumbered": ""}
        if kind != "revive":
            last["renumbered"] = state_of(new, test, lambda s, new=new: new.renewed(model.encode(s))).error_db
        last["differs"] = float(abs(new.decode(stored).values - before).max())
        rows.append(row(title, kind, repair.changed, state_of(new, test)) | last)
    return rows, notes


def row(title: str, kind: str, changed: int, state: Any) -> dict[str, Any]:
    """Of the table."""
    figures = {"codes": state.codes, "live": state.live, "live %": 100 * state.live / state.codes}
    return {"model": title, "repair": kind, "changed": changed, **figures,
            "perplexity": state.perplexity, "error dB": state.error_db}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
