"""Headers and annotations as JSON, and JSON as few bytes: zlib with a preset dictionary of what headers say.

Runs of channels of one kind and of numbered columns (`bin0`, `bin1`, ...) are written as runs; positions are whole
tenths of a millimetre. The dictionary is part of format 1 and never changes.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header

FORMAT = 1
LARGEST = 1 << 26  # bytes of JSON that a file may unpack to
POSITION = 1e-4  # metres
_NAMES = (
    "Fp1 Fpz Fp2 AF9 AF7 AF5 AF3 AF1 AFz AF2 AF4 AF6 AF8 AF10 F9 F7 F5 F3 F1 Fz F2 F4 F6 F8 F10 FT9 FT7 FC5 FC3 FC1 "
    "FCz FC2 FC4 FC6 FT8 FT10 T9 T7 C5 C3 C1 Cz C2 C4 C6 T8 T10 TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10 P9 P7 P5 "
    "P3 P1 Pz P2 P4 P6 P8 P10 PO9 PO7 PO3 POz PO4 PO8 PO10 O1 Oz O2 O9 O10 Iz T3 T4 T5 T6 A1 A2 M1 M2 EOG HEOG VEOG "
    "ECG EMG STI 014 Fp1. F7-T7 C3-A2"
)
DICTIONARY = (
    '"quantity":"event":"patch":"dim":"codebook":"codebooks":"level":"branch":"tables":"adaptive":"mu":"levels":'
    '"stim":"misc":"resp":"ecg":"emg":"eog":"seeg":"ecog":"mag":"grad":"fnirs":"sound","T","T/m","m","s",'
    '"axes":["row","column","color"],["vertex","xyz"],["byte"],["x","y","z","time"],"affine":"start":'
    + ",".join(f'"{n}"' for n in _NAMES.split())
    + ',"ch0","ch1","ch2","EEG 001","EEG 002",500.0],250.0],512.0],128.0],160.0],1000.0],100.0],'
    '"side":{"columns":[["gain",null,1,0]],"frames":[100.0,100,100,0],"segment":240},"raw-1","categorical-1",'
    '"uniform","mulaw","wavelet","klt","biocodec","labram","static-1",["adaptive-1",1,0],'
    '{"grid":{"axes":["channel","time"],"rate":[null,256.0],"units":["V"],"shape":[19,"names":["Fp1","Fp2","F3",'
    '"kinds":[["eeg",19]],"positions":[-290,840,-70],"start":0.0},"columns":[["bin",0,50,0]],'
    '"frames":[100.0,50,100,50],"segment":480,"model":{"recipe":"dct","options":{"rate":100.0,"hop":50,'
    '"quantizer":"deadzone","rounding":0.35},"hash":"0123456789abcdef"},"preprocessing":{"rate":100.0,"units":"V"},'
    '"invalid":[[-1,0,'
    '"codec":["adaptive-1",1,1],"side":{"columns":[["step",null,1,0]]},"side_codec":["raw-1",1,0]}'
).encode()


def pack(value: Any) -> bytes:
    """JSON, compressed."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    return squeeze.compress(text) + squeeze.flush()


def unpack(data: bytes) -> Any:
    """The inverse of `pack`.

    Raises:
        SignalPieceError: the bytes are not compressed JSON, or unpack to an absurd size.
    """
    try:
        text = zlib.decompressobj(-15, zdict=DICTIONARY).decompress(data, LARGEST)
        return json.loads(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise SignalPieceError(f"a header of {len(data)} bytes is damaged: {error}") from error


def header_to_json(header: Header, like: Grid | None = None) -> dict[str, Any]:
    """The header as JSON values; what has its default is left out, and so is a grid equal to `like`."""
    out: dict[str, Any] = {} if header.grid == like else {"grid": _grid_to_json(header.grid)}
    out["columns"] = _column_runs(header.columns)
    if header.frames is not None:
        out["frames"] = [header.frames.rate, header.frames.hop, header.frames.window, header.frames.lead]
    optional = {
        "segment": header.segment,
        "model": dict(header.model),
        "preprocessing": dict(header.preprocessing),
        "invalid": [list(i) for i in header.invalid],
    }
    return out | {k: v for k, v in optional.items() if v}


def header_from_json(value: Any, like: Grid | None = None) -> Header:
    """The inverse of `header_to_json`; positions come back to a tenth of a millimetre.

    Raises:
        SignalPieceError: the JSON is not a header.
    """
    try:
        grid = _grid_from_json(value["grid"]) if "grid" in value else like
        columns = tuple(c for run in value["columns"] for c in _run_columns(*run))
        frames = Frames(*value["frames"]) if "frames" in value else None
        invalid = tuple((int(c), int(a), int(b)) for c, a, b in value.get("invalid", ()))
        if not isinstance(grid, Grid):
            raise KeyError("grid")
        return Header(
            grid,
            columns,
            frames,
            value.get("model", {}),
            value.get("preprocessing", {}),
            invalid,
            int(value.get("segment", 0)),
            FORMAT,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SignalPieceError(f"a header is not of format {FORMAT}: {error!r}") from error


def annotations_to_json(annotations: Sequence[Annotation]) -> list[list[Any]]:
    """Events as [onset, duration, text] in seconds."""
    return [[a.onset, a.duration, a.text] for a in annotations]


def annotations_from_json(value: Any) -> tuple[Annotation, ...]:
    """The inverse of `annotations_to_json`."""
    return tuple(Annotation(onset, duration, text) for onset, duration, text in value)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What `new` says otherwise than `old`: its own value, the difference of two mappings, or null for nothing."""
    out: dict[str, Any] = {k: None for k in old if k not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            if part := changes(old[key], value):
                out[key] = part
        elif key not in old or value != old[key]:
            out[key] = value
    return out


def changed(old: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with the `changes` made."""
    out = dict(old)
    for key, value in part.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(old.get(key), dict):
            out[key] = changed(old[key], value)
        else:
            out[key] = value
    return out


def _grid_to_json(grid: Grid) -> dict[str, Any]:
    out: dict[str, Any] = {"axes": grid.axes, "rate": grid.rate, "units": grid.units, "shape": grid.shape}
    if grid.sensors:
        out["names"] = [s.name for s in grid.sensors]
        out["kinds"] = [[kind, len(list(run))] for kind, run in groupby(s.kind for s in grid.sensors)]
        if any(s.position is not None for s in grid.sensors):
            out["positions"] = [_tenths(s.position) for s in grid.sensors]
    if grid.start:
        out["start"] = grid.start
    if grid.affine is not None:
        out["affine"] = grid.affine
    return json.loads(json.dumps(out))


def _tenths(position: tuple[float, float, float] | None) -> list[int] | None:
    return None if position is None else [round(x / POSITION) for x in position]


def _grid_from_json(value: Any) -> Grid:
    names = value.get("names", ())
    kinds = [kind for kind, count in value.get("kinds", ()) for _ in range(min(count, len(names)))]
    tenths = value.get("positions") or [None] * len(names)
    places = [None if p is None else tuple(round(x * POSITION, 4) for x in p) for p in tenths]
    sensors = tuple(Sensor(n, k, p) for n, k, p in zip(names, kinds, places, strict=True))
    affine = None if "affine" not in value else tuple(tuple(row) for row in value["affine"])
    rate = tuple(None if r is None else float(r) for r in value["rate"])
    shape = tuple(int(n) for n in value["shape"])
    return Grid(
        tuple(value["axes"]), rate, tuple(value["units"]), shape, sensors, float(value.get("start", 0.0)), affine
    )


def _column_runs(columns: Sequence[Column]) -> list[list[Any]]:
    """[name without its number, first number or null, how many, size] for each run of numbered columns."""
    runs: list[list[Any]] = []
    for column in columns:
        match = re.fullmatch(r"(.*?)(0|[1-9]\d{0,8})", column.name)
        stem, number = (match[1], int(match[2])) if match else (column.name, None)
        last = runs[-1] if runs else None
        follows = last and number is not None and last[1] is not None and last[1] + last[2] == number
        if last and follows and last[0] == stem and last[3] == column.size:
            last[2] += 1
        else:
            runs.append([stem, number, 1, column.size])
    return runs


def _run_columns(stem: str, first: int | None, count: int, size: int) -> list[Column]:
    if first is None:
        return [Column(stem, int(size))]
    if count > 1 << 20:
        raise ValueError(f"{count} columns")
    return [Column(f"{stem}{first + i}", int(size)) for i in range(count)]
