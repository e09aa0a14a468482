"""`make demo`: the whole journey on the packaged recordings, in about two minutes.

Looks at a minute of EEG with eyes open (R01), turns it into tokens and back, compares coders at equal file sizes,
trains a small learned tokenizer on the other minute (R02, eyes closed) and writes the report.
What is trained here is never shipped, and its figures are of the same person and day: within subject.
"""

import sys
from pathlib import Path

from signalpiece.apps import screen
from signalpiece.apps.cli import main as run
from signalpiece.samples import sample

OUT = Path("demo-out")


def step(title: str, *arguments: str) -> None:
    """Prints the command as a person would type it, then runs it."""
    screen.say(f"\n== {title}\n$ signalpiece {' '.join(arguments)}")
    sys.stdout.flush()
    try:
        run([*arguments])
    except SystemExit as stop:
        if stop.code:
            raise


def demo() -> None:
    """Runs every step and says where the report is."""
    OUT.mkdir(exist_ok=True)
    r01, r02 = str(sample("S001R01.edf")), str(sample("S001R02.edf"))
    tokens, back, model = (
        str(OUT / "R01.sp"),
        str(OUT / "R01-decoded.edf"),
        str(OUT / "biocodec-within-subject.safetensors"),
    )
    step("what the recording holds", "info", r01)
    step("tokens at 100 bits per second and channel", "encode", "eeg", r01, "--out", tokens, "--bits", "100")
    step("and back to microvolts", "decode", "eeg", tokens, "--out", back)
    step("a minute of training on R02 (within subject)", "fit", "biocodec", r02, "--out", model, "--seconds", "60")
    step(
        "every coder at equal file sizes",
        "compare",
        "eeg",
        "dct",
        model,
        "--data",
        r01,
        "--out",
        str(OUT / "compare.html"),
    )
    step("one page about these tokens", "report", "eeg", r01, "--bits", "100", "--out", str(OUT / "report.html"))
    screen.say(f"\nopen {OUT / 'report.html'} and {OUT / 'compare.html'} in a browser")


if __name__ == "__main__":
    demo()
