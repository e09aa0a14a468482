"""What tokens are for: readouts with `fit` and `predict`, and the windows, labels and splits that judge them."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "LinearForecaster": "forecasting",
    "LogisticRegression": "classification",
    "cross_entropy": "classification",
    "event_windows": "classification",
    "forecast_windows": "forecasting",
    "leave_one_out": "classification",
    "recall_at_1": "retrieval",
    "spoken_digits": "digits",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
