import os
import pickle

import numpy as np
import pytest
from torch.utils.data import DataLoader

from signalpiece.apps.interop import BucketBatches, TokenDataset, collate
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.entropy.raw import Raw
from signalpiece.stores.coded_writer import CodedWriter
from signalpiece.stores.parquet_writer import ParquetWriter

LENGTHS = (10, 3, 25)  # frames of the three recordings; a frame is 4 samples at 100 Hz
NAMES = ("Cz", "Pz", "Oz")


def codes_of(number: int) -> np.ndarray:
    """Codes "n c q" that tell where they are from."""
    n, c = np.mgrid[: LENGTHS[number], :3]
    return np.stack([100 * number + n, c - 1, n % 8], axis=-1).astype(np.int32)


def write_store(path, writer_of):
    with writer_of(path) as writer:
        for number, length in enumerate(LENGTHS):
            sensors = tuple(Sensor(n, "eeg") for n in NAMES)
            grid = Grid(("channel", "time"), (None, 100.0), ("V",), (3, 4 * length), sensors)
            columns = (Column("bin0", 0), Column("bin1", 0), Column("level0", 8))
            invalid = ((1, 20, 28), (-1, 40, 41)) if number == 2 else ()
            header = Header(grid, columns, Frames(100.0, 4, 4), invalid=invalid, segment=8)
            writer.begin(header, Raw())
            cube = codes_of(number)
            for first in range(0, length, 8):
                writer.segment(Tokens((header,), cube[first : first + 8].reshape(1, -1, 3), first=first))
            writer.end(header)
    return path


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "x.sp", CodedWriter)


def test_windows_have_their_codes(store):
    data = TokenDataset(store, frames=8)
    assert [(n, a, b) for n, a, b in data.windows] == [
        (0, 0, 8), (0, 8, 10), (1, 0, 3), (2, 0, 8), (2, 8, 16), (2, 16, 24), (2, 24, 25)
    ]  # fmt: skip
    assert data.lengths == [8, 2, 3, 8, 8, 8, 1] and len(data) == 7
    for i, (number, first, end) in enumerate(data.windows):
        item = data[i]
        assert (item.recording, item.first) == (number, first)
        np.testing.assert_array_equal(item.values.numpy(), codes_of(number)[first:end])
    assert TokenDataset(store, frames=8, partial=False).lengths == [8, 8, 8, 8]
    assert TokenDataset(store).lengths == list(LENGTHS)
    assert TokenDataset(store, frames=8, hop=4).windows[:3] == [(0, 0, 8), (0, 4, 10), (1, 0, 3)]


def test_invalid_stretches_are_not_valid(store):
    valid = np.ones((25, 3), bool)
    valid[5:7, 1] = False
    valid[10] = False
    whole = TokenDataset(store)[2]
    np.testing.assert_array_equal(whole.valid.numpy(), valid)
    data = TokenDataset(store, frames=8, channels=["Pz", "Cz"])
    np.testing.assert_array_equal(data[3].valid.numpy(), valid[:8, [1, 0]])
    np.testing.assert_array_equal(data[4].valid.numpy(), valid[8:16, [1, 0]])
    np.testing.assert_array_equal(data[3].values.numpy(), codes_of(2)[:8, [1, 0]])


def test_a_parquet_folder_gives_the_same_windows(store, tmp_path):
    one, two = TokenDataset(store, frames=8), TokenDataset(write_store(tmp_path / "parquet", ParquetWriter), frames=8)
    assert one.windows == two.windows
    for a, b in zip(one, two, strict=True):  # type: ignore[call-overload]
        np.testing.assert_array_equal(a.values.numpy(), b.values.numpy())
        np.testing.assert_array_equal(a.valid.numpy(), b.valid.numpy())


def test_ids_are_those_of_tokens(store):
    data = TokenDataset(store, frames=8, form="ids")
    item = data[0]
    np.testing.assert_array_equal(item.values.numpy(), data.tokens(0).to_ids())
    back = data.tokens(0).from_ids(item.values.numpy())
    np.testing.assert_array_equal(back.cube(), codes_of(0)[:8])
    assert item.valid.all() and data.vocabulary == 6 + 64 + 64 + 8
    assert data.tokens(3).to_ids().max() < data.vocabulary


def test_collate_pads_with_what_is_not_valid(store):
    data = TokenDataset(store)
    batch = collate([data[0], data[1]])
    assert batch.values.shape == (2, 10, 3, 3) and batch.valid.shape == (2, 10, 3)
    np.testing.assert_array_equal(batch.values[1, :3].numpy(), codes_of(1))
    assert batch.valid[0].all() and batch.valid[1, :3].all()
    assert not batch.valid[1, 3:].any() and not batch.values[1, 3:].any()
    assert batch.recordings.tolist() == [0, 1] and batch.firsts.tolist() == [0, 0]
    some = TokenDataset(store, channels=["Oz"])
    mixed = collate([data[1], some[1]])  # channels are padded too
    assert mixed.valid[1, :, 0].all() and not mixed.valid[1, :, 1:].any()
    ids = TokenDataset(store, form="ids")
    streams = collate([ids[0], ids[1]])
    assert streams.values.shape == streams.valid.shape and streams.values[1, ~streams.valid[1]].eq(0).all()
    with pytest.raises(SignalPieceError, match="windows of one form with the same code columns"):
        collate([data[0], ids[0]])


def test_buckets_hold_each_window_once_and_little_padding():
    lengths = np.random.default_rng(0).integers(1, 1000, 500).tolist()
    batches = BucketBatches(lengths, 8, seed=3)
    first = list(batches)
    assert sorted(i for b in first for i in b) == list(range(500)) and len(first) == len(batches) == 63
    assert first == list(batches) == list(BucketBatches(lengths, 8, seed=3))
    assert first != list(BucketBatches(lengths, 8, seed=4))
    batches.set_epoch(1)
    assert first != list(batches)
    padded = sum(max(lengths[i] for i in b) * len(b) for b in first)
    assert padded < 1.15 * sum(lengths)  # batches at random need 1.8
    in_order = [i for b in BucketBatches(lengths, 8, shuffle=False) for i in b]
    assert [lengths[i] for i in in_order] == sorted(lengths)


def test_a_loader_with_workers_reads_it(store):
    data = TokenDataset(store, frames=8)
    copy = pickle.loads(pickle.dumps(data))
    assert copy._store is None and copy.store is not data.store and copy.windows == data.windows
    batches = BucketBatches(data.lengths, 2, seed=0)
    loader = DataLoader(data, batch_sampler=batches, collate_fn=collate, num_workers=1)
    seen = set()
    for batch in loader:
        for i, (number, first) in enumerate(zip(batch.recordings.tolist(), batch.firsts.tolist(), strict=True)):
            seen.add((number, first))
            length = min(8, LENGTHS[number] - first)
            np.testing.assert_array_equal(batch.values[i, :length].numpy(), codes_of(number)[first : first + length])
    assert seen == {(n, a) for n, a, _ in data.windows}


def test_a_forked_worker_opens_its_own_store(store, monkeypatch):
    data = TokenDataset(store)
    first = data.store
    assert data.store is first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert data.store is not first


def test_damage_can_be_skipped(store):
    whole = store.read_bytes()
    at = whole.index(Raw().encode(codes_of(0)[:8, :1], TokenDataset(store).store.recordings[0].header))
    store.write_bytes(whole[: at + 5] + bytes([whole[at + 5] ^ 255]) + whole[at + 6 :])
    with pytest.raises(SignalPieceError, match="damaged"):
        TokenDataset(store)[0]
    item = TokenDataset(store, damaged="skip")[0]
    assert not item.valid[:8, 0].any() and item.valid[8:].all() and item.valid[:, 1:].all()


def test_errors_are_one_sentence(store):
    with pytest.raises(SignalPieceError, match="a recording has no channel Fz; it has Cz, Pz, Oz"):
        TokenDataset(store, channels=["Fz"])
    with pytest.raises(SignalPieceError, match="form must be one of codes, ids; got 'words'"):
        TokenDataset(store, form="words")
    with pytest.raises(SignalPieceError, match="frames must be between 1"):
        TokenDataset(store, frames=0)
    with pytest.raises(SignalPieceError, match="batch_size must be between 1"):
        BucketBatches([1], 0)


def test_without_torch_one_sentence(monkeypatch):
    from signalpiece.apps import interop

    modules = __import__("sys").modules
    monkeypatch.delitem(modules, "signalpiece.apps.dataset", raising=False)
    monkeypatch.setitem(modules, "torch", None)
    with pytest.raises(
        SignalPieceError, match=r"TokenDataset needs torch; install it with: pip install 'signalpiece\[torch"
    ):
        _ = interop.TokenDataset
