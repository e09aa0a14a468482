"""Adaptive binary coding of signed codes: how large a code will be is read off its decoded neighbours.

Where a unit holds several channels, each code is coded as its difference from what the channels before it predict. The
codes themselves are never changed: only their bytes depend on the channels beside them.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int, UInt16

from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of

if TYPE_CHECKING:
    from signalpiece.entropy.adaptive_state import State


class AdaptiveBinary:
    """Codec `adaptive-1`: for transform coefficients, signed integers that are mostly small.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all. They then share what is learnt and predict each
            other (lapped+share in benchmarks.suite), but a few channels cannot be read without the others.
        start: what to start from, as `train_start` makes it; None knows nothing of the signals.
    """

    name = "adaptive-1"
    version = 1

    def __init__(self, *, channels: int = 1, start: UInt16[np.ndarray, "s"] | None = None) -> None:
        self.channels = channels
        self.start = start

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy.adaptive_state import new_state

        codes = check_codes(codes, header, self.channels)
        return put_count(len(codes), header) + code_unit(codes, new_state(codes.shape[1], codes.shape[2], self.start))

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        from signalpiece.entropy import adaptive_kernel as kernel
        from signalpiece.entropy import range_coder
        from signalpiece.entropy.adaptive_state import new_state
        from signalpiece.entropy.channel_prediction import new_prediction

        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        codes = np.zeros((frames, c, q), np.int32)
        body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
        coder = range_coder.start_decoder(body, at)
        state = new_state(c, q, self.start)
        done = kernel.code_frames(False, codes, 0, state, new_prediction(c, state.places[0]), coder, body)
        if done < frames or not range_coder.ends_well(coder, body):
            raise damaged()
        return check_decoded(codes, header)


def untrained_start() -> UInt16[np.ndarray, "s"]:
    """A start that knows nothing, of the size of a trained one."""
    from signalpiece.entropy.adaptive_state import new_state, pack_start

    return pack_start(new_state(1, 1))


def code_unit(codes: Int[np.ndarray, "n c q"], state: "State") -> bytes:
    """Bytes of codes under a state, which learns from them."""
    from signalpiece.entropy import adaptive_kernel as kernel
    from signalpiece.entropy import range_coder
    from signalpiece.entropy.channel_prediction import new_prediction

    codes = codes.astype(np.int32, order="C", copy=True)  # the kernel writes to it
    prediction, coder = new_prediction(codes.shape[1], state.places[0]), range_coder.start_encoder()
    out = np.empty(codes.size + kernel.ROOM * (codes.shape[1] * codes.shape[2] + 2), np.uint8)
    done = kernel.code_frames(True, codes, 0, state, prediction, coder, out)
    while done < len(codes):
        out = np.concatenate([out, np.empty_like(out)])
        done = kernel.code_frames(True, codes, done, state, prediction, coder, out)
    return out[: range_coder.finish(coder, out)].tobytes()
