"""Names of token files: one for all recordings, or one each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signalpiece.core.check import SignalPieceError


@dataclass(frozen=True)
class Place:
    """Where one recording goes: the file of tokens, and its number within its input."""

    path: Path
    recording: int


def output_paths(inputs: Sequence[Path], out: Path, format: str = "coded") -> list[Place]:
    """A place for each recording, given the input file of each.

    `x.sp` takes all; a folder gets `<stem>.sp` per recording, `<stem>-<k>.sp` where an input has several; Parquet is
    one data set in the folder.

    Raises:
        SignalPieceError: two outputs would have one name, an input would be overwritten, or `out` has an ending of
            another kind of file.
    """
    ending = out.suffix[1:]
    if format == "coded" and ending.isalpha() and len(ending) <= 5 and ending != "sp" and not out.is_dir():
        raise SignalPieceError(f"{out}: tokens go into a file that ends in .sp, or into a folder")
    counts, seen = Counter(inputs), Counter()
    numbers = []
    for path in inputs:
        numbers.append(seen[path])
        seen[path] += 1
    if format == "parquet" or (out.suffix == ".sp" and not out.is_dir()):
        places = [Place(out, k) for k in numbers]
    else:
        names = [p.stem + (f"-{k}" if counts[p] > 1 else "") + ".sp" for p, k in zip(inputs, numbers, strict=True)]
        twice = [n for n, count in Counter(names).items() if count > 1]
        if twice:
            both = [str(p) for p, n in zip(inputs, names, strict=True) if n == twice[0]][:2]
            raise SignalPieceError(
                f"{twice[0]} would be written twice, for {' and '.join(both)}; encode them into different folders, or "
                "all into one file with --out x.sp"
            )
        places = [Place(out / n, k) for n, k in zip(names, numbers, strict=True)]
    for place in places:
        if place.path in counts:
            raise SignalPieceError(f"{place.path} is an input; choose another output")
    return places


def make_folder(folder: Path | None) -> None:
    """Makes a folder for outputs.

    Raises:
        SignalPieceError: it cannot be made.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SignalPieceError(f"{folder}: cannot be made: {error.strerror or error}") from None
