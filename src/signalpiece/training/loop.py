"""The one training loop: batches by number, validation, early stop, log, checkpoints, resume.

A run is a function of the model, the batches and the seed: batch k and the random numbers of step k depend on the seed
and k alone. So a run that was killed and resumed ends in the same bits as one that was not, on one machine, thread
count and torch version.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.training.log import Log
from signalpiece.training.progress import Show
from signalpiece.training.run import Plan, Run


@dataclass(frozen=True)
class Fitted:
    """What a run came to: steps done, best validation loss (inf without validation), its step, where it resumed."""

    steps: int
    best: float
    best_step: int
    resumed_at: int


def fit(  # noqa: PLR0913 - one more than eight: what to train, on what, how long, where to, and whether to show it
    model: nn.Module,
    batches: Callable[[int], Any],
    *,
    steps: int,
    out: str | Path,
    validation: Sequence[Any] = (),
    resume: bool = False,
    seed: int = 0,
    plan: Plan = Plan(),  # noqa: B008 - frozen
    show: bool = False,
) -> Fitted:
    """Trains `model` in place; afterwards it holds the weights that did best on `validation`, else the last ones.

    Args:
        model: something with `loss(batch) -> Losses`.
        batches: batch number k, e.g. `Crops`.
        steps: updates of the weights.
        out: folder of the run: `checkpoint.safetensors`, `log.csv`, `progress.html`.
        validation: fixed batches.
        resume: go on from the checkpoint in `out`, if there is one.
        seed: of whatever the model draws.
        plan: how to train.
        show: a progress bar with the time left.

    Raises:
        SignalPieceError: the checkpoint belongs to another run, the loss is not finite, or the disk refuses.
    """
    check_range("steps", steps, 1, 1e12)
    path = Path(out) / "checkpoint.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    run = Run(model, steps=steps, seed=seed, plan=plan)
    if resume and path.exists():
        run.load(path)
    else:
        path.unlink(missing_ok=True)  # of another run: one that is killed now must not resume there
    begin, log = run.step, Log(path.parent, upto=run.step)
    with Show(steps, begin, show) as bar:
        while not run.done:
            row = _stretch(run, batches)
            if validation and (run.step % plan.validate_every == 0 or run.step >= steps):
                row["validation"] = run.validate(validation)
            if run.accelerator.is_main_process:
                log.add(row, last=run.done)
            if run.step % plan.checkpoint_every == 0 or run.done:
                run.save(path)
            bar.at(run.step, row)
    run.finish()
    return Fitted(run.step, run.best, run.best_step, begin)


def _stretch(run: Run, batches: Callable[[int], Any]) -> dict[str, float]:
    """Steps up to the next row of the log, validation or checkpoint; mean losses."""
    plan, sums, first = run.plan, {}, run.step
    rate = run.learning_rate()
    while True:
        for name, value in run.update(batches(run.batch_number)).items():
            sums[name] = sums.get(name, 0.0) + value
        every = (plan.log_every, plan.validate_every, plan.checkpoint_every)
        if run.step >= run.steps or any(run.step % e == 0 for e in every):
            break
    means = {k: v / (run.step - first) for k, v in sums.items()}
    if not math.isfinite(means["total"]):
        raise SignalPieceError(f"the loss is {means['total']} at step {run.step}; lower the learning rate")
    return {"step": run.step, "learning_rate": rate} | means
