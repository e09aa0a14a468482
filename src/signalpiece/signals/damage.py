"""Keeps format libraries honest on damaged files: what they warn of is collected, what they raise becomes one sentence.

Readers that fetch samples after opening use this too, because a file can be damaged where only a later read looks.
"""

import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from signalpiece.core.check import SignalPieceError


@contextmanager
def one_sentence(path: Path, doing: str = "cannot be read") -> Iterator[None]:
    """Turns whatever is raised inside into a SignalPieceError that names the file."""
    try:
        yield
    except SignalPieceError:
        raise
    except MemoryError as error:
        raise SignalPieceError(f"{path}: {doing}: too large for memory, or damaged") from error
    except Exception as error:  # format libraries raise anything on damaged files
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = (words.strip() or type(error).__name__).splitlines()[0]
        raise SignalPieceError(f"{path}: {doing}: {reason}") from error


@contextmanager
def quiet(path: Path) -> Iterator[list[str]]:
    """As `one_sentence`, and gives the list of warnings raised inside (each once, first line), filled on leaving."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught, one_sentence(path):
        warnings.simplefilter("always")
        yield said
    lines = (str(w.message).strip().splitlines() for w in caught)
    said += dict.fromkeys(line[0] for line in lines if line)


def unzip(path: Path, most: int) -> bytes:
    """A gzip file unpacked, piece by piece so that nothing is allocated on trust.

    Raises:
        SignalPieceError: it is cut or damaged, or holds more than `most` bytes.
    """
    pieces, size = list[bytes](), 0
    with one_sentence(path, "cannot be unpacked"), gzip.open(path) as packed:
        while piece := packed.read(1 << 20):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise SignalPieceError(f"{path}: more than {most >> 20} MiB when unpacked; unpack it first (gunzip)")
    return b"".join(pieces)


def single(
    values: Shaped[np.ndarray, "*n"], scale: Shaped[np.ndarray, "..."] | float = 1.0
) -> Float32[np.ndarray, "*n"]:
    """Values times scale as float32; what is too large for it becomes infinite (so invalid), without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (values.astype(np.float64) * scale).astype(np.float32)


def check_room(path: Path, what: str, need: int, have: int) -> None:
    """Raises SignalPieceError if the header promises more bytes than there are: damage, and never an allocation."""
    if need > have:
        raise SignalPieceError(f"{path}: {what} would take {need} bytes and the file has {have}; it is cut or damaged")
