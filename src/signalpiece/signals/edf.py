"""EDF, EDF+, BDF and BDF+ to recordings: one per sampling rate, gaps of EDF+D kept, events and trigger bits kept.

What other readers get silently wrong is decided here: a negative gain turns the sign, a channel without gain is left
out and named, unknown units are not scaled, several rates are not resampled, records that start late leave a gap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid
from signalpiece.signals.channels import SiUnits, kind_of, sensors_of, si_units, unique
from signalpiece.signals.edf_data import EdfSamples
from signalpiece.signals.edf_header import EdfChannel, EdfHeader, read_header
from signalpiece.signals.edf_notes import Notes, read_notes
from signalpiece.signals.edf_plan import PADDING
from signalpiece.signals.recording import Recording, Run, runs_of


@dataclass(frozen=True)
class _Named:
    """One channel with what was decided about it."""

    channel: EdfChannel
    name: str
    kind: str
    unit: str
    factor: float


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens an EDF or BDF file; a file of annotations alone gives one recording without channels.

    Args:
        path: the file.
        units: what the user said about channels, as SI units and factors.

    Raises:
        SignalPieceError: no EDF or BDF file, or damaged beyond reading.
    """
    header = read_header(path)
    notes, filling = _without_filling(read_notes(path, header))
    usual = [c for c in header.channels if not c.is_notes and c.samples > 0]
    kept = [c for c in usual if c.has_gain or c.is_status]
    warnings = [*header.warnings, *notes.warnings, *map(_left_out, (c for c in usual if c not in kept))]
    if usual and not kept:
        raise SignalPieceError(f"{path.name}: {_left_out(usual[0])}; the file has no other channels")
    names = unique([c.label for c in kept])
    if not kept:
        grid = Grid(("channel", "time"), (None, 1.0), ("",), (0, 0))
        return (
            Recording(
                path, grid, _no_samples, notes.annotations, tuple(warnings), format="EDF", identity=header.identity
            ),
        )
    out = []
    for per in dict.fromkeys(c.samples for c in kept):
        rows = [n for n, c in enumerate(kept) if c.samples == per]
        group, doubts = _decide([kept[n] for n in rows], [names[n] for n in rows], units)
        samples = _samples(path, header, group)
        doubts = [*doubts, *_odd_limits([n.channel for n in group], header.width)]
        rate = _rate(per, header.seconds)
        runs, odd = _runs(header, notes.starts, per, rate)
        runs = _shortened(runs, round(filling * rate))
        grid = Grid(
            ("channel", "time"), (None, rate), tuple(n.unit for n in group),
            (len(group), runs[-1].at + runs[-1].count if runs else 0),
            sensors_of([n.name for n in group], [n.kind for n in group]),
        )  # fmt: skip
        out.append(
            Recording(
                path, grid, samples.values, notes.annotations, (*warnings, *doubts, *odd), runs, samples.stored,
                "BDF" if header.width == 3 else "EDF", identity=header.identity,
            )
        )  # fmt: skip
    return tuple(out)


def _no_samples(start: int, stop: int) -> Float[np.ndarray, "c t"]:
    return np.zeros((0, stop - start), np.float32)


def _decide(
    kept: Sequence[EdfChannel], names: Sequence[str], given: Mapping[str, tuple[str, float]]
) -> tuple[list[_Named], Sequence[str]]:
    """Names, kinds and SI units of channels, and sentences about units that are not known."""
    plain = [n for n, c in enumerate(kept) if not c.is_status]
    asked = {name: given[c.label] for c, name in zip(kept, names, strict=True) if c.label in given} | dict(given)
    found: SiUnits = si_units([names[n] for n in plain], [kept[n].unit for n in plain], asked)
    known = dict(zip(plain, zip(found.units, found.factors, strict=True), strict=True))
    out = []
    for n, (channel, name) in enumerate(zip(kept, names, strict=True)):
        unit, factor = known.get(n, ("", 1.0))
        kind = "stim" if channel.is_status else kind_of(name, unit)
        out.append(_Named(channel, name, kind, unit, factor))
    return out, found.warnings


def _samples(path: Path, header: EdfHeader, group: Sequence[_Named]) -> EdfSamples:
    scale, offset = np.ones(len(group)), np.zeros(len(group))
    for n, named in enumerate(group):
        channel = named.channel
        if not channel.is_status:
            (low, high), (least, most) = channel.physical, channel.digital
            gain = (high - low) / (most - least)
            scale[n], offset[n] = gain * named.factor, (low - least * gain) * named.factor
    return EdfSamples(
        path, header.size, header.record_bytes, header.width, group[0].channel.samples,
        tuple(n.channel.offset for n in group), scale, offset,
    )  # fmt: skip


def _rate(per: int, seconds: float) -> float:
    """Samples per second; whole where rounding of the printed duration hides it."""
    rate = per / seconds
    whole = round(rate)
    return float(whole) if whole and abs(rate - whole) < 1e-6 * whole else rate


def _runs(
    header: EdfHeader, starts: Float[np.ndarray, "r"], per: int, rate: float
) -> tuple[tuple[Run, ...], list[str]]:
    """Where records stand on the timeline: one run, or several with gaps between them."""
    whole = (Run(0, 0, header.records * per),)
    if header.records == 0 or not np.isfinite(starts).any():
        return whole, []
    due = (starts[0] if np.isfinite(starts[0]) else 0.0) + np.arange(header.records) * header.seconds
    late = np.where(np.isfinite(starts), starts - due, 0.0)
    if not header.interrupted:
        moved = np.abs(np.diff(late)).max(initial=0.0) > 0.5 * header.seconds
        odd = "records do not follow each other in time though the header says so; read without gaps"
        return whole, [odd] if moved else []
    first = np.flatnonzero(np.concatenate([[True], np.abs(np.diff(late)) * rate > 0.75]))
    counts = np.diff(np.append(first, header.records)) * per
    begin = (due + late)[first]
    back = [f"a record at {begin[n]:g} s starts before the one before it ends" for n in range(1, len(first))
            if (begin[n] - begin[n - 1]) * rate < counts[n - 1] - 0.75]  # fmt: skip
    return runs_of(begin, counts, rate), back[:1]


def _without_filling(notes: Notes) -> tuple[Notes, float]:
    """Events without the one by which the writer says how many seconds fill up the last record, and these seconds."""
    filling = [a.duration for a in notes.annotations if a.text == PADDING]
    kept = tuple(a for a in notes.annotations if a.text != PADDING)
    return replace(notes, annotations=kept), filling[-1] if filling else 0.0


def _shortened(runs: tuple[Run, ...], less: int) -> tuple[Run, ...]:
    if not runs or not 0 < less < runs[-1].count:
        return runs
    return (*runs[:-1], replace(runs[-1], count=runs[-1].count - less))


def _left_out(channel: EdfChannel) -> str:
    which = "physical" if channel.physical[0] == channel.physical[1] else "digital"
    low = (channel.physical if which == "physical" else channel.digital)[0]
    return f"{channel.label}: {which} minimum and maximum are equal ({low:g}), so no value is defined; it is left out"


def _odd_limits(channels: Sequence[EdfChannel], width: int) -> list[str]:
    most = 1 << (8 * width - 1)
    odd = [c.label for c in channels if min(c.digital) < -most or max(c.digital) >= most]
    text = f"{', '.join(odd[:4])}{' and others' if len(odd) > 4 else ''}: digital limits do not fit {8 * width} bits"
    return [f"{text}; values follow the header's gain"] if odd else []
