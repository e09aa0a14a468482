"""Killed writers, full disks, servers: what happens outside the process."""

import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from recordings import Take, codecs

from signalpiece.core.check import SignalPieceError
from signalpiece.stores.coded import open_coded
from signalpiece.stores.coded_writer import CodedWriter
from signalpiece.stores.parquet import open_parquet
from signalpiece.stores.parquet_writer import ParquetWriter

WRITE = """
import os, resource, signal, sys
sys.path.insert(0, {here!r})
from recordings import Take
from signalpiece.core.check import SignalPieceError
from signalpiece.stores import {writer} as Writer
size, stop = int(sys.argv[2]), int(sys.argv[3])
if size:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
take = Take(1, channels=4, frames=400, segment=40, columns=30)
try:
    with Writer(sys.argv[1], resume=True) as writer:
        writer.begin(take.header, take.codec, take.side_codec, "k")
        for number, piece in enumerate(take.pieces()):
            if number == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            writer.segment(piece)
        writer.end(take.header, take.side(), take.annotations)
except SignalPieceError as error:
    print(error)
    sys.exit(2)
"""


def run(writer, path, size=0, stop=-1):
    code = WRITE.format(here=str(Path(__file__).parent), writer=writer)
    return subprocess.run([sys.executable, "-c", code, str(path), str(size), str(stop)], capture_output=True, text=True)


def content(path):
    return [f.read_bytes() for f in sorted(path.iterdir())] if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("writer", ["CodedWriter", "ParquetWriter"])
def test_killed_and_full_runs_leave_no_file_and_are_finished_later(writer, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run(writer, whole).returncode == 0
    full = run(writer, broken, size=30_000)
    assert full.returncode == 2 and full.stderr == ""
    assert full.stdout.count("\n") == 1 and full.stdout.startswith(f"cannot write {broken}: ")
    assert run(writer, broken, stop=7).returncode == -9
    assert not broken.is_file() and not (broken / "tokens-00000.parquet").exists()
    assert run(writer, broken).returncode == 0
    assert content(broken) == content(whole)


def test_no_folder_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for writer in (CodedWriter, ParquetWriter):
        with pytest.raises(SignalPieceError, match="cannot write .*: Not a directory"):
            writer(tmp_path / "file" / "x")


class Ranges(http.server.BaseHTTPRequestHandler):
    """A server that answers byte ranges, as S3 and web servers do."""

    body, sent = b"", 0

    def do_HEAD(self):  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def do_GET(self):  # noqa: N802
        span = self.headers.get("Range", f"bytes=0-{len(self.body) - 1}").removeprefix("bytes=").split("-")
        piece = self.body[int(span[0]) : int(span[1]) + 1]
        Ranges.sent += len(piece)
        self.send_response(206)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {span[0]}-{span[1]}/{len(self.body)}")
        self.end_headers()
        self.wfile.write(piece)

    def log_message(self, *args):
        pass


def test_reads_over_http_in_ranges(tmp_path):
    take = Take(2, channels=32, frames=600, segment=100, columns=30)
    with CodedWriter(tmp_path / "x.sp") as writer:
        take.write(writer)
    Ranges.body, Ranges.sent = (tmp_path / "x.sp").read_bytes(), 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stored = open_coded(f"http://127.0.0.1:{server.server_port}/x.sp", codecs)
        part = stored.recordings[0].read(250, 260, [5, 30])
        server.shutdown()
    assert (part.cube() == take.cube[250:260][:, [5, 30]]).all()
    assert Ranges.sent == stored.bytes_read < 0.15 * len(Ranges.body)


def test_damage_in_parquet_is_named(tmp_path):
    take = Take(3, frames=300, segment=100, columns=40)
    with ParquetWriter(tmp_path / "d") as writer:
        take.write(writer)
    file = tmp_path / "d" / "tokens-00000.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    stored = open_parquet(tmp_path / "d")
    assert stored.verify() == ["segment 1 of recording 0"]
    with pytest.raises(SignalPieceError, match="segment 1 of recording 0 is damaged"):
        stored.recordings[0].read()
    got = stored.recordings[0].read(damaged="skip")
    assert got.valid is not None
    valid = got.valid.reshape(300, 3)
    assert (got.cube()[valid] == take.cube[valid]).all() and not valid[100:200].any() and valid[200:].all()


def test_parquet_loads_as_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    take = Take(4)
    with ParquetWriter(tmp_path / "d") as writer:
        take.write(writer)
    files = str(tmp_path / "d" / "tokens-*.parquet")
    rows = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert len(rows) == 25 * 3 and rows.column_names == ["recording", "frame", "channel", "start", "codes"]
    assert rows[4]["frame"] == 1 and rows[4]["channel"] == 1 and rows[4]["codes"] == take.cube[1, 1].tolist()
    assert rows[4]["start"] == 0.0
