"""Writes tokens as a Parquet data set: one file per recording, one row per frame and channel, one row group a segment.

`datasets.load_dataset("parquet", data_files="DIR/tokens-*.parquet")` reads it; `headers.json` beside the files holds
what decoding needs.
"""

import json
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Annotation
from signalpiece.core.tokens import Header, Tokens
from signalpiece.stores.header_json import FORMAT, annotations_to_json, header_to_json, pack

HEADERS = "headers.json"


class ParquetWriter:
    """A folder of Parquet files, written segment by segment; a file takes its name when its recording is whole.

    Args:
        path: the folder; it is made if need be.
        resume: keep the recordings that an earlier run finished there, if the same ones come again in the same order.

    Attributes:
        done: for each recording kept, how many segments it has.

    Raises:
        SignalPieceError: the folder cannot be written.
    """

    def __init__(self, path: str | Path, *, resume: bool = False) -> None:
        self.path = Path(path)
        self._recordings: list[dict[str, Any]] = []
        self._current, self._frames, self._kept = -1, 0, False
        self._header: Header | None = None
        self._digest = ""
        self._files: dict[str, Any] = {}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            old = json.loads((self.path / HEADERS).read_text()) if (self.path / HEADERS).exists() else {}
            if resume and not old.get("complete", True):
                self._recordings = old["recordings"]
            self._save(False)
        except (OSError, ValueError, KeyError) as error:
            raise self._failed(error) from error
        self.done = {i: r["segments"] for i, r in enumerate(self._recordings)}

    def __enter__(self) -> "ParquetWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._shut()

    def begin(self, header: Header, codec: Codec | None = None, side_codec: Codec | None = None, key: str = "") -> int:
        """Starts the next recording and returns its number; codecs are not needed here.

        Raises:
            SignalPieceError: the header has no segment length.
        """
        if header.segment < 1:
            raise SignalPieceError(f"header.segment must be at least 1 frame, got {header.segment}")
        assert self._header is None, "end() the last recording first"
        self._current, self._frames, self._header = self._current + 1, 0, header
        self._digest = sha256(key.encode() + pack(header_to_json(header))).hexdigest()[:16]
        self._kept = self._current < len(self._recordings)
        if self._kept and self._recordings[self._current]["digest"] != self._digest:
            del self._recordings[self._current :]
            self.done = {i: n for i, n in self.done.items() if i < self._current}
            self._kept = False
        return self._current

    def segment(self, tokens: Tokens) -> None:
        """Writes the next segment: all channels, exactly `header.segment` frames (the last one may have fewer).

        Raises:
            SignalPieceError: the tokens do not fit, or the files cannot be written.
        """
        assert self._header is not None, "begin() a recording first"
        cube, side, header = tokens.cube(), tokens.side, self._header
        if not 1 <= len(cube) <= header.segment or self._frames % header.segment:
            raise SignalPieceError(
                f"a segment has {header.segment} frames, only the last may have fewer; got {len(cube)}"
            )
        first, self._frames = self._frames, self._frames + len(cube)
        if self._kept:
            return
        frames = header.frames
        start = None if frames is None else (np.arange(first, self._frames) * frames.hop - frames.lead) / frames.rate
        self._rows("tokens", "codes", cube, first, start)
        if side is not None and side.header.frames is not None:
            self._rows("side", "codes", side.cube(), first // header.segment * side.header.segment, None)

    def end(self, header: Header, side: Tokens | None = None, annotations: Sequence[Annotation] = ()) -> None:
        """Finishes the recording with what is known at its end.

        Raises:
            SignalPieceError: the files cannot be written.
        """
        assert self._header is not None, "begin() a recording first"
        segment, self._header = self._header.segment, None
        if self._kept:
            return
        entry: dict[str, Any] = {"header": header_to_json(header), "frames": self._frames, "digest": self._digest}
        entry["segments"] = -(-self._frames // segment)
        if side is not None:
            entry["side"] = header_to_json(side.header, header.grid)
            if side.header.frames is None:
                entry["side_codes"] = side.cube().tolist()
        if annotations:
            entry["annotations"] = annotations_to_json(annotations)
        if not self._frames:
            self._rows("tokens", "codes", np.zeros((0, 1, 1), np.int32), 0, None)
        try:
            self._shut()
            for stem in list(self._files):
                os.replace(self._file(stem, ".part"), self._file(stem))
            self._files = {}
            self._recordings.append(entry)
            self._save(False)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Marks the data set as whole.

        Raises:
            SignalPieceError: the folder cannot be written.
        """
        assert self._header is None, "end() the last recording first"
        try:
            del self._recordings[self._current + 1 :]
            for entry in self._recordings:
                entry.pop("digest", None)  # only a resumed run needs it
            self._save(True)
        except OSError as error:
            raise self._failed(error) from error

    def _rows(self, stem: str, name: str, cube: np.ndarray, first: int, start: np.ndarray | None) -> None:
        """Appends one row group: recording, frame, channel, start in seconds (if known), codes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        n, c, q = cube.shape
        columns = {
            "recording": pa.array(np.full(n * c, self._current, np.int32)),
            "frame": pa.array(np.repeat(np.arange(first, first + n), c)),
            "channel": pa.array(np.tile(np.arange(c, dtype=np.int32), n)),
        }
        if stem == "tokens":
            columns["start"] = pa.array(np.full(n * c, np.nan) if start is None else np.repeat(start, c))
        offsets = pa.array(np.arange(0, n * c * q + 1, max(q, 1), dtype=np.int32)[: n * c + 1])
        columns[name] = pa.ListArray.from_arrays(offsets, pa.array(cube.ravel().astype(np.int32)))
        table = pa.table(columns)
        try:
            if stem not in self._files:
                self._files[stem] = pq.ParquetWriter(
                    self._file(stem, ".part"), table.schema, compression="zstd", write_page_checksum=True
                )
            self._files[stem].write_table(table, row_group_size=max(table.num_rows, 1))
        except OSError as error:
            self._shut()
            raise self._failed(error) from error

    def _file(self, stem: str, suffix: str = "") -> Path:
        return self.path / f"{stem}-{self._current:05d}.parquet{suffix}"

    def _save(self, complete: bool) -> None:
        part = self.path / (HEADERS + ".part")
        part.write_text(json.dumps({"format": FORMAT, "complete": complete, "recordings": self._recordings}))
        os.replace(part, self.path / HEADERS)

    def _shut(self) -> None:
        for file in self._files.values():
            try:
                file.close()
            except OSError:  # what did not fit is still in the buffer
                pass

    def _failed(self, error: Exception) -> SignalPieceError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return SignalPieceError(f"cannot write {self.path}: {reason}")
