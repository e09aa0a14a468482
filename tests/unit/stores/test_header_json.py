"""Headers to JSON to few bytes and back."""

from dataclasses import replace

import pytest
from recordings import Take

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header
from signalpiece.stores.header_json import changed, changes, header_from_json, header_to_json, pack, unpack

GRIDS = [
    Take(0).header.grid,
    Grid(("row", "column", "color"), (None, None, None), ("",), (8, 9, 3)),
    Grid(
        ("x", "y", "z", "time"),
        (500.0, 500.0, 250.0, 0.5),
        ("scanner",),
        (2, 3, 4, 5),
        affine=((1.0, 0.0, 0.0, 0.0),) * 4,
    ),
    Grid(
        ("channel", "time"), (None, 1 / 3), ("V", "\u00b0C"), (2, 0), (Sensor("\u00e4", "eeg"), Sensor("bin7", "misc"))
    ),
]
COLUMNS = [
    (),
    tuple(Column(f"bin{k}", 0) for k in range(50)),
    (Column("bin0", 0), Column("bin1", 4), Column("bin3", 4), Column("step", 0), Column("branch2.level5", 8192)),
    (Column("7", 0), Column("8", 0), Column("08", 0), Column("x01", 0), Column("x2", 0)),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("columns", COLUMNS)
def test_headers_come_back(grid, columns):
    for header in (
        Header(grid, columns),
        Header(grid, columns, Frames(100.0, 50, 100, 50), {"a": [1]}, {"b": None}, ((-1, 0, 5),), 480),
    ):
        assert header_from_json(unpack(pack(header_to_json(header)))) == header
        assert header_from_json(header_to_json(header, grid), grid) == header


def test_positions_keep_a_tenth_of_a_millimetre():
    grid = Grid(("channel",), (None,), ("V",), (1,), (Sensor("Cz", "eeg", (0.012345, -0.09876, 1e-6)),))
    back = header_from_json(header_to_json(Header(grid, ()))).grid.sensors[0].position
    assert back == (0.0123, -0.0988, 0.0)


def test_a_header_of_a_cap_is_small():
    names = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()
    grid = Grid(("channel", "time"), (None, 256.0), ("V",), (19, 46080), tuple(Sensor(n, "eeg") for n in names))
    columns = tuple(Column(f"bin{k}", 0) for k in range(50))
    header = Header(
        grid, columns, Frames(100.0, 50, 100, 50), {"recipe": "dct", "options": {}, "hash": "0" * 16}, segment=480
    )
    assert len(pack(header_to_json(header))) < 130


def test_changes_lead_from_one_to_the_other():
    take = Take(0).header
    old = header_to_json(replace(take, grid=take.grid.span(0, 0), invalid=()))
    new = header_to_json(take)
    assert changed(old, changes(old, new)) == new and changed(new, changes(new, old)) == old
    assert len(pack(changes(old, new))) < 50


def test_nonsense_is_refused():
    for bad in ({}, [], None, {"columns": [["a"]]}, {"grid": 3, "columns": []}, {"columns": [["a", 0, 1 << 30, 0]]}):
        with pytest.raises(SignalPieceError, match="not of format 1"):
            header_from_json(bad, GRIDS[0] if bad else None)
    for bad in (b"", b"\xff" * 9):
        with pytest.raises(SignalPieceError, match="damaged"):
            unpack(bad)
