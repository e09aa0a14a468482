"""Range coding with static tables: one shape and level per channel of a unit; a column has its share of the level."""

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header
from signalpiece.entropy.laplace_tables import CLASSES, SHAPES, SYMBOLS, bit_lengths, eighths, laplace_tables
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of


class StaticTables:
    """Codec `static-1`: for transform coefficients, fast. Shape and level, which take two bytes a channel, are those of
    the fewest bits.

    Args:
        scales: how wide each column spreads in relation to the others (any unit); None: all alike.
        channels: how many channels one unit holds: 1, or 0 for all.
    """

    name = "static-1"
    version = 1

    def __init__(self, *, scales: Float[np.ndarray, "k"] | None = None, channels: int = 1) -> None:
        if scales is not None and not (np.isfinite(scales) & (scales > 0)).all():
            raise SignalPieceError("scales of static tables must be above 0 and finite")
        self.channels = channels
        self._offsets = None if scales is None or not len(scales) else eighths(scales) - eighths(scales).max()

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy import range_coder, static_kernel

        codes = check_codes(codes, header, self.channels)
        offsets = self._columns(codes.shape[2])
        levels = np.array([_best_level(codes[:, c], offsets) for c in range(codes.shape[1])], np.uint8).reshape(-1, 2)
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

        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
        levels = body[at : at + 2 * c]
        if len(levels) < 2 * c or (levels[::2] >= SHAPES).any():
            raise damaged()
        codes = np.zeros((frames, c, q), np.int32)
        state, tables = range_coder.start_decoder(body, at + 2 * c), laplace_tables()
        classes = _classes(levels.reshape(c, 2), self._columns(q))
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
    """Table of each channel and column, for shapes and levels "c 2"."""
    wide = levels.astype(np.int64)
    return np.clip(wide[:, 1:] + offsets[None], 0, CLASSES - 1) + CLASSES * wide[:, :1]


def _best_level(codes: np.ndarray, offsets: np.ndarray) -> tuple[int, int]:
    """Shape and level of the fewest bits for codes "n q"."""
    from signalpiece.entropy.static_kernel import best_level, count_symbols

    counts = np.zeros((codes.shape[1], SYMBOLS), np.int64)
    count_symbols(codes, counts)
    return best_level(counts, offsets, bit_lengths().reshape(SHAPES, CLASSES, SYMBOLS))
