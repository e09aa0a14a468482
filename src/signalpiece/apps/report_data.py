"""What a report shows of one recording: the whole file encoded, read back block by block, and compared.

One block of original and decoded signal is in memory at a time, so that a night or a 306-channel recording passes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.apps.excerpt import comparable, full_mask, pieces_of, protocol_piece
from signalpiece.apps.measure import write_file
from signalpiece.apps.report_tokens import bits_over_time, code_view
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.metrics.bands import BandErrors, nmse_bands
from signalpiece.metrics.codes import CodeCounts
from signalpiece.metrics.kept import Coherence
from signalpiece.metrics.similarity import power_spectrum, ratio

BLOCK_SECONDS = 300.0
MAX_POINTS = 480  # of curves over time
EXACT_DB = -200.0  # an error below this is that of 32-bit floats


@dataclass(frozen=True)
class FileMeasured:
    """One recording as its own model coded it.

    Attributes:
        grid: compared channels of the source.
        errors: per band and channel, whole recording.
        sd: of each channel in the benchmark's band, in its unit.
        hertz: of `spectra`.
        spectra: original, decoded and error, channels x hertz, channels of unit variance.
        coherence: mean of each band and pair of channels, original and decoded; empty for a single channel.
        seconds: middles of the stretches of `error_db`.
        error_db: error of each stretch in dB, all bands and channels.
        stretch: seconds of a stretch.
        counts: of codes and of side.
        raster: magnitude of codes, coded channels x stretches (open codes), or ids of the first column (closed).
        bits: of the file: codes, side, header, index, annotations, total.
        bits_over_time: order-0 bits per second and channel of each stretch, like `error_db`; empty if too long to say.
    """

    name: str
    recording: Any
    stored: Any
    path: Path
    grid: Grid
    errors: BandErrors
    sd: Float[np.ndarray, "c"]
    pcc: Float[np.ndarray, "c"]
    hertz: Float[np.ndarray, "f"]
    spectra: tuple[Float[np.ndarray, "c f"], ...]
    coherence: tuple[dict[str, Float[np.ndarray, "p"]], ...]
    seconds: Float[np.ndarray, "n"]
    error_db: Float[np.ndarray, "n"]
    stretch: float
    counts: dict[str, CodeCounts]
    raster: Float[np.ndarray, "k w"] | Int[np.ndarray, "k w"]
    bits: dict[str, int]
    bits_over_time: Float[np.ndarray, "m"]

    @property
    def channel_seconds(self) -> float:
        """Coded channels times seconds of the recording."""
        return self.stored.header.grid.size("channel") * self.recording.grid.seconds

    @property
    def exact(self) -> bool:
        """Whether nothing was lost."""
        return self.errors.db["all"] < EXACT_DB

    @property
    def rate_file(self) -> float:
        """Bits per second and channel in the file, events not counted."""
        return (self.bits["total"] - self.bits.get("annotations", 0)) / self.channel_seconds

    @property
    def rate_entropy(self) -> float:
        """Order-0 entropy of codes and side, bits per second and channel."""
        return sum(c.bits for c in self.counts.values()) / self.channel_seconds

    @property
    def rate_nominal(self) -> float:
        """Fixed-length codes and side, bits per second and channel."""
        return sum(c.bits_nominal for c in self.counts.values()) / self.channel_seconds

    @property
    def tokens(self) -> int:
        """Rows of codes."""
        return self.stored.frames * self.stored.header.grid.size("channel")


class Decoded:
    """A stored recording as one that is read lazily, on the timeline and at the rate of its source."""

    def __init__(self, stored: Any, tokenizer: Any, channels: Sequence[int]) -> None:
        self._stored, self._tokenizer, self._channels = stored, tokenizer, list(channels)
        self.grid = replace(stored.header.grid.pick(self._channels), start=0.0)

    def read_samples(self, first: int, end: int) -> Signal:
        """Samples first to end, exactly as many as asked for."""
        from signalpiece.tokenizers.files import decode_range

        rate, count = self.grid.time_rate, end - first
        stop = min(end / rate, self.grid.seconds)
        part = decode_range(self._stored, self._tokenizer, first / rate, stop, self._channels, rate="source")
        values = np.asarray(part.values, np.float32)[:, :count]
        values = np.pad(values, ((0, 0), (0, count - values.shape[1])), mode="edge")
        return Signal(replace(self.grid, shape=values.shape, start=first / rate), values)


def measure_file(
    tokenizer: Any,
    recording: Any,
    path: Path,
    *,
    options: dict[str, Any] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> FileMeasured:
    """Encodes a recording into `path`, decodes it and measures everything a report shows.

    Args:
        tokenizer: the model.
        recording: opened.
        path: a coded file, kept for further reading.
        options: of encoding: `bits`, `step`, `step_ratio`.
        progress: called with the share done and what is being done.

    Raises:
        SignalPieceError: the recording has nothing to measure.
    """
    say = progress or (lambda share, text: None)
    name = recording.path.name
    say(0.0, f"encoding {name}")
    stored = write_file(tokenizer, recording, path, options or {})[0]
    pairs = _channel_pairs(recording.grid, stored.header.grid)
    if not pairs or not stored.frames:
        raise SignalPieceError(f"{name}: no channel to measure, or too short to code")
    seconds = recording.grid.seconds
    decoded = Decoded(stored, tokenizer, [p[1] for p in pairs])
    sums = _Sums(seconds)
    pieces = pieces_of(recording, BLOCK_SECONDS, [p[0] for p in pairs])
    for reference in pieces:
        start = reference.grid.start - recording.grid.start
        say(0.2 + 0.6 * start / seconds, f"decoding {name}")
        back = protocol_piece(decoded, start, start + reference.grid.seconds, range(len(pairs)))
        sums.add(reference, back, start)
    say(0.9, f"counting codes of {name}")
    counts, picture = code_view(stored)
    errors, error_db = sums.errors(), sums.error_db()
    return FileMeasured(
        name=name,
        recording=recording,
        stored=stored,
        path=path,
        grid=recording.grid.pick([p[0] for p in pairs]),
        errors=errors,
        sd=sums.sd(),
        pcc=sums.correlation(),
        hertz=sums.hertz,
        spectra=sums.spectra(),
        coherence=(sums.coherence[0].bands(), sums.coherence[1].bands()),
        seconds=(np.arange(len(error_db)) + 0.5) * sums.stretch,
        error_db=error_db,
        stretch=sums.stretch,
        counts=counts,
        raster=picture,
        bits=dict(stored.bits),
        bits_over_time=bits_over_time(stored, counts, len(error_db), sums.stretch),
    )


def _channel_pairs(source: Grid, coded: Grid) -> list[tuple[int, int]]:
    """Compared channels: number in the source, number among the coded ones."""
    places = {n: c for c, n in enumerate(coded.names)}
    return [(c, places[source.names[c]]) for c in comparable(source) if source.names[c] in places]


class _Sums:
    """Everything that adds up over blocks; scaled by each channel's variance at the end."""

    def __init__(self, seconds: float) -> None:
        self.stretch = max(1.0, float(np.ceil(seconds / MAX_POINTS)))
        self._bins = int(np.ceil(seconds / self.stretch - 1e-9))
        self.hertz = np.zeros(0)
        self._blocks: list[BandErrors] = []
        self._spectra: list[tuple[np.ndarray, ...]] = []
        self._moments = np.zeros((0, 6))
        self._time: np.ndarray | None = None
        self.coherence = (Coherence(), Coherence())  # of original and decoded

    def add(self, reference: Signal, decoded: Signal, start: float) -> None:
        """One block of both."""
        rate, count = reference.grid.time_rate, reference.grid.size("time")
        x = np.asarray(reference.values, float)
        y = np.asarray(decoded.values, float)
        mask = full_mask(reference)
        weight = np.ones(x.shape) if mask is None else mask.astype(float)
        x, y = x * weight, y * weight
        self._blocks.append(nmse_bands(x, y, rate, scale=np.ones(len(x))))
        moments = [weight.sum(1), x.sum(1), y.sum(1), (x * x).sum(1), (y * y).sum(1), (x * y).sum(1)]
        self._moments = np.stack(moments, 1) + (self._moments if len(self._moments) else 0.0)
        hertz, one = power_spectrum(x, rate)
        powers = (one, power_spectrum(y, rate)[1], power_spectrum(y - x, rate)[1])
        if not len(self.hertz) or len(hertz) == len(self.hertz):
            self.hertz = hertz
            self._spectra.append(tuple(p * count for p in powers))
        self.coherence[0].add(x, rate)
        self.coherence[1].add(y, rate)
        if self._time is None:
            self._time = np.zeros((2, len(x), self._bins))
        at = np.minimum(((start + np.arange(count) / rate) / self.stretch).astype(int), self._bins - 1)
        edges = np.flatnonzero(np.diff(at, prepend=-1))
        self._time[0][:, at[edges]] += np.add.reduceat(np.square(y - x), edges, axis=1)
        self._time[1][:, at[edges]] += np.add.reduceat(np.square(x), edges, axis=1)

    @property
    def _variance(self) -> Float[np.ndarray, "c"]:
        count = np.maximum(self._moments[:, 0], 1)
        variance = self._moments[:, 3] / count - np.square(self._moments[:, 1] / count)
        return np.where(variance > 0, variance, np.inf)

    def sd(self) -> Float[np.ndarray, "c"]:
        """Of each channel; 0 if flat."""
        variance = self._variance
        return np.sqrt(np.where(np.isfinite(variance), variance, 0.0))

    def errors(self) -> BandErrors:
        """Of the whole recording, channels of equal variance."""
        total = sum(self._blocks[1:], self._blocks[0])
        scale = self._variance[:, None]
        return BandErrors(total.error / scale, total.energy / scale)

    def correlation(self) -> Float[np.ndarray, "c"]:
        """Pearson's, of the whole recording."""
        n, sx, sy, sxx, syy, sxy = self._moments.T
        n = np.maximum(n, 1)
        return ratio(
            sxy / n - sx * sy / n**2,
            np.sqrt(np.maximum(sxx / n - (sx / n) ** 2, 0) * np.maximum(syy / n - (sy / n) ** 2, 0)),
        )

    def spectra(self) -> tuple[Float[np.ndarray, "c f"], ...]:
        """Original, decoded and error."""
        total = self._moments[:, 0].max() or 1.0
        summed = [sum(p) for p in zip(*self._spectra, strict=True)]
        return tuple(np.asarray(p) / total / self._variance[:, None] for p in summed)

    def error_db(self) -> Float[np.ndarray, "n"]:
        """Of each stretch."""
        assert self._time is not None
        error, energy = (t / self._variance[:, None] for t in self._time)
        top, bottom = error.sum(0), energy.sum(0)
        share = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
        return 10 * np.log10(np.maximum(share, 1e-30))
