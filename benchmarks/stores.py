"""Writing and reading stored tokens beside Arrow's own files of the same arrays.

    python -m benchmarks.stores [--json]

CPU time on one thread, best of 5; megabytes are those of the codes as int32. Codecs are what the store adds nothing to:
`raw-1` shows the store itself.
"""

from benchmarks.timing import cpu_seconds, show  # noqa: I001 (first: it sets the number of threads)

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.stores.coded import open_coded
from signalpiece.stores.coded_writer import CodedWriter
from signalpiece.stores.parquet import open_parquet
from signalpiece.stores.parquet_writer import ParquetWriter

FRAMES, CHANNELS, COLUMNS, SEGMENT = 1920, 16, 50, 480  # 16 minutes of 16 channels


def header() -> Header:
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (CHANNELS, FRAMES * 50))
    columns = tuple(Column(f"bin{k}", 0) for k in range(COLUMNS))
    return Header(grid, columns, Frames(100.0, 50, 100, 50), segment=SEGMENT)


def codes() -> np.ndarray:
    x = np.random.default_rng(0).laplace(size=(FRAMES, CHANNELS, COLUMNS)) * 3 * np.exp(-np.arange(COLUMNS) / 12)
    return np.round(x).astype(np.int32)


def fill(writer: Any, cube: np.ndarray, codec: Any) -> None:
    head = header()
    with writer:
        writer.begin(head, codec)
        for at in range(0, FRAMES, SEGMENT):
            writer.segment(Tokens((head,), cube[at : at + SEGMENT].reshape(1, -1, COLUMNS)))
        writer.end(head)


def size_of(path: Path) -> int:
    return sum(f.stat().st_size for f in path.iterdir()) if path.is_dir() else path.stat().st_size


def row(
    name: str, path: Path, write: Callable[[], Any], read: Callable[[], Any], part: Callable[[], Any] | None
) -> dict:
    write()
    megabytes = 4 * FRAMES * CHANNELS * COLUMNS / 1e6
    out = {
        "store": name,
        "size, % of int32": round(100 * size_of(path) / 1e6 / megabytes, 1),
        "write MB/s": round(megabytes / cpu_seconds(write), 1),
        "read MB/s": round(megabytes / cpu_seconds(read), 1),
    }
    return out | ({} if part is None else {"open + 4 s of 3 channels, ms": round(1e3 * cpu_seconds(part), 2)})


def main() -> None:
    cube = codes()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for codec in (Raw(), StaticTables(), AdaptiveBinary()):
            path = Path(folder) / f"{codec.name}.sp"

            def opened(path: Path = path, codec: Any = codec) -> Any:
                return open_coded(path, lambda name, version, head: codec).recordings[0]

            assert (opened_after(path, cube, codec, opened).cube() == cube).all()
            rows.append(
                row(
                    f"coded, {codec.name}",
                    path,
                    lambda path=path, codec=codec: fill(CodedWriter(path), cube, codec),
                    lambda opened=opened: opened().read(),
                    lambda opened=opened: opened().read(700, 708, [1, 5, 9]),
                )
            )
        path = Path(folder) / "parquet"
        rows.append(
            row(
                "parquet",
                path,
                lambda: fill(ParquetWriter(path), cube, None),
                lambda: open_parquet(path).recordings[0].read(),
                lambda: open_parquet(path).recordings[0].read(700, 708, [1, 5, 9]),
            )
        )
        rows += arrow(Path(folder), cube)
    show(rows)


def opened_after(path: Path, cube: np.ndarray, codec: Any, opened: Callable[[], Any]) -> Tokens:
    fill(CodedWriter(path), cube, codec)
    return opened().read()


def arrow(folder: Path, cube: np.ndarray) -> list[dict]:
    """The same numbers as one column, by Arrow alone."""
    flat = pa.table({"codes": cube.ravel()})
    plain, squeezed, parquet = folder / "plain.feather", folder / "zstd.feather", folder / "zstd.parquet"
    return [
        row(
            "Arrow feather, plain",
            plain,
            lambda: feather.write_feather(flat, plain, compression="uncompressed"),
            lambda: np.array(feather.read_table(plain, memory_map=False)["codes"]),
            None,
        ),
        row(
            "Arrow feather, zstd",
            squeezed,
            lambda: feather.write_feather(flat, squeezed, compression="zstd"),
            lambda: np.array(feather.read_table(squeezed, use_threads=False)["codes"]),
            None,
        ),
        row(
            "Arrow parquet, zstd",
            parquet,
            lambda: pq.write_table(flat, parquet, compression="zstd"),
            lambda: np.array(pq.read_table(parquet, use_threads=False)["codes"]),
            None,
        ),
    ]


if __name__ == "__main__":
    main()
