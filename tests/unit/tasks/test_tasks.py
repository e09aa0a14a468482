import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Signal
from signalpiece.tasks import (
    LinearForecaster,
    LogisticRegression,
    cross_entropy,
    event_windows,
    forecast_windows,
    leave_one_out,
    recall_at_1,
)


def make_recording():
    signal = Signal.of(np.arange(100.0)[None].repeat(2, 0), rate=10.0)
    events = (
        Annotation(0.5, 2.2, "go"),
        Annotation(3.0, 0.9, "go"),
        Annotation(4.0, 9.0, "rest"),
        Annotation(0, 9, "?"),
    )
    return Signal(signal.grid, signal.values, None, events)


def test_windows_lie_inside_their_event_and_the_recording():
    windows = event_windows(make_recording(), {"rest": 0, "go": 1})
    assert windows.values[:, 0, 0].tolist() == [5, 15, 40, 50, 60, 70, 80, 90]
    assert windows.labels.tolist() == [1, 1, 0, 0, 0, 0, 0, 0] and windows.values.shape == (8, 2, 10)


def test_windows_of_a_crop_keep_their_place():
    windows = event_windows(make_recording().crop(35, 100), {"rest": 0, "go": 1})
    assert windows.values[0, 0, 0] == 40 and windows.labels.tolist() == [0] * 6
    with pytest.raises(SignalPieceError, match="no event named left lasts 1 s"):
        event_windows(make_recording(), {"left": 0})


def test_every_group_is_left_out_once():
    folds = [(a.tolist(), b.tolist()) for a, b in leave_one_out([4, 4, 2, 7])]
    assert folds == [([0, 1, 3], [2]), ([2, 3], [0, 1]), ([0, 1, 2], [3])]
    with pytest.raises(SignalPieceError, match="2 or more, got 1"):
        list(leave_one_out([1, 1]))


def test_logistic_regression_tells_classes_apart():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    x = rng.normal(size=(600, 4)) + 3 * np.eye(3, 4)[y]
    readout = LogisticRegression(penalty=1e-3).fit(x[:400], y[:400])
    log_p = readout.log_probabilities(x[400:])
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1, atol=1e-9)
    assert (readout.predict(x[400:]) == y[400:]).mean() > 0.9
    assert cross_entropy(log_p, y[400:]).mean() < 0.25
    with pytest.raises(SignalPieceError, match="call fit first"):
        LogisticRegression().predict(x)


def test_strong_penalties_leave_the_shares_of_the_classes():
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.repeat([0, 1], [10, 30])
    log_p = LogisticRegression(penalty=1e6).fit(x, y).log_probabilities(x)
    np.testing.assert_allclose(np.exp(log_p), [[0.25, 0.75]] * 40, atol=1e-3)


def test_the_future_follows_the_past():
    x = np.arange(60.0).reshape(2, 30)
    windows = forecast_windows(x, past=6, future=2, hop=5)
    assert windows.past.shape == (5, 2, 6) and windows.future.shape == (5, 2, 2)
    assert windows.past[1, 1].tolist() == [35, 36, 37, 38, 39, 40] and windows.future[1, 1].tolist() == [41, 42]
    with pytest.raises(SignalPieceError, match=r"6 \+ 2 samples does not fit a recording of 7"):
        forecast_windows(x[:, :7], past=6, future=2)


def test_a_linear_forecaster_learns_each_channel_by_itself():
    t = np.arange(400) * 0.3
    windows = forecast_windows(np.stack([np.sin(t), np.sin(2.2 * t) + 5]), past=8, future=3, hop=2)
    model = LinearForecaster(ridge=1e-9).fit(windows.past[:100], windows.future[:100])
    np.testing.assert_allclose(model.predict(windows.past[100:]), windows.future[100:], atol=1e-4)
    assert np.abs(model.predict(windows.past[:, ::-1]) - windows.future[:, ::-1]).max() > 0.1
    with pytest.raises(SignalPieceError, match="call fit first"):
        LinearForecaster().predict(windows.past)


def test_the_best_match_decides_and_ties_share():
    similarity = np.array([[0.9, 0.1, 0.2], [0.5, 0.5, 0.1], [0.1, 0.2, 0.7]])
    assert recall_at_1(similarity, ["a", "b", "c"], ["a", "b", "a"]).tolist() == [1, 0.5, 0]
    with pytest.raises(SignalPieceError, match="one label per row and column, got 2 and 3"):
        recall_at_1(similarity, ["a", "b"], ["a", "b", "c"])
