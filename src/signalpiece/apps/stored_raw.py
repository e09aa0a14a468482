"""Stored tokens as an MNE Raw that decodes only what is asked for: a night of 64 channels need not fit in memory.

MNE reads pieces of a few seconds again and again (a browser, epochs), and tokens decode segment by segment. The last
decoded blocks are kept, so that each is decoded once as long as one goes on through the recording.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mne
import numpy as np
from jaxtyping import Float

from signalpiece.apps.interop_mne import INVALID, SKIP, bad_spans, split_text
from signalpiece.apps.interop_to_mne import info_of, place
from signalpiece.core.check import check_option
from signalpiece.core.signal import Grid
from signalpiece.tokenizers.files import decode_range

KEPT = 2  # decoded blocks


class Source:
    """One recording of a file of tokens, decoded in blocks; MNE carries one per file through `concatenate_raws`."""

    def __init__(self, stored: Any, tokenizer: Any, rate: str) -> None:
        self.stored, self.tokenizer, self.rate = stored, tokenizer, rate
        self.blocks: dict[int, Float[np.ndarray, "c t"]] = {}
        header = stored.header
        model = check_option("rate", rate, ("model", "source")) == "model"
        self.hertz = header.frames.rate if model else header.grid.time_rate
        self.first = round(header.grid.start * self.hertz)
        self.length = round(header.grid.seconds * self.hertz)
        self.size = max(round(header.segment * header.frames.hop / header.frames.rate * self.hertz), 1)

    def samples(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        """Samples start to stop of all channels, in the stored unit."""
        numbers = range(start // self.size, -(-stop // self.size))
        parts = [self._block(n)[:, max(start - n * self.size, 0) : stop - n * self.size] for n in numbers]
        return np.concatenate(parts, axis=1)

    def _block(self, number: int) -> Float[np.ndarray, "c t"]:
        if number not in self.blocks:
            start, stop = number * self.size, min((number + 1) * self.size, self.length)
            seconds = self.stored.header.grid.seconds
            end = seconds if stop == self.length else stop / self.hertz
            part = decode_range(self.stored, self.tokenizer, start / self.hertz, end, rate=self.rate)
            while len(self.blocks) >= KEPT:
                self.blocks.pop(next(iter(self.blocks)))
            self.blocks[number] = np.asarray(part.values)
        return self.blocks[number]


class StoredRaw(mne.io.BaseRaw):
    """An `mne.io.Raw` over one recording of a file of tokens; made by `signalpiece.read_raw`."""

    def __init__(self, source: Source, path: Path, grid: Grid) -> None:
        info, factors = info_of(grid)
        last = source.first + source.length - 1
        super().__init__(
            info,
            preload=False,
            first_samps=[source.first],
            last_samps=[last],
            filenames=[path if path.exists() else None],  # a place that only fsspec knows has no name for MNE
            raw_extras=[{"source": source, "factors": factors[:, None]}],
            orig_format="single",
            verbose="error",
        )
        place(self, grid)
        self._tell(source)

    def _read_segment_file(  # noqa: PLR0913 (MNE's own signature)
        self, data: np.ndarray, idx: Any, fi: Any, start: Any, stop: Any, cals: Any, mult: Any
    ) -> None:
        """Fills `data` with samples start to stop, counted from the recording's first, of the channels `idx`."""
        source, factors = self._raw_extras[fi]["source"], self._raw_extras[fi]["factors"]
        values = (source.samples(start - source.first, stop - source.first) * factors)[idx]
        data[:] = values * cals if mult is None else mult @ values

    def _tell(self, source: Source) -> None:
        """Events, bad channels and bad spans, without decoding anything."""
        header, names = source.stored.header, self.ch_names
        rate, channels, length = header.grid.time_rate, len(names), header.grid.size("time")
        whole = {c for c, a, b in header.invalid if c >= 0 and b - a >= length}
        self.info["bads"] = [names[c] for c in sorted(whole)]
        events = [
            (a.onset - header.grid.start, a.duration, text, [name] if name else [])
            for a in source.stored.annotations
            for text, name in [split_text(a.text, names)]
        ]
        notes = [replace(a, onset=a.onset - header.grid.start) for a in source.stored.annotations]
        told = bad_spans(notes, names, rate, length)  # by events that start with BAD
        spans: dict[tuple[int, int], list[int]] = {}
        for c, a, b in header.invalid:
            if c not in whole and not any(d in (c, -1) and e <= a and b <= f for d, e, f in told):
                spans.setdefault((a, b), []).append(c)
        for (a, b), who in sorted(spans.items()):
            every = -1 in who or len(who) == channels
            named = [] if every else [names[c] for c in who]
            events.append((a / rate, (b - a) / rate, SKIP if every else INVALID, named))
        if events:
            onset, duration, text, who = (list(column) for column in zip(*events, strict=True))
            self.set_annotations(mne.Annotations(onset, duration, text, ch_names=who), verbose="error")


def open_stored(stored: Any, tokenizer: Any, path: Path, rate: str) -> StoredRaw:
    """A Raw over a recording of an opened file of tokens.

    Raises:
        SignalPieceError: a channel whose unit MNE cannot take.
    """
    source, grid = Source(stored, tokenizer, rate), stored.header.grid
    shape = (grid.size("channel"), source.length)
    return StoredRaw(source, path, replace(grid, shape=shape, rate=(None, float(source.hertz))))
