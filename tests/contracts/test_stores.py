"""Laws of the room: what is written comes back, in any range, from anywhere; damage costs one unit and is named."""

import sys
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.stores.coded import open_coded
from signalpiece.stores.coded_writer import CodedWriter
from signalpiece.stores.parquet import open_parquet
from signalpiece.stores.parquet_writer import ParquetWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "stores"))
from recordings import Take, codecs  # noqa: E402

STORES = {
    "coded": (CodedWriter, lambda where: open_coded(where, codecs)),
    "parquet": (ParquetWriter, open_parquet),
}
TAKES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "channels": st.integers(1, 4),
        "frames": st.integers(0, 31),
        "segment": st.sampled_from([2, 10, 40]),
        "columns": st.integers(1, 5),
        "framed": st.booleans(),
        "all_channels": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A coded file of two recordings, its bytes and what is in it."""
    path = tmp_path_factory.mktemp("two") / "x.sp"
    takes = [Take(1), Take(2, framed=True)]
    with CodedWriter(path) as writer:
        for number, take in enumerate(takes):
            take.write(writer, str(number))
    return path, path.read_bytes(), takes


@pytest.mark.parametrize("name", STORES)
@settings(max_examples=25, deadline=None)
@given(
    takes=st.lists(TAKES, min_size=0, max_size=3), first=st.integers(-3, 35), end=st.integers(-3, 35), pick=st.randoms()
)
def test_what_is_written_comes_back(name, tmp_path_factory, takes, first, end, pick):
    writer_of, opener = STORES[name]
    path = tmp_path_factory.mktemp("store") / "x"
    takes = [Take(**take) for take in takes]
    with writer_of(path) as writer:
        for number, take in enumerate(takes):
            take.write(writer, str(number))
    stored = opener(path)
    assert len(stored.recordings) == len(takes) and stored.verify() == []
    for take, recording in zip(takes, stored.recordings, strict=True):
        assert take.same(recording) and recording.frames == len(take.cube)
        num = take.cube.shape[1]
        channels = [pick.randrange(num) for _ in range(pick.randrange(1, num + 1))]
        part = recording.read(first, end, channels)
        a, b = max(first, 0), max(min(end, len(take.cube)), 0)
        want = take.cube[min(a, b) : b, channels] if a < b else take.cube[:0, channels]
        assert (part.cube() == want).all() and part.cube().shape == want.shape
        assert part.header.grid == take.header.grid.pick(channels)
    size = sum(f.stat().st_size for f in path.iterdir()) if path.is_dir() else path.stat().st_size
    assert not takes or sum(r.bits["total"] for r in stored.recordings) == 8 * size
    for recording in stored.recordings:
        assert recording.bits["total"] == sum(v for k, v in recording.bits.items() if k != "total")
        assert min(recording.bits.values()) >= 0


@pytest.mark.parametrize("name", STORES)
def test_framed_side_is_cut_with_the_codes(name, tmp_path):
    writer_of, opener = STORES[name]
    take = Take(3, frames=40, framed=True)
    with writer_of(tmp_path / "x") as writer:
        take.write(writer)
    part = opener(tmp_path / "x").recordings[0].read(12, 27, [2, 0])
    assert part.side is not None and part.side.first == 6
    assert (part.side.cube() == take.side_cube[6:14][:, [2, 0]]).all()


def test_a_flipped_byte_costs_one_unit_and_is_named(two):
    _, good, takes = two
    memory, whole = fsspec.filesystem("memory"), [take.cube for take in takes]
    rng, lost, clean = np.random.default_rng(0), 0, 0
    for at in range(0, len(good), 4):
        bad = bytearray(good)
        bad[at] ^= 1 << rng.integers(8)
        memory.pipe("/flip.sp", bytes(bad))
        try:
            stored = open_coded("memory://flip.sp", codecs)
        except SignalPieceError as error:
            assert at < 8 and "not a file of coded tokens" in str(error)
            continue
        named, wrong = stored.verify(), 0
        for number, recording in enumerate(stored.recordings):
            got = recording.read(damaged="skip")
            valid = (
                np.ones(got.cube().shape[:2], bool) if got.valid is None else got.valid.reshape(got.cube().shape[:2])
            )
            assert (got.cube()[valid] == whole[number][valid]).all()
            if valid.all():
                assert got.annotations == takes[number].annotations or "annotations" in named[0]
                continue
            wrong += 1
            size, frames = takes[number].header.segment, np.flatnonzero(~valid.all(1))
            channels = np.flatnonzero(~valid.all(0))
            assert len(channels) == 1 and len(set(frames // size)) == 1
            with pytest.raises(
                SignalPieceError, match=f"segment {frames[0] // size} .*{number}, channel E{channels[0]}"
            ):
                recording.read()
        assert len(named) <= 1 and wrong <= 1
        lost, clean = lost + wrong, clean + (not named)
    assert lost > 0.1 * len(good) and clean > 0.01 * len(good)  # repaired from a second copy or by the other lengths


def test_cut_and_foreign_files_are_refused_in_a_sentence(two):
    _, good, _ = two
    memory, rng = fsspec.filesystem("memory"), np.random.default_rng(0)
    for keep in range(0, len(good) - 8, 17):
        memory.pipe("/cut.sp", good[:keep])
        try:
            stored = open_coded("memory://cut.sp", codecs)
        except SignalPieceError as error:
            assert str(error).count("\n") == 0
        else:
            assert stored.repaired and keep > 0.7 * len(good)
    for size in (0, 1, 8, 100, 3000):
        memory.pipe("/noise.sp", rng.bytes(size))
        with pytest.raises(SignalPieceError, match="not a file of coded tokens"):
            open_coded("memory://noise.sp", codecs)
    with pytest.raises(SignalPieceError, match="no such file"):
        open_coded("memory://nowhere.sp", codecs)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=30))
def test_any_damage_is_an_error_of_the_library(two, changes):
    bad = bytearray(two[1])
    for at, value in changes:
        bad[at % len(bad)] = value
    fsspec.filesystem("memory").pipe("/any.sp", bytes(bad))
    try:
        stored = open_coded("memory://any.sp", codecs)
        for recording in stored.recordings:
            recording.read(damaged="skip")
        stored.verify()
    except SignalPieceError:
        pass


class Counting(MemoryFileSystem):
    """Counts what is read."""

    cachable = False
    fetched = 0

    def cat_file(self, path, start=None, end=None, **kwargs):
        out = super().cat_file(path, start, end, **kwargs)
        Counting.fetched += len(out)
        return out


def test_a_range_reads_only_its_bytes(tmp_path):
    take = Take(5, channels=64, frames=3000, segment=500, columns=20)
    with CodedWriter(tmp_path / "x.sp") as writer:
        take.write(writer)
    data = (tmp_path / "x.sp").read_bytes()
    fs = Counting()
    fs.pipe("/big.sp", data)
    stored = open_coded((fs, "/big.sp"), codecs)
    opened = Counting.fetched
    assert opened <= 1 << 14
    part = stored.recordings[0].read(1200, 1300, [3, 60, 4])
    assert (part.cube() == take.cube[1200:1300][:, [3, 60, 4]]).all()
    unit = len(data) / 6 / 64
    assert 3 * unit * 0.9 < Counting.fetched - opened < 3 * unit * 1.1 + 64 * 8 + 8 < 0.02 * len(data)
    assert stored.bytes_read == Counting.fetched


def test_reads_from_a_zip_and_from_a_url(two, tmp_path):
    path, good, takes = two
    box = tmp_path / "box.zip"
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("deep/x.sp", good)
    for where in (path, str(path), f"file://{path}", f"zip://deep/x.sp::{box}"):
        stored = open_coded(where, codecs)
        assert all(take.same(recording) for take, recording in zip(takes, stored.recordings, strict=True))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("name", STORES)
def test_resume_gives_the_file_of_an_undisturbed_run(name, skip, tmp_path):
    writer_of, opener = STORES[name]
    takes = [Take(1), Take(2, framed=True), Take(3)]

    def run(path, resume, stop=None):
        with writer_of(path, resume=resume) as writer:
            for number, take in enumerate(takes):
                take.write(writer, str(number), stop[1] if stop and stop[0] == number else None, skip)

    def content(path):
        return [f.read_bytes() for f in sorted(path.iterdir())] if path.is_dir() else path.read_bytes()

    run(tmp_path / "whole", False)
    for stop in [(n, s) for n in range(3) for s in range(4)]:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", True, stop)
        if name == "coded":
            assert not (tmp_path / "broken").exists()
        else:
            with pytest.raises(SignalPieceError, match="did not finish"):
                opener(tmp_path / "broken")
    run(tmp_path / "broken", True)
    assert content(tmp_path / "broken") == content(tmp_path / "whole")


@pytest.mark.parametrize("name", STORES)
def test_other_input_is_not_resumed(name, tmp_path):
    writer_of, opener = STORES[name]
    with pytest.raises(KeyboardInterrupt), writer_of(tmp_path / "x") as writer:
        Take(1).write(writer, "a")
        Take(2).write(writer, "b", stop=2)
    with writer_of(tmp_path / "x", resume=True) as writer:
        assert writer.done[0] == 3
        Take(3).write(writer, "c")
    (stored,) = opener(tmp_path / "x").recordings
    assert Take(3).same(stored)


def test_a_unit_in_the_wrong_place_is_damaged(tmp_path):
    take = Take(6, channels=2, frames=20, segment=10)
    with CodedWriter(tmp_path / "x.sp") as writer:
        take.write(writer)
    source, data = open_coded(tmp_path / "x.sp", codecs).recordings[0].source, (tmp_path / "x.sp").read_bytes()
    first, second, end = source._starts[:3]
    one, two = data[first:second], data[second:end]
    if len(one) != len(two):
        one, two = (two + two)[: len(one)], one[: len(two)]
    (tmp_path / "x.sp").write_bytes(data[:first] + two[:2] + one[2:3] + two[3:] + data[first + len(two) :])
    assert open_coded(tmp_path / "x.sp", codecs).verify() == [f"segment 0 of recording 0, channel E{c}" for c in (0, 1)]


def test_nothing_of_the_key_is_in_a_file(tmp_path):
    with CodedWriter(tmp_path / "x.sp") as writer:
        Take(1).write(writer, "Jane Doe.edf")
    with CodedWriter(tmp_path / "y.sp") as writer:
        Take(1).write(writer, "John Doe.edf")
    assert (tmp_path / "x.sp").read_bytes() == (tmp_path / "y.sp").read_bytes()
    with ParquetWriter(tmp_path / "d") as writer:
        Take(1).write(writer, "Jane Doe.edf")
    assert all(b"Jane" not in f.read_bytes() and b"digest" not in f.read_bytes() for f in (tmp_path / "d").iterdir())
