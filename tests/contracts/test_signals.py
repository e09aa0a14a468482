"""Every reader and writer named in the tables exists and has the one function that the room asks for."""

import importlib
import inspect

import pytest

from signalpiece import signals
from signalpiece.signals.files import READERS, WRITERS, ending, expand, is_known


@pytest.mark.parametrize("name", sorted({*READERS.values(), "raw_bytes"}))
def test_readers(name):
    function = importlib.import_module(f"signalpiece.signals.{name}").open_file
    assert list(inspect.signature(function).parameters) == ["path", "units"]


@pytest.mark.parametrize("name", sorted(set(WRITERS.values())))
def test_writers(name):
    function = importlib.import_module(f"signalpiece.signals.{name}").write_file
    assert list(inspect.signature(function).parameters)[:2] == ["path", "signal"]


@pytest.mark.parametrize("name", signals.__all__)
def test_public_names(name):
    assert callable(getattr(signals, name)) and getattr(signals, name).__doc__


def test_endings(tmp_path):
    assert (
        ending("a/b.NII.GZ") == ".nii.gz"
        and ending("x.Edf") == ".edf"
        and ending("x") == ""
        and ending("x.y.edf") == ".edf"
    )
    assert is_known("x.edf") and not is_known("x.txt")
    for name in ("b.edf", "a.edf", "c.txt"):
        (tmp_path / name).write_bytes(b"0")
    assert [p.name for p in expand([tmp_path])] == ["a.edf", "b.edf"]
    assert expand([tmp_path / "c.txt"]) == [tmp_path / "c.txt"]
