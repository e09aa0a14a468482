"""Recordings to files of tokens and back: segment by segment, in bounded memory, resumable.

Encoding a whole file is a stream fed with blocks; what a killed run has written is kept, and the file that comes out
has the bytes of an undisturbed run.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Header
from signalpiece.tokenizers.codecs import codec_for
from signalpiece.tokenizers.events import absorbed, with_events
from signalpiece.tokenizers.intake import coded_channels, notes_on
from signalpiece.tokenizers.outputs import Place, make_folder, output_paths
from signalpiece.tokenizers.resample import Resampler
from signalpiece.tokenizers.segmenter import Segmenter

BLOCK_SAMPLES = 1 << 22  # samples of all channels read at once
Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass(frozen=True)
class Written:
    """One recording in a file of tokens.

    Attributes:
        source: the input file.
        recording: its number within the input.
        path: the file (or folder) of tokens.
        seconds: its length.
        channels: how many of its channels are coded.
        bits: what the file spends on it: codes, side, header, index, annotations, total.
    """

    source: Path
    recording: int
    path: Path
    seconds: float
    channels: int
    bits: dict[str, int]

    @property
    def rate(self) -> float:
        """Bits per second and channel, annotations not counted."""
        return (self.bits["total"] - self.bits["annotations"]) / max(self.seconds * self.channels, 1e-9)


@dataclass(frozen=True)
class Report:
    """What `encode_files` did, and what a reader of the result should know."""

    written: tuple[Written, ...]
    notes: tuple[str, ...]


def encode_files(  # noqa: PLR0913 (each is one option of the command)
    tokenizer: Any,
    recordings: Sequence[Any],
    out: str | Path,
    *,
    bits: float | None = None,
    step: Any = None,
    format: str = "coded",
    resume: bool = False,
    progress: Progress | None = None,
    keep_identity: bool = False,
) -> Report:
    """Encodes opened recordings.

    Args:
        tokenizer: any; with a rate that can be chosen it has `prepare`.
        recordings: as `signalpiece.signals.files.open_all` gives them, of one or several inputs.
        out: `x.sp` for one coded file with all recordings; else a folder, with one file per recording
            (`<stem>.sp`, or `<stem>-<k>.sp` where an input has several), or with a Parquet data set.
        bits: budget in bits per second and channel, everything but annotations counted.
        step: quantization step in the channels' units, in place of a budget.
        format: coded or parquet.
        resume: go on with what a killed run left; files that the same command has finished stay as they are.
        progress: called with seconds done and seconds in all.
        keep_identity: put names, dates and header text of the input into the header.

    Raises:
        SignalPieceError: two outputs would have one name, a file cannot be written, the budget cannot be met.
    """
    check_option("format", format, ("coded", "parquet"))
    if not recordings:
        raise SignalPieceError("there is nothing to encode: no recording was given")
    if bits is not None and step is not None:
        raise SignalPieceError("give a step or a budget in bits, not both")
    recordings = [with_events(r) for r in absorbed(recordings)]
    places = output_paths([Path(r.path) for r in recordings], Path(out), format)
    done, total = 0.0, sum(r.grid.seconds for r in recordings)
    written: list[Written] = []
    for path in dict.fromkeys(place.path for place in places):
        here = [(place, r) for place, r in zip(places, recordings, strict=True) if place.path == path]
        starts = [partial(_start, tokenizer, r, bits, step, format) for _, r in here]
        if resume and is_done(path, tokenizer, [r for _, r in here], starts):
            done += sum(r.grid.seconds for _, r in here)
        else:
            ready = [start() for start in starts]  # a budget that cannot be met leaves no file behind
            make_folder(path.parent if path != Path(out) else None)
            with _writer(path, format, resume) as writer:
                for (_, recording), start in zip(here, ready, strict=True):
                    tell = partial(_tell, progress, done, total)
                    identity = dict(getattr(recording, "identity", {})) if keep_identity else {}
                    write_recording(writer, tokenizer, recording, start, tell, identity)
                    done += recording.grid.seconds
        stored = open_tokens(path, tokenizer).recordings
        written += [_written(place, r, s) for (place, r), s in zip(here, stored, strict=True)]
    return Report(tuple(written), tuple(notes_on(tokenizer, recordings)))


def write_recording(
    writer: Any,
    tokenizer: Any,
    recording: Any,
    start: Mapping[str, Any],
    report: Callable[[float], None] | None = None,
    identity: Mapping[str, str] | None = None,
) -> None:
    """Streams one recording into an open writer.

    Args:
        writer: of `signalpiece.stores`.
        tokenizer: whose stream to use.
        recording: anything with `grid`, `annotations`, `path` and `blocks(seconds)`.
        start: arguments of the tokenizer's `stream`.
        report: called with the seconds done.
        identity: what to put into the header of names and dates.
    """
    stream = tokenizer.stream(recording.grid, **start)
    segments = Segmenter(writer, tokenizer, recording, identity or {})
    for block in recording.blocks(_seconds(recording.grid)):
        segments.take(stream.push(block))
        if report is not None:
            report(block.grid.start + block.grid.seconds - recording.grid.start)
    segments.take(stream.close(), last=True)


def open_tokens(path: Any, model: Any = None) -> Any:
    """Opens a coded file, or a folder with a Parquet data set of tokens.

    Args:
        path: a path, or what fsspec knows (a URL, or a pair of file system and path).
        model: the tokenizer, for tokens whose codec has tables of a model file.

    Returns:
        An object with `recordings`; each has `header`, `bits`, `annotations` and `read(first, end, channels)`.

    Raises:
        SignalPieceError: there is no such file, it is damaged, or its codec is not known here.
    """
    if isinstance(path, (str, Path)) and Path(path).is_dir():
        from signalpiece.stores.parquet import open_parquet

        return open_parquet(path)
    from signalpiece.stores.coded import open_coded

    return open_coded(path, partial(codec_for, model=model))


def decode_range(
    stored: Any,
    tokenizer: Any,
    start: float = 0.0,
    stop: float | None = None,
    channels: Sequence[int] | None = None,
    *,
    rate: str = "model",
    damaged: str = "raise",
) -> Signal:
    """Seconds start to stop of some channels; only the tokens needed are read.

    Args:
        stored: a recording of an opened file of tokens.
        tokenizer: the one that made it.
        start: first second.
        stop: last second; None: to the end.
        channels: their numbers, in the order wanted; None: all.
        rate: `model` for the tokenizer's rate, `source` for the recording's own.
        damaged: raise, or skip: what a damaged unit held is 0 and not valid.

    Raises:
        SignalPieceError: the range lies outside the recording, or the tokens are another tokenizer's.
    """
    header = stored.header
    if not 0 <= start <= (header.grid.seconds if stop is None else stop) <= header.grid.seconds + 1e-9:
        raise SignalPieceError(f"{start:g} to {stop} s is outside the recording of {header.grid.seconds:g} s")
    first, end = tokenizer.frames_of(*samples_at(header, start, stop, rate))
    mixed = "spatial" in header.preprocessing
    signal = tokenizer.decode(stored.read(first, end, None if mixed else channels, damaged=damaged), rate=rate)
    return _cut(signal, header.grid.start, (start, stop), channels if mixed else None)


def samples_at(header: Header, start: float, stop: float | None, rate: str) -> tuple[int, int]:
    """Samples (start, stop) at the tokenizer's rate that seconds start to stop depend on."""
    assert header.frames is not None
    resampler = Resampler(*map(int, header.preprocessing["ratio"]))
    total = resampler.length(header.grid.size("time"))
    if check_option("rate", rate, ("model", "source")) == "model":
        return round(start * header.frames.rate), total if stop is None else round(stop * header.frames.rate)
    source = header.grid.time_rate
    end = header.grid.size("time") if stop is None else round(stop * source)
    first, last = resampler.inverse().needs(round(start * source), end)
    return max(first, 0), min(last, total)


def _cut(signal: Signal, origin: float, span: tuple[float, float | None], channels: Sequence[int] | None) -> Signal:
    """Of a signal whose recording begins at `origin`, the seconds `span` of the recording and the events there."""
    rate, grid, (start, stop) = signal.grid.time_rate, signal.grid, span
    before = round((grid.start - origin) * rate)
    end = grid.size("time") if stop is None else round(stop * rate) - before
    signal = signal.crop(max(round(start * rate) - before, 0), min(max(end, 0), grid.size("time")))
    first, last = origin + start if start > 0 else -math.inf, math.inf if stop is None else origin + stop
    near = [a for a in signal.annotations if a.onset < last and (a.onset >= first or a.onset + a.duration > first)]
    signal = replace(signal, annotations=tuple(near))
    return signal if channels is None else signal.pick(channels)


def is_done(path: Path, tokenizer: Any, recordings: Sequence[Any], starts: Sequence[Callable[[], Any]]) -> bool:
    """Whether `path` holds these recordings as this tokenizer would code them: same model, channels, length, steps."""
    if not path.is_file():
        return False
    try:
        stored = open_tokens(path, tokenizer).recordings
    except SignalPieceError:
        return False
    if len(stored) != len(recordings):
        return False
    return all(_same(s, tokenizer, r, start) for s, r, start in zip(stored, recordings, starts, strict=True))


def _same(stored: Any, tokenizer: Any, recording: Any, start: Callable[[], Any]) -> bool:
    grid = recording.grid.pick(coded_channels(recording.grid))
    if (stored.header.grid.names, stored.header.grid.shape) != (grid.names, grid.shape):
        return False
    if stored.header.model.get("hash") != tokenizer.model_hash:
        return False
    own = tokenizer.model if hasattr(tokenizer, "arranged") else {}
    if any(stored.header.model.get(key) != own.get(key) for key in ("channels", "mode", "bands") if own):
        return False
    wanted = start().get("step")
    if wanted is None:
        return True
    return stored.header.preprocessing["step"] == wanted.base and bool(
        (stored.side.cube()[0, :, 0] == wanted.codes).all()
    )


def _writer(path: Path, format: str, resume: bool) -> Any:
    if format == "parquet":
        from signalpiece.stores.parquet_writer import ParquetWriter

        return ParquetWriter(path, resume=resume)
    from signalpiece.stores.coded_writer import CodedWriter

    return CodedWriter(path, resume=resume)


def _start(tokenizer: Any, recording: Any, bits: float | None, step: Any, format: str) -> dict[str, Any]:
    """Arguments of the tokenizer's stream."""
    if bits is not None:
        from signalpiece.tokenizers.rate import steps_for

        if format != "coded":
            raise SignalPieceError("a budget in bits is met by coded files only; use --format coded")
        return {"step": steps_for(tokenizer, recording, bits)}
    if not hasattr(tokenizer, "prepare"):
        if step is not None:
            raise SignalPieceError(f"{tokenizer.recipe} has no quantization step to choose; leave --step out")
        return {}
    grid = recording.grid
    return {"step": tokenizer.prepare(grid, recording.blocks(_seconds(grid)) if step is None else (), step=step)}


def _seconds(grid: Grid) -> float:
    """How much to read at once."""
    return min(max(BLOCK_SAMPLES / (grid.size("channel") * grid.time_rate), 0.1), 60.0)


def _tell(progress: Progress | None, before: float, total: float, seconds: float) -> None:
    if progress is not None:
        progress(before + seconds, total)


def _written(place: Place, recording: Any, stored: Any) -> Written:
    channels = stored.header.grid.size("channel")
    return Written(Path(recording.path), place.recording, place.path, recording.grid.seconds, channels, stored.bits)
