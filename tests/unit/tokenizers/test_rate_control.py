"""Budgets: the real file, everything counted, stays within N and near it; what cannot be met is said."""

import numpy as np
import pytest

import signalpiece
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.recipes import dct, klt, lapped, mulaw
from signalpiece.tokenizers import rate
from signalpiece.tokenizers.files import encode_files
from signalpiece.tokenizers.rate import Held, file_bits, steps_for
from signalpiece.tokenizers.samples import excerpt


@pytest.mark.parametrize("build", [dct.build, lapped.build, klt.build])
@pytest.mark.parametrize("bits", [45, 240])
def test_files_keep_to_their_budget(build, bits, tmp_path):
    signal = excerpt(channels=8)
    report = encode_files(build(), [Held(signal)], tmp_path / "x.sp", bits=bits)
    size = (tmp_path / "x.sp").stat().st_size * 8 / (8 * 20)
    assert 0.95 * bits < report.written[0].rate <= bits and size <= 1.05 * bits
    tokens = signalpiece.open_tokens(tmp_path / "x.sp").recordings[0].read()
    assert np.array_equal(build().encode(signal, bits=bits).codes, tokens.codes)


def test_what_cannot_be_met_is_said():
    signal = excerpt(channels=2)
    with pytest.raises(SignalPieceError, match="dct cannot keep to 0.5 bits .* takes"):
        dct.build().encode(signal, bits=0.5)
    with pytest.raises(SignalPieceError, match="mulaw has a fixed rate"):
        mulaw.build().encode(signal, bits=100)
    with pytest.raises(SignalPieceError, match="bits must be above 0"):
        dct.build().encode(signal, bits=0)


def test_a_budget_beyond_need_gives_the_finest_step():
    steps = steps_for(dct.build(), excerpt(channels=1), 1e5)
    assert steps.values[0] < 1e-8


def test_silence_meets_any_sensible_budget():
    silent = Signal.of(np.zeros((2, 3000)), rate=100)
    assert not dct.build().encode(silent, bits=100).codes.any()
    assert dct.build().encode(silent.crop(0, 0), bits=100).num_frames == 0


def test_long_recordings_are_searched_on_pieces(monkeypatch):
    monkeypatch.setattr(rate, "SHORT", 10)
    monkeypatch.setattr(rate, "PIECE_SECONDS", 3.0)
    signal = Signal.of(np.tile(excerpt(channels=2).values, (1, 4)), rate=160)
    seen = []

    class Long(Held):
        def read(self, start, stop):
            seen.append(start)
            return self.signal.crop(round(start * 160), round(stop * 160))

    steps = steps_for(lapped.build(), Long(signal), 120)
    assert len(seen) == rate.PIECES
    assert 0.95 * 120 < file_bits(lapped.build(), Held(signal), steps)["rate"] <= 120
