"""A learned tokenizer with mended codebooks: dead codes removed, or set anew, and old tokens still decode bit for bit.

`decoder` is the tokenizer as it was: it decodes what it made. `encoder` is a second one of the same build whose
codebooks are changed. A code set anew (a seat) has a new vector there. A removed code's vector is replaced by a copy of
the nearest kept one, so that it can win no longer and residual levels see what decoding will use; its number is then
that of the kept code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Column, Header, Tokens
from signalpiece.tokenizers.codebooks import codebooks, nearest_kept
from signalpiece.tokenizers.model_file import model_hash

KEPT = "kept.level{}"  # tensors of a model file: which codes of a column are kept
SEATS, VECTORS = "seats.level{}.codes", "seats.level{}.vectors"  # and which have a new vector, and that


@dataclass(frozen=True)
class Seats:
    """Codes of one column, ascending, and their new vectors."""

    codes: Int[np.ndarray, "m"]
    vectors: Float[np.ndarray, "m d"]


class Mended:
    """A tokenizer with closed codebooks some of whose codes were removed or set anew.

    Args:
        decoder: the tokenizer as it was trained.
        encoder: a second one of the same build, whose codebooks this object changes.
        sizes: how many codes of each column are kept.
        seats: how many codes of each column are set anew; () if none ever are.
    """

    def __init__(self, decoder: Any, encoder: Any, *, sizes: Sequence[int], seats: Sequence[int] = ()) -> None:
        for name, given in (("sizes", sizes), *((("seats", seats),) if seats else ())):
            if len(given) != len(decoder.columns):
                columns = len(decoder.columns)
                raise SignalPieceError(f"{name} must have one entry per code column ({columns}), got {len(given)}")
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
        self.seats = tuple(
            Seats(np.arange(count, dtype=np.int32), np.array(book[:count], np.float32))
            for count, book in zip(seats, codebooks(decoder).values() if seats else (), strict=True)
        )
        self.keep(self.kept)

    def named(self, recipe: str | None, options: Mapping[str, Any]) -> "Mended":
        """This tokenizer, knowing which recipe and options made it."""
        self.recipe, self.options = recipe, dict(options)
        return self

    def keep(self, kept: Sequence[Int[np.ndarray, "_"]]) -> "Mended":
        """Which codes of each column are kept, ascending; the encoder's codebooks follow."""
        self.kept = [np.asarray(k, np.int32) for k in kept]
        self.columns = tuple(Column(c.name, len(k)) for c, k in zip(self.columns, self.kept, strict=True))
        return self._follow()

    def reseat(self, seats: Sequence[Seats]) -> "Mended":
        """Which codes of each column have which new vectors; the encoder's codebooks follow.

        Raises:
            SignalPieceError: another number of codes than this object was built for.
        """
        if [len(s.codes) for s in seats] != [len(s.codes) for s in self.seats]:
            raise SignalPieceError(f"this tokenizer has room for {[len(s.codes) for s in self.seats]} new vectors")
        self.seats = tuple(Seats(np.asarray(s.codes, np.int32), np.asarray(s.vectors, np.float32)) for s in seats)
        return self._follow()

    def _follow(self) -> "Mended":
        tensors = dict(self.decoder.tensors())
        self.old_to_new = []
        for q, ((name, book), chosen) in enumerate(zip(codebooks(self.decoder).items(), self.kept, strict=True)):
            vectors = np.array(tensors[name])
            if self.seats:
                vectors[self.seats[q].codes] = self.seats[q].vectors
            nearest = nearest_kept(book, chosen)  # with seats all codes are kept, and each is its own
            tensors[name] = np.ascontiguousarray(vectors[chosen[nearest]])
            self.old_to_new.append(nearest)
        self.encoder.load_tensors(tensors)
        self._hash = (None, "")
        return self

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return f"{self.decoder.title}, {self.recipe or 'mended'}"

    @property
    def model_hash(self) -> str:
        """Names this model in stored tokens; the one that was mended keeps its own name."""
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
        """Of the whole old model, and what was changed."""
        return {**self.decoder.tensors(), **self._changes()}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Of a model file."""
        own = self._changes()
        self.decoder.load_tensors({k: v for k, v in tensors.items() if k not in own})
        if self.seats:
            pairs = [(tensors[SEATS.format(q)], tensors[VECTORS.format(q)]) for q in range(len(self.columns))]
            self.reseat([Seats(np.asarray(codes), np.asarray(vectors)) for codes, vectors in pairs])
        kept = [np.asarray(tensors.get(KEPT.format(q), self.kept[q])) for q in range(len(self.columns))]
        self.keep(kept)

    def _changes(self) -> dict[str, np.ndarray]:
        if not self.seats:
            return {KEPT.format(q): k for q, k in enumerate(self.kept)}
        codes = {SEATS.format(q): s.codes for q, s in enumerate(self.seats)}
        return codes | {VECTORS.format(q): s.vectors for q, s in enumerate(self.seats)}

    def stream(self, grid: Grid, **options: Any) -> "MendedStream":
        """An encoder for signals that arrive in pieces."""
        return MendedStream(self, self.encoder.stream(grid, **options))

    def encode(self, signal: Signal | Sequence[Signal], **options: Any) -> Tokens:
        """Codes of a recording, or of several as a batch."""
        return self.renumbered(self.encoder.encode(signal, **options))

    def decode(self, tokens: Tokens, *, rate: str = "model") -> Signal:
        """The signal of this model's tokens, or of the old model's."""
        return self._decoder_of(tokens).decode(self.original(tokens), rate=rate)

    def _decoder_of(self, tokens: Tokens) -> Any:
        """The encoder for codes set anew; else the decoder, which fills a cut last block as it does for old tokens."""
        own = tokens.headers[0].model.get("hash") == self.model_hash
        return self.encoder if own and self.seats else self.decoder

    def frames_of(self, start: int, stop: int) -> tuple[int, int]:
        """Frames (first, end) to read for samples start to stop at this rate."""
        return self.decoder.frames_of(start, stop)

    def renumbered(self, tokens: Tokens) -> Tokens:
        """Tokens of the encoder with the numbers of the kept codes."""
        assert tokens.codes is not None
        count = tokens.codes.shape[2]
        columns = [self.old_to_new[q][tokens.codes[..., q]] for q in range(count)]
        headers = tuple(replace(h, columns=self.columns[:count], model=self._model(h)) for h in tokens.headers)
        return replace(tokens, headers=headers, codes=np.stack(columns, -1).astype(np.int32))

    def renewed(self, tokens: Tokens) -> Tokens:
        """Tokens of the old model with the numbers of the kept codes, as this model's: for one vocabulary of both.

        A removed code becomes the nearest kept one, so what they decode to is exact where no such code occurs.

        Raises:
            SignalPieceError: tokens of another model, or codes were set anew, whose old vectors no new number has.
        """
        given = tokens.headers[0].model.get("hash")
        if given != self.decoder.model_hash:
            raise SignalPieceError(
                f"only tokens of the model that was mended ({self.decoder.model_hash}) can be renumbered, "
                f"these are of {given}"
            )
        if self.seats:
            raise SignalPieceError(
                f"{self.title}: codes were set anew; old tokens decode as they are, with no new numbers"
            )
        return self.renumbered(tokens)

    def original(self, tokens: Tokens) -> Tokens:
        """This model's tokens with the numbers of the whole codebook, as of what decodes them; others pass as they are.

        Raises:
            SignalPieceError: a code is outside the kept ones.
        """
        if tokens.codes is None or tokens.headers[0].model.get("hash") != self.model_hash:
            return tokens  # the decoder says whose they are
        count = tokens.codes.shape[2]
        for q, column in enumerate(self.columns[:count]):
            if tokens.codes.size and not 0 <= tokens.codes[..., q].min() <= tokens.codes[..., q].max() < column.size:
                raise SignalPieceError(f"codes of {column.name} must be between 0 and {column.size - 1}")
        codes = np.stack([self.kept[q][tokens.codes[..., q]] for q in range(count)], -1)
        own = self._decoder_of(tokens).model
        headers = tuple(
            replace(h, columns=self.decoder.columns[:count], model={**h.model, **own}) for h in tokens.headers
        )
        return replace(tokens, headers=headers, codes=codes)

    def _model(self, header: Header) -> dict[str, Any]:
        return {**header.model, **self.model}


class MendedStream:
    """A stream of the encoder whose codes are renumbered."""

    def __init__(self, tokenizer: Mended, stream: Any) -> None:
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
