"""One coder on one signal: what the real file weighs, what its codes are worth, and what came back.

The coder's own file writer is used, on disk, so that header, side information, index and checksums are all counted.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.apps.excerpt import Excerpt, full_mask
from signalpiece.core.signal import Signal
from signalpiece.core.tokens import Tokens
from signalpiece.metrics.bands import BandErrors, nmse_bands
from signalpiece.metrics.codes import CodeCounts
from signalpiece.metrics.protocol import resample
from signalpiece.metrics.similarity import correlation
from signalpiece.signals.recording import Recording


def source_bytes(recording: Any, recordings: Sequence[Any]) -> float:
    """What the input spends on a recording: the size of its files, shared by samples among their recordings."""
    total = sum(_samples(r) for r in recordings if r.path == recording.path)
    return recording.disk_bytes * _samples(recording) / max(total, 1)


def _samples(recording: Any) -> int:
    return recording.samples * recording.grid.size("channel")


@dataclass(frozen=True)
class Measured:
    """Bits per second and channel, and error, of one coder at one setting on one signal.

    Attributes:
        bits_nominal: fixed-length codes (of the range used, where the codebook is open), side included.
        bits_entropy: order-0 entropy of the codes, side included.
        bits_file: the file as written: codes, side, header, index, checksums.
    """

    bits_nominal: float
    bits_entropy: float
    bits_file: float
    errors: BandErrors
    pcc: Float[np.ndarray, "c"]


def has_rate(coder: Any) -> bool:
    """Whether the coder can be run at many rates: by its quantization step, or because it is a tuple of variants."""
    if isinstance(coder, tuple):
        return True
    return not getattr(coder, "fixed_rate", True)


def measure(coder: Any, excerpt: Excerpt, ratio: float | None = None) -> Measured:
    """Codes the excerpt into a real file, reads it back, and compares.

    Args:
        coder: a tokenizer, or an outside rival with `measure(signal, step_ratio) -> (decoded, bits)`.
        excerpt: what to code.
        ratio: quantization step in units of each channel's SD; None for a coder of one rate.
    """
    signal = excerpt.signal
    channel_seconds = signal.grid.seconds * signal.grid.size("channel")
    options = {} if ratio is None else {"step_ratio": ratio}
    if hasattr(coder, "measure"):
        decoded, bits = coder.measure(signal, **options)
        nominal = entropy = float("nan")
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.sp"
            stored = write_file(coder, in_memory(signal, excerpt.file), path, options)
            bits = 8 * path.stat().st_size
            counts = count_codes([t for s in stored for t in segments(s)])
            nominal, entropy = (sum(getattr(c, k) for c in counts) for k in ("bits_nominal", "bits"))
            decoded = brought_back(coder.decode(stored[0].read()), signal)
    reference = np.asarray(signal.values, float)
    valid = full_mask(signal)
    return Measured(
        nominal / channel_seconds,
        entropy / channel_seconds,
        bits / channel_seconds,
        nmse_bands(reference, decoded, signal.grid.time_rate, valid=valid, scale=excerpt.sd),
        correlation(reference, decoded, valid=valid),
    )


def write_file(coder: Any, recording: Any, path: Path, options: dict[str, Any]) -> list[Any]:
    """Encodes a recording into one coded file as the command `encode` does; returns its stored recordings.

    `options` are those of `encode_files`, or `step_ratio`: the step in units of each channel's SD.
    """
    from signalpiece.stores.coded_writer import CodedWriter
    from signalpiece.tokenizers.exact_files import encode_exact
    from signalpiece.tokenizers.files import encode_files, open_tokens, write_recording

    if "step_ratio" in options:
        steps = coder.prepare(recording.grid, recording.blocks(60.0), step_ratio=options["step_ratio"])
        with CodedWriter(path) as writer:
            write_recording(writer, coder, recording, {"step": steps})
    elif hasattr(coder, "segments"):  # a file's own integers, not a signal
        encode_exact(coder, [recording], path)
    else:
        encode_files(coder, [recording], path, **options)
    return list(open_tokens(path, model=coder).recordings)


def in_memory(signal: Signal, name: str) -> Recording:
    """A signal as an opened recording that starts at second 0."""
    values = np.asarray(signal.values, np.float32)
    valid = full_mask(signal)
    if valid is not None:
        values = np.where(valid, values, np.nan).astype(np.float32)
    grid = signal.grid.span(0, signal.grid.size("time"))
    return Recording(Path(name), replace(grid, start=0.0), lambda a, b: values[:, a:b])


def segments(stored: Any) -> Iterator[Tokens]:
    """The tokens of a stored recording, one segment in memory at a time."""
    size = stored.header.segment or stored.frames or 1
    for first in range(0, stored.frames, size):
        yield stored.read(first, min(first + size, stored.frames))


def count_codes(parts: Any) -> list[CodeCounts]:
    """Counts of the codes and of the side; a side kept once per recording counts once."""
    counts: dict[str, CodeCounts] = {}
    for part in parts:
        for name, tokens in (("codes", part), ("side", part.side)):
            if tokens is None or tokens.codes is None:
                continue
            if name == "side" and name in counts and tokens.header.frames is None:
                continue
            columns = tokens.header.columns
            counts.setdefault(name, CodeCounts([c.size for c in columns]))
            counts[name].add(np.asarray(tokens.codes).reshape(-1, len(columns)))
    return list(counts.values())


def brought_back(decoded: Signal, reference: Signal) -> Float[np.ndarray, "c t"]:
    """A coder's output at the reference's rate and length."""
    values = resample(np.asarray(decoded.values, float), decoded.grid.time_rate, reference.grid.time_rate)
    length = reference.grid.size("time")
    if values.shape[1] < length:
        values = np.pad(values, ((0, 0), (0, length - values.shape[1])))
    return values[:, :length]
