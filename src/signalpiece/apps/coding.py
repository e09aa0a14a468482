"""What `encode` and `decode` do: files in, files out, with the figures that a person asks for first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signalpiece.apps import screen
from signalpiece.apps.inputs import open_inputs
from signalpiece.apps.load import load, maker_of, resolve, shipped_with
from signalpiece.apps.measure import source_bytes
from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.recipes import names, parse_options, recipe
from signalpiece.signals.files import write
from signalpiece.signals.units import quantity, to_si


def encode_inputs(
    model: str,
    inputs: Sequence[Path],
    out: Path,
    *,
    options: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    skip: bool = False,
    arranged: Mapping[str, Any] | None = None,
    **how: Any,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Encodes files; returns one row of figures per recording, and what a reader should know.

    Args:
        model: a model file, a shipped name or a recipe.
        inputs: recordings or folders.
        out: `x.sp`, or a folder.
        options: `key=value` texts for a recipe.
        units: what the files do not say.
        skip: leave out files that cannot be read.
        arranged: `mode`, `group` and `bands` of transform coders, as `load` takes them.
        how: `bits`, `step` (text with a unit), `format`, `resume` of `encode_files`; `lossless` or `max_error` (text
            with a unit) and `level` for samples without loss or within a bound, whatever the model.
    """
    from signalpiece.tokenizers.files import encode_files

    exact = {k: how.pop(k, None) for k in ("lossless", "max_error", "level")}
    if model == "lossless":
        chosen = parse_options(recipe(model), options)
        exact = {k: exact[k] or chosen.get(k) for k in exact} | {
            "lossless": not (exact["max_error"] or chosen.get("max_error"))
        }
        options = ()
    if exact["lossless"] or exact["max_error"]:
        return _encode_exact(inputs, out, exact, units=units, skip=skip, options=options, **(arranged or {}), **how)
    if exact["level"]:
        raise SignalPieceError("--level goes with --lossless or --max-error")
    tokenizer = load(model, options=options, **(arranged or {}))
    unit = ""
    if how.get("step") is not None:
        how["step"], unit = parse_step(how["step"])
    recordings, notes = open_inputs(inputs, units, skip=skip)
    if unit:
        _check_units(recordings, unit)
    total = sum(r.grid.seconds for r in recordings)
    with screen.progress("encoding", total) as tell:
        report = encode_files(tokenizer, recordings, out, progress=lambda done, _: tell(done), **how)
    return [
        _row(w, r, recordings) for w, r in zip(report.written, _in_order(report.written, recordings), strict=True)
    ], [
        *notes,
        *report.notes,
    ]


def _encode_exact(
    inputs: Sequence[Path], out: Path, exact: Mapping[str, Any], *, units: Any, skip: bool, **how: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    from signalpiece.apps.coding_exact import check_exact
    from signalpiece.tokenizers.exact import Exact
    from signalpiece.tokenizers.exact_files import encode_exact

    check_exact({**how, **exact})
    tokenizer = Exact(level=exact["level"] or "default", max_error=exact["max_error"] or "")
    recordings, notes = open_inputs(inputs, units, skip=skip, triggers=True)
    kept = {k: how[k] for k in ("resume", "keep_identity") if k in how}
    with screen.progress("encoding", sum(r.grid.seconds for r in recordings)) as tell:
        report = encode_exact(tokenizer, recordings, out, progress=lambda done, _: tell(done), **kept)
    rows = [_row(w, r, recordings) for w, r in zip(report.written, recordings, strict=True)]
    return rows, [*notes, *report.notes]


def _in_order(written: Sequence[Any], recordings: Sequence[Any]) -> list[Any]:
    numbers: dict[Path, int] = {}
    named = {}
    for recording in recordings:
        path = Path(recording.path)
        numbers[path] = numbers.get(path, -1) + 1
        named[path, numbers[path]] = recording
    return [named[w.source, w.recording] for w in written]


def _row(written: Any, recording: Any, recordings: Sequence[Any]) -> dict[str, Any]:
    size = (written.bits["total"] + 7) // 8
    return {
        "file": written.source.name,
        "recording": written.recording,
        "seconds": written.seconds,
        "channels": written.channels,
        "bits_per_second_channel": written.rate,
        "bytes": size,
        "ratio": source_bytes(recording, recordings) / max(size, 1),
        "bits": dict(written.bits),
        "out": str(written.path),
    }


def _check_units(recordings: Sequence[Any], unit: str) -> None:
    """Raises SignalPieceError if a step in `unit` does not fit a channel."""
    for recording in recordings:
        for c, sensor in enumerate(recording.grid.sensors):
            found = recording.grid.unit(c)
            if sensor.kind != "stim" and found != unit:
                raise SignalPieceError(
                    f"{Path(recording.path).name}: the step is in {unit} and channel {sensor.name} in "
                    f"{found or 'no known unit'}; say what it is with --units '{sensor.name}=uV', or give --bits"
                )


def parse_step(text: str) -> tuple[float, str]:
    """A quantization step such as 2uV: its value in the SI unit, and that unit.

    Raises:
        SignalPieceError: no number, no unit, or a unit that is not known.
    """
    found = quantity(text)
    if found is None:
        raise SignalPieceError(f"step must be a number with a unit, such as 2uV; got {text!r}")
    known = to_si(found[1])
    if known is None:
        raise SignalPieceError(f"unit {found[1]!r} of the step is not known; use one such as uV, nV or fT")
    value = found[0] * known[1]
    if not value > 0:
        raise SignalPieceError(f"step must be above 0, got {text!r}")
    return value, known[0]


def parse_bands(text: str) -> dict[str, float]:
    """`gamma=2,delta=.5` as a dict.

    Raises:
        SignalPieceError: a part that is not `band=number`.
    """
    out = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            raise SignalPieceError(f"--bands takes band=factor, e.g. gamma=2,delta=.5, got {part!r}") from None
    return out


def decode_tokens(
    model: str | None,
    tokens: Path,
    out: Path,
    *,
    start: float | None = None,
    stop: float | None = None,
    channels: Sequence[str] | None = None,
    rate: str = "model",
    damaged: str = "raise",
) -> list[dict[str, Any]]:
    """Decodes a file or folder of tokens into files; returns one row per recording.

    Without a model, the one that the tokens name decodes them.
    """
    from signalpiece.tokenizers.files import decode_range, open_tokens

    check_option("rate", rate, ("model", "source"))
    paths = _token_files(tokens)
    tokenizer = maker_for(model, paths[0])
    jobs = [(path, i, r) for path in paths for i, r in enumerate(open_tokens(path, tokenizer).recordings)]
    places = _names(jobs, out)
    rows = []
    with screen.progress("decoding", len(jobs)) as tell:
        for done, ((_, index, stored), name) in enumerate(zip(jobs, places, strict=True)):
            tell(done)
            grid = stored.header.grid
            _check_maker(stored.header.model, tokenizer, model or "the model they name")
            pick = None if channels is None else [channel_number(grid, c) for c in channels]
            signal = decode_range(stored, tokenizer, start or 0.0, stop, pick, rate=rate, damaged=damaged)
            name.parent.mkdir(parents=True, exist_ok=True)
            write(name, signal)
            seconds, count, hertz = signal.grid.seconds, signal.grid.size("channel"), signal.grid.time_rate
            rows.append({"recording": index, "seconds": seconds, "channels": count, "rate": hertz, "out": str(name)})
    return rows


def decode_originals(tokens: Path, out: Path) -> list[dict[str, Any]]:
    """The files that lossless tokens were made of; returns one row per recording."""
    from signalpiece.apps.coding_exact import write_originals

    paths = _token_files(tokens)
    if out.suffix and len(paths) > 1:
        raise SignalPieceError(f"{len(paths)} files do not fit into one {out.name}; give a folder with --out DIR/")
    return [row for path in paths for row in write_originals(path, out)]


def _token_files(tokens: Path) -> list[Path]:
    paths = sorted(tokens.glob("*.sp")) if tokens.is_dir() and not (tokens / "headers.json").is_file() else [tokens]
    if not paths:
        raise SignalPieceError(f"{tokens}: no tokens in this folder")
    return paths


def maker_for(model: str | None, path: Path) -> Any:
    """The tokenizer `model` as it made these tokens: a recipe with their options, a shipped model by their hash.

    Lossless tokens need no model, whatever name is given; None is what the tokens name.
    """
    from signalpiece.tokenizers.files import open_tokens

    if model is None or model == "eeg":
        found = open_tokens(path).recordings
        said = dict(found[0].header.model) if found else {}
        if said.get("recipe") == "lossless" or model is None:
            return maker_of(said)
    assert model is not None
    tokenizer = None if model in names() else load(model)
    found = open_tokens(path, tokenizer).recordings
    said = dict(found[0].header.model) if found else {}
    if tokenizer is None:
        return recipe(model).build(**said.get("options", {})) if said.get("recipe") == model else load(model)
    if tokenizer.model_hash != said.get("hash") and resolve(model) is not None:
        older = shipped_with(said.get("hash"))
        return tokenizer if older is None else load(older)
    return tokenizer


def _check_maker(said: Mapping[str, Any], tokenizer: Any, model: str) -> None:
    """Raises SignalPieceError unless `tokenizer` (or what it was pruned from) made these tokens."""
    known = {tokenizer.model_hash, getattr(getattr(tokenizer, "decoder", None), "model_hash", None)} - {None}
    if said.get("hash") not in known:
        raise SignalPieceError(
            f"these tokens are of recipe {said.get('recipe')} with hash {said.get('hash')}, not of {model} with hash "
            f"{tokenizer.model_hash}; name the model that made them"
        )


def channel_number(grid: Any, name: str) -> int:
    """Which channel a name means; case and trailing dots do not count."""
    lowered = [n.lower().rstrip(".") for n in grid.names]
    if name.lower().rstrip(".") not in lowered:
        check_option("channel", name, grid.names)
    return lowered.index(name.lower().rstrip("."))


def _names(jobs: Sequence[tuple[Path, int, Any]], out: Path) -> list[Path]:
    """Where each recording goes: the file named, or `<tokens' stem>[-<k>].edf` in the folder named."""
    if out.suffix and len(jobs) == 1:
        return [out]
    if out.suffix and len(jobs) > 1:
        raise SignalPieceError(
            f"{len(jobs)} recordings do not fit into one file {out.name}; give a folder with --out DIR/"
        )
    several = {p: sum(q == p for q, _, _ in jobs) > 1 for p, _, _ in jobs}
    return [out / f"{path.stem}{f'-{index}' if several[path] else ''}.edf" for path, index, _ in jobs]
