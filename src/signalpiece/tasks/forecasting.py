"""Forecasting: windows of past and future, and the linear forecaster that every other one has to beat.

Paper: "Are Transformers Effective for Time Series Forecasting?" (2023) for the linear forecaster, which sees its window
less the last value.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError, check_range


@dataclass(frozen=True)
class ForecastWindows:
    """What is seen and what comes next."""

    past: Float[np.ndarray, "b c p"]
    future: Float[np.ndarray, "b c s"]


def forecast_windows(
    x: Float[np.ndarray, "c t"], *, past: int = 96, future: int = 24, hop: int = 24
) -> ForecastWindows:
    """Windows of one recording.

    Args:
        x: the recording.
        past: samples that are seen.
        future: samples to forecast.
        hop: samples from window to window.

    Raises:
        SignalPieceError: the recording is shorter than one window.
    """
    if x.shape[1] < past + future:
        raise SignalPieceError(f"a window of {past} + {future} samples does not fit a recording of {x.shape[1]}")
    windows = np.lib.stride_tricks.sliding_window_view(x, past + future, axis=1)[:, ::hop].swapaxes(0, 1)
    return ForecastWindows(np.array(windows[..., :past]), np.array(windows[..., past:]))


class LinearForecaster:
    """Least squares from a channel's window to its future, for each channel by itself.

    Args:
        ridge: weight of the squared coefficients, in parts of the mean energy of a sample of the windows.
    """

    def __init__(self, *, ridge: float = 1e-3) -> None:
        check_range("ridge", ridge, 0, 1e6)
        self.ridge = ridge
        self.weights: Float[np.ndarray, "c p s"] | None = None

    def fit(self, past: Float[np.ndarray, "b c p"], future: Float[np.ndarray, "b c s"]) -> "LinearForecaster":
        """Estimates the coefficients."""
        last = past[..., -1:]
        x, y = (past - last).astype(float).swapaxes(0, 1), (future - last).astype(float).swapaxes(0, 1)
        gram = x.swapaxes(1, 2) @ x
        size = gram.shape[1]
        penalty = self.ridge * np.trace(gram, axis1=1, axis2=2)[:, None, None] / size + 1e-30
        self.weights = np.linalg.solve(gram + penalty * np.eye(size), x.swapaxes(1, 2) @ y)
        return self

    def predict(self, past: Float[np.ndarray, "b c p"]) -> Float[np.ndarray, "b c s"]:
        """The futures of windows.

        Raises:
            SignalPieceError: it was not fitted.
        """
        if self.weights is None:
            raise SignalPieceError("a forecaster must be fitted before it predicts; call fit first")
        last = past[..., -1:]
        return last + np.einsum("bcp,cps->bcs", past - last, self.weights)
