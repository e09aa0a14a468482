"""A budget in bits per second and channel: finds the step whose file, everything counted, just stays within it.

The bits of a file fall steadily as the step grows, so the search closes in on the budget from both sides. Long
recordings are searched on a few pieces first; what counts is then measured on files of the whole.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Tokens
from signalpiece.tokenizers.steps import Steps

FINEST, COARSEST = -14.0, 8.0  # log2 of steps, in standard deviations
CLOSE = 0.02  # of the budget may be left unused
PIECES, PIECE_SECONDS = 8, 30.0  # what is searched first
SHORT = 20_000  # channel-seconds that are searched as a whole


class Held:
    """A signal in memory, as an opened recording."""

    def __init__(self, signal: Signal) -> None:
        self.grid: Grid = signal.grid
        self.signal, self.annotations, self.path, self.warnings = signal, (), Path("signal"), ()

    def blocks(self, seconds: float) -> Iterator[Signal]:
        """The signal in pieces."""
        size = max(int(round(seconds * self.grid.time_rate)), 1)
        for first in range(0, self.grid.size("time"), size):
            yield self.signal.crop(first, min(first + size, self.grid.size("time")))


def steps_for(tokenizer: Any, source: Any, bits: float) -> Steps:
    """Steps in proportion to each channel's spread, as fine as the budget allows.

    Args:
        tokenizer: one whose rate can be chosen.
        source: a signal, or an opened recording.
        bits: budget in bits per second and channel; codes, side information, header and index count.

    Raises:
        SignalPieceError: the tokenizer has a fixed rate, or header and side information alone take more.
    """
    name = tokenizer.recipe or "this tokenizer"
    if not bits > 0:
        raise SignalPieceError(f"bits must be above 0, got {bits:g}")
    if getattr(tokenizer, "fixed_rate", True) or not hasattr(tokenizer, "prepare"):
        raise SignalPieceError(
            f"{name} has a fixed rate, so it cannot keep to a budget of {bits:g} bits; leave bits out"
        )
    recording = Held(source) if isinstance(source, Signal) else source
    grid = recording.grid
    if not grid.size("time"):
        return tokenizer.prepare(grid, (), step=1.0)
    unit = tokenizer.prepare(grid, recording.blocks(60.0), step_ratio=1.0)
    name = f"{Path(recording.path).name}, {grid.seconds:.3g} s: {name}"

    def whole(at: float) -> float:
        return file_bits(tokenizer, recording, unit.times(2.0**at))["rate"]

    guess = np.log2(tokenizer.step_ratio)
    if grid.seconds * len(unit.codes) > SHORT and grid.seconds > 2 * PIECES * PIECE_SECONDS:
        guess = _search(_sampled(tokenizer, recording, unit), bits, guess, name)
    return unit.times(2.0 ** _search(whole, bits, guess, name))


def file_bits(tokenizer: Any, recording: Any, steps: Steps) -> dict[str, float]:
    """What a coded file of the recording takes, in bits, and as `rate` in bits per second and channel."""
    from signalpiece.stores.coded_writer import CodedWriter
    from signalpiece.tokenizers.files import open_tokens, write_recording

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sp"
        with CodedWriter(path) as writer:
            write_recording(writer, tokenizer, recording, {"step": steps})
        bits = open_tokens(path, tokenizer).recordings[0].bits
    counted = bits["total"] - bits["annotations"]
    return {**bits, "rate": counted / (recording.grid.seconds * len(steps.codes))}


def _sampled(tokenizer: Any, recording: Any, unit: Steps) -> Callable[[float], float]:
    """Bits as a function of log2 of the steps, judged by a few pieces of a long recording."""
    grid = recording.grid
    starts = np.linspace(0, grid.seconds - PIECE_SECONDS, PIECES)
    pieces = [recording.read(float(a), float(a) + PIECE_SECONDS) for a in starts]
    probe = Held(_side_by_side(pieces))

    def rate(at: float) -> float:
        bits = file_bits(tokenizer, probe, unit.times(2.0**at))
        seconds, channels = probe.grid.seconds, len(unit.codes)
        often, once = bits["codes"] + bits["index"], bits["side"] + bits["header"]
        return often / (seconds * channels) + once / (grid.seconds * channels)

    return rate


def _side_by_side(pieces: Sequence[Signal]) -> Signal:
    values = np.concatenate([p.values for p in pieces], axis=1)
    valid = np.concatenate(
        [np.broadcast_to(True if p.valid is None else p.valid, p.values.shape) for p in pieces], axis=1
    )
    return Signal(replace(pieces[0].grid, shape=values.shape, start=0.0), values, valid)


def _search(rate: Callable[[float], float], bits: float, guess: float, name: str) -> float:
    """log2 of the step whose rate is at most `bits`, and at least nearly that.

    Raises:
        SignalPieceError: even the coarsest step takes more.
    """
    known: dict[float, float] = {}

    def ask(at: float) -> float:
        if at not in known:
            known[at] = rate(at)
        return known[at]

    low, high = _bracket(ask, bits, min(max(guess, FINEST), COARSEST), name)  # rate(low) > bits >= rate(high)
    for turn in range(30):
        if low is None or ask(high) >= (1 - CLOSE) * bits or high - low < 1e-3:
            break
        share = np.log(ask(low) / (0.995 * bits)) / max(np.log(ask(low) / max(ask(high), 1e-9)), 1e-12)
        share = 0.5 if turn % 4 == 3 else float(min(max(share, 0.02), 0.98))
        middle = low + share * (high - low)
        low, high = (middle, high) if ask(middle) > bits else (low, middle)
    return high


def _bracket(ask: Callable[[float], float], bits: float, guess: float, name: str) -> tuple[float | None, float]:
    """Two places around the budget; the lower one is None where even the finest step stays within it."""
    width = max(1.2 * abs(float(np.log2(max(ask(guess), 1e-9) / bits))), 0.1)  # bits halve about every octave of step
    if ask(guess) > bits:
        low = guess
        while True:
            high = min(guess + width, COARSEST)
            if ask(high) <= bits:
                return low, high
            if high == COARSEST:
                raise SignalPieceError(
                    f"{name} cannot keep to {bits:g} bits per second and channel: "
                    f"the coarsest step takes {ask(high):.3g}, header and side information included; leave it out, "
                    "or give more bits or a step"
                )
            low, width = high, 2 * width
    high = guess
    while True:
        low = max(guess - width, FINEST)
        if ask(low) > bits:
            return low, high
        if low == FINEST:
            return None, low
        high, width = low, 2 * width


def code_bits(tokenizer: Any, tokens: Tokens) -> int:
    """Bits of the codes alone, as one segment."""
    cube, codec = tokens.cube(), tokenizer.codec
    header = replace(tokens.header, segment=max(len(cube), 1))
    units = [cube[:, c : c + 1] for c in range(cube.shape[1])] if codec.channels == 1 else [cube]
    return 8 * sum(len(codec.encode(unit, header)) for unit in units)
