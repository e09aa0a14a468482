"""Transform coder: resample, transform frame by frame, round to a step, entropy-code.

Paper: "Theoretical Foundations of Transform Coding" (2001). One class serves every classical coder; what differs is
passed in: the layout (cosine, lapped, wavelet, none), the scalar quantizer, the codec and a transform over channels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Grid, Signal, as_signals
from signalpiece.core.tokens import Column, Tokens
from signalpiece.entropy.level_bits import level_bits
from signalpiece.tokenizers.band_steps import band_steps
from signalpiece.tokenizers.batch import stack
from signalpiece.tokenizers.estimate import relative_spectrum, trained_start
from signalpiece.tokenizers.intake import coded_channels
from signalpiece.tokenizers.klt import KLT
from signalpiece.tokenizers.linear import analysis_map, balance, synthesis_map
from signalpiece.tokenizers.model_file import model_hash
from signalpiece.tokenizers.playback import play
from signalpiece.tokenizers.segmenter import append
from signalpiece.tokenizers.spread import spread_of
from signalpiece.tokenizers.steps import Steps, given, proportional
from signalpiece.tokenizers.stream import TransformStream
from signalpiece.tokenizers.tables import OWN, find_tables

USUAL = {"V": 1e-5, "T": 5e-13, "T/m": 1e-11}  # standard deviations of brain signals, for streams without a step


class TransformCoder:
    """A tokenizer without any learning; quality is set by a step, a ratio of each channel's spread, or a bit budget.

    Args:
        layout: cuts samples into frames of coefficients; linear.
        quantizer: a scalar quantizer of unit step.
        codec: makes the codec for the codes; `tables` are its arguments, and `channels=0` under a spatial transform.
        side_codec: for steps, offsets and the rotation over channels.
        rate: samples per second that it works at; 0 = as the source.
        step_ratio: default step, in standard deviations of each channel.
        tables: arrays for the codec, or the name of shipped ones.
        spatial: a transform over channels, made from the first seconds.
    """

    units = ("V", "T", "T/m")
    needs_torch = False

    def __init__(
        self,
        layout: Any,
        quantizer: Any,
        codec: Callable[..., Codec],
        *,
        side_codec: Codec,
        rate: float = 100.0,
        step_ratio: float = 0.25,
        tables: Mapping[str, np.ndarray] | str = "",
        spatial: KLT | None = None,
    ) -> None:
        self.layout, self.quantizer, self.side_codec, self.spatial = layout, quantizer, side_codec, spatial
        self.rate, self.step_ratio, self.mode = float(rate), step_ratio, ""
        self._make_codec = codec
        self.set_tables(tables)
        self.bands: dict[str, float] = {}
        self._weigh()
        size = int(quantizer.codebook_sizes[0])
        prefix = "sample" if type(layout).__name__ == "TimePatches" else "bin"
        self.columns = tuple(Column(f"{prefix}{k}", size) for k in range(layout.dim))
        self.fixed_rate = size > 0
        self.truncates = getattr(quantizer, "truncates", "bands" if prefix == "bin" and not size else None)
        self.named(None, {})

    def set_tables(self, tables: Mapping[str, np.ndarray] | str) -> None:
        """Gives the codec its arrays, or shipped ones by name."""
        self.tables_name = tables if isinstance(tables, str) else OWN
        self.tables = dict(find_tables(tables) if isinstance(tables, str) else tables)
        self.codec = self._make_codec(**({} if self.spatial is None else {"channels": 0}), **self.tables)
        if "start" in self.tables and hasattr(self.quantizer, "learnt"):
            self.quantizer = self.quantizer.learnt(level_bits(self.tables["start"]))

    def named(self, recipe: str | None, options: Mapping[str, Any]) -> "TransformCoder":
        """This coder, knowing which recipe and options made it."""
        self.recipe, self.options = recipe, dict(options)
        self.model_hash = model_hash(recipe, self.options, self.tensors())
        return self

    def arranged(
        self, *, mode: str = "single", group: int | None = None, bands: Mapping[str, float] | None = None
    ) -> "TransformCoder":
        """This coder with other units or steps; any coder of the same model decodes what it makes.

        Args:
            mode: single (a channel's tokens never depend on the others) or spatial (components of all channels: far
                fewer bits for many sensors; tokens of a channel depend on the others, and ranges need all of them).
            group: channels whose bytes are written together, 0 = all; None: as the model says.
            bands: how many times wider the step is in a band (delta, theta, alpha, beta, gamma; what lies above
                counts as gamma): below 1 keeps it better.

        Raises:
            SignalPieceError: the coder has no such units or bands.
        """
        spatial = check_option("mode", mode, ("single", "spatial")) == "spatial"
        if group is not None and not hasattr(self._make_codec(**self.tables), "grids"):
            raise SignalPieceError(f"{self.title} writes every channel by itself; leave group out")
        if group is not None and (spatial or group < 0):
            raise SignalPieceError(f"group must be 0 (all channels) or more, and not beside mode=spatial; got {group}")
        other = copy(self)
        if spatial and self.spatial is None:
            other.spatial, other.mode = KLT(), "spatial"
        elif group is not None:
            other._make_codec = partial(self._make_codec, channels=group)
        other.set_tables(self.tables if self.tables_name == OWN else self.tables_name)
        if bands is not None and dict(bands) != self.bands:
            other.bands = dict(bands)
            other._weigh()
        return other

    def _weigh(self) -> None:
        """Maps between samples and coefficients, whose bands have steps of their own."""
        gains = balance(self.layout)
        if self.bands:
            gains = gains / band_steps(self.bands, self.layout, self.rate)
        self.analysis, self.synthesis = analysis_map(self.layout, gains), synthesis_map(self.layout, gains)

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return self.recipe or "this coder"

    @property
    def model(self) -> dict[str, Any]:
        """What stored tokens say about their tokenizer."""
        own: dict[str, Any] = {"tables": self.tables_name} if self.tables else {}
        if self.tables_name != OWN:
            own["options"] = dict(self.options)  # of a model file, its hash says all
        if self.codec.channels != 1:
            own["channels"] = self.codec.channels
        if self.mode:
            own["mode"] = self.mode
        if self.bands:
            own["bands"] = dict(self.bands)
        return {"recipe": self.recipe, "hash": self.model_hash} | own

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done before the transform."""
        return {"rate": self.rate, "filter": "linear-phase resampling, no high-pass", "left_out": ["stim"]}

    @property
    def latency_seconds(self) -> float:
        """From a frame's first sample to its codes, at the coder's own rate; a stream says what resampling adds."""
        own = self.layout.window / (self.rate or 100.0)
        return own if self.spatial is None else max(own, self.spatial.seconds)

    def tensors(self) -> dict[str, np.ndarray]:
        """Arrays of the codec, for a model file."""
        return dict(self.tables)

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Arrays of a model file."""
        self.set_tables(tensors)

    def estimate(self, signals: Sequence[Signal]) -> "TransformCoder":
        """Fills the codec's tables from recordings, in one pass or two; returns this coder.

        Raises:
            SignalPieceError: the codec adapts and has none, or there is nothing to estimate from.
        """
        if "scales" in self.tables:
            self.set_tables({"scales": relative_spectrum(self, [signals])})
        elif "start" in self.tables:
            for _ in range(2 if hasattr(self.quantizer, "learnt") else 1):  # a search by other rates makes other codes
                self.set_tables({"start": trained_start(self, signals)})
        else:
            raise SignalPieceError(f"{self.title} has adaptive tables: nothing to estimate, it encodes as it is")
        return self.named(self.recipe, self.options)

    def prepare(
        self, grid: Grid, blocks: Iterable[Signal], *, step: Any = None, step_ratio: float | None = None
    ) -> Steps:
        """Steps for a recording: given ones, else in proportion to each channel's spread over `blocks`.

        Raises:
            SignalPieceError: a step is not above 0, or there are not as many as coded channels.
        """
        keep = coded_channels(grid, self.title)
        if isinstance(step, Steps):
            return step
        if step is not None:
            return given(np.asarray(step)[keep] if np.shape(step) == grid.shape[:1] else step, len(keep))
        spread = spread_of(grid, blocks, self.rate or grid.time_rate, together=self.spatial is not None)
        steps = proportional(spread.values, self.step_ratio if step_ratio is None else step_ratio)
        return replace(steps, covariance=spread.covariance)

    def stream(self, grid: Grid, *, step: Any = None, segment_seconds: float = 240.0) -> TransformStream:
        """An encoder for signals that arrive in pieces.

        Args:
            grid: of the recording; its length need not be known.
            step: quantization step in the channels' units (volts for EEG), one or one per channel, or `Steps`;
                default: `step_ratio` times what brain signals of that unit usually spread (10 microvolts).
            segment_seconds: unit of restart, random access and damage.

        Raises:
            SignalPieceError: not channels x time, a step that is not above 0 or is needed and missing, a rate that
                cannot be reached.
        """
        steps = self.prepare(grid, (), step=self._usual(grid) if step is None else step)
        return TransformStream(self, grid, steps, segment_seconds)

    def _usual(self, grid: Grid) -> np.ndarray:
        units = [grid.unit(c) for c in coded_channels(grid, self.title)]
        strange = [u for u in units if u not in USUAL]
        if strange:
            raise SignalPieceError(
                f"a stream of channels in {strange[0] or 'no unit'} needs a step of its own; give step="
            )
        return self.step_ratio * np.array([USUAL[u] for u in units])

    def encode(
        self,
        signal: Signal | Sequence[Signal] | Any,
        *,
        step: Any = None,
        bits: float | None = None,
        step_ratio: float | None = None,
        rate: float | None = None,
        units: str = "V",
    ) -> Tokens:
        """Codes of a recording, or of several as a batch.

        Args:
            signal: channels x time; also a bare array "c t" or "b c t" with `rate` and `units`.
            step: quantization step in the channels' units, one or one per channel.
            bits: budget in bits per second and channel, everything counted, in place of a step.
            step_ratio: step in standard deviations of each channel, in place of a step.
            rate: samples per second of a bare array, Hz.
            units: of a bare array.

        Raises:
            SignalPieceError: not channels x time, a step or a budget that cannot be had.
        """
        signal = as_signals(signal, rate=rate, units=units)
        if not isinstance(signal, Signal):
            return stack([self.encode(s, step=step, bits=bits, step_ratio=step_ratio) for s in signal])
        if bits is not None:
            from signalpiece.tokenizers.rate import steps_for

            step = steps_for(self, signal, bits)
        steps = self.prepare(signal.grid, (signal,), step=step, step_ratio=step_ratio)
        stream = TransformStream(self, signal.grid, steps)
        tokens = append(stream.push(signal), stream.close())
        return replace(tokens, annotations=signal.annotations)

    def frames_of(self, start: int, stop: int) -> tuple[int, int]:
        """Frames (first, end) that determine samples start to stop at the coder's rate."""
        layout = self.layout
        first = max((start + layout.lead - layout.window) // layout.hop + 1, 0)
        return first, max((stop - 1 + layout.lead) // layout.hop + 1, first)

    def decode(self, tokens: Tokens, *, rate: str = "model") -> Signal:
        """The signal of tokens, or of a slice of them; needs nothing else.

        Args:
            tokens: of one recording.
            rate: `model` for this coder's rate, `source` for the recording's own.

        Raises:
            SignalPieceError: the tokens are another tokenizer's, or lack channels that a spatial transform needs.
        """
        bands = tokens.header.model.get("bands", {})
        return play(self if bands == self.bands else self.arranged(bands=bands), tokens, rate)
