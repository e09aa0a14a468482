"""Stored tokens as a torch data set: windows of frames, padded batches, batches of like lengths.

data = TokenDataset("tokens.sp", frames=64)
batches = BucketBatches(data.lengths, batch_size=32, seed=0)
for batch in torch.utils.data.DataLoader(data, batch_sampler=batches, collate_fn=collate):
    batch.values, batch.valid
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped

from signalpiece.core.check import SignalPieceError, check_option, check_range, missing_extra
from signalpiece.core.tokens import SPECIAL, Header, Tokens

try:
    import torch
    from torch import Tensor
    from torch.utils.data import Dataset, Sampler
except ImportError as error:
    raise missing_extra("torch", "torch", "TokenDataset") from error

SPAN = 16  # batches that are sorted by length together: enough for little padding, few enough to stay random


@dataclass(frozen=True)
class TokenItem:
    """One window.

    Attributes:
        values: codes "n c q", or ids "m" (`TokenDataset(form="ids")`).
        valid: "n c" or "m": False where a frame touches an invalid stretch of the signal, or its unit is damaged.
        recording: which recording of the store it is from.
        first: its first frame.
    """

    values: Int[Tensor, "..."]
    valid: Bool[Tensor, "..."]
    recording: int
    first: int


@dataclass(frozen=True)
class TokenBatch:
    """Windows side by side: "b n c q" or "b m", padded behind with zeros (the `pad` id); padding is `valid` False."""

    values: Int[Tensor, "b ..."]
    valid: Bool[Tensor, "b ..."]
    recordings: Int[Tensor, "b"]
    firsts: Int[Tensor, "b"]


class TokenDataset(Dataset[TokenItem]):
    """Windows of the recordings in a token store (a coded file or a Parquet folder), read when they are asked for.

    Args:
        path: of the store.
        frames: length of a window; by default each recording is one window.
        hop: frames from one window to the next; by default `frames`.
        channels: names of the channels to read, in this order; by default all.
        form: "codes" for cubes "n c q", "ids" for one stream of integers (`Tokens.to_ids`) with begin and end.
        partial: keep a last window that is shorter than `frames`.
        damaged: "raise", or "skip" to get invalid zeros where a unit of the file is damaged.
        model: the tokenizer, where the codec's tables are in its model file alone.

    Raises:
        SignalPieceError: not a token store, a channel that a recording lacks, or options out of range.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        frames: int | None = None,
        hop: int | None = None,
        channels: Sequence[str] | None = None,
        form: str = "codes",
        partial: bool = True,
        damaged: str = "raise",
        model: Any = None,
    ) -> None:
        self.path, self.model, self.channels = path, model, None if channels is None else tuple(channels)
        self.form = check_option("form", form, ("codes", "ids"))
        self.damaged = check_option("damaged", damaged, ("raise", "skip"))
        for name, value in (("frames", frames), ("hop", hop)):
            if value is not None:
                check_range(name, value, 1, 2**31)
        self._store, self._owner = None, 0
        self._picks = [self._pick(r.header) for r in self.store.recordings]
        self.windows = [
            (number, first, end)
            for number, recording in enumerate(self.store.recordings)
            for first, end in _windows(recording.frames, frames, hop or frames, partial)
        ]
        if form == "ids":
            self._check_columns()

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> TokenItem:
        number, first, end = self.windows[index]
        tokens = self.tokens(index)
        if self.form == "ids":
            ids = torch.from_numpy(tokens.to_ids())
            return TokenItem(ids, torch.ones(len(ids), dtype=torch.bool), number, first)
        cube = torch.from_numpy(np.ascontiguousarray(tokens.cube()))
        return TokenItem(cube, torch.from_numpy(valid_rows(tokens)), number, first)

    def tokens(self, index: int) -> Tokens:
        """A window as `Tokens`, with its header and side information."""
        number, first, end = self.windows[index]
        return self.store.recordings[number].read(first, end, self._picks[number], damaged=self.damaged)

    @property
    def lengths(self) -> list[int]:
        """Frames of every window: what `BucketBatches` sorts by."""
        return [end - first for _, first, end in self.windows]

    @property
    def vocabulary(self) -> int:
        """Number of ids in the streams of form "ids", the special ones included."""
        header = self.store.recordings[0].header
        return Tokens((header,), None).vocabulary

    @property
    def store(self) -> Any:
        """The opened store; every worker process opens its own."""
        if self._store is None or self._owner != os.getpid():  # a forked worker must not share a place in the file
            from signalpiece.tokenizers.files import open_tokens

            self._store, self._owner = open_tokens(self.path, self.model), os.getpid()
        return self._store

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_store": None}

    def _pick(self, header: Header) -> list[int] | None:
        if self.channels is None:
            return None
        names = header.grid.names
        missing = [name for name in self.channels if name not in names]
        if missing:
            raise SignalPieceError(
                f"{self.path}: a recording has no channel {missing[0]}; it has {', '.join(names[:8])}"
                + (f" and {len(names) - 8} more" if len(names) > 8 else "")
            )
        return [names.index(name) for name in self.channels]

    def _check_columns(self) -> None:
        columns = {r.header.columns for r in self.store.recordings}
        if len(columns) > 1:
            raise SignalPieceError(
                f"{self.path}: recordings with unlike code columns have no ids in common; use form='codes'"
            )


def valid_rows(tokens: Tokens) -> Bool[np.ndarray, "n c"]:
    """Which frames and channels of one recording count: read whole, and of no invalid stretch."""
    header, frames = tokens.header, tokens.header.frames
    shape = tokens.cube().shape[:2]
    valid = np.ones(shape, bool) if tokens.valid is None else np.array(tokens.valid).reshape(shape)
    if frames is None:
        return valid
    rate = header.grid.time_rate
    for channel, start, stop in header.invalid:
        first, end = frames.covering((start + 1e-6) / rate, (stop - 1e-6) / rate)  # no frame for a rounding error
        rows = slice(max(first - tokens.first, 0), max(end - tokens.first, 0))
        valid[rows, slice(None) if channel < 0 else channel] = False
    return valid


def collate(items: Sequence[TokenItem]) -> TokenBatch:
    """A padded batch of windows; `collate_fn` of a DataLoader.

    Raises:
        SignalPieceError: windows of codes and of ids, or of unlike code columns, are mixed.
    """
    kinds = {(item.values.ndim, item.values.shape[2:]) for item in items}
    if len(kinds) > 1:
        raise SignalPieceError("a batch needs windows of one form with the same code columns")
    values, valid = _pad([i.values for i in items]), _pad([i.valid for i in items])
    recordings, firsts = torch.tensor([i.recording for i in items]), torch.tensor([i.first for i in items])
    return TokenBatch(values, valid, recordings, firsts)


class BucketBatches(Sampler[list[int]]):
    """Batches of windows of like length, each window once, in an order that seed and epoch decide.

    Args:
        lengths: of the windows (`TokenDataset.lengths`).
        batch_size: windows in a batch; the last one may be smaller.
        seed: of the order.
        shuffle: False for all windows from short to long.

    Raises:
        SignalPieceError: batch_size is below 1.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int = 32, *, seed: int = 0, shuffle: bool = True) -> None:
        check_range("batch_size", batch_size, 1, 2**31)
        self.lengths, self.batch_size, self.seed, self.shuffle = list(lengths), batch_size, seed, shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Another order: call it before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        size = self.batch_size
        if not self.shuffle:
            order = sorted(range(len(self.lengths)), key=lambda i: self.lengths[i])
            yield from (order[a : a + size] for a in range(0, len(order), size))
            return
        generator = np.random.default_rng((self.seed, self.epoch))
        order = generator.permutation(len(self.lengths)).tolist()
        batches = []
        for a in range(0, len(order), size * SPAN):
            near = sorted(order[a : a + size * SPAN], key=lambda i: self.lengths[i])
            batches += [near[b : b + size] for b in range(0, len(near), size)]
        yield from (batches[i] for i in generator.permutation(len(batches)))


def _windows(total: int, frames: int | None, hop: int | None, partial: bool) -> list[tuple[int, int]]:
    if frames is None or hop is None:
        return [(0, total)] if total else []
    starts = range(0, total if partial else total - frames + 1, hop)
    found = [(a, min(a + frames, total)) for a in starts]
    return [w for i, w in enumerate(found) if i == 0 or w[1] > found[i - 1][1]]  # none inside the one before


def _pad(parts: Sequence[Shaped[Tensor, "..."]]) -> Shaped[Tensor, "b ..."]:
    sizes = [max(n) for n in zip(*(p.shape for p in parts), strict=True)]
    out = torch.full((len(parts), *sizes), SPECIAL.index("pad"), dtype=parts[0].dtype)
    for i, part in enumerate(parts):
        out[(i, *(slice(n) for n in part.shape))] = part
    return out
