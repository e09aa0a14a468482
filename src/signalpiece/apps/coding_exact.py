"""`encode --lossless`, `encode --max-error` and `decode --original`: files in, the same samples out."""

import base64
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.edf_original import put_together

KEPT = 2  # decoded segments


def check_exact(how: dict[str, Any]) -> None:
    """Raises SignalPieceError if options that choose a rate stand beside those that lose nothing."""
    odd = [
        f"--{name}"
        for name in ("bits", "step", "mode", "group", "bands", "options")
        if how.get(name) not in (None, [], ()) and name in how
    ]
    if how.get("lossless") and how.get("max_error"):
        raise SignalPieceError("give --lossless or --max-error, not both")
    if odd:
        raise SignalPieceError(f"{', '.join(odd)}: not beside --lossless or --max-error, which leave nothing to choose")
    if how.get("format", "coded") != "coded":
        raise SignalPieceError("lossless tokens are written as coded files; leave --format out")


def write_originals(path: Path, out: Path) -> list[dict[str, Any]]:
    """The files that a file of lossless tokens was made of; EDF and BDF as such, others as .npz.

    Args:
        path: the file of tokens.
        out: a file, where there is one to write, or a folder.

    Raises:
        SignalPieceError: the tokens are not lossless, are damaged, or a file cannot be written.
    """
    from signalpiece.tokenizers.files import open_tokens

    groups: list[list[Any]] = []
    for stored in open_tokens(path).recordings:
        said = stored.header.preprocessing
        if stored.header.model.get("recipe") != "lossless":
            raise SignalPieceError(f"{path.name}: these tokens are not lossless; leave --original out")
        if said.get("max_error"):
            raise SignalPieceError(
                f"{path.name}: these tokens keep samples within {said['max_error']}, not the original; leave "
                "--original out"
            )
        groups.append([stored]) if not said.get("part") else groups[-1].append(stored)
    if out.suffix and len(groups) > 1:
        raise SignalPieceError(f"{len(groups)} files do not fit into one {out.name}; give a folder with --out DIR/")
    rows = []
    for number, group in enumerate(groups):
        name = out if out.suffix else out / f"{path.stem}{f'-{number}' if len(groups) > 1 else ''}{_ending(group)}"
        if name.suffix.lower() != _ending(group):
            raise SignalPieceError(f"{name.name}: this original comes back as {_ending(group)}; name it so")
        name.parent.mkdir(parents=True, exist_ok=True)
        part = name.with_name(f".{name.name}.part")
        try:
            _write(part, group)
            part.replace(name)
        finally:
            part.unlink(missing_ok=True)
        rows += [_row(i, stored, name) for i, stored in enumerate(group)]
    return rows


class Numbers:
    """The file's own numbers of a stored recording; the last segments are kept, so that each is decoded once."""

    def __init__(self, stored: Any) -> None:
        from signalpiece.recipes import recipe

        self._stored, self._tokenizer = stored, recipe("lossless").build()
        self._kept: dict[int, np.ndarray] = {}
        gaps = [(int(a), int(b)) for a, b in stored.header.preprocessing.get("gaps", ())]
        edges = [(0, 0), *gaps, (stored.header.grid.size("time"), 0)]
        self._runs = [(begin, end) for (_, begin), (end, _) in zip(edges[:-1], edges[1:], strict=True)]

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """Samples start to stop "c t", gaps not counted; floats where the file holds these."""
        out, gone = [self._segment(0)[:, :0]], 0
        for begin, end in self._runs:
            a, b = max(start - gone, 0) + begin, min(stop - gone, end - begin) + begin
            gone += end - begin
            if a < b:
                out += self._rows(a, b)
        return np.concatenate(out, axis=1)

    def _rows(self, start: int, stop: int) -> list[np.ndarray]:
        """Timeline samples start to stop, segment by segment."""
        size = self._stored.header.segment
        numbers = range(start // size, -(-stop // size))
        return [self._segment(n)[:, max(start - n * size, 0) : stop - n * size] for n in numbers]

    def _segment(self, number: int) -> np.ndarray:
        if number not in self._kept:
            size = self._stored.header.segment
            tokens = self._stored.read(number * size, (number + 1) * size)
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = self._tokenizer.decode(tokens, stored=True).values
        return self._kept[number]


def samples_of(stored: Any) -> int:
    """How many samples a channel has, gaps not counted."""
    gaps = stored.header.preprocessing.get("gaps", ())
    return stored.header.grid.size("time") - sum(int(b) - int(a) for a, b in gaps)


def _ending(group: Sequence[Any]) -> str:
    said = group[0].header.preprocessing
    return f".{said['format'].lower()}" if "original" in said else ".npz"


def _write(path: Path, group: Sequence[Any]) -> None:
    said = group[0].header.preprocessing
    if "original" not in said:
        _write_arrays(path, group)
        return
    facts = said["original"]
    try:
        rest = lzma.decompress(base64.b85decode(facts["rest"]))
        numbers = [Numbers(stored) for stored in group]
        put_together(path, facts, rest, lambda number, a, b: numbers[number](a, b))
    except (ValueError, KeyError, IndexError, lzma.LZMAError) as error:
        raise SignalPieceError(f"what gives the original back is damaged: {error!r}") from error


def _write_arrays(path: Path, group: Sequence[Any]) -> None:
    """All that is known of the recordings, as arrays; names end in the recording's number from the second on."""
    from signalpiece.recipes import recipe

    arrays: dict[str, np.ndarray] = {}
    for i, stored in enumerate(group):
        grid, notes = stored.header.grid, stored.annotations
        facts = recipe("lossless").build().decode(stored.read(0, 1), stored=True)
        bits = stored.header.preprocessing.get("kind") == "bits"
        values = Numbers(stored)(0, samples_of(stored))
        known = {
            "values": values if bits or np.abs(values).max(initial=0) >= 2**31 else values.astype(np.int32),
            "scale": facts.scale,
            "offset": facts.offset,
            "rate": np.array(grid.time_rate),
            "names": np.array(grid.names),
            "kinds": np.array(grid.kinds),
            "units": np.array([grid.unit(c) for c in range(grid.size("channel"))]),
            "gaps": np.array(stored.header.preprocessing.get("gaps", []), np.int64).reshape(-1, 2),
            "onset": np.array([a.onset for a in notes]),
            "duration": np.array([a.duration for a in notes]),
            "text": np.array([a.text for a in notes]),
        }
        arrays |= {f"{k}{f'-{i}' if i else ''}": v for k, v in known.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def _row(index: int, stored: Any, name: Path) -> dict[str, Any]:
    grid = stored.header.grid
    return {
        "recording": index, "seconds": grid.seconds, "channels": grid.size("channel"), "rate": grid.time_rate,
        "out": str(name),
    }  # fmt: skip
