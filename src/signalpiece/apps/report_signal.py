"""Sections of a report on the signal: traces, spectra, error per band, curves, scalp, time."""

from collections.abc import Sequence

import numpy as np

from signalpiece.apps import plot_error, plot_scalp, plot_time
from signalpiece.apps.compare import RATES, Comparison, best_rows
from signalpiece.apps.excerpt import protocol_piece, spread
from signalpiece.apps.page import Section, escape, key, switches, table, tabs
from signalpiece.apps.report_data import Decoded, FileMeasured
from signalpiece.apps.svg import db, with_prefix
from signalpiece.metrics.bands import NAMES
from signalpiece.metrics.rate_distortion import Curve, rate_distortion_at

SHOWN_SECONDS, SHOWN_CHANNELS = 10.0, 6
MINUS = "\u2212"


def traces_section(m: FileMeasured, tokenizer: object, number: int) -> Section:
    """A typical and the worst stretch, original and decoded over each other."""
    rms = m.sd * np.sqrt(10 ** (m.errors.per_channel["all"] / 10))
    typical_rms = float(np.nanmedian(rms)) if np.isfinite(rms).any() else float("nan")
    panels = []
    seconds = m.recording.grid.seconds
    for name, at in _stretches(m):
        group = f"traces-{number}-{len(panels)}"
        body = _traces(m, tokenizer, at, min(at + SHOWN_SECONDS, seconds))
        panels.append((f"{name}, from {plot_time.clock(at, seconds)}", f'<div id="{group}">{body}</div>'))
    entries = [("original", "original", "--original"), ("decoded", "decoded", "--decoded")]
    bodies = [(n, switches(f"traces-{number}-{k}", entries) + b) for k, (n, b) in enumerate(panels)]
    return Section(
        "Traces",
        "Decoded channels are the original"
        if m.exact
        else f"Decoded channels differ from the original by {with_prefix(typical_rms, m.grid.unit(0))} (median rms)",
        "Original and decoded over each other, .5 to 45 Hz, each channel with its own scale bar. Grey: missing in the "
        "file. Dashed blue: events.",
        tabs(f"stretch-{number}", bodies),
    )


def loss_section(m: FileMeasured) -> Section:
    """Spectra beside the error of every band and channel."""
    pooled = m.errors.db
    bands = {b: v for b, v in pooled.items() if b != "all" and np.isfinite(v)}
    most, least = max(bands, key=lambda b: bands[b]), min(bands, key=lambda b: bands[b])
    same = "Nothing between .5 and 45 Hz is lost"
    finding = (
        same
        if m.exact
        else f"{most.capitalize()} loses most ({db(bands[most])}\u00a0dB), {least} least ({db(bands[least])}\u00a0dB)"
    )
    lines = [("original", "--original"), ("decoded", "--decoded"), ("error", "--error")]
    spectra = key(lines) + plot_error.spectra(m.hertz, *m.spectra)
    strips = plot_error.band_strips(m.errors.per_channel, pooled, _names(m))
    worst = np.argsort(-np.nan_to_num(m.errors.per_channel["all"], nan=-np.inf))[:8]
    rows = [
        [_names(m)[c], *(db(float(m.errors.per_channel[b][c])) for b in NAMES), db(float(m.pcc[c]), 3)] for c in worst
    ]
    channels = table(["channel", *NAMES, "correlation"], rows, caption="Channels with the largest error, dB")
    channels = channels if len(worst) > 1 else ""
    return Section(
        "Loss",
        finding,
        "NMSE: energy of the error over energy of the signal, each channel divided by its SD; 0 dB means that the band "
        f"is lost, {MINUS}10 dB that a tenth of its energy is wrong. Where the error's spectrum meets the original's, "
        "nothing is left. Dots are channels.",
        f'<div class="columns"><div>{spectra}</div><div>{strips}</div></div>{channels}',
    )


def rivals_section(c: Comparison, own: str, m: FileMeasured | None, number: int) -> Section:
    """Curves of every coder on the excerpt, per band, and the table at standard rates."""
    file = c.files[0]
    curves = {n: c.curve(n, file) for n in c.coders if len(c.curve(n, file).bits)}
    point = None if m is None else m.rate_file
    panels = []
    for k, band in enumerate(NAMES[::-1]):
        column = NAMES.index(band)
        lines = {n: (v.bits, v.values[:, column]) for n, v in curves.items()}
        here = None if m is None or point is None else (point, m.errors.db[band])
        body = plot_error.rate_curves(lines, own=own, point=here, y_label=f"NMSE, dB, {band if k else 'all bands'}")
        panels.append((band if k else "all bands", body))
    rate = float(curves[own].bits[0]) if own in c.fixed and own in curves else (point or 150.0)
    finding = _verdict(c, curves, own, rate)
    body = (
        f'<div class="columns"><div>{tabs(f"rates-{number}", panels)}</div><div>{_rate_table(c, own, rate)}</div></div>'
    )
    notes = "".join(f'<p class="note">{escape(n)}.</p>' for n in c.notes)
    return Section(
        "Rivals",
        finding,
        f"Real files, everything counted. {c.scope}. Every coder got the same samples (.5 to 45 Hz, 100 Hz), at seven "
        "or more steps; values between points by monotone interpolation, never beyond. The diamond is the whole file, "
        f"drift and all.{_class_note(c, own)}",
        body + notes,
    )


def scalp_section(m: FileMeasured) -> Section:
    """Error over the scalp, where sensors have positions."""
    places = [s.position for s in m.grid.sensors]
    known = [k for k, p in enumerate(places) if p is not None and np.isfinite(p).all()]
    if len(known) < 4:
        text = "the file has none and the channels' names are not of the 10-05 system"
        return Section(
            "Scalp", "No map: positions of the sensors are not known", f"At least four are needed; {text}.", ""
        )
    flat = plot_scalp.flatten(np.array([places[k] for k in known], float))
    values = {b: m.errors.per_channel[b][known] for b in NAMES}
    names = [_names(m)[k] for k in known]
    every = np.concatenate([v[np.isfinite(v)] for v in values.values()])
    low, high = float(np.percentile(every, 2)), float(np.percentile(every, 98))
    heads = "".join(
        f'<figure style="margin:0">{plot_scalp.head_map(flat, v, names, low, high)}'
        f'<figcaption class="note" style="text-align:center">{b}</figcaption></figure>'
        for b, v in values.items()
    )
    worst = [names[k] for k in np.argsort(-np.nan_to_num(values["all"], nan=-np.inf))[:3]]
    return Section(
        "Scalp",
        f"Loss is highest at {', '.join(worst[:-1])} and {worst[-1]}",
        f"NMSE per band seen from above, nose up; {len(known)} sensors with positions of the file or of the 10-05 "
        "system. Flat regions are as informative as peaks: there the coder treats all sensors alike.",
        f'<div class="heads">{heads}</div>{plot_scalp.colour_bar(low, high)}',
    )


def time_section(m: FileMeasured) -> Section:
    """Error and bits along the recording."""
    known = np.flatnonzero(np.isfinite(m.error_db))
    seconds = m.recording.grid.seconds
    worst = int(known[np.argmax(m.error_db[known])]) if len(known) else 0
    finding = (
        f"Along the recording the error lies between {db(np.nanmin(m.error_db))} and {db(m.error_db[worst])} dB; "
        f"the worst stretch is at {plot_time.clock(round(float(m.seconds[worst]), 1), seconds)}"
    )
    if m.exact:
        finding = "Along the recording nothing is lost; bits are what the codes of each stretch are worth"
    body = plot_time.timeline(
        m.seconds,
        m.error_db,
        m.bits_over_time,
        total=seconds,
        gaps=m.recording.gaps,
        annotations=m.recording.annotations,
    )
    return Section(
        "Time",
        finding,
        f"Stretches of {m.stretch:g} s, all bands, all channels. Bits: what the codes of a stretch are worth under the "
        "order-0 statistics of the whole recording. Grey: gaps.",
        body,
    )


def _verdict(c: Comparison, curves: dict[str, Curve], own: str, rate: float) -> str:
    """The model against the best coder of its class: single-channel ones, or all if it looks at all channels."""
    if own not in curves:
        return f"{own} could not be compared"
    mine = float(curves[own].values[0, -1] if own in c.fixed else rate_distortion_at(curves[own], rate)[-1])
    others = {n: float(rate_distortion_at(curves[n], rate)[-1]) for n in c.class_of(own) if n in curves}
    others = {n: v for n, v in others.items() if np.isfinite(v)}
    if not np.isfinite(mine) or not others:
        return f"At {rate:.0f} bits there is no other coder to compare with"
    best = min(others, key=lambda n: others[n])
    gap = others[best] - mine
    kind = "" if own in c.spatial or not c.spatial else " single-channel"
    if gap > 0.05:
        return f"At {rate:.0f} bits, {own} is {gap:.1f}\u00a0dB better than the best other{kind} coder, {best}"
    if gap < -0.05:
        return f"At {rate:.0f} bits, {best} is {-gap:.1f}\u00a0dB better than {own}"
    return f"At {rate:.0f} bits, {own} and {best} are equal"


def _class_note(c: Comparison, own: str) -> str:
    if own in c.spatial or not c.spatial:
        return ""
    return (
        f" {' and '.join(c.spatial)} code all channels together, so that none can be read alone: a class of their own."
    )


def _rate_table(c: Comparison, own: str, rate: float) -> str:
    rates = RATES if own not in c.fixed else (rate,)
    columns = [float(r) for r in rates]
    names = [n for n in c.coders if n not in c.fixed]
    values = np.array([[float(c.at(n, r)[0]) for r in columns] for n in names]).reshape(len(names), len(columns))
    if own in c.fixed:
        names, values = [own, *names], np.vstack([c.at(own, None)[:1], values])
    alone = np.array([n not in c.spatial or own in c.spatial for n in names])
    classes = {(row, k + 1): "best" for k, row in enumerate(best_rows(values, alone)) if row is not None}
    rows = [[n, *(db(float(v)) for v in row)] for n, row in zip(names, values, strict=True)]
    return table(
        ["coder", *(f"{r:.0f}" for r in columns)],
        rows,
        caption="NMSE of all bands, dB, at bits per second and channel; a dash: not reached",
        own=[names.index(own)] if own in names else [],
        classes=classes,
    )


def _stretches(m: FileMeasured) -> list[tuple[str, float]]:
    """Where a typical and the worst stretch begin, in seconds."""
    seconds = m.recording.grid.seconds
    known = np.flatnonzero(np.isfinite(m.error_db))
    if seconds <= 1.5 * SHOWN_SECONDS or not len(known):
        return [("the recording", 0.0)]
    order = known[np.argsort(m.error_db[known])]
    last = max(float(np.floor(seconds - SHOWN_SECONDS)), 0.0)
    found = []
    for name, at in (("a typical stretch", order[len(order) // 2]), ("the worst stretch", order[-1])):
        middle = float(m.seconds[at])
        found.append((name, float(np.clip(np.floor(middle - SHOWN_SECONDS / 2), 0, last))))
    return found


def _traces(m: FileMeasured, tokenizer: object, start: float, stop: float) -> str:
    chosen = _chosen(m)
    names = m.recording.grid.names
    source = [names.index(m.grid.names[c]) for c in chosen]
    coded = [m.stored.header.grid.names.index(m.grid.names[c]) for c in chosen]
    one = protocol_piece(m.recording, start, stop, source)
    two = protocol_piece(Decoded(m.stored, tokenizer, coded), start, stop, range(len(chosen)))
    valid = None if one.valid is None else np.broadcast_to(np.asarray(one.valid), one.grid.shape)
    return plot_time.traces(
        np.asarray(one.values, float),
        np.asarray(two.values, float),
        one.grid,
        valid=valid,
        annotations=m.recording.annotations,
    )


def _chosen(m: FileMeasured) -> Sequence[int]:
    """Channels to show: evenly spread, the worst one among them."""
    chosen = spread(range(m.grid.size("channel")), SHOWN_CHANNELS)
    worst = int(np.argmax(np.nan_to_num(m.errors.per_channel["all"], nan=-np.inf)))
    return chosen if worst in chosen else sorted([*chosen[:-1], worst])


def _names(m: FileMeasured) -> list[str]:
    return list(m.grid.names) or [f"ch{c}" for c in range(m.grid.size("channel"))]
