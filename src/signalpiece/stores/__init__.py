"""Tokens at rest: a coded file with an index for random access, and a Parquet data set."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "CodedFile": "coded",
    "CodedWriter": "coded_writer",
    "ParquetFolder": "parquet",
    "ParquetWriter": "parquet_writer",
    "StoredRecording": "stored_recording",
    "open_coded": "coded",
    "open_parquet": "parquet",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
