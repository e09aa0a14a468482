"""A run that is killed at random times and resumed ends in the same bits as one that is not."""

import os
import random
import signal
import time

import pytest
import torch
from torch import nn

from signalpiece.core.check import SignalPieceError
from signalpiece.core.types import Losses
from signalpiece.quantizers.vq import VQ
from signalpiece.training.loop import fit
from signalpiece.training.run import Plan

PLAN = Plan(validate_every=40, checkpoint_every=20, log_every=5, warmup=5)
STEPS = 240


class Tiny(nn.Module):
    """Everything that a resumed run could get wrong: EMA codebook, dropout, random numbers drawn in the loss."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(8, 4), nn.Linear(4, 8)
        self.vq = VQ(4, codebook_size=16)

    def loss(self, batch):
        z = self.encoder(batch)
        z = z + 0.1 * torch.randn_like(z) if self.training else z
        out = self.vq(nn.functional.dropout(z, 0.1, self.training))
        error = (self.decoder(out.embeddings) - batch).square().mean()
        return Losses(error + out.loss, {"error": error, "commitment": out.loss})


def batches(step):
    return torch.randn(4, 16, 8, generator=torch.Generator().manual_seed(step))


def train(out, pause=0.0, **options):
    torch.manual_seed(0)
    model = Tiny()

    def slowly(step):
        time.sleep(pause)
        return batches(step)

    fitted = fit(model, slowly, **{"steps": STEPS, "out": out, "validation": [batches(9999)], "plan": PLAN} | options)
    return model, fitted


def states_equal(a, b):
    return all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_three_kills_change_no_bit(tmp_path):
    whole, _ = train(tmp_path / "whole")
    draw, kills = random.Random(0), 0
    while kills < 3:
        child = os.fork()
        if child == 0:
            try:
                train(tmp_path / "killed", pause=0.004, resume=True)
            finally:
                os._exit(0)
        while not (tmp_path / "killed/checkpoint.safetensors").exists():
            time.sleep(0.01)
        time.sleep(draw.uniform(0.05, 0.35))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the run was over before it was killed"
        kills += 1
    again, fitted = train(tmp_path / "killed", resume=True)
    assert 0 < fitted.resumed_at < STEPS
    assert states_equal(whole, again)
    files = [(tmp_path / n / "checkpoint.safetensors").read_bytes() for n in ("whole", "killed")]
    assert files[0] == files[1]
    logs = [(tmp_path / n / "log.csv").read_text().splitlines() for n in ("whole", "killed")]
    without_time = [[line.split(",")[:1] + line.split(",")[2:] for line in log] for log in logs]
    assert without_time[0] == without_time[1]


def test_a_finished_run_resumes_to_its_end(tmp_path):
    a, _ = train(tmp_path, steps=40)
    b, fitted = train(tmp_path, steps=40, resume=True)
    assert fitted.resumed_at == 40 and states_equal(a, b)


def test_another_run_is_refused(tmp_path):
    train(tmp_path, steps=40)
    with pytest.raises(SignalPieceError, match="seed must be 0, as in .*got 1; start again without resume"):
        train(tmp_path, steps=40, seed=1, resume=True)
    path = tmp_path / "checkpoint.safetensors"
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SignalPieceError, match="damaged"):
        train(tmp_path, steps=40, resume=True)


def test_seeds_differ_and_the_callers_random_numbers_do_not_matter(tmp_path):
    a, _ = train(tmp_path / "a", steps=20)
    b, _ = train(tmp_path / "b", steps=20, seed=1)
    assert not states_equal(a, b)
    model = Tiny()
    before = torch.get_rng_state()
    fit(model, batches, steps=3, out=tmp_path / "c")
    assert torch.equal(before, torch.get_rng_state())
