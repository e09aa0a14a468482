"""Film through PyAV, frame by frame: turned as the display matrix says, every frame at its own time, values 0..1.

Axes ("time", "row", "column", "color"). Frames evenly spaced (within one tick of the file's clock) have a rate; else
the rate is None and `times` says when each is shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.damage import quiet
from signalpiece.signals.still import Still

_MOST_PIXELS = 1 << 26  # per frame


@dataclass(frozen=True)
class _Turn:
    """How stored rows and columns become shown ones."""

    exchange: bool = False
    rows: int = 1
    columns: int = 1

    def __call__(self, pixels: Shaped[np.ndarray, "row column color"]) -> Shaped[np.ndarray, "h w color"]:
        pixels = pixels.swapaxes(0, 1) if self.exchange else pixels
        return pixels[:: self.rows, :: self.columns]


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Still, ...]:
    """Opens the first film of a file; frames are decoded by `read` and `blocks`.

    Raises:
        SignalPieceError: no film in it, PyAV is not installed, or damaged.
    """
    with quiet(path) as said, _stream(path) as (container, stream):
        stamps = _stamps(path, container, stream)
        container.seek(stamps[0], stream=stream)
        first = next(iter(container.decode(stream)), None)
        if first is None:
            raise SignalPieceError(f"{path}: not one frame can be decoded; the file is damaged")
        size, grey, turn = (first.height, first.width), _is_grey(first), _turn_of(first, said)
        tick, stated = float(stream.time_base), float(stream.average_rate or 0)
        kinds = [s.type for s in container.streams]
        name = stream.codec_context.name
    if kinds.count("audio"):
        said.append("the sound track is not read")
    if kinds.count("video") > 1:
        said.append(f"it holds {kinds.count('video')} films; the first is read")
    if size[0] * size[1] > _MOST_PIXELS:
        raise SignalPieceError(f"{path}: frames of {size[1]} x {size[0]} pixels are more than {_MOST_PIXELS}")
    times = (np.array(stamps, float) - stamps[0]) * tick
    rate = _even(times, stated, tick)
    shown = size[::-1] if turn.exchange else size
    shape = (len(stamps), *shown, 1 if grey else 3)
    grid = Grid(("time", "row", "column", "color"), (rate, None, None, None), ("",), shape)
    frames = _Frames(path, tuple(stamps), shape[1:], grey, turn)
    extra = {"times": tuple(times.tolist()), "codec": str(name)}
    return (Still(path, grid, frames, warnings=tuple(said), format="film", extra=extra),)


@contextmanager
def _stream(path: Path) -> Iterator[tuple[Any, Any]]:
    try:
        import av
    except ImportError as error:
        raise missing_extra("PyAV", "video", f"{path.name}: a film") from error
    with av.open(str(path), format="mp4") as container:  # named, so that no other reader guesses at the bytes
        films = [s for s in container.streams.video if not _is_cover(s)]
        if not films:
            raise SignalPieceError(f"{path}: it holds no film")
        films[0].codec_context.thread_count = 1
        yield container, films[0]


def _is_cover(stream: Any) -> bool:
    return "ATTACHED_PIC" in str(getattr(stream, "disposition", "")).upper()


def _stamps(path: Path, container: Any, stream: Any) -> list[int]:
    """When frames are shown, in ticks, in order; from the packets, so nothing is decoded."""
    packets = [p for p in container.demux(stream) if p.size and not p.is_discard]
    if not packets:
        raise SignalPieceError(f"{path}: the film has no frames")
    stamps = [p.pts for p in packets]
    if None in stamps:
        raise SignalPieceError(f"{path}: some frames have no time")
    return sorted(set(stamps))


def _is_grey(frame: Any) -> bool:
    return str(frame.format.name).startswith(("gray", "ya8", "monow", "monob"))


def _turn_of(frame: Any, said: list[str]) -> _Turn:
    for n in range(len(frame.side_data)):
        data = frame.side_data[n]
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = (np.sign(v) for v in np.frombuffer(bytes(data), np.int32)[:5])
            if a and d and not b and not c:
                return _Turn(False, int(d), int(a))
            if b and c and not a and not d:
                return _Turn(True, int(b), int(c))
            said.append("the display matrix is no quarter turn; frames are as they are stored")
    return _Turn()


def _even(times: Float[np.ndarray, "n"], stated: float, tick: float) -> float | None:
    """Frames per second, if frames are evenly spaced within one tick, or the millisecond that someone rounded to."""
    mean = (len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else 0.0
    for rate in (stated, mean):
        close = max(1.01 * tick, min(1.01e-3, 0.05 / rate)) if rate > 0 else 0.0
        if rate > 0 and np.abs(times - np.arange(len(times)) / rate).max() <= close:
            return rate
    return None


@dataclass(frozen=True)
class _Frames:
    """Decodes a range of frames from the last key frame before it."""

    path: Path
    stamps: Sequence[int]
    shape: tuple[int, ...]
    grey: bool
    turn: _Turn

    def __call__(self, start: int, stop: int) -> Float[np.ndarray, "time row column color"]:
        out = np.zeros((stop - start, *self.shape), np.float32)
        wanted = {stamp: n for n, stamp in enumerate(self.stamps[start:stop])}
        if not wanted:
            return out
        with quiet(self.path), _stream(self.path) as (container, stream):
            container.seek(self.stamps[start], stream=stream, backward=True)
            for frame in container.decode(stream):
                number = wanted.pop(frame.pts, None)
                if number is not None:
                    out[number] = self._pixels(frame)
                if not wanted:
                    break
        if wanted:
            lost = start + min(wanted.values())
            raise SignalPieceError(f"{self.path}: frame {lost} of {len(self.stamps)} is cut or damaged")
        return out

    def _pixels(self, frame: Any) -> Float[np.ndarray, "row column color"]:
        if self.grey:
            pixels = frame.to_ndarray(format="gray")[..., None]
        else:
            pixels = frame.to_ndarray(format="rgb24")
        return self.turn(pixels).astype(np.float32) / np.float32(255)


def write_file(path: Path, signal: Signal) -> None:
    """Writes H.264 at a quality of no visible loss (crf 17); frames must be evenly spaced.

    Raises:
        SignalPieceError: not time x row x column x color, uneven times, values outside 0..1, or no encoder.
    """
    try:
        import av
    except ImportError as error:
        raise missing_extra("PyAV", "video", "writing a film") from error
    grid, values = signal.grid, np.asarray(signal.values)
    if grid.axes != ("time", "row", "column", "color") or grid.shape[3] not in (1, 3) or not all(grid.shape):
        raise SignalPieceError(f"a film is time x row x column x color (1 or 3), not {grid.axes} of {grid.shape}")
    if grid.rate[0] is None:
        raise SignalPieceError("frames with uneven times cannot be written; bring them to one rate first")
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        raise SignalPieceError(f"pixels must be between 0 and 1, got {values.min():g} to {values.max():g}")
    rate = Fraction(grid.rate[0]).limit_denominator(100_000)
    with quiet(path), av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"crf": "17", "threads": "1"})
        stream.height, stream.width = grid.shape[1:3]
        stream.pix_fmt = "yuv420p" if grid.shape[1] % 2 == 0 and grid.shape[2] % 2 == 0 else "yuv444p"
        for pixels in values:
            bytes_ = np.rint(np.clip(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), 0, 1) * 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(bytes_), format="rgb24")))
        container.mux(stream.encode(None))
