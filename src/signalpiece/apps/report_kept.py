"""The section of a report on what analyses would have found: band power, alpha peak, coherence, before and after."""

from typing import Any

import numpy as np

from signalpiece.apps.page import Section, table
from signalpiece.apps.report_data import FileMeasured
from signalpiece.metrics.bands import BANDS
from signalpiece.metrics.kept import alpha_peaks, band_power_change

CLOSE = 1.0  # dB


def kept(m: FileMeasured) -> dict[str, Any]:
    """Figures of one recording.

    Returns:
        `band_power_db` (median over channels, and the channel that changes most), `alpha_peak_hz` (median before,
        largest shift, channels with a peak before and after), `coherence` (mean before, mean absolute change).
    """
    before, after = m.spectra[0], m.spectra[1]
    change = band_power_change(m.hertz, before, after)
    peaks = alpha_peaks(m.hertz, before), alpha_peaks(m.hertz, after)
    both = np.isfinite(peaks[0]) & np.isfinite(peaks[1])
    shift = np.abs(peaks[1] - peaks[0])[both]
    one, two = m.coherence
    return {
        "band_power_db": {b: (_middle(v), _largest(v)) for b, v in change.items()},
        "alpha_peak_hz": {
            "median": _middle(peaks[0]),
            "largest_shift": float(shift.max()) if len(shift) else float("nan"),
            "channels_before": int(np.isfinite(peaks[0]).sum()),
            "channels_after": int(both.sum()),
        },
        "coherence": {b: (float(one[b].mean()), float(np.abs(two[b] - one[b]).mean())) for b in one if b in two},
    }


def kept_section(m: FileMeasured) -> Section:
    """A row per band."""
    found = kept(m)
    rows = []
    for band in BANDS:
        middle, most = found["band_power_db"][band]
        coherent = found["coherence"].get(band)
        cells = ["", ""] if coherent is None else [f"{coherent[0]:.2f}", f"{coherent[1]:.3f}"]
        rows.append([band, _signed(middle), _signed(most), *cells])
    columns = ["band", "power, median channel, dB", "power, channel that changes most, dB", "coherence", "its change"]
    columns, rows = (columns, rows) if found["coherence"] else (columns[:3], [r[:3] for r in rows])
    return Section(
        "Kept",
        _finding({b: v[0] for b, v in found["band_power_db"].items() if np.isfinite(v[0])}),
        "Power of each band after over before; coherence is the mean over pairs of at most 32 channels, its change the "
        f"mean absolute difference. {_peaks(found['alpha_peak_hz'])}",
        table(columns, rows),
    )


def _finding(change: dict[str, float]) -> str:
    if not change:
        return "There is no power to compare"
    stay = [b for b, v in change.items() if abs(v) <= CLOSE]
    gone = [b for b in change if b not in stay]
    if not gone:
        most = max(abs(v) for v in change.values())
        return f"Power of every band stays within {most:.2f}\u00a0dB in the median channel"
    if not stay:
        return f"Power of every band changes by more than {CLOSE:g}\u00a0dB in the median channel"
    return f"Power of {_and(stay)} stays within {CLOSE:g}\u00a0dB in the median channel, of {_and(gone)} not"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _peaks(found: dict[str, Any]) -> str:
    if not found["channels_before"]:
        return "No channel has an alpha peak."
    channels = found["channels_before"]
    stay = f"{found['channels_after']} of {channels} channel{'s' if channels > 1 else ''} with an alpha peak"
    if not found["channels_after"]:
        return f"The alpha peak at {found['median']:.1f} Hz is gone."
    return f"{stay} (median {found['median']:.1f} Hz) keep it; it moves by at most {found['largest_shift']:.2f} Hz."


def _middle(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _largest(values: np.ndarray) -> float:
    alive = values[np.isfinite(values)]
    return float(alive[np.abs(alive).argmax()]) if len(alive) else float("nan")


def _signed(value: float) -> str:
    return "\u2013" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "\u2212")
