"""What `fit` does: a recipe and recordings in, one model file out.

A classical coder is estimated in one pass; a learned one is trained on random crops, validated on recordings that it
never sees, and goes on after a kill from the last checkpoint in `<out>.run/`.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signalpiece.apps import screen
from signalpiece.apps.atomic import write_text
from signalpiece.apps.inputs import open_and_say
from signalpiece.apps.load import load, save
from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.signal import Signal
from signalpiece.recipes import parse_options, recipe

DEFAULT_STEPS = 2000
KINDS = ("eeg", "eog", "ecog", "seeg", "dbs", "ecg", "emg", "mag", "grad", "misc", "bio")
VALIDATION_BATCHES = 8
VALIDATIONS = 20  # of a short run; a long one has more, one every 200 steps
PATIENCE = 8  # validations without a better one before training stops


@dataclass(frozen=True)
class Loaded(Sequence[Signal]):
    """Recordings as signals, of which one at a time is in memory."""

    recordings: Sequence[Any]

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: Any) -> Any:
        return self.recordings[index].read()


def fit_recipe(
    name: str,
    data: Sequence[Path],
    out: Path,
    *,
    valid: Sequence[Path] = (),
    options: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    licence: str = "",
    seed: int = 0,
    **how: Any,
) -> dict[str, Any]:
    """Fits a recipe and writes the model file; returns what a person asks for first.

    Args:
        name: of the recipe.
        data: recordings or folders to train on.
        out: the model file.
        valid: recordings to validate on; if none, the last tenth of each training recording is held out for it.
        options: `key=value` texts for the recipe.
        units: what the files do not say.
        licence: of the model, for its card.
        seed: of weights and crops.
        how: `steps` or `seconds` (about how long), `resume`.

    Raises:
        SignalPieceError: nothing to train on, the recipe learns nothing, torch is missing, or the disk refuses.
    """
    if not out.parent.is_dir():
        raise SignalPieceError(f"{out}: there is no folder {out.parent}")
    module = recipe(name)
    chosen = parse_options(module, options)
    try:
        _seeded(seed)
        model = module.build(**chosen)
    except ModuleNotFoundError as error:
        raise _no_torch(error, f"recipe {name}") from error
    train, held = recordings(data, units), recordings(valid, units)
    card = {"licence": licence, "data": ", ".join(dict.fromkeys(Path(r.path).name for r in train))}
    if hasattr(model, "loss"):
        summary = _train(model, train, held, out.with_suffix(".run"), seed, how)
    elif hasattr(model, "estimate"):
        model.estimate(Loaded(train))
        summary = {}
    else:
        raise SignalPieceError(f"recipe {name} has nothing to learn; use it by its name")
    save(out, model, **card)
    from signalpiece.tokenizers.model_file import read_model, self_test

    compared = self_test(load(out), *read_model(out))
    return {
        "model": str(out),
        "recipe": name,
        "hash": model.model_hash,
        **summary,
        "self-test": f"{compared} codes equal",
    }


def recordings(paths: Sequence[Path], units: Mapping[str, str] | None) -> list[Any]:
    """Channels that carry signals, of every recording of the files."""
    found = []
    for opened in open_and_say(paths, units) if paths else ():
        grid = opened.grid
        keep = [c for c, s in enumerate(grid.sensors) if s.kind in KINDS and grid.unit(c) in ("V", "T", "T/m")]
        if keep:
            found.append(opened.pick(keep))
    if paths and not found:
        raise SignalPieceError(f"{', '.join(map(str, paths))}: no channels in volts or tesla to train on")
    return found


def _train(
    model: Any, train: Sequence[Any], held: Sequence[Any], folder: Path, seed: int, how: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        from signalpiece.training.crops import Crops
        from signalpiece.training.loop import fit
    except ModuleNotFoundError as error:
        raise _no_torch(error, "training") from error
    data = [[_name(r) for r in some] for some in (train, held)]
    if not held:
        train, held = _split(train)
        _check_held(held, model.crop_seconds)
    options = {"seconds": model.crop_seconds, "prepare": model.at_rate, "seed": seed}
    crops = Crops(train, **options)
    validation = Crops(held, **options).fixed(VALIDATION_BATCHES)
    steps = _steps(model, crops, folder, how, data)
    screen.say(f"training for {steps} steps; log, plot and checkpoint are in {folder}")
    fitted = fit(
        model, crops, steps=steps, out=folder, validation=validation, resume=bool(how.get("resume")), seed=seed,
        plan=_plan(steps), show=True,
    )  # fmt: skip
    if fitted.steps < steps:
        screen.say(
            f"stopped early at step {fitted.steps} of {steps}: {PATIENCE} validations in a row were no better than "
            f"that of step {fitted.best_step}, whose weights the model has"
        )
    return {"steps": fitted.steps, "validation loss": fitted.best, "best step": fitted.best_step}


def _plan(steps: int) -> Any:
    from signalpiece.training.run import Plan

    every = max(min(200, steps // VALIDATIONS), 1)
    return Plan(warmup=min(100, max(steps // 10, 1)), validate_every=every, checkpoint_every=every, patience=PATIENCE)


def _split(train: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The first nine tenths of every recording, and the last tenth."""
    parts = [(r, int(0.9 * r.grid.size("time"))) for r in train]
    return [r.crop(0, at) for r, at in parts], [r.crop(at, r.grid.size("time")) for r, at in parts]


def _check_held(held: Sequence[Any], seconds: float) -> None:
    """Raises SignalPieceError if the last tenths are too short for one crop."""
    longest = max(r.grid.seconds for r in held)
    if longest < seconds:
        raise SignalPieceError(
            f"the last tenth of each recording is held out for validation, and the longest is {longest:.3g} s where "
            f"this recipe needs {seconds:.3g} s; give recordings of {10 * seconds:.0f} s, or others to --valid"
        )


def _name(recording: Any) -> str:
    """What tells a recording from others: its file's name, channels and length."""
    return f"{Path(recording.path).name} {' x '.join(map(str, recording.grid.shape))}"


def _steps(model: Any, crops: Any, folder: Path, how: Mapping[str, Any], data: Sequence[Any]) -> int:
    """Steps asked for, or as many as fit into the seconds asked for; a resumed run keeps the number it began with.

    Raises:
        SignalPieceError: a resumed run was begun with other steps or other recordings.
    """
    kept = folder / "run.json"
    if how.get("resume") and kept.is_file():
        said = json.loads(kept.read_text())
        begun = int(said["steps"])
        if said["data"] != data:
            raise SignalPieceError(
                f"the run in {folder} was begun with other recordings; give the same ones (and the same --valid), or "
                "start anew without --resume"
            )
        if how.get("steps") not in (None, begun):
            raise SignalPieceError(
                f"steps must be {begun}, as the run in {folder} was begun with, got {how['steps']}; start anew without "
                "--resume"
            )
        return begun
    steps = how.get("steps") or DEFAULT_STEPS
    if how.get("seconds"):
        model.train()
        _one(model, crops, 0)
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < min(2.0, how["seconds"] / 10):
            count += 1
            _one(model, crops, count)
        steps = max(int(how["seconds"] * count / (time.perf_counter() - begin) * 0.9), 1)
        model.zero_grad()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps({"steps": steps, "data": data}))
    return steps


def _one(model: Any, crops: Any, step: int) -> None:
    """One backward pass on a copy's worth of state: weights stay, buffers that learn by themselves are put back."""
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.loss(crops(step)).total.backward()
    model.load_state_dict(before)


def _seeded(seed: int) -> None:
    """Weights drawn by `seed`, where torch is there at all."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.manual_seed(seed)


def _no_torch(error: ModuleNotFoundError, what: str) -> SignalPieceError:
    if error.name in ("torch", "accelerate"):
        return missing_extra("torch", "torch", what)
    return SignalPieceError(f"{what} needs {error.name}, which is not installed")
