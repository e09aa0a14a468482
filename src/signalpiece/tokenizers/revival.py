"""Seats for the dead codes of a trained tokenizer, at vectors that its encoder makes of real recordings."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.quantizers.reseating import Reseated, reseat
from signalpiece.tokenizers.block_core import GROUP
from signalpiece.tokenizers.codebooks import quantizer_of
from signalpiece.tokenizers.mended import Seats

VECTORS = 1 << 16  # that seats are drawn from, and a quarter as many that judge them
Pieces = Iterable[tuple[Grid, Iterable[Signal]]]  # recordings in pieces


def new_seats(
    tokenizer: Any, train: Pieces, held: Pieces, alive: Sequence[Bool[np.ndarray, "_"]], *, seed: int = 0
) -> tuple[list[Seats], Reseated]:
    """New vectors for codes that are not `alive`, drawn from one set of recordings and judged on another.

    Args:
        tokenizer: learned; it stays as it is.
        train: recordings, each as its grid and its signal in pieces.
        held: others, or other stretches of them.
        alive: for each code column, the codes that keep their vectors.
        seed: of the draw.

    Raises:
        SignalPieceError: the tokenizer has no such codebooks, or a set of recordings is shorter than one block.
    """
    own = quantizer_of(tokenizer)
    if own is None:
        raise SignalPieceError(f"{tokenizer.title} has no quantizer whose codes could be set anew")
    x, judge = (vectors_of(tokenizer, own, p, n, seed) for p, n in ((train, VECTORS), (held, VECTORS // 4)))
    if not len(x) or not len(judge):
        seconds = tokenizer.core.block / tokenizer.rate
        raise SignalPieceError(
            f"these recordings are too short to revive codes: both their first three quarters and their last quarter, "
            f"which judges, need more than {seconds:.3g} s"
        )
    quantizer = copy.deepcopy(own).eval()
    masks = [torch.from_numpy(np.array(a)) for a in alive]
    found = reseat(quantizer, torch.from_numpy(x)[None], masks, held=torch.from_numpy(judge)[None], seed=seed)
    tables = [m for name, m in quantizer.named_modules() if name.rpartition(".")[2] == "codebook"]
    seats = []
    for book, codes, keep, before in zip(tables, found.seats, masks, _tables(own), strict=True):
        vectors = book.vectors.detach()
        assert torch.equal(vectors[keep], before[keep]), "a living code moved"
        seats.append(Seats(codes.numpy().astype(np.int32), vectors[codes].numpy().astype(np.float32)))
    return seats, found


def vectors_of(tokenizer: Any, quantizer: Any, pieces: Pieces, most: int, seed: int) -> Float[np.ndarray, "n d"]:
    """What a tokenizer's quantizer gets to see of recordings: at most so many vectors, each as likely, whole blocks."""
    some, rows, channels = _Some(most, seed), 0, 0

    def note(_: Any, args: tuple[Any, ...]) -> None:
        nonlocal rows
        z = args[0].detach().float().cpu().numpy()
        if tokenizer.core.joint:
            some.add(z.reshape(-1, z.shape[-1]))
            return
        real = min(max(channels - rows, 0), len(z))  # groups are filled up with rows that no channel has
        some.add(z[:real].reshape(-1, z.shape[-1]))
        rows = (rows + len(z)) % (-(-channels // GROUP) * GROUP)

    handle = quantizer.register_forward_pre_hook(note)
    try:
        for grid, parts in pieces:
            stream = tokenizer.stream(grid)
            rows, channels = 0, len(stream.intake.keep)
            for part in parts:
                stream.push(part)
    finally:
        handle.remove()
    return some.rows()


class _Some:
    """A random choice of at most `most` of the rows that were added: those with the smallest random numbers."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self._random = most, np.random.default_rng(seed)
        self._keys: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        self._held = 0

    def add(self, rows: Float[np.ndarray, "n d"]) -> None:
        self._keys.append(self._random.random(len(rows)))
        self._rows.append(rows.copy())
        self._held += len(rows)
        if self._held > 2 * self.most:
            self.rows()

    def rows(self) -> Float[np.ndarray, "n d"]:
        if not self._rows:
            return np.zeros((0, 1), np.float32)
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        kept = np.sort(np.argsort(keys, kind="stable")[: self.most])
        self._keys, self._rows, self._held = [keys[kept]], [rows[kept]], len(kept)
        return self._rows[0]


def _tables(quantizer: Any) -> list[torch.Tensor]:
    return [m.vectors.detach() for name, m in quantizer.named_modules() if name.rpartition(".")[2] == "codebook"]
