"""Ranges of bytes of a file anywhere: local, in memory, in a zip, on S3 or HTTP (fsspec)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError


class Source:
    """A file to read in ranges; counts the bytes that it fetched.

    Args:
        where: a path, a URL that fsspec knows (memory://, s3://, https://, zip://inner::outer), or a pair of an fsspec
            file system and a path on it.

    Raises:
        SignalPieceError: there is no such file, or it cannot be reached.
    """

    def __init__(self, where: Any) -> None:
        import fsspec.core

        try:
            if isinstance(where, tuple):
                self._fs, self._path = where
            else:
                self._fs, self._path = fsspec.core.url_to_fs(str(where) if isinstance(where, Path) else where)
            self.name, self.bytes_read = str(self._path), 0
            size = self._fs.size(self._path)
        except (OSError, ValueError, ImportError) as error:
            raise SignalPieceError(f"cannot open {where}: {_reason(error)}") from error
        if size is None:
            raise SignalPieceError(f"{self.name}: its server does not tell its size; fetch the file first")
        self.size = int(size)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start to stop."""
        return self.read_many([(start, stop)])[0]

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges at once; ranges that touch are fetched as one.

        Raises:
            SignalPieceError: the file cannot be read there.
        """
        joined: list[list[int]] = []
        for start, stop in sorted(set(ranges)):
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(stop, joined[-1][1])
            else:
                joined.append([start, stop])
        try:
            if len(joined) == 1:
                got = [self._fs.cat_file(self._path, start=joined[0][0], end=joined[0][1])]
            else:
                starts, stops = [a for a, _ in joined], [b for _, b in joined]
                got = self._fs.cat_ranges([self._path] * len(joined), starts, stops, on_error="raise")
        except (OSError, ValueError) as error:
            raise SignalPieceError(f"cannot read {self.name}: {_reason(error)}") from error
        fetched = {}
        for (start, stop), data in zip(joined, got, strict=True):
            self.bytes_read += len(data)
            whole = len(data) == self.size and stop - start < self.size  # a server that ignores ranges
            fetched[start] = bytes(data[start:stop] if whole else data)
        return [_cut(fetched, start, stop) for start, stop in ranges]


def _cut(fetched: dict[int, bytes], start: int, stop: int) -> bytes:
    first = max(s for s in fetched if s <= start)
    return fetched[first][start - first : stop - first]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "no such file" if isinstance(error, FileNotFoundError) else str(error) or type(error).__name__
