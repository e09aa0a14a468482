"""A learned tokenizer without its dead codes: codes are renumbered, and tokens of the unpruned model still decode.

The codebook that the encoder searches has each removed vector replaced by a copy of the nearest kept one, so that a
removed code can win no longer and residual levels see what the decoder will use; the number is then that of the kept
code. The decoder keeps the whole codebook: old codes mean what they meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Column, Header, Tokens
from signalpiece.tokenizers.model_file import model_hash

KEPT = "kept.level{}"  # tensors of a model file: which codes of a column are kept


class Pruned:
    """A tokenizer with closed codebooks that uses some of its codes.

    Args:
        decoder: the tokenizer as it was trained.
        encoder: a second one of the same build, whose codebooks this object changes.
        sizes: how many codes of each column are kept.
    """

    def __init__(self, decoder: Any, encoder: Any, *, sizes: Sequence[int]) -> None:
        if len(sizes) != len(decoder.columns):
            raise SignalPieceError(
                f"sizes must have one entry per code column ({len(decoder.columns)}), got {len(sizes)}"
            )
        self.decoder, self.encoder = decoder, encoder
        self.kept = [np.arange(s, dtype=np.int32) for s in sizes]
        self.columns = tuple(Column(c.name, int(s)) for c, s in zip(decoder.columns, sizes, strict=True))
        self.rate, self.truncates, self.units = decoder.rate, decoder.truncates, decoder.units
        self.latency_seconds, self.fixed_rate = decoder.latency_seconds, getattr(decoder, "fixed_rate", True)
        self.needs_torch = getattr(decoder, "needs_torch", False)
        self.codec, self.side_codec = decoder.codec, decoder.side_codec
        self.recipe: str | None = None
        self.options: Mapping[str, Any] = {}
        self._hash: tuple[Any, str] = (None, "")
        self.keep(self.kept)

    def named(self, recipe: str | None, options: Mapping[str, Any]) -> "Pruned":
        """This tokenizer, knowing which recipe and options made it."""
        self.recipe, self.options = recipe, dict(options)
        return self

    def keep(self, kept: Sequence[Int[np.ndarray, "_"]]) -> "Pruned":
        """Which codes of each column are kept, ascending; the encoder's codebooks follow."""
        self.kept = [np.asarray(k, np.int32) for k in kept]
        self.columns = tuple(Column(c.name, len(k)) for c, k in zip(self.columns, self.kept, strict=True))
        tensors = dict(self.decoder.tensors())
        self.old_to_new = []
        for (name, book), chosen in zip(codebooks(self.decoder).items(), self.kept, strict=True):
            nearest = nearest_kept(book, chosen)
            tensors[name] = np.ascontiguousarray(np.asarray(tensors[name])[chosen[nearest]])
            self.old_to_new.append(nearest)
        self.encoder.load_tensors(tensors)
        self._hash = (None, "")
        return self

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return f"{self.decoder.title}, pruned"

    @property
    def model_hash(self) -> str:
        """Names this model in stored tokens; the unpruned one keeps its own name."""
        key = (self.recipe, repr(self.options), self.decoder.model_hash)
        if self._hash[0] != key:
            self._hash = (key, model_hash(self.recipe, self.options, self.tensors()))
        return self._hash[1]

    @model_hash.setter
    def model_hash(self, value: str) -> None:
        assert value == self.model_hash, "the hash follows from the tensors"

    @property
    def model(self) -> dict[str, Any]:
        """What stored tokens say about their tokenizer."""
        return {**self.decoder.model, "recipe": self.recipe, "options": dict(self.options), "hash": self.model_hash}

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done before the network."""
        return self.decoder.preprocessing

    def tensors(self) -> dict[str, np.ndarray]:
        """Of the whole model, and which codes are kept."""
        return {**self.decoder.tensors(), **{KEPT.format(q): k for q, k in enumerate(self.kept)}}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Of a model file."""
        kept = [np.asarray(tensors[KEPT.format(q)]) for q in range(len(self.columns))]
        names = {KEPT.format(q) for q in range(len(self.columns))}
        self.decoder.load_tensors({k: v for k, v in tensors.items() if k not in names})
        self.keep(kept)

    def stream(self, grid: Grid, **options: Any) -> "PrunedStream":
        """An encoder for signals that arrive in pieces."""
        return PrunedStream(self, self.encoder.stream(grid, **options))

    def encode(self, signal: Signal | Sequence[Signal], **options: Any) -> Tokens:
        """Codes of a recording, or of several as a batch."""
        return self.renumbered(self.encoder.encode(signal, **options))

    def decode(self, tokens: Tokens, *, rate: str = "model") -> Signal:
        """The signal of this model's tokens, or of the unpruned model's."""
        return self.decoder.decode(self.original(tokens), rate=rate)

    def frames_of(self, start: int, stop: int) -> tuple[int, int]:
        """Frames (first, end) to read for samples start to stop at this rate."""
        return self.decoder.frames_of(start, stop)

    def renumbered(self, tokens: Tokens) -> Tokens:
        """Tokens of the encoder with the numbers of the kept codes."""
        assert tokens.codes is not None
        columns = [self.old_to_new[q][tokens.codes[..., q]] for q in range(len(self.columns))]
        headers = tuple(replace(h, columns=self.columns, model=self._model(h)) for h in tokens.headers)
        return replace(tokens, headers=headers, codes=np.stack(columns, -1).astype(np.int32))

    def original(self, tokens: Tokens) -> Tokens:
        """Tokens with the numbers of the unpruned codebook; those of the unpruned model pass as they are.

        Raises:
            SignalPieceError: a code is outside the kept ones.
        """
        if tokens.codes is None or tokens.headers[0].model.get("hash") == self.decoder.model_hash:
            return tokens
        if tokens.headers[0].model.get("hash") != self.model_hash:
            return tokens  # the decoder says whose they are
        count = tokens.codes.shape[2]
        for q, column in enumerate(self.columns[:count]):
            if tokens.codes.size and not 0 <= tokens.codes[..., q].min() <= tokens.codes[..., q].max() < column.size:
                raise SignalPieceError(f"codes of {column.name} must be between 0 and {column.size - 1}")
        codes = np.stack([self.kept[q][tokens.codes[..., q]] for q in range(count)], -1)
        own = self.decoder.model
        headers = tuple(
            replace(h, columns=self.decoder.columns[:count], model={**h.model, **own}) for h in tokens.headers
        )
        return replace(tokens, headers=headers, codes=codes)

    def _model(self, header: Header) -> dict[str, Any]:
        return {**header.model, **self.model}


class PrunedStream:
    """A stream of the encoder whose codes are renumbered."""

    def __init__(self, tokenizer: Pruned, stream: Any) -> None:
        self._tokenizer, self._stream = tokenizer, stream

    @property
    def latency_seconds(self) -> float:
        """As the encoder's."""
        return self._stream.latency_seconds

    def push(self, signal: Signal) -> Tokens:
        """The frames that are finished now."""
        return self._tokenizer.renumbered(self._stream.push(signal))

    def close(self) -> Tokens:
        """The last frames."""
        return self._tokenizer.renumbered(self._stream.close())


def codebooks(tokenizer: Any) -> dict[str, Float[np.ndarray, "_ _"]]:
    """Name and vectors of the codebook of each column, in order.

    Raises:
        SignalPieceError: the tokenizer's codes do not come from tables of vectors.
    """
    found = {k: np.asarray(v, float) for k, v in tokenizer.tensors().items() if k.endswith("codebook.vectors")}
    sizes = [c.size for c in tokenizer.columns]
    if [len(v) for v in found.values()] != sizes or 0 in sizes:
        raise SignalPieceError(f"{tokenizer.title} has no table of vectors for each code column, so nothing to prune")
    return found


def nearest_kept(book: Float[np.ndarray, "k d"], kept: Int[np.ndarray, "m"]) -> Int[np.ndarray, "k"]:
    """For every code the place among the kept ones of the nearest kept code; a kept one is its own."""
    chosen = book[kept]
    square = np.square(chosen).sum(1)
    out = np.empty(len(book), np.int32)
    for a in range(0, len(book), 4096):  # never the whole distance matrix
        out[a : a + 4096] = np.argmin(square - 2 * book[a : a + 4096] @ chosen.T, axis=1)
    out[kept] = np.arange(len(kept), dtype=np.int32)
    return out


def duplicates(book: Float[np.ndarray, "k d"], *, tolerance: float = 1e-6) -> Bool[np.ndarray, "k"]:
    """Codes whose vector equals that of an earlier code, to `tolerance` of the codebook's spread."""
    scale = tolerance * max(float(book.std()), 1e-30)
    keys = np.round(book / scale).astype(np.int64)
    _, first = np.unique(keys, axis=0, return_index=True)
    later = np.ones(len(book), bool)
    later[first] = False
    return later
