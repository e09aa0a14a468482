"""A recording is encoded and decoded in pieces: peak memory stays below what its samples take as float32."""

import sys

import pytest
from benchmarks.big import make_sparse_bdf, measure

ENCODE = """
import sys
from signalpiece.apps.load import load
from signalpiece.signals.files import open_all
from signalpiece.tokenizers.files import encode_files
encode_files(load("dct"), open_all(sys.argv[1]), sys.argv[2], step=2e-6)
"""
HOLD = """
import sys
from signalpiece.signals.files import read
read(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_300_megabytes_are_encoded_in_less_than_their_float32_size(tmp_path):
    size, seconds = make_sparse_bdf(tmp_path / "big.bdf", 300e6, channels=32, rate=2048)
    held = size / 3 * 4
    found = measure(ENCODE, [str(tmp_path / "big.bdf"), str(tmp_path / "big.sp")])
    assert found["peak_bytes"] < held, f"{found['peak_bytes'] / 1e6:.0f} MB"
    assert 1000 < (tmp_path / "big.sp").stat().st_size < size / 100


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_measure_sees_what_is_held(tmp_path):
    size, _ = make_sparse_bdf(tmp_path / "small.bdf", 60e6, channels=32, rate=2048)
    bare = measure("import numpy, signalpiece.signals.files, signalpiece.signals.edf", [])["peak_bytes"]
    assert measure(HOLD, [str(tmp_path / "small.bdf")])["peak_bytes"] > bare + size / 3 * 4
