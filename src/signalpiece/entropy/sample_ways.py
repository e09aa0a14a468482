"""What each channel of a chunk is before any prediction: constant, better left to a compressor, or sparse in values.

A channel that uses few of the values in its span (zero low bits, a digital gain) is coded by the ranks of its values;
the table of values is sent. Constant and held channels (triggers, status) leave the prediction altogether.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from signalpiece.entropy.squeeze import squeeze, unsqueeze
from signalpiece.entropy.units import damaged, get_varint, put_varint

MODEL, CONSTANT, ASIDE, RANKS = range(4)
_SPARSE = 1.15  # values in the span per value that occurs
_WORTH_BITS = 0.4  # per sample, what a table must save
_SELDOM = 20  # samples per change
_LONGEST = 1 << 20  # values of a table that is no list
_LIMIT = 1 << 26


@dataclass
class Ways:
    """How the channels of a chunk are coded.

    Attributes:
        kinds: one of the four per channel.
        constants: values of the constant channels.
        tables: values in order of size, of the channels coded by ranks.
    """

    kinds: Int[np.ndarray, "c"]
    constants: list[int] = field(default_factory=list)
    tables: list[np.ndarray] = field(default_factory=list)

    def channels(self, *kinds: int) -> Int[np.ndarray, "k"]:
        """Which channels are of these kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))


def plain_ways(x: Int[np.ndarray, "t c"]) -> Ways:
    """Constant channels, all others predicted."""
    constant = (x == x[:1]).all(0)
    return Ways(np.where(constant, CONSTANT, MODEL), [int(v) for v in x[0, constant]])


def ranks_of(column: Int[np.ndarray, "t"]) -> Int[np.ndarray, "u"] | None:
    """The table of values of a channel whose ranks might be cheaper, or None."""
    least, span = int(column.min()), int(column.max()) - int(column.min()) + 1
    if span <= 4 * len(column):  # mostly dense: counting is quicker than sorting
        values = np.flatnonzero(np.bincount(column.astype(np.int64) - least)) + least
    else:
        values = np.unique(column).astype(np.int64)
    if len(values) < 2 or span <= _SPARSE * len(values):
        return None
    divisor = int(np.gcd.reduce(np.diff(values)))
    regular = np.arange(least, int(values[-1]) + 1, divisor) if span < divisor * _LONGEST else values
    if divisor > 1:
        values = regular  # whole multiples: the table says next to nothing
    core = values[len(values) // 10 : 9 * len(values) // 10 + 1]
    saved = np.log2(max((core[-1] - core[0] + 1) / len(core), 1.0))  # bits per sample
    cost = 0 if values is regular else len(values) * (1 + np.log2(span / len(values)))
    return values if saved > _WORTH_BITS and saved * len(column) > cost else None


def is_held(column: Int[np.ndarray, "t"]) -> bool:
    """Whether a channel seldom changes, as triggers and status bits do."""
    return bool(_SELDOM * np.count_nonzero(column[1:] != column[:-1]) < len(column))


def put_tables(tables: list[np.ndarray]) -> bytes:
    """Tables of values: their lengths, then all differences together."""
    if not tables:
        return b""
    steps = np.concatenate([np.diff(t.astype(np.int64), prepend=0) for t in tables])
    body = squeeze(steps.astype(np.uint32).view(np.int32)[:, None])
    return b"".join(put_varint(len(t)) for t in tables) + put_varint(len(body)) + body


def put_ways(ways: Ways) -> bytes:
    """The ways in bytes: 0 if all channels are predicted as they are."""
    if not ways.kinds.any():
        return b"\0"
    padded = np.concatenate([ways.kinds, np.zeros(-len(ways.kinds) % 4, np.int64)]).reshape(-1, 4)
    packed = (padded << np.array([0, 2, 4, 6])).sum(1).astype(np.int32)
    body = squeeze(packed[:, None])
    zigzag = [2 * v if v >= 0 else -2 * v - 1 for v in ways.constants]
    return b"\1" + put_varint(len(body)) + body + b"".join(map(put_varint, zigzag)) + put_tables(ways.tables)


def get_ways(data: bytes, at: int, channels: int) -> tuple[Ways, int]:
    """The inverse of `put_ways`, and the place behind.

    Raises:
        SignalPieceError: the bytes are damaged.
    """
    if data[at : at + 1] == b"\0":
        return Ways(np.zeros(channels, np.int64)), at + 1
    if data[at : at + 1] != b"\1":
        raise damaged()
    body, at = _piece(data, at + 1)
    packed = unsqueeze(body, -(-channels // 4), 1)[:, 0]
    kinds = ((packed[:, None] >> np.array([0, 2, 4, 6])) & 3).ravel()[:channels].astype(np.int64)
    ways = Ways(kinds)
    for _ in ways.channels(CONSTANT):
        zigzag, at = get_varint(data, at)
        ways.constants.append(zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2)
    lengths = []
    for _ in ways.channels(RANKS):
        length, at = get_varint(data, at)
        lengths.append(length)
    if lengths:
        if sum(lengths) > _LIMIT or not all(lengths):
            raise damaged()
        body, at = _piece(data, at)
        steps = unsqueeze(body, sum(lengths), 1)[:, 0].view(np.uint32).astype(np.int64)
        for piece in np.split(steps, np.cumsum(lengths)[:-1]):
            piece[0] = piece[0] - (1 << 32) if piece[0] >= 1 << 31 else piece[0]
            ways.tables.append(np.cumsum(piece))
    return ways, at


def _piece(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = get_varint(data, at)
    if at + length > len(data):
        raise damaged()
    return data[at : at + length], at + length
