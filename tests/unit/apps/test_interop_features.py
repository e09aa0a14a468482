from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import signalpiece
from signalpiece.apps import interop
from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Column, Frames, Header, Tokens

FAILING: dict[str, str] = {}  # checks that cannot hold, with the reason: none
SKIPPED = {"check_array_api_input": "scikit-learn runs it only where SCIPY_ARRAY_API is set"}


class Rounds:
    """A tokenizer with open codes: means of 4 samples and their differences, in steps."""

    rate = 100.0
    columns = (Column("bin0", 0), Column("bin1", 0))

    def encode(self, signal, step=None):
        assert signal.grid.units == ("V",)
        x = np.asarray(signal.values, np.float64)
        x = np.pad(x, ((0, 0), (0, -x.shape[1] % 4)), mode="edge").reshape(len(x), -1, 4)
        y = np.stack([x.mean(2), x[..., 0] - x[..., 3]], axis=2) / np.asarray(step)[:, None, None]
        codes = np.rint(y).clip(-(2**30), 2**30).astype(np.int32).transpose(1, 0, 2)
        header = Header(signal.grid, self.columns, Frames(self.rate, 4, 4))
        return Tokens((header,), codes.reshape(1, -1, 2))


class Words(Rounds):
    """A tokenizer with a codebook of 8 and a gain per frame beside it; takes no step."""

    columns = (Column("level0", 8),)

    def encode(self, signal):  # type: ignore[override]
        tokens = Rounds.encode(Rounds(), signal, np.full(len(signal.values), 1e-6))
        cube = tokens.cube()
        header = replace(tokens.header, columns=self.columns)
        gains = replace(header, columns=(Column("gain", 0),))
        side = Tokens((gains,), cube[..., 1].reshape(1, -1, 1))
        return Tokens((header,), (cube[..., 0] % 8).reshape(1, -1, 1).astype(np.int32), side=side)


@pytest.mark.parametrize("model", [Rounds(), Words(), "eeg"], ids=["open", "codebook", "eeg"])
def test_scikit_learn_accepts_it(model):
    made = interop.features(model, units="uV")
    results = check_estimator(made, expected_failed_checks=FAILING, on_skip=None, on_fail="raise")
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= set(SKIPPED)
    assert not [r["check_name"] for r in results if r["status"] in ("failed", "xfail")]
    assert sum(r["status"] == "passed" for r in results) > 40


def test_open_codes_by_hand():
    x = np.zeros((2, 1, 8))
    x[0, 0] = [2, 2, 2, 2, -4, -4, -4, -8]  # means 2 and -5, differences 0 and 4
    made = interop.features(Rounds(), units="uV", step=1.0)
    np.testing.assert_allclose(
        made.fit(x).transform(x), [[3.5, np.log1p(14.5), 2.0, np.log1p(8.0)], [0, 0, 0, 0]], rtol=1e-5
    )
    names = ["ch0_bin0_mean", "ch0_bin0_log_energy", "ch0_bin1_mean", "ch0_bin1_log_energy"]
    assert made.get_feature_names_out().tolist() == names
    np.testing.assert_allclose(made.steps_, [1e-6])
    flat = interop.features(Rounds(), units="uV", step=1.0)  # one channel: two axes will do
    np.testing.assert_array_equal(flat.fit_transform(x[:, 0]), made.transform(x))


def test_codes_of_a_codebook_are_counted():
    x = np.repeat(np.array([[0, 3, 3, 3], [1, 3, 0, 3]]), 4, axis=1)[:, None].astype(float)
    made = interop.features(Words(), units="uV", vocabulary=2).fit(x)
    assert made.vocabulary_ == [[0, 3]] and made.steps_ is None
    np.testing.assert_allclose(made.transform(x), [[0.25, 0.75, 0], [0.25, 0.5, 0]])
    assert made.get_feature_names_out().tolist() == ["ch0_level0_share0", "ch0_level0_share3", "ch0_side_gain_mean"]
    x[0, 0, 0] = 2.0  # the first frame falls by 2, its mean stays 0 (0.5 rounds to even)
    np.testing.assert_allclose(made.transform(x)[0], [0.25, 0.75, 0.5])


def test_default_steps_follow_the_training_trials_of_each_channel():
    x = np.random.default_rng(0).normal(size=(5, 2, 40)) * np.array([1.0, 10.0])[:, None]
    made = interop.features(Rounds(), units="uV").fit(x)
    np.testing.assert_allclose(made.steps_, 0.5e-6 * np.sqrt(x.var(axis=2).mean(axis=0)))
    assert made.transform(x * 2).mean() > made.transform(x).mean()  # steps stay: loudness is a feature
    flat = interop.features(Rounds()).fit(np.ones((2, 3, 8)))
    np.testing.assert_array_equal(flat.steps_, [0.5, 0.5, 0.5])


def test_errors_are_one_sentence():
    x = np.zeros((2, 1, 8))
    with pytest.raises(SignalPieceError, match="units 'furlong' are not known; use one such as V"):
        interop.features(Rounds(), units="furlong").fit(x)
    with pytest.raises(SignalPieceError, match="step: this tokenizer has a fixed rate"):
        interop.features(Words(), step=1.0).fit(x)
    with pytest.raises(SignalPieceError, match="n_trials x n_channels x n_times, got 4 axes"):
        interop.features(Rounds()).fit(x[None])
    with pytest.raises(ValueError, match="expecting 1 features"):
        interop.features(Rounds()).fit(x).transform(np.zeros((2, 2, 8)))
    with pytest.raises(SignalPieceError, match="rate must be above 0 Hz"):
        interop.features(Rounds(), rate=-1).fit(x)
    with pytest.raises(SignalPieceError, match="mixes the channels of each trial anew"):
        interop.features("klt").fit(x)


def test_without_scikit_learn_one_sentence(monkeypatch):
    modules = __import__("sys").modules
    monkeypatch.delitem(modules, "signalpiece.apps.features", raising=False)
    monkeypatch.setitem(modules, "sklearn.base", None)
    with pytest.raises(
        SignalPieceError, match="features needs scikit-learn; install it with: pip install scikit-learn"
    ):
        interop.features()


def test_tells_closed_eyes_from_open_ones():
    """R01 of the sample is one minute with open eyes, R02 one with closed eyes."""
    samples = Path(signalpiece.__file__).parent / "samples"
    runs = [
        signalpiece.read(samples / name).values[48:64] for name in ("S001R01.edf", "S001R02.edf")
    ]  # back of the head
    x = np.concatenate([run[:, : 30 * 320].reshape(16, 30, 320).transpose(1, 0, 2) for run in runs])
    y, minute = np.repeat([0, 1], 30), np.tile(np.arange(30) // 6, 2)
    made = make_pipeline(signalpiece.features("dct", rate=160.0), StandardScaler(), LogisticRegression(C=0.01))
    assert cross_val_score(made, x, y, groups=minute, cv=GroupKFold(5)).mean() > 0.85
