"""From a stream's frames to the segments of a file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.tokens import Header, Tokens


class Segmenter:
    """Collects frames into whole segments and hands these to a writer, side information that has frames with them.

    Args:
        writer: of `signalpiece.stores`, open.
        tokenizer: whose codecs to use.
        recording: anything with `grid`, `annotations` and `path`.
        identity: goes into the header as it is.
    """

    def __init__(self, writer: Any, tokenizer: Any, recording: Any, identity: Mapping[str, str]) -> None:
        self.writer, self.tokenizer, self.recording, self.identity = writer, tokenizer, recording, identity
        self._waiting: Tokens | None = None

    def take(self, tokens: Tokens, last: bool = False) -> None:
        """More frames; after the last ones the recording is ended."""
        if self._waiting is None:
            self._begin(tokens)
            waiting = tokens
        else:
            waiting = append(self._waiting, tokens)
        size = waiting.header.segment
        while waiting.num_frames and (last or (waiting.num_frames >= size and _has_side(waiting))):
            whole = last and waiting.num_frames <= size
            self.writer.segment(waiting if whole else take_frames(waiting, 0, size))
            if whole:
                break
            waiting = take_frames(waiting, size, waiting.num_frames)
        self._waiting = waiting
        if last:
            self.writer.end(self._named(waiting.header), waiting.side, self.recording.annotations)

    def _begin(self, tokens: Tokens) -> None:
        grid = tokens.header.grid
        shape = (grid.shape[0], self.recording.grid.size("time"))
        header = replace(self._named(tokens.header), grid=replace(grid, shape=shape), invalid=())
        key = f"{Path(self.recording.path).name} {self.recording.grid.shape}"
        self.writer.begin(header, self.tokenizer.codec, self.tokenizer.side_codec, key)

    def _named(self, header: Header) -> Header:
        if not self.identity:
            return header
        return replace(header, preprocessing={**header.preprocessing, "identity": dict(self.identity)})


def append(first: Tokens, more: Tokens) -> Tokens:
    """Consecutive tokens of one stream as one; what is known at the end is the last one's."""
    assert first.codes is not None and more.codes is not None
    side = more.side
    if side is not None and side.header.frames is not None and first.side is not None:
        side = append(first.side, side)
    elif side is None:
        side = first.side
    return replace(more, codes=np.concatenate([first.codes, more.codes], axis=1), side=side, first=first.first)


def take_frames(tokens: Tokens, start: int, stop: int) -> Tokens:
    """Frames start to stop, counted from these tokens' first one; framed side information in proportion."""
    side = tokens.side
    if side is not None and side.header.frames is not None:
        size, per = tokens.header.segment, side.header.segment
        behind = side.num_frames if stop >= tokens.num_frames else stop * per // size
        side = take_frames(replace(side, side=None), start * per // size, behind)
    width = len(tokens.header.columns)
    codes = tokens.cube()[start:stop].reshape(1, -1, width)
    return replace(tokens, codes=codes, side=side, first=tokens.first + start)


def _has_side(tokens: Tokens) -> bool:
    side = tokens.side
    return side is None or side.header.frames is None or side.num_frames >= side.header.segment
