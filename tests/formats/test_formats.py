"""Files of every released format and codec decode for ever: the bytes are committed, and so is what they hold."""

from pathlib import Path

import numpy as np
import pytest

from signalpiece.core.signal import Annotation
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, CellTables, TrellisBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.lossless import Lossless, uncode
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.sample_settings import SETTINGS
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.stores.coded import open_coded
from signalpiece.stores.parquet import open_parquet

FOLDER = Path(__file__).parent / "format-1"
FILES = sorted(p.name for p in FOLDER.glob("*.sp"))


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "expected.npz") as file:
        return dict(file)


def codecs_with(expected):
    def codecs(name, version, header):
        options = header.model.get("options", {"channels": 0})
        channels, case = options["channels"], options.get("case", "")
        assert version == 1
        if name == "adaptive-1":
            return AdaptiveBinary(channels=channels, start=expected["start"] if case.endswith("start") else None)
        if name in ("trellis-1", "cells-1"):
            start = expected["start2"] if case.endswith("start") else None
            return {"trellis-1": TrellisBinary, "cells-1": CellTables}[name](channels=channels, start=start)
        if name == "static-1":
            return StaticTables(channels=channels, scales=expected["scales"] if "scales" in case else None)
        return {"raw-1": Raw, "categorical-1": Categorical, "lossless-1": Lossless}[name](channels=channels)

    return codecs


def check(recording, codes, side):
    tokens = recording.read()
    assert (tokens.cube() == codes).all()
    assert (tokens.side.cube() == side).all()
    header = tokens.header
    assert header.grid.names == ("Fp1", "Fp2", "C3", "C4", "O1", "\u00e4") and header.grid.shape == (6, 18750)
    assert header.grid.sensors[1].position == (0.01, -0.02, 0.0375)
    assert header.segment == 60 and header.invalid == ((2, 10, 20),) and header.frames.rate == 100.0
    assert tokens.annotations == (Annotation(1.0, 0.5, "T1"), Annotation(2.0, 0.0, "\u00fc"))
    part = recording.read(55, 130, [4, 1])
    assert (part.cube() == codes[55:130][:, [4, 1]]).all()


def test_there_are_fixtures_of_every_codec():
    assert len(FILES) == 16 and {f.split("-")[0].split(".")[0] for f in FILES} == {
        "raw",
        "static",
        "adaptive",
        "categorical",
        "trellis",
        "whole",
    }


@pytest.mark.parametrize("name", FILES)
def test_coded_files_of_format_1_decode(name, expected):
    (recording,) = open_coded(FOLDER / name, codecs_with(expected)).recordings
    stem = name.removesuffix(".sp")
    check(recording, expected[stem], expected[f"{stem}.side"])


def test_parquet_of_format_1_decodes(expected):
    (recording,) = open_parquet(FOLDER / "parquet").recordings
    check(recording, expected["raw"], expected["raw.side"])


@pytest.mark.parametrize("number", range(len(SETTINGS)))
@pytest.mark.parametrize("channels", [1, 4])
def test_samples_of_every_setting_decode(number, channels):
    with np.load(FOLDER / "samples.npz") as file:
        data, x = file[f"{number}-{channels}"].tobytes(), file["samples"][:, :channels]
    assert (uncode(data, number, *x.shape) == x).all()
