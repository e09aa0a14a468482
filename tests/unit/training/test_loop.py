import math

import pytest
import torch
from torch import nn

from signalpiece.core.check import SignalPieceError
from signalpiece.core.types import Losses
from signalpiece.training.loop import fit
from signalpiece.training.run import Plan
from signalpiece.training.schedule import warm_cosine


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))

    def loss(self, batch):
        return Losses((self.w - batch).square(), {"square": (self.w - batch).square()})


def test_it_learns_logs_and_draws(tmp_path):
    model = Line()
    fitted = fit(
        model,
        lambda step: torch.tensor(0.5),
        steps=60,
        out=tmp_path,
        validation=[torch.tensor(0.5)],
        plan=Plan(learning_rate=0.05, warmup=1, validate_every=20),
    )
    assert abs(model.w.item() - 0.5) < 0.1 and fitted.steps == 60
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "step,seconds,learning_rate,total,square,validation"
    assert [int(line.split(",")[0]) for line in lines[1:]] == [10, 20, 30, 40, 50, 60]
    page = (tmp_path / "progress.html").read_text()
    assert "polyline" in page and "done" in page and "refresh" not in page


def test_it_stops_early_and_keeps_the_best(tmp_path):
    model = Line()
    plan = Plan(learning_rate=0.1, warmup=1, validate_every=1, patience=3, weight_decay=0.0)
    fitted = fit(
        model, lambda k: torch.tensor(1.0), steps=200, out=tmp_path, validation=[torch.tensor(0.45)], plan=plan
    )
    assert fitted.steps == fitted.best_step + 3 < 20
    assert abs(model.w.item() - 0.45) < 0.06


def test_the_best_weights_survive_an_interruption(tmp_path):
    seen = []

    def batches(k):
        seen.append(k)
        if len(seen) == 31:
            raise KeyboardInterrupt
        return torch.tensor(1.0)

    plan = Plan(learning_rate=0.1, warmup=1, validate_every=1, checkpoint_every=10, weight_decay=0.0)
    setup = {"steps": 40, "out": tmp_path, "validation": [torch.tensor(0.45)], "plan": plan}
    with pytest.raises(KeyboardInterrupt):
        fit(Line(), batches, **setup)
    model = Line()
    fitted = fit(model, batches, **setup, resume=True)
    assert fitted.resumed_at == 30 and fitted.best_step < 30
    assert abs(model.w.item() - 0.45) < 0.06
    assert seen == [*range(30), *range(30, 31), *range(30, 40)]


def test_a_loss_that_is_no_number_is_said(tmp_path):
    with pytest.raises(SignalPieceError, match="the loss is nan at step 10; lower the learning rate"):
        fit(Line(), lambda k: torch.tensor(math.nan), steps=20, out=tmp_path)


def test_schedule_by_hand():
    assert warm_cosine(0, 100, warmup=4) == pytest.approx(0.2)
    assert warm_cosine(4, 100, warmup=4) == 1
    assert warm_cosine(100, 100, warmup=4) == pytest.approx(0.1)
    assert warm_cosine(0, 5, warmup=100) == 1


def test_a_full_disk_leaves_no_half_file(tmp_path):
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(SignalPieceError, match="cannot write"):
            fit(Line(), lambda k: torch.tensor(1.0), steps=20, out=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert not list(tmp_path.glob("*.part"))
