"""iTransformer: a whole channel is one token, so that attention runs over channels; a linear head forecasts each one.

Kept: normalisation of every window and channel, one linear embedding of the whole window without positions, attention
over channels, a shared feed-forward on the series, linear head, way back through the normalisation, squared error.
Left out: norms after the residual sums (here before them, as in the other trunks), dropout, horizons beyond 24.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.signal import Signal
from signalpiece.core.types import Paper
from signalpiece.metrics.protocol import RATE, resample
from signalpiece.mixers.attention import Block
from signalpiece.mixers.trunk import Trunk
from signalpiece.positions.sinusoidal import Sinusoidal
from signalpiece.signals.files import read
from signalpiece.tasks.forecasting import ForecastWindows, LinearForecaster, forecast_windows

PAPER = Paper(209, "iTransformer: Inverted Transformers Are Effective for Time Series Forecasting", 2023)
BASE = {"past": 96, "future": 96, "dim": 512, "depth": 3, "heads": 8}
EXPECT = {
    "saved_over_time_points": (0.05, 1.0),
    "saved_over_linear": (0.0, 1.0),
    "equivariance_margin": (0.0, 1e-5),
}
RUNS = ("03", "04", "06", "07", "08", "10")
LEARNING_RATES = (1e-3, 4e-3)
EPS = 1e-5  # added to a window's variance, in units of the channel's own


class _Forecaster(nn.Module):
    """What surrounds both networks: each window and channel less its mean and over its SD, and the way back."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, past: Float[Tensor, "b c p"]) -> Float[Tensor, "b c s"]:
        mean = past.mean(-1, keepdim=True)
        sd = (past.var(-1, keepdim=True, correction=0) + EPS).sqrt()
        return self.net((past - mean) / sd) * sd + mean


class _Variates(nn.Module):
    def __init__(self, trunk: Trunk, *, past: int, future: int, dim: int) -> None:
        super().__init__()
        self.embed, self.trunk, self.head = nn.Linear(past, dim), trunk, nn.Linear(dim, future)

    def forward(self, x: Float[Tensor, "b c p"]) -> Float[Tensor, "b c s"]:
        return self.head(self.trunk(self.embed(x)).values)


class _TimePoints(nn.Module):
    """The rival: one token per time point, empty ones for the future, sinusoidal positions."""

    def __init__(self, trunk: Trunk, *, channels: int, future: int, dim: int) -> None:
        super().__init__()
        self.embed, self.trunk, self.head = nn.Linear(channels, dim), trunk, nn.Linear(dim, channels)
        self.future = future

    def forward(self, x: Float[Tensor, "b c p"]) -> Float[Tensor, "b c s"]:
        points = functional.pad(x, (0, self.future)).mT
        coords = torch.arange(points.shape[1], device=x.device)[None, :, None].expand(len(x), -1, 1)
        return self.head(self.trunk(self.embed(points), coords=coords).values).mT[..., -self.future :]


def build(*, past: int = 96, future: int = 24, dim: int = 64, depth: int = 2, heads: int = 4) -> nn.Module:
    """An untrained forecaster, called with windows "b c p" of any number of channels.

    Args:
        past: samples that it sees.
        future: samples that it forecasts.
        dim: width.
        depth: blocks.
        heads: of each block.
    """
    trunk = Trunk(dim, mixer=lambda d: Block(d, heads=heads), depth=depth)
    return _Forecaster(_Variates(trunk, past=past, future=future, dim=dim))


def demo(seed: int = 0) -> dict[str, float]:
    """A second of training on one sample recording, measured on another one of the same person, 8 channels.

    Returns:
        share of the squared error of holding the last value that is gone; largest change of a forecast, put back in
        place, when the channels are permuted.
    """
    samples = files("signalpiece.samples")
    train, held = (read(str(samples / f"S001R{run}.edf")).pick(range(0, 64, 8)) for run in ("02", "01"))
    scale = _scale([_view(train)])
    past, test = (forecast_windows(_view(s) / scale, hop=12) for s in (train, held))
    torch.manual_seed(seed)
    model = _trained(build(dim=32, depth=1), [past], seed, steps=60)
    error = _mse(_predict(model, test.past), test)
    return {
        "saved_over_holding": 1 - error / _mse(np.repeat(test.past[..., -1:], 24, -1), test),
        "equivariance_error": _equivariance_error(model, test.past[:4], seed),
    }


def check(seed: int, data: Path) -> dict[str, float]:
    """Forecasts of 32 EEG channels, .24 s ahead from .96 s, on a run that training has not seen; within one subject.

    The seed also chooses the run. Channels in units of their SD in training, filtered causally (.5 to 45 Hz), 100 Hz.
    Both networks train on four of the other five runs, at each of two learning rates, and keep the one that is better
    on the fifth; the linear forecasters train on all five.

    Returns:
        shares of the squared error saved over a transformer of time points with as many parameters (within 4 %) and
        steps, and over the better of two linear forecasters (one for each channel; one for all); what is left of 1e-5
        when channels are permuted; the errors themselves and the learning rates.
    """
    folder = data / "eeg_motor_imagery_physionet"
    views = [_view(read(folder / f"S001R{run}.edf").pick(range(0, 64, 2))) for run in RUNS]
    out, near = (views.pop(seed % len(views)) for _ in range(2))  # the unseen run, the one that chooses
    scale = _scale([*views, near])
    train = [forecast_windows(v / scale, hop=4) for v in views]
    choose, test = (forecast_windows(v / scale, hop=24) for v in (near, out))
    made = [_chosen(make, train, choose, seed) for make in (build, _rival)]
    errors = [_mse(_predict(model, test.past), test) for model, _ in made]
    linear = _linear_errors([*train, forecast_windows(near / scale, hop=4)], test)
    sizes = [sum(p.numel() for p in model.parameters()) for model, _ in made]
    return {
        "saved_over_time_points": 1 - errors[0] / errors[1],
        "saved_over_linear": 1 - errors[0] / min(linear),
        "equivariance_margin": 1e-5 - _equivariance_error(made[0][0], test.past[:16], seed),
        "mse": errors[0],
        "time_points_mse": errors[1],
        "linear_mse": linear[0],
        "shared_linear_mse": linear[1],
        "holding_mse": _mse(np.repeat(test.past[..., -1:], test.future.shape[2], -1), test),
        "learning_rate": made[0][1],
        "time_points_learning_rate": made[1][1],
        "time_points_parameters": sizes[1] / sizes[0],
    }


def _rival() -> nn.Module:
    trunk = Trunk(64, mixer=lambda d: Block(d, heads=4), depth=2, positions=Sinusoidal(64))
    return _Forecaster(_TimePoints(trunk, channels=32, future=24, dim=64))


def _chosen(
    make: Callable[[], nn.Module], train: list[ForecastWindows], choose: ForecastWindows, seed: int
) -> tuple[nn.Module, float]:
    """The network at the learning rate that is better on `choose`, and that rate."""
    found = {}
    for rate in LEARNING_RATES:
        torch.manual_seed(seed)
        model = _trained(make(), train, seed, steps=400, rate=rate)
        found[_mse(_predict(model, choose.past), choose)] = model, rate
    return found[min(found)]


def _linear_errors(train: list[ForecastWindows], test: ForecastWindows) -> list[float]:
    """Of one linear forecaster for each channel, and of one for all channels."""
    past, later = (np.concatenate([getattr(w, k) for w in train]) for k in ("past", "future"))
    each = LinearForecaster().fit(past, later).predict(test.past)
    past, later, seen = (x.reshape(-1, 1, x.shape[2]) for x in (past, later, test.past))
    shared = LinearForecaster().fit(past, later).predict(seen).reshape(test.future.shape)
    return [_mse(each, test), _mse(shared, test)]


def _view(signal: Signal) -> np.ndarray:
    """A recording as it could be seen while it runs, but for the .1 s of the resampling filter."""
    from scipy.signal import butter, sosfilt

    rate = signal.grid.time_rate
    sos = np.asarray(butter(4, [0.5, 45.0], "bandpass", fs=rate, output="sos"))
    centred = signal.values - signal.values[:, :1]
    return resample(np.asarray(sosfilt(sos, centred, axis=-1)), rate, RATE).astype(np.float32)


def _scale(views: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(views, 1).std(1, keepdims=True)


def _trained(
    model: nn.Module, windows: list[ForecastWindows], seed: int, *, steps: int, rate: float = 2e-3
) -> nn.Module:
    past, future = (torch.from_numpy(np.concatenate([getattr(w, k) for w in windows])) for k in ("past", "future"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(past), (32,), generator=generator)
        optimizer.zero_grad()
        functional.mse_loss(model(past[rows]), future[rows]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def _predict(model: nn.Module, past: np.ndarray) -> np.ndarray:
    return torch.cat([model(piece) for piece in torch.from_numpy(past).split(64)]).numpy()


def _mse(forecast: np.ndarray, windows: ForecastWindows) -> float:
    return float(np.square(forecast - windows.future).mean())


def _equivariance_error(model: nn.Module, past: np.ndarray, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(past.shape[1])
    return float(np.abs(_predict(model, past[:, order]) - _predict(model, past)[:, order]).max())
