"""Whole numbers of many channels without loss: predicted from their own past and from each other, sample by sample.

Paper: "Efficient Sequential Compression of Multi-Channel Biomedical Signals" (2016). A unit is a stretch of time of all
channels and depends on no other; it ends in a CRC32 of its samples, since what follows a single wrong bit is noise.
Where prediction does not pay, a general compressor takes over: a unit is never larger than what that gives.
"""

from zlib import crc32

import numpy as np
from jaxtyping import Int

from signalpiece.core.check import check_option
from signalpiece.core.tokens import Header
from signalpiece.entropy.sample_settings import SETTINGS, fitted
from signalpiece.entropy.sample_ways import (
    ASIDE,
    CONSTANT,
    MODEL,
    RANKS,
    Ways,
    get_ways,
    is_held,
    plain_ways,
    put_tables,
    put_ways,
    ranks_of,
)
from signalpiece.entropy.squeeze import probe, squeeze, unsqueeze
from signalpiece.entropy.units import (
    check_codes,
    check_decoded,
    damaged,
    get_count,
    get_varint,
    put_count,
    put_varint,
    width_of,
)

LEVELS = {"fast": 0, "default": 1, "best": 2}  # their settings
SQUEEZED, PREDICTED = 0, 1
_ALONE, _BRIEF, _SOUND = 3, 4, 5  # settings: to compare ways with, for short chunks, for one or two channels
EXCERPT = 4096  # rows that are tried, but at level best
_CHECK = 4  # bytes
_WORTH = 0.97  # of its own prediction: what a compressor must reach to take a channel over
_CLEARLY = 0.95  # of the bytes of values: what ranks must reach
_LIKELY = {"fast": 1.1, "default": 1.25, "best": 1.7}  # of our bytes: a quick probe above says no compressor gets there
_HOPEFUL = {"fast": 0.8, "default": 1.15, "best": 1.3}  # of the bits of simple prediction: the same for a channel


class Lossless:
    """Codec `lossless-1`: for samples, as whole numbers of any size up to 32 bits.

    Args:
        channels: how many channels one unit holds: 1, or 0 for all, which then predict each other.
        level: fast, default or best; any version decodes all of them.
    """

    name = "lossless-1"
    version = 1

    def __init__(self, *, channels: int = 1, level: str = "default") -> None:
        self.channels = channels
        self.level = check_option("level", level, LEVELS)

    def encode(self, codes: Int[np.ndarray, "n c q"], header: Header) -> bytes:
        """Bytes of one unit.

        Raises:
            SignalPieceError: the codes do not fit the header.
        """
        codes = check_codes(codes, header, self.channels)
        x = codes.reshape(len(codes), codes.shape[1] * codes.shape[2])
        check = crc32(x.astype("<i4").tobytes()).to_bytes(_CHECK, "little")
        return put_count(len(codes), header) + check + self._best(x)

    def decode(self, data: bytes, header: Header) -> Int[np.ndarray, "n c q"]:
        """Codes of one unit.

        Raises:
            SignalPieceError: the bytes are damaged.
        """
        c, q = width_of(header, self.channels)
        frames, at = get_count(data, header, c * q)
        if len(data) <= at + _CHECK:
            raise damaged()
        check, route = data[at : at + _CHECK], data[at + _CHECK]
        at += _CHECK + 1
        if route == SQUEEZED:
            x = unsqueeze(data[at:], frames, c * q)
        elif route == PREDICTED:
            x = _predicted(data, at, frames, c * q)
        else:
            raise damaged()
        if crc32(np.ascontiguousarray(x, "<i4").tobytes()).to_bytes(_CHECK, "little") != check:
            raise damaged()
        return check_decoded(np.ascontiguousarray(x, np.int32).reshape(frames, c, q), header)

    def _best(self, x: Int[np.ndarray, "t c"]) -> bytes:
        """The shortest of what this level tries."""
        thorough = self.level == "best"
        if not x.size:
            return bytes([SQUEEZED]) + squeeze(x)
        ways = choose_ways(x, len(x) if thorough else EXCERPT, _HOPEFUL[self.level])
        tries = [(ways, LEVELS[self.level])]
        if thorough and len(ways.channels(RANKS, ASIDE)):
            tries.append((plain_ways(x), LEVELS[self.level]))
        if thorough and x.shape[1] <= 2:
            tries.append((ways, _SOUND))
        elif thorough and len(x) < EXCERPT:
            tries.append((ways, _BRIEF))
        found = min((_put_predicted(x, w, number, thorough) for w, number in tries), key=len)
        part = middle(x, EXCERPT)
        if probe(part) < _LIKELY[self.level] * len(found) * len(part) / len(x) + 64:
            found = min(bytes([SQUEEZED]) + squeeze(x, thorough=thorough), found, key=len)
        return found


def middle(x: Int[np.ndarray, "t c"], most: int) -> Int[np.ndarray, "s c"]:
    """At most so many rows from the middle."""
    start = max(len(x) - most, 0) // 2
    return x[start : start + most]


def choose_ways(x: Int[np.ndarray, "t c"], most: int, hopeful: float) -> Ways:
    """How to code each channel, by trial of the channel by itself on `most` rows from its middle.

    Compressors are tried where a quick one needs less than `hopeful` times what simple prediction would.
    """
    ways, tables = plain_ways(x), dict[int, np.ndarray]()
    for c in ways.channels(MODEL):
        if is_held(x[:, c]):  # its rare jumps would upset all that is learnt over channels
            ways.kinds[c] = ASIDE
            continue
        column = middle(x[:, c : c + 1], most)
        table, quick = ranks_of(x[:, c]), probe(column)
        if table is None and 8 * quick > hopeful * _rough_bits(column[:, 0]):
            continue
        own = len(code(column, _ALONE))
        if table is not None:
            ranked = len(code(np.searchsorted(table, column).astype(np.int32), _ALONE))
            if ranked + len(put_tables([table])) * len(column) / len(x) < _CLEARLY * own:
                ways.kinds[c], own, tables[int(c)] = RANKS, ranked, table
        if len(squeeze(column)) < _WORTH * (own - 16):
            ways.kinds[c] = ASIDE
    ways.tables = [tables[int(c)] for c in ways.channels(RANKS)]
    return ways


def _rough_bits(column: Int[np.ndarray, "t"]) -> float:
    """Bits that simple prediction would take, from mean absolute differences of first to third order."""
    values, least = column.astype(np.float64), np.inf
    for _ in range(3):
        values = np.diff(values)
        if len(values):
            least = min(least, float(np.abs(values).mean()))
    return len(column) * max(np.log2(2 * np.e * (least + 0.02)), 0.1) if np.isfinite(least) else 1.0


def code(x: Int[np.ndarray, "t c"], number: int) -> bytes:
    """Samples under the settings of that number."""
    from signalpiece.entropy import sample_kernel, wide_range_coder
    from signalpiece.entropy.mixture_tables import mixture_tables
    from signalpiece.entropy.sample_state import new_scratch, new_state

    settings = fitted(SETTINGS[number], x.shape[1])
    coder, out = wide_range_coder.start_encoder(), np.empty(7 * x.size + 64, np.uint8)
    state, work = new_state(x.shape[1], settings), new_scratch(x.shape[1], settings)
    sample_kernel.code_samples(False, np.ascontiguousarray(x), settings, state, work, mixture_tables(), coder, out)
    return out[: wide_range_coder.finish(coder, out)].tobytes()


def uncode(data: bytes, number: int, length: int, channels: int) -> Int[np.ndarray, "t c"]:
    """The inverse of `code`.

    Raises:
        SignalPieceError: the bytes are damaged.
    """
    from signalpiece.entropy import sample_kernel, wide_range_coder
    from signalpiece.entropy.mixture_tables import mixture_tables
    from signalpiece.entropy.sample_state import new_scratch, new_state

    settings, x = fitted(SETTINGS[number], channels), np.zeros((length, channels), np.int32)
    body = np.frombuffer(data, np.uint8).copy()  # numba wants it writable
    coder, state = wide_range_coder.start_decoder(body, 0), new_state(channels, settings)
    work = new_scratch(channels, settings)
    sample_kernel.code_samples(True, x, settings, state, work, mixture_tables(), coder, body)
    if not wide_range_coder.ends_well(coder, body):
        raise damaged()
    return x


def _put_predicted(x: Int[np.ndarray, "t c"], ways: Ways, number: int, thorough: bool) -> bytes:
    out = [bytes([PREDICTED]), put_ways(ways)]
    if len(aside := ways.channels(ASIDE)):
        body = squeeze(x[:, aside], thorough=thorough)
        out += [put_varint(len(body)), body]
    if len(modelled := ways.channels(MODEL, RANKS)):
        y = x[:, modelled]
        for c, table in zip(ways.channels(RANKS), ways.tables, strict=True):
            y[:, np.searchsorted(modelled, c)] = np.searchsorted(table, x[:, c])
        out += [bytes([number]), code(y, number)]
    return b"".join(out)


def _predicted(data: bytes, at: int, length: int, channels: int) -> Int[np.ndarray, "t c"]:
    x = np.zeros((length, channels), np.int32)
    ways, at = get_ways(data, at, channels)
    x[:, ways.channels(CONSTANT)] = ways.constants
    if len(aside := ways.channels(ASIDE)):
        size, at = get_varint(data, at)
        if at + size > len(data):
            raise damaged()
        x[:, aside] = unsqueeze(data[at : at + size], length, len(aside))
        at += size
    modelled = ways.channels(MODEL, RANKS)
    if not len(modelled):
        if at != len(data):
            raise damaged()
        return x
    if at >= len(data) or data[at] >= len(SETTINGS):
        raise damaged()
    y = uncode(data[at + 1 :], data[at], length, len(modelled))
    x[:, modelled] = y
    for c, table in zip(ways.channels(RANKS), ways.tables, strict=True):
        x[:, c] = table[np.clip(x[:, c], 0, len(table) - 1)]
    return x
