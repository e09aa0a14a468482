"""Reads tokens stored as a Parquet data set, segment by segment, with the methods of a coded file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation
from signalpiece.core.tokens import Header, Tokens
from signalpiece.stores.header_json import FORMAT, annotations_from_json, header_from_json
from signalpiece.stores.parquet_writer import HEADERS
from signalpiece.stores.stored_recording import Piece, StoredRecording


@dataclass(frozen=True)
class ParquetFolder:
    """An opened Parquet data set of tokens."""

    recordings: list[StoredRecording]

    def verify(self) -> list[str]:
        """Reads everything and names what is damaged; an empty list if nothing is."""
        return [name for recording in self.recordings for name in recording.verify()]


def open_parquet(where: Any) -> ParquetFolder:
    """Opens a folder that `ParquetWriter` wrote.

    Args:
        where: its path, a URL that fsspec knows, or a pair of an fsspec file system and a path on it.

    Raises:
        SignalPieceError: it is not such a folder, or its writer did not finish.
    """
    import fsspec.core

    try:
        fs, path = where if isinstance(where, tuple) else fsspec.core.url_to_fs(str(where))
        text = fs.cat_file(f"{path}/{HEADERS}")
        content = json.loads(text)
        if content["format"] > FORMAT:
            raise SignalPieceError(
                f"{where}: written by a newer version (format {content['format']}); update the package"
            )
        if not content["complete"]:
            raise SignalPieceError(f"{where}: its writer did not finish; encode again with --resume")
        entries = content["recordings"]
        used = sum(len(json.dumps(e)) for e in entries)
        recordings = [_recording(fs, path, i, e, len(text) - used if i == 0 else 0) for i, e in enumerate(entries)]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, SignalPieceError):
            raise
        missing = str(getattr(error, "filename", None) or error).rstrip("'").rsplit("/", 1)[-1]
        reason = f"it has no {missing}" if isinstance(error, FileNotFoundError) else str(error)
        raise SignalPieceError(f"{where} is no Parquet data set of tokens: {reason}") from error
    return ParquetFolder(recordings)


def _recording(fs: Any, path: str, number: int, entry: dict[str, Any], overhead: int) -> StoredRecording:
    header = header_from_json(entry["header"])
    side, side_header, side_file = None, None, 0
    if "side" in entry:
        side_header = header_from_json(entry["side"], header.grid)
        if side_header.frames is None:
            cube = np.array(entry["side_codes"], np.int32).reshape(-1, 1, len(side_header.columns))
            side = Tokens((side_header,), cube.reshape(1, -1, len(side_header.columns)))
            side_header = None
        else:
            side_file = fs.size(f"{path}/side-{number:05d}.parquet") if entry["frames"] else 0
    events = len(json.dumps(entry["annotations"])) if "annotations" in entry else 0
    side_bytes = side_file + (len(json.dumps(entry["side_codes"])) if side is not None else 0)
    codes = fs.size(f"{path}/tokens-{number:05d}.parquet")
    total = codes + side_file + overhead + len(json.dumps(entry))
    bits = {"codes": codes, "side": side_bytes, "index": overhead, "annotations": events}
    bits["header"] = total - sum(bits.values())
    bits = {k: 8 * v for k, v in bits.items()} | {"total": 8 * total}
    annotations = annotations_from_json(entry.get("annotations", ()))
    source = ParquetSegments(fs, path, number, entry["frames"], header, side_header, annotations)
    return StoredRecording(header, side, entry["frames"], None, bits, source, side_header)


class ParquetSegments:
    """Row groups of one recording."""

    def __init__(
        self,
        fs: Any,
        path: str,
        number: int,
        frames: int,
        header: Header,
        side_header: Header | None,
        annotations: tuple[Annotation, ...],
    ) -> None:
        self._fs, self._path, self._number, self._frames = fs, path, number, frames
        self._header, self._side_header, self._annotations = header, side_header, annotations

    def read(self, number: int, channels: Sequence[int], skip: bool) -> Piece:
        """Codes of some channels of one segment.

        Raises:
            SignalPieceError: the segment is damaged, unless `skip`.
        """
        keep, good = list(channels), np.ones(len(channels), bool)
        try:
            codes = self._group("tokens", number, self._header)[:, keep]
            side = None
            if self._side_header is not None:
                side = self._group("side", number, self._side_header)[:, keep]
            return Piece(codes, good, side)
        except (OSError, ValueError) as error:
            if not skip:
                name = f"segment {number} of recording {self._number}"
                raise SignalPieceError(f"{self._path}: {name} is damaged ({error})") from error
        frames = self._header.segment
        return Piece(np.zeros((frames, len(keep), len(self._header.columns)), np.int32), ~good)

    def annotations(self) -> tuple[Annotation, ...]:
        """Events of the recording."""
        return self._annotations

    def verify(self) -> list[str]:
        """Reads every row group and names the damaged ones."""
        segments = -(-self._frames // self._header.segment)
        names = [f"segment {n} of recording {self._number}" for n in range(segments)]
        return [name for n, name in enumerate(names) if not self.read(n, [0], True).good.all()]

    def _group(self, stem: str, number: int, header: Header) -> np.ndarray:
        import pyarrow.parquet as pq

        with self._fs.open(f"{self._path}/{stem}-{self._number:05d}.parquet") as file:
            table = pq.ParquetFile(file, page_checksum_verification=True).read_row_group(number, columns=["codes"])
        values = table.column("codes").combine_chunks().flatten().to_numpy()
        return values.reshape(-1, header.grid.size("channel"), len(header.columns)).astype(np.int32)
