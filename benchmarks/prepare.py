"""DREAMS text and BCI Competition II arrays to EDF+ with their events: python -m benchmarks.prepare DATA OUT

Suites read the originals; this is for people who want to open, fit or encode these recordings with the command line.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import signalpiece
from signalpiece.apps.suite import data_folder
from signalpiece.apps.suite_data import read_bci2, read_dreams
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal


def prepare(data: Path, out: Path) -> Iterator[Path]:
    """Writes one EDF per recording and names it."""
    found: list[tuple[Path, Signal]] = []
    for folder, pattern, read in (
        ("eeg_sleep_dreams", "excerpt*.txt.gz", read_dreams),
        ("eeg_selfpaced_bci2_iv", "*.mat", read_bci2),
    ):
        if not (data / folder).is_dir():
            raise SignalPieceError(f"{data} has no sub-folder {folder}")
        for path in sorted((data / folder).glob(pattern)):
            found.append((out / folder / (path.name.split(".")[0] + ".edf"), read(path)))
    for target, signal in found:
        target.parent.mkdir(parents=True, exist_ok=True)
        signalpiece.write(target, signal)
        yield target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    try:
        for path in prepare(data_folder(arguments.data), arguments.out):
            print(path)
    except SignalPieceError as error:
        print(f"prepare: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
