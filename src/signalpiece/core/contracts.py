"""Every room's interface on one page: one or two methods and one law each.

Structural types; nothing inherits from them. Everything can be built from keyword arguments that all have defaults.
The laws stand in tests/contracts and run over every room's `__all__`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int, Shaped

from signalpiece.core.signal import Annotation, Array, Grid, Signal
from signalpiece.core.tokens import Header, Tokens
from signalpiece.core.types import Losses, Quantized, Slots


@dataclass(frozen=True)
class Stored:
    """A file's own integers: physical value = integer * scale + offset, in the grid's units, per channel.

    Decoded from a grid of an even step they may be halves, and the floats themselves where a file holds floats.
    """

    values: Shaped[Array, "c t"]
    scale: Float[Array, "c"]
    offset: Float[Array, "c"]


@runtime_checkable
class Recording(Protocol):
    """An opened file, read lazily. Times are seconds from the first sample; gaps count as time.

    Law: `read(a, b)` equals `read()` cropped; `blocks` joined equal `read()`.
    """

    grid: Grid
    annotations: tuple[Annotation, ...]
    gaps: tuple[tuple[float, float], ...]
    warnings: tuple[str, ...]

    def read(self, start: float = 0.0, stop: float | None = None) -> Signal: ...
    def blocks(self, seconds: float) -> Iterator[Signal]: ...
    def stored(self, start: int = 0, stop: int | None = None) -> Stored: ...


@runtime_checkable
class Layout(Protocol):
    """Signal <-> slots. Law: join(cut(s)) equals s where `loss` is empty.

    `arrays` says what it runs on; `loss` is one sentence on what join cannot bring back, or that there is no join:
    then `join` raises it as a SignalPieceError.
    """

    dim: int
    arrays: tuple[str, ...]
    loss: str

    def cut(self, signal: Signal) -> Slots: ...
    def join(self, slots: Slots) -> Signal: ...


@runtime_checkable
class Quantizer(Protocol):
    """Embeddings -> codes. Law: in eval, decode(q(z).codes) equals q(z).embeddings bit for bit."""

    codebook_sizes: tuple[int, ...]  # 0 = open signed integers

    def __call__(self, z: Float[Array, "b n d"]) -> Quantized: ...
    def decode(self, codes: Int[Array, "b n q"]) -> Float[Array, "b n d"]: ...


@runtime_checkable
class StatefulModule(Protocol):
    """A causal module. Law: steps over any chunking equal the whole."""

    def __call__(self, x: Any) -> Any: ...
    def start(self, batch: int) -> Any: ...
    def step(self, x: Any, state: Any) -> tuple[Any, Any]: ...


@runtime_checkable
class Codec(Protocol):
    """Codes <-> bytes for one unit of access: frames x channels x columns.

    Law: decode(encode(codes, header), header) equals codes; the bytes depend on nothing else.
    `channels` is how many channels one unit holds, 0 for all of them. A unit of several has the header of these alone.
    """

    name: str
    version: int
    channels: int

    def encode(self, codes: Int[Array, "n c q"], header: Header) -> bytes: ...
    def decode(self, data: bytes, header: Header) -> Int[Array, "n c q"]: ...


@runtime_checkable
class EntropyModel(Protocol):
    """Probabilities as integers. Law: encoder and decoder see the same tables on every machine."""

    def start(self, segment: int) -> Any: ...
    def table(self, state: Any, column: int) -> Int[Array, "k"]: ...
    def update(self, state: Any, codes: Int[Array, "q"]) -> None: ...


@runtime_checkable
class Stream(Protocol):
    """An encoder in progress: blocks of a signal in, finished frames out. Law: any chunking gives the same codes."""

    def push(self, signal: Signal) -> Tokens: ...
    def close(self) -> Tokens: ...


@runtime_checkable
class Tokenizer(Protocol):
    """Signal <-> tokens. Law: decode needs nothing of the input."""

    rate: float
    latency_seconds: float
    truncates: str | None

    def encode(self, signal: Signal | Sequence[Signal]) -> Tokens: ...
    def decode(self, tokens: Tokens) -> Signal: ...
    def stream(self, grid: Grid) -> Stream: ...


@runtime_checkable
class Trainable(Protocol):
    """A model that `fit` trains by gradient."""

    def loss(self, batch: Any) -> Losses: ...


@runtime_checkable
class Estimable(Protocol):
    """A classical coder that `fit` estimates in one pass."""

    def estimate(self, signals: Sequence[Signal]) -> Any: ...


@runtime_checkable
class Prior(Protocol):
    """A model of tokens: scores, draws and drives the range coder."""

    def loss(self, tokens: Tokens) -> Losses: ...
    def probabilities(self, context: Any) -> Any: ...
    def sample(self, n: int, generator: Any) -> Tokens: ...


@runtime_checkable
class Reducer(Protocol):
    """n tokens -> at most `keep`, the `protect` first ones, never reduced, included: an Assignment, or Reduced.

    Law: keep = n is the identity; rows average to 1; invalid rows reduce to 0.
    """

    selects_only: bool
    needs: tuple[str, ...]
    exact_count: bool
    keeps_positions: bool

    def __call__(
        self, x: Any, keep: int, *, sizes: Any = None, guide: Any = None, protect: int = 1, valid: Any = None
    ) -> Any: ...
