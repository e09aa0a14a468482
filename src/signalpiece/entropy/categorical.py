"""Adaptive coding of codebook indices: what was frequent, and what followed the previous index, gets fewer bits."""

from typing import Any

import numpy as np
from jaxtyping import Int

from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of

CONTEXT_BITS = 14  # trees by previous code take at most this many nodes a column, else only its leading bits count
LARGEST_TREE = 1 << 20  # larger codebooks are coded like open columns
START = (24576, 19661)  # weights of the chances without and with context, 16 bits behind the point


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

    layout, size, mixers = np.zeros((len(header.columns), 5), np.int64), 0, 0
    for k, column in enumerate(header.columns):
        bits = max(column.size - 1, 0).bit_length()
        bits = bits if 0 < column.size <= LARGEST_TREE or bits == 0 and column.size else -1
        tree = 1 << bits if bits >= 0 else kernel.OPEN
        shift = bits - max(min(bits, CONTEXT_BITS - bits), 0) if bits >= 0 else 0
        layout[k] = bits, size, size + tree, shift, mixers
        size += tree * (1 + (kernel.CLASSES if bits < 0 else 1 << (bits - shift)))
        mixers += kernel.SETS * max(bits, 1)
    weights = np.tile(np.array([START], np.int64), (mixers, 1))
    before = np.zeros(shape[1:], np.int64)
    return kernel.Trees(layout, np.full(size, 1 << 15, np.uint16), np.zeros(size, np.uint8), weights, before)
