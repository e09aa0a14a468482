"""The code of docs/interop.md runs as it stands."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import signalpiece

PAGE = Path(__file__).parents[3] / "docs" / "interop.md"
SAMPLE = Path(signalpiece.__file__).parent / "samples" / "S001R01.edf"


def test_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("mne")
    pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    signal = signalpiece.open(SAMPLE).read(0, 20).pick([10, 50])
    sensors = tuple(replace(s, name=s.name.strip(".")) for s in signal.grid.sensors)
    assert [s.name for s in sensors] == ["Cz", "Pz"]
    signalpiece.write("night.edf", replace(signal, grid=replace(signal.grid, sensors=sensors)))
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="ascii"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    error = names["back"].get_data() - names["raw"].get_data()[:, : names["back"].n_times]
    assert error.shape[0] == 2 and np.isfinite(error).all()
