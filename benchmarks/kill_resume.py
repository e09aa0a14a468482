"""A training run that is killed at random times and resumed: is the model the same, bit for bit?

python -m benchmarks.kill_resume --kills 20
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

STEPS = 400


def train(folder: Path) -> None:
    """The run itself: a small BioCodec on a sample recording, then its model file."""
    import torch

    from signalpiece.recipes.biocodec import SMALL, build
    from signalpiece.signals.files import open as open_recording
    from signalpiece.tokenizers.model_file import save_model
    from signalpiece.training.crops import Crops
    from signalpiece.training.loop import fit
    from signalpiece.training.run import Plan

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = build(**SMALL)
    samples = files("signalpiece.samples")
    train_on, held = (open_recording(str(samples / f"S001R{run}.edf")).pick([8, 24, 40, 60]) for run in ("02", "01"))
    options = {"seconds": tokenizer.crop_seconds, "batch": 4, "prepare": tokenizer.at_rate}
    validation = Crops([held], **options).fixed(1)
    plan = Plan(validate_every=50, checkpoint_every=10, log_every=5)
    fit(
        tokenizer, Crops([train_on], **options), steps=STEPS, out=folder, validation=validation, resume=True, plan=plan
    )  # fmt: skip
    save_model(folder / "model.safetensors", tokenizer)


def digest(folder: Path) -> str:
    """Of the model and of the whole state of the run (a model file keeps its two header entries in any order)."""
    from signalpiece.tokenizers.model_file import read_model

    header, tensors = read_model(folder / "model.safetensors")
    total = hashlib.sha256((folder / "checkpoint.safetensors").read_bytes())
    total.update(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        total.update(name.encode() + tensors[name].tobytes())
    return total.hexdigest()[:16]


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The run in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "benchmarks.kill_resume", "--run", str(folder)], env=environment)


def steps_done(folder: Path) -> int:
    """Steps in the log, 0 before the first row."""
    rows = (folder / "log.csv").read_text().splitlines() if (folder / "log.csv").exists() else []
    return int(rows[-1].split(",")[0]) if len(rows) > 1 and rows[-1].count(",") > 2 else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        return train(arguments.run)
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        assert start(whole).wait() == 0
        at = []
        for target in sorted(draw.sample(range(1, STEPS * 9 // 10), arguments.kills)):
            process = start(killed)
            while process.poll() is None and steps_done(killed) < target:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            if process.wait() != -signal.SIGKILL:
                sys.exit("the run was over before it could be killed; choose fewer kills")
            at.append(steps_done(killed))
        assert start(killed).wait() == 0
        same = digest(whole) == digest(killed)
        print(f"{arguments.kills} kills at steps {at}: " + ("the same bits" if same else "DIFFERENT"))
        sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
