"""Range coding with static tables: each column a Laplace table, each channel of a unit one level for all columns."""

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of


class StaticTables:
    """Codec `static-1`: for transform coefficients, fast; the level that takes the fewest bits is one byte a channel.

    Args:
        scales: how wide each column spreads in relation to the others (any unit); None: all alike.
        channels: how many channels one unit holds: 1, or 0 for all.
    """

    name = "static-1"
    version = 1

    def __init__(self, *, scales: Float[np.ndarray, "k"] | None = None, channels: int = 1) -> None:
        from signalpiece.entropy.laplace_tables import eighths

        if scales is not None and not (np.isfinite(scales) & (np.asarray(scales) > 0)).all():
            raise SignalPieceError("scales of static tables must be above 0 and finite")
        self.channels = channels
        self._offsets = None if scales is None else eighths(np.asarray(scales))

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy import range_coder, static_kernel
        from signalpiece.entropy.laplace_tables import laplace_tables

        codes = check_codes(codes, header, self.channels)
        offsets = self._columns(codes.shape[2])
        levels = np.array([_best_level(codes[:, c], offsets) for c in range(codes.shape[1])], np.uint8)
        state, tables = range_coder.start_encoder(), laplace_tables()
        classes, done = _classes(levels, offsets), 0
        out = np.empty(codes.size + static_kernel.ROOM * (codes.shape[1] * codes.shape[2] + 8), np.uint8)
        while True:
            done = static_kernel.encode_frames(codes, done, classes, tables.ends, state, out)
            if done == len(codes):
                break
            out = np.concatenate([out, np.empty_like(out)])
        body = out[: range_coder.finish(state, out)].tobytes()
        return put_count(len(codes), header) + levels.tobytes() + body

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        from signalpiece.entropy import range_coder, static_kernel
        from signalpiece.entropy.laplace_tables import laplace_tables

        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
        if len(body) < at + c:
            raise damaged()
        codes = np.zeros((frames, c, q), np.int32)
        state, tables = range_coder.start_decoder(body, at + c), laplace_tables()
        classes = _classes(body[at : at + c], self._columns(q))
        done = static_kernel.decode_frames(codes, classes, tables.ends, tables.hints, state, body)
        if done < frames or not range_coder.ends_well(state, body):
            raise damaged()
        return check_decoded(codes, header)

    def _columns(self, q: int) -> np.ndarray:
        if self._offsets is None:
            return np.zeros(q, np.int64)
        if len(self._offsets) != q:
            raise SignalPieceError(f"these static tables are for {len(self._offsets)} columns, the tokens have {q}")
        return self._offsets


def _classes(levels: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    from signalpiece.entropy.laplace_tables import CLASSES

    centre = int(np.max(offsets, initial=0))
    return np.clip(levels[:, None].astype(np.int64) + offsets[None] - centre, 0, CLASSES - 1)


def _best_level(codes: np.ndarray, offsets: np.ndarray) -> int:
    """The level of the fewest bits for codes "n q"; the widest column's table is the level itself."""
    from signalpiece.entropy.laplace_tables import CLASSES, SYMBOLS, bit_lengths
    from signalpiece.entropy.static_kernel import count_symbols

    counts = np.zeros((codes.shape[1], SYMBOLS), np.int64)
    count_symbols(codes, counts)
    cost = counts @ bit_lengths().T  # column, class
    levels = _classes(np.arange(CLASSES), offsets)
    return int(cost[np.arange(codes.shape[1]), levels].sum(1).argmin())
