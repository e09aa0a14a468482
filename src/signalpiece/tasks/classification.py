"""Classification: windows around events, splits that leave a recording out, and a logistic regression beside it.

Windows of one recording resemble each other; a split that shuffles them would measure how well a model remembers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Signal


@dataclass(frozen=True)
class Windows:
    """Pieces of a recording, or what is measured of them, and what each one is."""

    values: Float[np.ndarray, "b c t"]
    labels: Int[np.ndarray, "b"]


def event_windows(signal: Signal, labels: Mapping[str, int], *, seconds: float = 1.0) -> Windows:
    """Windows side by side from the onset of each event to its end; what does not fill a window is left.

    Args:
        signal: channels x time, with annotations.
        labels: class of each annotation text that counts.
        seconds: length of a window.

    Raises:
        SignalPieceError: no event of these texts lasts as long as a window.
    """
    rate = signal.grid.time_rate
    size, length = round(seconds * rate), signal.grid.size("time")
    starts, classes = [], []
    for event in signal.annotations:
        first = round((event.onset - signal.grid.start) * rate)
        if event.text in labels and first >= 0:
            last = min(first + round(event.duration * rate), length)
            begin = list(range(first, last - size + 1, size))
            starts += begin
            classes += [labels[event.text]] * len(begin)
    if not starts:
        raise SignalPieceError(f"no event named {', '.join(labels)} lasts {seconds:g} s; look at signalpiece info")
    at = np.asarray(starts)[:, None] + np.arange(size)
    return Windows(np.asarray(signal.values)[:, at].swapaxes(0, 1), np.asarray(classes))


def leave_one_out(groups: Sequence[int]) -> Iterator[tuple[Int[np.ndarray, "train"], Int[np.ndarray, "test"]]]:
    """For each group in order the rows of all others and its own rows.

    Raises:
        SignalPieceError: fewer than 2 groups.
    """
    of = np.asarray(groups)
    every = np.unique(of)
    if len(every) < 2:
        raise SignalPieceError(f"to leave one group out there must be 2 or more, got {len(every)}")
    for group in every:
        yield np.flatnonzero(of != group), np.flatnonzero(of == group)


def cross_entropy(log_probabilities: Float[np.ndarray, "b k"], labels: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b"]:
    """Nats that each true class costs."""
    return -log_probabilities[np.arange(len(labels)), labels]


class LogisticRegression:
    """Multinomial logistic regression on standardised features.

    Args:
        penalty: weight of half the squared coefficients beside the mean cross-entropy.
    """

    def __init__(self, *, penalty: float = 0.01) -> None:
        check_range("penalty", penalty, 0, 1e6)
        self.penalty = penalty
        self._found: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def fit(self, x: Shaped[np.ndarray, "b d"], y: Int[np.ndarray, "b"]) -> "LogisticRegression":
        """Estimates from features and classes 0, 1, ..."""
        from scipy.optimize import minimize

        mean, sd = x.mean(0), x.std(0) + 1e-12
        z = np.concatenate([(x - mean) / sd, np.ones((len(x), 1))], 1)
        target = np.eye(int(y.max()) + 1)[y]
        shape = (z.shape[1], target.shape[1])

        def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
            w = flat.reshape(shape)
            log_p = _log_softmax(z @ w)
            bare = np.concatenate([w[:-1], np.zeros((1, shape[1]))])
            slope = z.T @ (np.exp(log_p) - target) / len(z) + self.penalty * bare
            return float(-(target * log_p).sum() / len(z) + self.penalty / 2 * (bare**2).sum()), slope.ravel()

        found = minimize(cost, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        self._found = mean, sd, found.x.reshape(shape)
        return self

    def log_probabilities(self, x: Shaped[np.ndarray, "b d"]) -> Float[np.ndarray, "b k"]:
        """Natural logarithms of the classes' probabilities.

        Raises:
            SignalPieceError: it was not fitted.
        """
        if self._found is None:
            raise SignalPieceError("a classifier must be fitted before it predicts; call fit first")
        mean, sd, w = self._found
        return _log_softmax((x - mean) / sd @ w[:-1] + w[-1])

    def predict(self, x: Shaped[np.ndarray, "b d"]) -> Int[np.ndarray, "b"]:
        """The most probable class."""
        return self.log_probabilities(x).argmax(1)


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.max(1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))
