"""`fit` through the command: validation on what is held out, early stop, and a kill that changes no bit."""

import csv
import json
import os
import random
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from signalpiece.apps import fitting
from signalpiece.apps.cli import main
from signalpiece.core.signal import Signal
from signalpiece.samples import sample
from signalpiece.signals.files import read, write

SMALL = ("rate=100", "filters=2", "dim=8", "levels=2", "codebook_size=16", "code_dim=4", "strides=[2,2]")


@pytest.fixture(autouse=True)
def _few_batches(monkeypatch):
    monkeypatch.setattr(fitting, "VALIDATION_BATCHES", 1)


@pytest.fixture
def run(capsys):
    """Runs `fit biocodec` in this process; returns exit code, stdout and stderr."""

    def go(*arguments):
        code = 0
        try:
            fit(*arguments)
        except SystemExit as stop:
            code = stop.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return go


def fit(*arguments):
    sets = [part for option in SMALL for part in ("--set", option)]
    main(["fit", "biocodec", *map(str, arguments), *sets, "--json"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A minute of one channel."""
    path = tmp_path_factory.mktemp("data") / "train.edf"
    write(path, read(sample("S001R02.edf")).pick([8]))
    return path


def log(folder, *columns):
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [tuple(row[c] for c in columns) for row in rows]


def test_it_stops_early_and_says_so(run, data, tmp_path, monkeypatch):
    """At a learning rate of 0 only the codebooks move, and soon no validation is better than the best one."""
    plan = fitting._plan
    monkeypatch.setattr(fitting, "PATIENCE", 2)
    monkeypatch.setattr(fitting, "_plan", lambda steps: replace(plan(steps), learning_rate=0.0))
    out = tmp_path / "m.safetensors"
    code, text, said = run(data, "--out", out, "--valid", sample("S001R01.edf"), "--steps", 100)
    found = json.loads(text)
    assert code == 0 and found["steps"] == found["best step"] + 10 < 100
    sentence = " ".join(said.split())
    assert f"stopped early at step {found['steps']} of 100: 2 validations" in sentence
    assert f"step {found['best step']}, whose weights" in sentence
    rows = [(int(step), float(loss)) for step, loss in log(tmp_path / "m.run", "step", "validation") if loss]
    assert [step for step, _ in rows] == list(range(5, found["steps"] + 1, 5))
    assert min((loss, step) for step, loss in rows) == (pytest.approx(found["validation loss"]), found["best step"])
    assert out.is_file() and "done" in (tmp_path / "m.run" / "progress.html").read_text()


def test_training_never_sees_what_it_validates_on(run, data, tmp_path):
    whole = read(data)
    values = whole.values.copy()
    values[:, int(0.9 * values.shape[1]) :] = 3e-5 * np.random.default_rng(0).standard_normal(960)
    write(tmp_path / "other.edf", Signal(whole.grid, values))
    found = []
    for path, name in ((data, "a"), (tmp_path / "other.edf", "b")):
        assert run(path, "--out", tmp_path / f"{name}.safetensors", "--steps", 6)[0] == 0
        found.append((log(tmp_path / f"{name}.run", "step", "total"), log(tmp_path / f"{name}.run", "validation")))
    assert len(found[0][0]) == 6
    losses = [[float(loss) for _, loss in rows] for rows, _ in found]
    assert np.allclose(losses[0], losses[1], rtol=1e-4), "files are written with other scales, hence not to the bit"
    assert found[0][1] != found[1][1]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_kills_change_no_bit(run, data, tmp_path):
    steps = ("--steps", 40)
    assert run(data, "--out", tmp_path / "whole.safetensors", *steps)[0] == 0
    draw, at = random.Random(0), []
    for target in (1, 9, 23):
        child = os.fork()
        if child == 0:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                fit(data, "--out", tmp_path / "killed.safetensors", *steps, "--resume")
            finally:
                os._exit(0)
        while _done(tmp_path / "killed.run") < target:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the run was over before it was killed"
        at.append(_done(tmp_path / "killed.run"))
    assert 0 < at[0] < at[-1] < 40 and not (tmp_path / "killed.safetensors").exists()
    assert run(data, "--out", tmp_path / "killed.safetensors", *steps, "--resume")[0] == 0
    for name in ("{}.safetensors", "{}.run/checkpoint.safetensors"):
        one, two = ((tmp_path / name.format(n)).read_bytes() for n in ("whole", "killed"))
        assert one == two, name
    columns = ("step", "learning_rate", "total", "validation")
    assert log(tmp_path / "whole.run", *columns) == log(tmp_path / "killed.run", *columns)


def _done(folder):
    """Steps in the log, 0 before the first whole row."""
    lines = (folder / "log.csv").read_text().split("\n")[1:-1] if (folder / "log.csv").exists() else []
    return int(lines[-1].split(",")[0]) if lines else 0


def test_what_a_resumed_run_was_begun_with_stays(run, data, tmp_path):
    out = tmp_path / "m.safetensors"
    assert run(data, "--out", out, "--steps", 2)[0] == 0
    before = out.read_bytes()
    code, text, said = run(data, "--out", out, "--steps", 3, "--resume")
    assert code == 2 and text == "" and "steps must be 2" in said and "got 3" in said and "Traceback" not in said
    write(tmp_path / "other.edf", read(data).crop(0, 9000))
    for more in ((tmp_path / "other.edf",), (data, "--valid", tmp_path / "other.edf")):
        code, text, said = run(*more, "--out", out, "--resume")
        assert code == 2 and text == "" and "other recordings" in said and "Traceback" not in said
    assert run(data, "--out", out, "--resume")[0] == 0
    assert out.read_bytes() == before


def test_a_run_begun_anew_forgets_the_old_one(run, data, tmp_path, monkeypatch):
    out = tmp_path / "m.safetensors"
    assert run(data, "--out", out, "--steps", 2)[0] == 0
    from signalpiece.training.run import Run

    with monkeypatch.context() as patch:
        patch.setattr(Run, "update", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(data, "--out", out, "--steps", 2, "--seed", 0)[0] == 130
    assert not (tmp_path / "m.run" / "checkpoint.safetensors").exists()
    assert run(data, "--out", out, "--resume")[0] == 0
    assert len(log(tmp_path / "m.run", "step")) == 2
