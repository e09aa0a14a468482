"""Small recordings to store, with the codecs to store them with."""

from dataclasses import replace

import numpy as np

from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.static_tables import StaticTables

BY_NAME = {"raw-1": Raw, "adaptive-1": AdaptiveBinary, "static-1": StaticTables, "categorical-1": Categorical}


def codecs(name, version, header):
    """Units of one channel for framed tokens, all channels in one for the rest; `model` may say otherwise."""
    return BY_NAME[name](channels=header.model.get("channels", 0 if header.frames is None else 1))


class Take:
    """One recording: tokens, a side (whole or framed), events."""

    def __init__(self, seed=0, channels=3, frames=25, segment=10, columns=4, framed=False, all_channels=False):
        rng = np.random.default_rng(seed)
        sensors = tuple(Sensor(f"E{c}", "eeg", (0.01 * c, -0.0123, 0.1) if c else None) for c in range(channels))
        grid = Grid(("channel", "time"), (None, 200.0), ("V",), (channels, frames * 20), sensors, start=1.5)
        model = {"recipe": "dct", "options": {"hop": 20}, "hash": "ab"} | ({"channels": 0} if all_channels else {})
        self.header = Header(
            grid,
            tuple(Column(f"bin{k}", 0) for k in range(columns)),
            Frames(100.0, 20, 40, 20),
            model,
            {"rate": 100.0},
            ((-1, 3, 7), (channels - 1, 50, 60)),
            segment,
        )
        self.cube = np.round(rng.laplace(size=(frames, channels, columns)) * 3).astype(np.int32)
        self.framed = framed
        self.side_cube = rng.integers(0, 99, (-(-frames // 2) if framed else 1, channels, 2)).astype(np.int32)
        self.annotations = (Annotation(0.5, 0.0, "eyes \u03b1"), Annotation(2.0, 1.25, "T1"))
        self.codec, self.side_codec = Raw(channels=0 if all_channels else 1), Raw(channels=1 if framed else 0)
        if framed and all_channels:
            self.side_codec = Raw(channels=0)

    def side(self, first=0, end=None):
        columns = (Column("gain", 99), Column("step", 0))
        model = self.header.model if "channels" in self.header.model else {}
        if not self.framed:
            header = Header(self.header.grid, columns)
        else:
            header = Header(self.header.grid, columns, Frames(100.0, 40, 40), model, segment=self.header.segment // 2)
        rows = self.side_cube[first:end]
        return Tokens((header,), rows.reshape(1, -1, 2), first=first)

    def pieces(self):
        """The tokens of each segment."""
        size = self.header.segment
        for at in range(0, len(self.cube), size):
            side = self.side(at // 2, (at + size) // 2) if self.framed else None
            rows = self.cube[at : at + size]
            yield Tokens((self.header,), rows.reshape(1, -1, self.cube.shape[2]), side=side, first=at)

    def write(self, writer, key="a", stop=None, skip=False):
        early = replace(self.header, grid=self.header.grid.span(0, 0), invalid=())
        recording = writer.begin(early, self.codec, self.side_codec, key)
        for number, piece in enumerate(self.pieces()):
            if skip and number < writer.done.get(recording, 0):
                continue
            if number == stop:
                raise KeyboardInterrupt
            writer.segment(piece)
        if stop is not None:
            raise KeyboardInterrupt  # all segments are there, their end is not
        writer.end(self.header, self.side(), self.annotations)

    def same(self, stored):
        """Whether all of it came back."""
        tokens = stored.read()
        side = tokens.side.cube() if tokens.side is not None else None
        return (
            tokens.header == self.header
            and (tokens.cube() == self.cube).all()
            and side is not None
            and (side == self.side_cube).all()
            and tokens.annotations == self.annotations
            and tokens.valid is None
        )
