"""Adaptive binary coding of signed codes: how large a code will be is read off its decoded neighbours."""

from typing import Any

import numpy as np
from jaxtyping import Int, UInt16

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of


class AdaptiveBinary:
    """Codec `adaptive-1`: for transform coefficients, signed integers that are mostly small.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all (they then share what is learnt).
        start: counters to start from, as `train_start` makes them; None starts from scratch.
    """

    name = "adaptive-1"
    version = 1

    def __init__(self, *, channels: int = 1, start: UInt16[np.ndarray, "..."] | None = None) -> None:
        self.channels = channels
        self.start = start

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy import adaptive_kernel as kernel
        from signalpiece.entropy import range_coder

        codes = check_codes(codes, header, self.channels)
        model, state = self._model(codes.shape), range_coder.start_encoder()
        out = np.empty(2 * codes.size + kernel.ROOM * (codes.shape[1] * codes.shape[2] + 2), np.uint8)
        done = 0
        while True:
            done = kernel.code_frames(True, codes, done, *model, state, out)
            if done == len(codes):
                break
            out = np.concatenate([out, np.empty_like(out)])
        return put_count(len(codes), header) + out[: range_coder.finish(state, out)].tobytes()

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        from signalpiece.entropy import adaptive_kernel as kernel
        from signalpiece.entropy import range_coder

        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        codes = np.zeros((frames, c, q), np.int32)
        body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
        state = range_coder.start_decoder(body, at)
        done = kernel.code_frames(False, codes, 0, *self._model(codes.shape), state, body)
        if done < frames or not range_coder.ends_well(state, body):
            raise damaged()
        return check_decoded(codes, header)

    def _model(self, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
        from signalpiece.entropy import adaptive_kernel as kernel

        size = (2, (kernel.GROUPS + 8) * kernel.CELLS, kernel.NODES)
        if self.start is not None and self.start.size != np.prod(size):
            raise SignalPieceError(f"start must hold {np.prod(size)} counters, got {self.start.size}")
        tables = np.full(size, 1 << 15, np.uint16) if self.start is None else self.start.reshape(size).copy()
        return tables, np.zeros(shape[1:], np.int64), np.zeros((2, *shape[1:]), np.int64)
