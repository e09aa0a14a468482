"""Learning rate by step: linear warm-up, then half a cosine down to a tenth.

Paper: "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), without restarts.
"""

import math


def warm_cosine(step: int, steps: int, *, warmup: int = 100, floor: float = 0.1) -> float:
    """Factor of the peak learning rate at `step` of `steps`.

    Args:
        step: counted from 0.
        steps: of the whole run.
        warmup: steps of the rise, at most a tenth of the run.
        floor: factor at the end.
    """
    warmup = min(warmup, steps // 10)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(steps - warmup, 1)
    return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2
