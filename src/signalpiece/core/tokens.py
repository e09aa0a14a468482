"""Tokens: codes that know which samples and sensors they came from.

Rows go by frame, then channel, so that a stream appends. `q` columns are codes of the same place: coefficients of a
transform (signed, size 0 = open), residual levels, branches. `side` is a second, small `Tokens` with every number that
depends on the signal (steps, gains, a spatial transform): one row per channel, or framed like the tokens themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Annotation, Array, Grid

SPECIAL = ("pad", "begin", "end", "mask", "escape", "modality")  # ids 0..5 of an integer stream; codes follow
OPEN = 64  # zigzag values below this have an id of their own; larger ones are escaped digit by digit


@dataclass(frozen=True)
class Column:
    """One code column: its name (`bin0`, `level3`, `branch2.level5`) and codebook size; 0 = open signed integers."""

    name: str
    size: int


@dataclass(frozen=True)
class Frames:
    """Where rows lie in time: frame i covers samples [i*hop - lead, i*hop - lead + window) at `rate` Hz."""

    rate: float
    hop: int
    window: int
    lead: int = 0

    def covering(self, start: float, stop: float) -> tuple[int, int]:
        """Frames (first, end) that touch the seconds start to stop."""
        first = int(np.floor((start * self.rate + self.lead - self.window) / self.hop + 1e-9)) + 1
        end = int(np.ceil((stop * self.rate + self.lead) / self.hop - 1e-9))  # 1e-9: seconds are rarely exact
        return max(first, 0), max(end, 0)


@dataclass(frozen=True)
class Header:
    """What decoding needs beside the codes; once per recording, counted in the bits.

    Attributes:
        grid: the source's grid (names, kinds, units, rate, positions, length).
        columns: name and codebook size of every code column.
        frames: where rows lie in time; None for a side once per recording.
        model: {"recipe", "options", "hash"} of the tokenizer.
        preprocessing: JSON of what was done before tokenizing (rate, filter, units).
        invalid: (channel or -1 for all, start, stop) in source samples.
        segment: frames per segment, the unit of restart and damage.
        format: number of the token format.
    """

    grid: Grid
    columns: tuple[Column, ...]
    frames: Frames | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    invalid: tuple[tuple[int, int, int], ...] = ()
    segment: int = 0
    format: int = 1


@dataclass(frozen=True)
class Tokens:
    """Codes (or embeddings) of one or several recordings, `b` of them, padded with `valid` False.

    `first` is the frame number of the first row (0 unless these tokens are a slice). `truncates` is the one axis that
    can be cut short, or None. `sizes` counts base tokens in merged ones. `assignment_edges` holds a merge as arrays.
    """

    headers: tuple[Header, ...]
    codes: Int[Array, "b n q"] | None
    embeddings: Float[Array, "b n d"] | None = None
    side: "Tokens | None" = None
    level: Int[Array, "n"] | None = None
    valid: Bool[Array, "b n"] | None = None
    first: int = 0
    truncates: str | None = None
    annotations: tuple[Annotation, ...] = ()
    sizes: Float[Array, "b n"] | None = None
    assignment_edges: Mapping[str, Array] | None = None

    def __repr__(self) -> str:
        body = self.codes if self.codes is not None else self.embeddings
        what = "nothing" if body is None else f"{tuple(body.shape)} {body.dtype}"
        model = self.headers[0].model.get("recipe") if self.headers else None
        side = "" if self.side is None else f", side={self.side!r}"
        return (
            f"Tokens({'codes' if self.codes is not None else 'embeddings'} {what}"
            f"{f', recipe {model}' if model else ''}, first={self.first}{side})"
        )

    @property
    def header(self) -> Header:
        """The header of a single recording."""
        if len(self.headers) != 1:
            raise SignalPieceError(f"these tokens hold {len(self.headers)} recordings; take one with tokens[i]")
        return self.headers[0]

    def __getitem__(self, index: int) -> "Tokens":
        """One recording of a batch, without its padding."""

        def take(x: Any) -> Any:
            return None if x is None else x[index : index + 1, keep]

        index = range(len(self.headers))[index]
        keep = slice(None) if self.valid is None else np.asarray(self.valid[index])
        return replace(
            self,
            headers=(self.headers[index],),
            codes=take(self.codes),
            embeddings=take(self.embeddings),
            side=None if self.side is None else self.side[index],
            level=None if self.level is None else self.level[keep],
            valid=None,
            sizes=take(self.sizes),
        )

    @property
    def num_frames(self) -> int:
        """Frames of a single recording."""
        body = self.codes if self.codes is not None else self.embeddings
        return 0 if body is None else body.shape[1] // max(self.header.grid.size("channel"), 1)

    def cube(self) -> Int[Array, "n c q"]:
        """Codes of a single recording as frames x channels x columns (a view)."""
        if self.codes is None:
            raise SignalPieceError("these tokens are continuous: they have embeddings and no codes")
        channels = self.header.grid.size("channel")
        return self.codes[0].reshape(-1, channels, self.codes.shape[2])

    def spans(self) -> Float[Array, "n 3"]:
        """For each row: channel, first and last second (from the recording's first sample) that it covers."""
        frames = self.header.frames
        if frames is None:
            raise SignalPieceError("these tokens are not framed in time")
        channels = self.header.grid.size("channel")
        at = (np.arange(self.first, self.first + self.num_frames) * frames.hop - frames.lead) / frames.rate
        start = np.repeat(at, channels)
        return np.stack([np.tile(np.arange(channels), self.num_frames), start, start + frames.window / frames.rate], 1)

    def coords(self) -> Float[Array, "n 4"]:
        """For each row: centre in seconds and sensor position in metres (NaN where unknown)."""
        spans, sensors = self.spans(), self.header.grid.sensors
        unknown = (np.nan,) * 3
        places = np.array([s.position or unknown for s in sensors], float).reshape(-1, 3)
        if not len(places):
            places = np.full((self.header.grid.size("channel"), 3), np.nan)
        return np.concatenate([spans[:, 1:].mean(1, keepdims=True), places[spans[:, 0].astype(int)]], 1)

    def pick(self, channels: Sequence[int]) -> "Tokens":
        """Some channels of a single recording."""
        keep, header = list(channels), self.header
        codes = self.cube()[:, keep].reshape(1, -1, len(header.columns)) if self.codes is not None else None
        side = self.side if self.side is None else self.side.pick(keep)
        position = {c: i for i, c in enumerate(keep)}
        invalid = tuple((position.get(c, c), a, b) for c, a, b in header.invalid if c < 0 or c in position)
        return replace(
            self, headers=(replace(header, grid=header.grid.pick(keep), invalid=invalid),), codes=codes, side=side
        )

    def truncate(self, keep: int) -> "Tokens":
        """The first `keep` entries of the axis that the tokenizer declares (`levels` or `bands`: columns).

        Raises:
            SignalPieceError: the tokenizer declares none, or `keep` is out of range.
        """
        if self.truncates not in ("levels", "bands") or self.codes is None:
            raise SignalPieceError("tokens of this tokenizer cannot be truncated: it declares no axis for it")
        if not 1 <= keep <= self.codes.shape[2]:
            raise SignalPieceError(f"keep must be between 1 and {self.codes.shape[2]} {self.truncates}, got {keep}")
        headers = tuple(replace(h, columns=h.columns[:keep]) for h in self.headers)
        return replace(self, headers=headers, codes=self.codes[:, :, :keep])

    def to_ids(self) -> Int[np.ndarray, "n"]:
        """One integer stream of a single recording for a language model: begin, rows by frame and channel, end.

        A column of size k takes k ids; an open column takes 64 ids for zigzag values 0..63, larger ones are an escape
        and base-64 digits, lowest first, ended by a second escape.
        """
        offsets, _ = self._id_offsets()
        columns = self.header.columns
        cube = np.asarray(self.codes)[0].astype(np.int64)
        zigzag = np.where(cube >= 0, 2 * cube, -2 * cube - 1)
        is_open = np.array([c.size == 0 for c in columns])
        flat = np.where(is_open, zigzag, cube)
        ids = flat + offsets
        large = is_open & (flat >= OPEN)
        escape = SPECIAL.index("escape")
        out = ids.ravel()
        if large.any():
            pieces, last = [], 0
            for at in np.flatnonzero(large.ravel()):
                value, base = int(flat.ravel()[at]), int(offsets[at % len(columns)])
                digits = []
                while value:
                    digits.append(base + value % OPEN)
                    value //= OPEN
                pieces += [out[last:at], np.array([escape, *digits, escape])]
                last = at + 1
            out = np.concatenate([*pieces, out[last:]])
        return np.concatenate([[SPECIAL.index("begin")], out, [SPECIAL.index("end")]]).astype(np.int64)

    def from_ids(self, ids: Int[np.ndarray, "n"]) -> "Tokens":
        """The inverse of `to_ids`: these tokens with the codes of `ids`.

        Raises:
            SignalPieceError: the stream does not fit the columns of the header.
        """
        offsets, _ = self._id_offsets()
        columns, escape = self.header.columns, SPECIAL.index("escape")
        body = np.trim_zeros(np.asarray(ids, np.int64), "b")  # padding is 0
        if len(body) < 2 or body[0] != SPECIAL.index("begin") or body[-1] != SPECIAL.index("end"):
            raise SignalPieceError("the ids must start with begin (1) and stop with end (2)")
        body = body[1:-1]
        marks = np.flatnonzero(body == escape)
        if len(marks) % 2:
            raise SignalPieceError("the ids have an escape that is never closed")
        opens, closes = marks[0::2], marks[1::2]
        depth = np.zeros(len(body) + 1, np.int64)
        np.add.at(depth, opens + 1, 1)
        np.add.at(depth, closes + 1, -1)
        single = depth.cumsum()[:-1] == 0  # one entry per code: digits and closing escapes are left out
        if single.sum() % len(columns):
            raise SignalPieceError(f"{int(single.sum())} codes do not fill rows of {len(columns)} columns")
        column = (single.cumsum() - 1) % len(columns)
        value = body - offsets[column]
        for a, b in zip(opens, closes, strict=True):
            digits = body[a + 1 : b] - offsets[column[a]]
            value[a] = sum(int(d) << (6 * k) for k, d in enumerate(digits)) if _digits(digits) else -1
        value, column = value[single], column[single]
        sizes = np.array([c.size for c in columns])[column]
        escaped = body[single] == escape
        bad = (value < 0) | (~escaped & (value >= np.where(sizes, sizes, OPEN))) | (escaped & (sizes > 0))
        if bad.any():
            at = int(bad.argmax())
            raise SignalPieceError(f"id {body[single][at]} does not belong to column {columns[column[at]].name}")
        codes = np.where(sizes > 0, value, np.where(value % 2 == 0, value // 2, -(value + 1) // 2))
        return replace(self, codes=codes.astype(np.int32).reshape(1, -1, len(columns)))

    @property
    def vocabulary(self) -> int:
        """Number of ids that `to_ids` uses."""
        return self._id_offsets()[1]

    def _id_offsets(self) -> tuple[Int[np.ndarray, "q"], int]:
        sizes = np.array([c.size or OPEN for c in self.header.columns])
        ends = len(SPECIAL) + np.cumsum(sizes)
        return ends - sizes, int(ends[-1])


def _digits(digits: Int[np.ndarray, "n"]) -> bool:
    return 0 < len(digits) <= 6 and bool(((digits >= 0) & (digits < OPEN)).all())


def check_truncates(value: str | None) -> str | None:
    """The axis that a tokenizer may declare for `truncate`."""
    return None if value is None else check_option("truncates", value, ("levels", "tokens", "scales", "bands"))
