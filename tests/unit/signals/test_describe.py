import json

import numpy as np
from test_edf_write import signal

from signalpiece.core.signal import Annotation, Signal
from signalpiece.signals.describe import describe
from signalpiece.signals.files import open_all, write


def test_facts_of_a_recording(tmp_path):
    plain = signal(1000)
    valid = np.ones((1, 1000), bool)
    valid[:, 250:500] = False
    write(tmp_path / "x.edf", Signal(plain.grid, plain.values, valid, (Annotation(0.5, 1.0, "go"),)))
    found = json.loads(json.dumps(describe(tmp_path / "x.edf", open_all(tmp_path / "x.edf"))))
    assert found["file"] == "x.edf" and found["bytes"] == (tmp_path / "x.edf").stat().st_size
    (facts,) = found["recordings"]
    assert facts["channels"] == ["ch0", "ch1", "ch2"] and facts["kinds"] == ["eeg"] * 3 and facts["units"] == ["V"] * 3
    assert facts["rate"] == 250.0 and facts["samples"] == 750 and facts["seconds"] == 4.0
    assert facts["annotations"] == [[0.5, 1.0, "go"]] and facts["gaps"] == [[1.0, 2.0]] and facts["warnings"] == []
    assert facts["stored_integers"] and facts["format"] == "EDF"


def test_volts_on_a_head_are_doubted(tmp_path):
    write(tmp_path / "x.edf", signal(500, size=30.0))
    assert "probably wrong" in describe("x", open_all(tmp_path / "x.edf"))["recordings"][0]["warnings"][0]


def test_no_names_of_persons(tmp_path):
    write(tmp_path / "x.edf", signal(500))
    data = bytearray((tmp_path / "x.edf").read_bytes())
    data[8:16] = b"Jane Doe"
    (tmp_path / "x.edf").write_bytes(bytes(data))
    assert "Jane" not in json.dumps(describe("x", open_all(tmp_path / "x.edf")))
