"""Adaptive coding of codebook indices: what was frequent, and what followed the previous index, gets fewer bits."""

from typing import Any

import numpy as np
from jaxtyping import Int

from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of

CONTEXT_BITS = 14  # trees by previous code take at most this many nodes a column, else only its leading bits count


class Categorical:
    """Codec `categorical-1`: for closed codebooks (learned tokenizers, side information); open columns work too.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all (they then share what is learnt).
    """

    name = "categorical-1"
    version = 1

    def __init__(self, *, channels: int = 1) -> None:
        self.channels = channels

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy import categorical_kernel as kernel
        from signalpiece.entropy import range_coder

        codes = check_codes(codes, header, self.channels)
        model, state = _model(header, codes.shape), range_coder.start_encoder()
        out = np.empty(2 * codes.size + kernel.ROOM * (codes.shape[1] * codes.shape[2] + 2), np.uint8)
        done = 0
        while True:
            done = kernel.code_frames(True, codes, done, model, state, out)
            if done == len(codes):
                break
            out = np.concatenate([out, np.empty_like(out)])
        return put_count(len(codes), header) + out[: range_coder.finish(state, out)].tobytes()

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        from signalpiece.entropy import categorical_kernel as kernel
        from signalpiece.entropy import range_coder

        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        codes = np.zeros((frames, c, q), np.int32)
        body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
        state = range_coder.start_decoder(body, at)
        done = kernel.code_frames(False, codes, 0, _model(header, codes.shape), state, body)
        if done < frames or not range_coder.ends_well(state, body):
            raise damaged()
        return check_decoded(codes, header)


def _model(header: Header, shape: tuple[int, ...]) -> Any:
    from signalpiece.entropy import categorical_kernel as kernel

    layout, size = np.zeros((len(header.columns), 4), np.int64), 0
    for k, column in enumerate(header.columns):
        bits = max(column.size - 1, 0).bit_length() if column.size else -1
        shift = bits - max(min(bits, CONTEXT_BITS - bits), 0)
        layout[k] = bits, size, size + (1 << max(bits, 0)), max(shift, 0)
        size += (1 << bits) + (1 << (2 * bits - shift)) if bits >= 0 else 2 * kernel.ESCAPE
    before = np.zeros(shape[1:], np.int64)
    return kernel.Trees(layout, np.full(size, 1 << 15, np.uint16), np.zeros(size, np.uint8), before)
