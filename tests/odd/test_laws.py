"""What every opened file obeys: parts equal the whole, blocks join to it, stored integers give the values."""

import numpy as np
import odd_files
import pytest
from test_odd import CASES

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open_all

TIMED = [case for case in CASES if case["expect"].get("values")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("laws")
    for maker in odd_files.CASES:
        maker(path)
    return path


def opened(folder, case):
    try:
        return open_all(folder / case["file"])
    except SignalPieceError:
        assert "error" in {**case["expect"], **case.get("or", {})}
        return ()


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case["id"])
def test_parts_equal_the_whole(case, folder):
    for recording in opened(folder, case):
        whole, rate = recording.read(), recording.grid.time_rate
        total = whole.grid.size("time")
        mask = (
            np.ones(whole.values.shape, bool)
            if whole.valid is None
            else np.broadcast_to(whole.valid, whole.values.shape)
        )
        for start, stop in ((0, total), (total // 3, total), (total // 3, total // 3 + 1), (total // 2, total // 2)):
            part = recording.read(start / rate, stop / rate)
            valid = np.ones(part.values.shape, bool) if part.valid is None else part.valid
            assert (valid == mask[:, start:stop]).all()
            assert (part.values[valid] == whole.values[:, start:stop][valid]).all()
            assert part.grid.start == pytest.approx(start / rate) and part.grid.shape == (len(mask), stop - start)
        blocks = list(recording.blocks(0.3))
        assert sum(b.grid.size("time") for b in blocks) == total
        joined = np.concatenate([b.values for b in blocks], axis=1)
        assert (joined[mask] == whole.values[mask]).all()


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case["id"])
def test_stored_integers_give_the_values(case, folder):
    for recording in opened(folder, case):
        if not recording.has_stored:
            with pytest.raises(SignalPieceError, match="keeps no integers"):
                recording.stored()
            continue
        stored = recording.stored()
        assert np.issubdtype(stored.values.dtype, np.integer)
        assert stored.values.shape == (recording.grid.size("channel"), recording.samples)
        values = stored.values * np.asarray(stored.scale)[:, None] + np.asarray(stored.offset)[:, None]
        whole = recording.read()
        for run in recording.runs:
            got = whole.values[:, run.at : run.at + run.count]
            np.testing.assert_allclose(got, values[:, run.stored : run.stored + run.count], rtol=1e-6, atol=1e-13)
        first, last = recording.samples // 3, recording.samples // 2 + 1
        assert (recording.stored(first, last).values == stored.values[:, first:last]).all()


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case["id"])
def test_pick_and_outside(case, folder):
    for recording in opened(folder, case):
        last = recording.grid.size("channel") - 1
        picked = recording.pick([last])
        assert picked.grid.names == recording.grid.names[last:]
        assert (picked.read().values == recording.read().values[last:]).all()
        with pytest.raises(SignalPieceError, match="outside the recording"):
            recording.read(0.0, recording.grid.seconds + 10)
