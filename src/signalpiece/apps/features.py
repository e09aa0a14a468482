"""A scikit-learn transformer: trials of a signal to features of frozen tokens, for any classifier or regressor.

`fit` sets quantization steps (or the codes worth counting) on the training trials alone; the tokenizer itself never
changes. Each trial is then encoded by itself, so features never depend on the other trials.

scikit-learn's `check_estimator` passes with no expected failure; the one check that it skips by itself is
`check_array_api_input`, which it runs only where SCIPY_ARRAY_API is set.
"""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Signal
from signalpiece.core.tokens import Tokens
from signalpiece.signals.units import to_si

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import (
        _check_feature_names_in,  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
        check_is_fitted,
        validate_data,
    )
except ImportError as error:
    raise SignalPieceError("features needs scikit-learn; install it with: pip install scikit-learn") from error

STEP_RATIO = 0.5  # default step, in standard deviations of a channel within trials


class TokenFeatures(TransformerMixin, BaseEstimator):
    """Trials "n_trials n_channels n_times", or "n_trials n_times" for one channel, to features "n_trials n_features".

    Features of each channel and code column, over the frames of a trial:

    - coefficients (open signed codes): mean absolute code, and log(1 + mean squared code);
    - codes of a codebook: the share of each of the `vocabulary` codes that were most frequent in `fit`;
    - side information with a value per frame (gains): its mean.

    Args:
        model: a shipped name, a model file, a recipe that needs no training, or a tokenizer.
        rate: samples per second of the trials, Hz; by default the tokenizer's own.
        units: unit of the trials' numbers, e.g. "uV".
        step: quantization step in `units`; by default half of each channel's standard deviation within the trials of
            `fit`. Only for tokenizers that take one.
        vocabulary: how many of the most frequent codes of a codebook are counted.

    Attributes:
        tokenizer_: the tokenizer.
        steps_: step of each channel in SI units, or None.
        vocabulary_: for each code column the codes that are counted; empty for open columns.
        channels_: number of channels.
        n_features_in_: size of axis 1 of the trials, as scikit-learn counts.
    """

    def __init__(
        self,
        model: Any = "eeg",  # str, path or tokenizer
        *,
        rate: Any = None,  # float or None; scikit-learn wants any value taken here and judged in fit
        units: Any = "V",  # str
        step: Any = None,  # float or None
        vocabulary: Any = 16,  # int
    ) -> None:
        self.model = model
        self.rate = rate
        self.units = units
        self.step = step
        self.vocabulary = vocabulary

    def fit(self, X: Any, y: Any = None) -> "TokenFeatures":
        """Loads the tokenizer; sets steps and the codes to count.

        Raises:
            SignalPieceError: no such model, a unit that is not known, or options out of range.
            ValueError: trials that scikit-learn refuses (NaN, empty, of more than 3 axes, ...).
        """
        x = self._trials(X, reset=True)
        check_range("vocabulary", self.vocabulary, 1, 4096)
        known = to_si(self.units)
        if known is None:
            raise SignalPieceError(f"units {self.units!r} are not known; use one such as V, mV, uV, nV, T, fT")
        self.unit_, self.factor_ = known
        self.tokenizer_ = _load(self.model)
        if getattr(self.tokenizer_, "spatial", None) is not None:
            raise SignalPieceError(
                "model: this tokenizer mixes the channels of each trial anew; take one that does not"
            )
        self.rate_ = float(self.rate or self.tokenizer_.rate or 0)
        if self.rate_ <= 0:
            raise SignalPieceError(f"rate must be above 0 Hz, got {self.rate_:g}; say how fast the trials were sampled")
        self.channels_ = x.shape[1]
        self.steps_ = self._choose_steps(x)
        first = self._encode(x[0])
        self.columns_ = first.header.columns
        side = _framed_side(first)
        self.side_columns_ = () if side is None else side.header.columns
        self.vocabulary_ = self._choose_codes(x)
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "n f"]:
        """Features of each trial.

        Raises:
            ValueError: not fitted, or trials of another shape than in `fit`.
        """
        check_is_fitted(self)
        x = self._trials(X, reset=False)
        if x.shape[1] != self.channels_:
            raise SignalPieceError(f"trials must have {self.channels_} channels as in fit, got {x.shape[1]}")
        return np.stack([self._describe(self._encode(trial)) for trial in x]).astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features, such as `ch0_bin3_mean` and `ch0_bin3_log_energy`."""
        check_is_fitted(self, "vocabulary_")
        _check_feature_names_in(self, input_features)
        parts = []
        for column, codes in zip(self.columns_, self.vocabulary_, strict=True):
            kinds = [f"share{k}" for k in codes] if column.size else ["mean", "log_energy"]
            parts += [f"{column.name}_{kind}" for kind in kinds]
        parts += [f"side_{column.name}_mean" for column in self.side_columns_]
        return np.array([f"ch{c}_{part}" for c in range(self.channels_) for part in parts], dtype=object)

    def _trials(self, X: Any, reset: bool) -> Float[np.ndarray, "n c t"]:
        x = np.asarray(validate_data(self, X, reset=reset, allow_nd=True, dtype=np.float64))
        if x.ndim > 3:
            raise SignalPieceError(f"trials must be n_trials x n_channels x n_times, got {x.ndim} axes")
        return x[:, None] if x.ndim == 2 else x

    def _choose_steps(self, x: Float[np.ndarray, "n c t"]) -> Float[np.ndarray, "c"] | None:
        if "step" not in inspect.signature(self.tokenizer_.encode).parameters:
            if self.step is not None:
                raise SignalPieceError("step: this tokenizer has a fixed rate and takes none; leave it out")
            return None
        if self.step is not None:
            check_range("step", float(self.step), 1e-30, 1e30)
            return np.full(x.shape[1], float(self.step) * self.factor_)
        spread = np.sqrt(x.var(axis=2).mean(axis=0))
        lively = spread > 0
        spread = np.where(lively, spread, np.median(spread[lively]) if lively.any() else 1.0)
        return STEP_RATIO * spread * self.factor_

    def _choose_codes(self, x: Float[np.ndarray, "n c t"]) -> list[list[int]]:
        if not any(column.size for column in self.columns_):
            return [[] for _ in self.columns_]
        counts = [np.zeros(column.size, np.int64) for column in self.columns_]
        for trial in x:
            cube = self._encode(trial).cube()
            for q, column in enumerate(self.columns_):
                if column.size:
                    counts[q] += np.bincount(cube[..., q].ravel(), minlength=column.size)
        most = [np.argsort(-count, kind="stable")[: self.vocabulary] for count in counts]
        return [sorted(int(k) for k in codes) for codes in most]

    def _encode(self, trial: Float[np.ndarray, "c t"]) -> Tokens:
        signal = Signal.of(trial * self.factor_, rate=self.rate_, units=self.unit_)
        return (
            self.tokenizer_.encode(signal) if self.steps_ is None else self.tokenizer_.encode(signal, step=self.steps_)
        )

    def _describe(self, tokens: Tokens) -> Float[np.ndarray, "f"]:
        cube = tokens.cube()
        parts = []  # each "c k"
        for q, (column, codes) in enumerate(zip(self.columns_, self.vocabulary_, strict=True)):
            values = cube[..., q]
            if column.size:
                parts.append(np.stack([(values == k).mean(axis=0) for k in codes], axis=1))
            else:
                values = values.astype(np.float64)
                energy = np.log1p((values**2).mean(axis=0))
                parts.append(np.stack([np.abs(values).mean(axis=0), energy], axis=1))
        side = _framed_side(tokens)
        if side is not None:
            parts.append(side.cube().mean(axis=0))
        return np.concatenate(parts, axis=1).ravel()


def _framed_side(tokens: Tokens) -> Tokens | None:
    return tokens.side if tokens.side is not None and tokens.side.header.frames is not None else None


def _load(model: Any) -> Any:
    if not isinstance(model, (str, Path)):
        return model
    from signalpiece.apps.load import load

    return load(model)
