"""Stored tokens to samples from the beginning to the end, in the memory of two segments.

A range needs frames on both sides of it; what a segment's last samples still need of the next one waits until that is
read, so that every segment is read once and the pieces together are the whole, bit for bit.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from signalpiece.core.signal import Signal
from signalpiece.tokenizers.files import samples_at
from signalpiece.tokenizers.segmenter import append, take_frames


def unrolled(
    stored: Any, tokenizer: Any, channels: Sequence[int] | None = None, *, rate: str = "model", damaged: str = "raise"
) -> Iterator[Signal]:
    """Consecutive pieces of a recording.

    Args:
        stored: a recording of an opened file of tokens.
        tokenizer: the one that made it.
        channels: their numbers, in the order wanted; None: all.
        rate: `model` for the tokenizer's rate, `source` for the recording's own.
        damaged: raise, or skip: what a damaged unit held is 0 and not valid.

    Raises:
        SignalPieceError: a unit is damaged, or the tokens are another tokenizer's.
    """
    header = stored.header
    mixed, size = "spatial" in header.preprocessing, header.segment or stored.frames
    hertz = header.grid.time_rate if rate == "source" else header.frames.rate
    kept, done = None, 0
    for first in range(0, stored.frames, max(size, 1)):
        part = stored.read(first, min(first + size, stored.frames), None if mixed else channels, damaged=damaged)
        kept = part if kept is None else append(kept, part)
        signal = tokenizer.decode(kept, rate=rate)
        start = round((signal.grid.start - header.grid.start) * hertz)
        piece = signal.crop(max(done - start, 0), signal.grid.size("time"))
        if piece.grid.size("time"):
            done = start + signal.grid.size("time")
            yield piece if channels is None or not mixed else piece.pick(channels)
        needed = tokenizer.frames_of(*samples_at(header, done / hertz, None, rate))[0]
        kept = take_frames(kept, max(needed - kept.first, 0), kept.num_frames)
