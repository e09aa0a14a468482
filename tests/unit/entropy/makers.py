"""Headers for the tests of codecs."""

from signalpiece.core.signal import Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header


def header_of(channels, sizes, segment=20):
    sensors = tuple(Sensor(f"ch{c}", "eeg") for c in range(channels))
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (channels, 1000), sensors)
    columns = tuple(Column(f"bin{k}", size) for k, size in enumerate(sizes))
    return Header(grid, columns, Frames(100.0, 50, 100, 50), segment=segment)
