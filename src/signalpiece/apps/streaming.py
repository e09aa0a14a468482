"""What `stream push` and `stream pull` do: samples that arrive to tokens, tokens to samples, in constant memory.

Samples travel as bare little-endian float32, all channels of one instant together, so that any program that can write
to a pipe can feed one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor, Signal
from signalpiece.signals.channels import kind_of, unique
from signalpiece.signals.units import to_si
from signalpiece.tokenizers.segmenter import Segmenter
from signalpiece.tokenizers.unrolled import unrolled

BLOCK_SECONDS = 0.125  # read at once
SAMPLE = np.dtype("<f4")


@dataclass(frozen=True)
class Live:
    """A recording that is not over yet: what a `Segmenter` asks for."""

    grid: Grid
    path: Path
    annotations: tuple[Any, ...] = ()


def live_grid(names: Sequence[str], rate: float, units: str) -> tuple[Grid, float]:
    """The grid of channels that will arrive, and the factor from their numbers to the SI unit.

    Raises:
        SignalPieceError: no channels, a rate that is not above 0, or a unit that is not known.
    """
    if not names or not rate > 0:
        raise SignalPieceError(f"a stream needs channels and a rate above 0 Hz, got {len(names)} and {rate:g}")
    known = to_si(units)
    if known is None:
        raise SignalPieceError(f"unit {units!r} of the samples is not known; use one such as uV, nV or fT")
    sensors = tuple(Sensor(n, kind_of(n, known[0])) for n in unique(names))
    return Grid(("channel", "time"), (None, float(rate)), (known[0],) * len(names), (len(names), 0), sensors), known[1]


def push(
    tokenizer: Any, source: Any, out: Path, *, grid: Grid, factor: float, step: float | None, segment: float
) -> dict[str, Any]:
    """Encodes what arrives until the source ends or the user interrupts; either way the file is whole then.

    Args:
        tokenizer: any with a stream.
        source: of float32 samples; opened for bytes.
        out: file of tokens.
        grid: of the channels; `factor` takes their numbers to its unit.
        step: quantization step in the grid's unit; None: the tokenizer's usual one.
        segment: seconds of a segment: what a killed run loses at most.

    Returns:
        Seconds, channels, bits per second and channel, latency, samples that came incomplete.

    Raises:
        SignalPieceError: the file cannot be written, or a step is needed.
    """
    from signalpiece.stores.coded_writer import CodedWriter
    from signalpiece.tokenizers.files import open_tokens

    how = {"segment_seconds": segment} if hasattr(tokenizer, "prepare") else {}
    stream = tokenizer.stream(grid, **how, **({} if step is None else {"step": step}))
    reader = Reader(source, grid, factor)
    with CodedWriter(out) as writer:
        segments = Segmenter(writer, tokenizer, Live(grid, out), {})
        for block in reader:
            segments.take(stream.push(block))
        segments.take(stream.close(), last=True)
    stored = open_tokens(out, tokenizer).recordings[0]
    channels, seconds = stored.header.grid.size("channel"), reader.samples / grid.time_rate
    return {
        "seconds": seconds,
        "channels": channels,
        "bits_per_second_channel": stored.bits["total"] / max(seconds * channels, 1e-9),
        "latency_seconds": stream.latency_seconds,
        "bytes_left_over": reader.left,
        "out": str(out),
    }


class Reader:
    """Blocks of samples from a pipe, until it ends or the user interrupts.

    Attributes:
        samples: how many have come.
        left: bytes of an incomplete last one.
    """

    def __init__(self, source: Any, grid: Grid, factor: float) -> None:
        self.source, self.grid, self.factor = source, grid, factor
        self.samples = self.left = 0

    def __iter__(self) -> Iterator[Signal]:
        channels = self.grid.size("channel")
        width = channels * SAMPLE.itemsize
        size = max(round(BLOCK_SECONDS * self.grid.time_rate), 1) * width
        waiting = b""
        while data := self._read(size - len(waiting)):
            waiting += data
            whole = len(waiting) // width
            if not whole:
                continue
            values = np.frombuffer(waiting, SAMPLE, whole * channels).reshape(whole, channels).T * self.factor
            waiting = waiting[whole * width :]
            yield Signal(self.grid.span(self.samples, self.samples + whole), values.astype(np.float32))
            self.samples += whole
        self.left = len(waiting)

    def _read(self, size: int) -> bytes:
        try:
            read = getattr(self.source, "read1", self.source.read)  # what is there, without waiting for all
            return read(size)
        except KeyboardInterrupt:
            return b""


def pull(
    model: str, path: Path, names: Sequence[str] | None, *, recording: int, rate: str, units: str
) -> Iterator[Float[np.ndarray, "t c"]]:
    """Samples of a stored recording, piece by piece, in `units`.

    Raises:
        SignalPieceError: no such recording or channel, a unit that is not the channels', damaged tokens.
    """
    from signalpiece.apps.coding import channel_number, maker_for
    from signalpiece.tokenizers.files import open_tokens

    tokenizer = maker_for(model, path)
    found = open_tokens(path, tokenizer).recordings
    if recording >= len(found):
        raise SignalPieceError(f"{path}: recording must be between 0 and {len(found) - 1}, got {recording}")
    grid, known = found[recording].header.grid, to_si(units)
    pick = None if names is None else [channel_number(grid, n) for n in names]
    other = {grid.unit(c) for c in (pick or range(grid.size("channel")))} - {known and known[0]}
    if known is None or other:
        raise SignalPieceError(
            f"the channels are in {', '.join(sorted(other)) or 'SI units'}, not {units}; say --units"
        )
    for piece in unrolled(found[recording], tokenizer, pick, rate=rate):
        yield np.ascontiguousarray(np.asarray(piece.values, np.float64).T / known[1]).astype(SAMPLE)
