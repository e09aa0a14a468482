"""Adaptive binary coding of signed codes: how large a code will be is read off its decoded neighbours.

Where a unit holds several channels, each code is coded as its difference from what the channels before it predict. The
codes themselves are never changed: only their bytes depend on the channels beside them.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int, Shaped

from signalpiece.core.tokens import Header
from signalpiece.entropy.units import check_codes, check_decoded, damaged, get_count, put_count, width_of

if TYPE_CHECKING:
    from signalpiece.entropy.adaptive_state import State


SETTINGS = {1: (0.998, 0.99, 0.03), 2: (0.998, 0.995, 0.12)}  # of the prediction, by grids


class AdaptiveBinary:
    """Codec `adaptive-1`: for transform coefficients, signed integers that are mostly small.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all. They then share what is learnt and predict each
            other (lapped+share in benchmarks.suite), but a few channels cannot be read without the others.
        start: what to start from, as `train_start` makes it; None knows nothing of the signals.
    """

    name = "adaptive-1"
    version = 1
    grids = 1
    fixed = False

    def __init__(self, *, channels: int = 1, start: Shaped[np.ndarray, "s"] | None = None) -> None:
        self.channels = channels
        self.start = start

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        from signalpiece.entropy.adaptive_state import new_state

        codes = check_codes(codes, header, self.channels)
        state = new_state(codes.shape[1], codes.shape[2], self.start, grids=self.grids)
        state.fixed[:] = self.fixed
        return put_count(len(codes), header) + code_unit(codes, state)

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
        state = new_state(c, q, self.start, grids=self.grids)
        state.fixed[:] = self.fixed
        if self.grids == 2 and range_coder.decode_raw(coder, body, 1):
            state.path[:] = -1
        prediction = new_prediction(c, state.places[0], SETTINGS[self.grids])
        done = kernel.code_frames(False, codes, 0, state, prediction, coder, body)
        if done < frames or not range_coder.ends_well(coder, body):
            raise damaged()
        return check_decoded(codes, header)


class TrellisBinary(AdaptiveBinary):
    """Codec `trellis-1`: as `adaptive-1`, for codes of `quantizers.Trellis`, told apart by the grid that each is on.

    Other codes (a user may have changed some) are coded as plain integers. Its start is compressed bytes.
    """

    name = "trellis-1"
    grids = 2


class CellTables(TrellisBinary):
    """Codec `cells-1`: codes of the trellis under a table by the expected size, which never changes: no mixing.

    Without a start the table is a Laplace law.
    """

    name = "cells-1"
    fixed = True


def untrained_start(grids: int = 1) -> Shaped[np.ndarray, "s"]:
    """A start that knows nothing, of the size of a trained one."""
    from signalpiece.entropy.adaptive_state import new_state, pack_start

    return pack_start(new_state(1, 1, grids=grids))


def code_unit(codes: Int[np.ndarray, "n c q"], state: "State") -> bytes:
    """Bytes of codes under a state, which learns from them."""
    from signalpiece.entropy import adaptive_kernel as kernel
    from signalpiece.entropy import range_coder
    from signalpiece.entropy.channel_prediction import new_prediction

    codes = codes.astype(np.int32, order="C", copy=True)  # the kernel writes to it
    if state.grids[0] == 2 and state.path[0] >= 0 and not kernel.on_path(codes):
        state.path[:] = -1
    prediction = new_prediction(codes.shape[1], state.places[0], SETTINGS[int(state.grids[0])])
    coder = range_coder.start_encoder()
    out = np.empty(codes.size + kernel.ROOM * (codes.shape[1] * codes.shape[2] + 2), np.uint8)
    if state.grids[0] == 2:
        range_coder.encode_raw(coder, out, int(state.path[0] < 0), 1)
    done = kernel.code_frames(True, codes, 0, state, prediction, coder, out)
    while done < len(codes):
        out = np.concatenate([out, np.empty_like(out)])
        done = kernel.code_frames(True, codes, done, state, prediction, coder, out)
    return out[: range_coder.finish(coder, out)].tobytes()
