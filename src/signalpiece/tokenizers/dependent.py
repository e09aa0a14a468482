"""Drives a stateful quantizer over a stream: one memory per channel, all begun anew with each segment."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int


class DependentStream:
    """Codes of frames as they come.

    Args:
        quantizer: stateful (`start`, `step`).
        channels: of the stream.
        segment: frames after which the memory is begun anew, so that segments depend on nothing before them.
    """

    def __init__(self, quantizer: Any, channels: int, segment: int) -> None:
        self.quantizer, self.segment = quantizer, segment
        self._memories: list[Any] = [None] * channels
        self._done = 0

    def push(self, y: Float[np.ndarray, "c n d"]) -> Int[np.ndarray, "n c d"]:
        """Codes of coefficients in units of the step."""
        out = np.empty((y.shape[1], y.shape[0], y.shape[2]), np.int32)
        at = 0
        while at < y.shape[1]:
            into = self._done % self.segment
            stop = min(y.shape[1], at + self.segment - into)
            for c, frames in enumerate(y):
                memory = self._memories[c] if into else self.quantizer.start(y.shape[2])
                out[at:stop, c], self._memories[c] = self.quantizer.step(frames[at:stop], memory)
            self._done += stop - at
            at = stop
        return out
