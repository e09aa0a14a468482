"""A run in progress: the model, its optimizer and where it stands; it moves by one step, is saved and loaded."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.training.checkpoint import pack_optimizer, read_checkpoint, unpack_optimizer, write_checkpoint
from signalpiece.training.schedule import warm_cosine


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        learning_rate: peak, of AdamW.
        warmup: steps of the linear rise.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        validate_every: steps between two validations.
        patience: validations without a better one before the run stops; 0 = never.
        checkpoint_every: steps between two checkpoints.
        log_every: steps that one row of the log averages over.
    """

    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 1e-4
    clip: float = 1.0
    validate_every: int = 200
    patience: int = 0
    checkpoint_every: int = 200
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("validate_every", "checkpoint_every", "log_every"):
            check_range(name, getattr(self, name), 1, 1e9)


class _Loss(nn.Module):
    """A model whose forward is its loss, which is what a distributed wrapper looks at."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Any) -> tuple[Tensor, dict[str, Any]]:
        losses = self.model.loss(batch)
        return losses.total, losses.parts


class Run:
    """See the file's docstring.

    Args:
        model: something with `loss(batch) -> Losses`.
        steps: of the whole run.
        seed: of whatever the model draws.
        plan: how to train.
    """

    def __init__(self, model: nn.Module, *, steps: int, seed: int, plan: Plan) -> None:
        self.model, self.steps, self.seed, self.plan = model, steps, seed, plan
        self.accelerator = Accelerator()
        optimizer = torch.optim.AdamW(
            model.parameters(), plan.learning_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, foreach=False
        )
        self._loss, self._optimizer = self.accelerator.prepare(_Loss(model), optimizer)
        self.step, self.best, self.best_step, self.since_best = 0, math.inf, 0, 0
        self._best: dict[str, Tensor] = {}

    @property
    def done(self) -> bool:
        """Whether all steps are done, or validation has not improved for long enough."""
        return self.step >= self.steps or 0 < self.plan.patience <= self.since_best

    @property
    def batch_number(self) -> int:
        """The next batch of this process."""
        return self.step * self.accelerator.num_processes + self.accelerator.process_index

    def learning_rate(self) -> float:
        """At the next step."""
        return self.plan.learning_rate * warm_cosine(self.step, self.steps, warmup=self.plan.warmup)

    def update(self, batch: Any) -> dict[str, float]:
        """One step of the weights; returns the losses."""
        self._loss.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate()
        with _drawn_from(self.seed, self.batch_number):
            total, parts = self._loss(batch)
            self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self._loss.parameters(), self.plan.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return {"total": float(total.detach())} | {k: float(torch.as_tensor(v).detach()) for k, v in parts.items()}

    @torch.no_grad()
    def validate(self, batches: Sequence[Any]) -> float:
        """Mean loss of fixed batches; the weights are kept if they are the best so far."""
        self._loss.eval()
        with _drawn_from(self.seed, -1):
            value = sum(float(self.model.loss(b).total) for b in batches) / len(batches)  # type: ignore[operator]
        self.since_best += 1
        if value < self.best:
            self.best, self.best_step, self.since_best = value, self.step, 0
            self._best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        return value

    def finish(self) -> None:
        """The best weights into the model, which then stands ready to use."""
        if self._best:
            self.model.load_state_dict(self._best)
        self.model.eval()

    def save(self, path: Path) -> None:
        """Everything that the next step depends on."""
        if not self.accelerator.is_main_process:
            return
        optimizer, facts = pack_optimizer(self._optimizer)
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self._best.items()} | {f"optimizer.{k}": v for k, v in optimizer.items()}
        stand = {"step": self.step, "best": repr(self.best), "best_step": self.best_step, "since_best": self.since_best}
        write_checkpoint(path, tensors, {"run": self._settings(), "stand": stand, "optimizer": facts, "made": _made()})

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            SignalPieceError: it is damaged, or of a run with other settings or another model.
        """
        tensors, facts = read_checkpoint(path)
        mine = self._settings()
        for name, value in facts["run"].items():
            if mine.get(name) != value:
                raise SignalPieceError(
                    f"{name} must be {value}, as in {path}, got {mine.get(name)}; start again without resume"
                )
        try:
            self.model.load_state_dict(_under(tensors, "model."))
        except RuntimeError as error:
            raise SignalPieceError(f"{path} is of another model; start again without resume") from error
        unpack_optimizer(self._optimizer, _under(tensors, "optimizer."), facts["optimizer"])
        stand = facts["stand"]
        self._best = _under(tensors, "best.")
        self.step, self.best_step, self.since_best = stand["step"], stand["best_step"], stand["since_best"]
        self.best = float(stand["best"])

    def _settings(self) -> dict[str, Any]:
        return {"steps": self.steps, "seed": self.seed, **asdict(self.plan)}


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _made() -> dict[str, Any]:
    """What a bit-identical resume needs to stay the same."""
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}


@contextmanager
def _drawn_from(seed: int, number: int) -> Iterator[None]:
    """Torch's random numbers as a function of seed and step; the caller's own go on afterwards as if nothing was."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(np.random.SeedSequence((seed, number + 1)).generate_state(1, np.uint64)[0]))
        yield
