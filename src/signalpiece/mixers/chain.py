"""Causal modules one after the other, with one state for all of them."""

from typing import Any

from torch import Tensor, nn


class Chain(nn.Sequential):
    """Like nn.Sequential; modules without a state (activations) are called as they are."""

    def start(self, batch: int) -> list[Any]:
        """One state per module, None where it has none."""
        return [m.start(batch) if hasattr(m, "start") else None for m in self]  # pyright: ignore[reportCallIssue]

    def step(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """The next samples through all modules."""
        states = []
        for module, old in zip(self, state, strict=True):
            if old is None:
                x = module(x)
            else:
                x, old = module.step(x, old)  # pyright: ignore[reportCallIssue]
            states.append(old)
        return x, states
