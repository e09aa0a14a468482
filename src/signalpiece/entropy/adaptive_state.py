"""What the adaptive binary codec learns and remembers while it codes, and the numbers that it starts from."""

import lzma
from functools import cache, lru_cache
from math import isqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped, UInt16

from signalpiece.core.check import SignalPieceError
from signalpiece.entropy.adaptive_weights import GROUPS, WEIGHTS
from signalpiece.entropy.integer_tables import SQUASH, STRENGTH

NODES = 24  # decisions of a code: larger than 0? than 1? 2? 3? 5? 7? 11? ... by half octaves to 4096, then an escape
CELLS = np.array([176, 40 * GROUPS, 14 * 44, 40 * 40, 7**3, 50 * 22, 14 * 88, 9 * 88, 20 * 44])  # of each input
INPUTS = len(CELLS)
FIRST_CELL = np.cumsum(CELLS) - CELLS
SETS = np.array([GROUPS, 22])  # mixers: one chosen by the group of columns, one by the octave of the expected size
FIRST_SET = np.cumsum(SETS) - SETS
SIGNS = 9 * 3 * 22  # by distance of the prediction from a whole number, magnitude, octave of the expected size
PAD = 3  # columns repeated at both ends of a frame, so that neighbours always exist
EVEN = 1 << 31  # a counter that has seen nothing: 22 bits of chance, 10 of sightings
START_BYTES = 98304  # of a compressed start, padded with zeros: models of one recipe have tensors of one shape
_PRIOR = 6  # sightings that the counters of an unstarted codec claim
_PLACES = 50  # relative places of a column
_GROUP_OF = np.repeat(np.arange(GROUPS), [1, 1, 1, 2, 3, 4, 6, 8, 12, 12])
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0}]
_SEEN = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 50, 60])  # sightings that a start says, by 5 bits


class State(NamedTuple):
    """Arrays that the kernel changes. Sizes are in half steps, 12 bits behind the point.

    Attributes:
        counters: of each node of each context a chance (22 bits) and how often it was seen (10 bits).
        mixers: weights of the inputs for each node of each set, 16 bits behind the point.
        signs: counters of signs.
        weights: of the features of the expected size, 12 bits behind the point.
        places: of each column its group and its relative place.
        means: running means of sizes at four rates.
        last: sizes of the last two frames, no bits behind the point.
        beside: decayed sizes of the channels coded before in this frame, and decayed levels.
        clock: frames seen.
        grids: 1, or 2 for codes of the trellis.
        fixed: 1 where nothing is learnt: the expected size alone says the chances.
        path: state of the trellis that each channel is in; -1 where codes are plain integers.
    """

    counters: np.ndarray  # node of context
    mixers: np.ndarray  # node of set, input
    signs: np.ndarray  # node
    weights: np.ndarray  # without or with other channels, group, feature
    places: np.ndarray  # 2, column
    means: np.ndarray  # channel, rate, column
    last: np.ndarray  # channel, frame, column
    beside: np.ndarray  # sizes or levels, column
    clock: np.ndarray  # 1
    grids: np.ndarray  # 1
    fixed: np.ndarray  # 1
    path: np.ndarray  # channel


def new_state(channels: int, columns: int, start: Shaped[np.ndarray, "s"] | None = None, *, grids: int = 1) -> State:
    """A state that has seen nothing but what `start` says; with two grids its codes are those of the trellis.

    Raises:
        SignalPieceError: `start` does not have the size of one.
    """
    counters, mixers, signs = _default(grids) if start is None else unpack_start(start, grids)
    wide = columns + 2 * PAD
    return State(
        counters.astype(np.uint32),
        mixers.astype(np.int32),
        signs.copy(),
        WEIGHTS,
        _places_of(columns),
        np.full((channels, 4, wide), 1 << 10, np.int64),
        np.zeros((channels, 2, wide), np.int64),
        np.zeros((2, wide), np.int64),
        np.zeros(1, np.int64),
        np.full(1, grids, np.int64),
        np.zeros(1, np.int64),
        np.full(channels, grids - 2, np.int64),
    )


def pack_start(state: State) -> Shaped[np.ndarray, "s"]:
    """What a state has learnt, to start others from: a strength (11 bits) and sightings (5 bits) of each counter.

    With two grids compressed to bytes, since most counters have seen nothing.
    """
    counters = np.concatenate([state.counters.astype(np.int64), state.signs])
    strength = np.searchsorted(SQUASH, counters >> 16) - STRENGTH
    seen = np.searchsorted(_SEEN, np.minimum(counters & 1023, _SEEN[-1]), side="right") - 1
    strength = np.clip((strength + STRENGTH + 1) // 3, 0, 2047)
    mixers = np.clip(state.mixers.astype(np.int64) // 16, -32768, 32767) + 32768
    if state.grids[0] == 2:
        strength, mixers = (strength + 4) >> 3 << 3, (mixers + 32) >> 6 << 6
    numbers = np.concatenate([np.minimum(strength, 2047) << 5 | seen, mixers.ravel()]).astype(np.uint16)
    if state.grids[0] == 1:
        return numbers
    pages = numbers.view(np.uint8).reshape(-1, 2).T.tobytes()  # first bytes, then second ones
    small = np.frombuffer(lzma.compress(pages, lzma.FORMAT_RAW, filters=_FILTERS), np.uint8)
    if small.size > START_BYTES:
        raise SignalPieceError(f"a start takes {small.size} bytes compressed, at most {START_BYTES} can be kept")
    return np.pad(small, (0, START_BYTES - small.size))


def unpack_start(start: Shaped[np.ndarray, "s"], grids: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counters, mixers and signs of a start; not to be changed, the last one is kept.

    Raises:
        SignalPieceError: it does not have the size of one.
    """
    return _unpacked(start.tobytes(), start.dtype.str, grids)


@lru_cache(maxsize=2)
def _unpacked(data: bytes, kind: str, grids: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start = np.frombuffer(data, kind)
    num, rows = int(CELLS.sum()) * NODES * grids, int(SETS.sum()) * NODES * grids
    size = num + SIGNS + rows * (INPUTS + 1)
    if grids == 2:
        start = _inflated(start, size)
    if start.size != size:
        raise SignalPieceError(f"a start of the adaptive codec has {size} numbers, got {start.size}")
    packed = start[: num + SIGNS].astype(np.int64)
    strength = np.clip((packed >> 5) * 3 - STRENGTH, -STRENGTH, STRENGTH)
    chance = np.where(packed >> 5 == (STRENGTH + 1) // 3, 1 << 21, SQUASH[strength + STRENGTH].astype(np.int64) << 6)
    counters = chance << 10 | _SEEN[np.minimum(packed & 31, len(_SEEN) - 1)]
    mixers = (start[num + SIGNS :].astype(np.int64) - 32768) * 16
    return counters[:num], mixers.reshape(rows, INPUTS + 1), counters[num:]


def _inflated(start: Shaped[np.ndarray, "s"], size: int) -> UInt16[np.ndarray, "n"]:
    inflate = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        pages = inflate.decompress(start.tobytes(), 2 * size)
    except lzma.LZMAError:
        pages = b""
    return np.frombuffer(pages[: len(pages) // 2 * 2], np.uint8).reshape(2, -1).T.copy().view("<u2").ravel()


def _places_of(columns: int) -> Int[np.ndarray, "2 k"]:
    """Group and relative place of each column: alike at the same fraction of the width."""
    place = np.arange(columns) * _PLACES // max(columns, 1)
    return np.stack([_GROUP_OF[place], place])


@cache
def _default(grids: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counters as if sizes were geometric with the expected mean, where a context knows it; all else even."""
    fine = np.array([_geometric(cell) for cell in range(176)])
    by4, by2, by8 = fine[2::4], fine[1::2], fine[4::8]
    known = [
        fine,
        np.repeat(by4[:40], GROUPS, 0),
        np.tile(by4, (14, 1)),
        np.tile(by4[:40], (40, 1)),
        np.full((7**3, NODES), EVEN),
        np.tile(by8, (50, 1)),
        np.tile(by2, (14, 1)),
        np.tile(by2, (9, 1)),
        np.tile(by4, (20, 1)),
    ]
    known = [np.tile(part, grids) for part in known]  # the second half is the odd grid's
    mixers = np.zeros((int(SETS.sum()) * NODES * grids, INPUTS + 1), np.int64)
    mixers[:, :INPUTS] = 72090 // INPUTS  # 1.1 in all
    return np.concatenate(known).ravel(), mixers, np.full(SIGNS, EVEN, np.int64)


def _geometric(cell: int) -> list[int]:
    """Counters of all nodes for an expected magnitude of 2 ** ((cell + 16.5) / 8 - 13); whole numbers throughout."""
    one = 1 << 60
    root = 2 * one
    for _ in range(4):
        root = isqrt(root * one)  # at last 2 ** (1 / 16)
    octave, sixteenth = divmod(2 * cell + 33 - 16 * 13, 16)
    mean = one
    for _ in range(sixteenth):
        mean = mean * root >> 60
    mean = mean << octave if octave >= 0 else mean >> -octave
    ratio = (mean << 60) // (one + mean)  # chance of one more
    chances, chance = [one], one
    for _ in range(start_of(NODES)):
        chance = chance * ratio >> 60
        chances.append(chance)
    spans = [start_of(node + 1) - start_of(node) for node in range(NODES)]
    return [min(max(chances[span] >> 38, 64), (1 << 22) - 65) << 10 | _PRIOR for span in spans]


def start_of(level: int) -> int:
    """The smallest magnitude of a level: 0 1 2 3 4 6 8 12 16 ..."""
    return level if level < 4 else (2 + level % 2) << (level // 2 - 1)
