"""What analyses still find after coding, at equal bits: python -m benchmarks.kept --data DIR [--json]

`eeg` and `dct` at 20 to 240 bits/s/channel. Test recordings: band power and alpha peak (median channel), coherence
(mean change), spindles and sleep stages of five sleepers by YASA (where it is installed; agreement with what it says of
the original), heart beats of PTB s0010 (found within 50 ms, change of RMSSD). `P300`: correlation of the difference
wave of Muse subject 2, marked "validation" since settings were chosen on it.
"""

import argparse
import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.timing import show
from signalpiece.apps.load import load
from signalpiece.apps.suite import data_folder, suite_excerpts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.metrics.kept import Coherence, alpha_peaks, band_power_change
from signalpiece.metrics.protocol import bandpass
from signalpiece.metrics.similarity import power_spectrum
from signalpiece.signals.files import read

RATES = (20.0, 40.0, 80.0, 150.0, 240.0)
LEAST_ECG = 40.0  # bits: 38 s of 12 leads hardly pay for a header at fewer
RUNS = ("S001R01", "S001R03", "S001R06")


def measured(coder: Any, bits: float, sets: dict[str, list[Signal]]) -> dict[str, Any]:
    """Figures of one coder at one rate."""
    out: dict[str, Any] = {}
    pairs = [(s, back(coder, s, bits)) for s in sets["physionet"]]
    out |= spectral(pairs)
    nights = [(s, back(coder, s, bits)) for s in sets["dreams"]]
    out |= {f"sleep {k}": v for k, v in spectral(nights).items() if k in ("alpha dB", "beta dB")}
    if find_spec("yasa"):
        out |= sleep(nights)
    out |= p300([(s, back(coder, s, bits)) for s in sets["muse"]])
    if bits >= LEAST_ECG:
        out |= beats([(s, back(coder, s, bits)) for s in sets["ecg"]])
    return out


def back(coder: Any, signal: Signal, bits: float) -> Signal:
    """Coded at a budget and decoded at the source's rate."""
    decoded = coder.decode(coder.encode(signal, bits=bits), rate="source")
    return replace(decoded, annotations=signal.annotations)


def spectral(pairs: list[tuple[Signal, Signal]]) -> dict[str, float]:
    """Medians over channels of all recordings: power in dB, shift of the alpha peak; mean change of coherence."""
    change: dict[str, list[float]] = {}
    shifts, coherent = [], []
    for one, two in pairs:
        rate = one.grid.time_rate
        x, y = (np.asarray(s.values, float) for s in (one, two))
        hertz, before = power_spectrum(x, rate)
        after = power_spectrum(y, rate)[1]
        for band, values in band_power_change(hertz, before, after).items():
            change.setdefault(band, []).extend(values.tolist())
        shifts.append(np.abs(alpha_peaks(hertz, after) - alpha_peaks(hertz, before)))
        sums = Coherence(), Coherence()
        sums[0].add(x, rate)
        sums[1].add(y, rate)
        if sums[0].bands():
            coherent.append(np.abs(sums[1].bands()["alpha"] - sums[0].bands()["alpha"]).mean())
    out = {f"{band} dB": float(np.nanmedian(v)) for band, v in change.items()}
    out["alpha peak Hz"] = float(np.nanmedian(np.concatenate(shifts)))
    return out | ({"coherence": float(np.mean(coherent))} if coherent else {})


def sleep(pairs: list[tuple[Signal, Signal]]) -> dict[str, float]:
    """Epochs that YASA stages alike, and of its spindles in the original the share that it finds again."""
    agree, total, found, there = 0, 0, 0, 0
    for one, two in pairs:
        stages = [_stages(s) for s in (one, two)]
        agree, total = agree + int((stages[0] == stages[1]).sum()), total + len(stages[0])
        spindles = [_spindles(s) for s in (one, two)]
        there += len(spindles[0])
        found += sum(any(a < d and c < b for c, d in spindles[1]) for a, b in spindles[0])
    return {"stages agree %": 100 * agree / total, "spindles again %": 100 * found / max(there, 1), "spindles": there}


def _stages(signal: Signal) -> np.ndarray:
    from signalpiece.apps.interop import to_mne

    yasa: Any = import_module("yasa")
    found = yasa.SleepStaging(to_mne(signal), eeg_name=signal.grid.names[0]).predict()
    return np.asarray(getattr(found, "hypno", found))


def _spindles(signal: Signal) -> list[tuple[float, float]]:
    yasa: Any = import_module("yasa")
    x = np.asarray(signal.values, float)[0] * 1e6
    found = yasa.spindles_detect(x, sf=signal.grid.time_rate, verbose="error")
    return [] if found is None else list(zip(*found.summary()[["Start", "End"]].to_numpy().T, strict=True))


def p300(pairs: list[tuple[Signal, Signal]]) -> dict[str, float]:
    """Correlation of the difference waves, target less standard, of all channels; 0 to .8 s, 1 to 30 Hz."""
    waves = [_difference([pair[k] for pair in pairs]).ravel() for k in (0, 1)]
    return {"P300 r (validation)": float(np.corrcoef(waves[0], waves[1])[0, 1])}


def _difference(signals: list[Signal]) -> Float[np.ndarray, "c t"]:
    trials: dict[str, list[np.ndarray]] = {"1": [], "2": []}
    for signal in signals:
        rate = signal.grid.time_rate
        x = bandpass(np.asarray(signal.values, float), rate, low=1.0, high=30.0)
        for note in signal.annotations:
            first, end = round((note.onset - signal.grid.start) * rate), round(0.8 * rate)
            if note.text in trials and 0 <= first and first + end <= x.shape[1]:
                piece = x[:, first : first + end]
                trials[note.text].append(piece - piece[:, :1])
    return np.mean(trials["2"], 0) - np.mean(trials["1"], 0)


def beats(pairs: list[tuple[Signal, Signal]]) -> dict[str, float]:
    """Beats of a lead found again within 50 ms, and the change of the RMSSD of their distances in ms."""
    one, two = pairs[0]
    times = [_beats(s) for s in (one, two)]
    apart = np.abs(times[0][:, None] - times[1][None]).min(1)
    spread = [1e3 * np.sqrt(np.mean(np.diff(np.diff(t)) ** 2)) for t in times]
    return {"beats again %": 100 * float((apart < 0.05).mean()), "RMSSD change ms": float(spread[1] - spread[0])}


def _beats(signal: Signal) -> Float[np.ndarray, "n"]:
    from scipy.signal import find_peaks

    rate = signal.grid.time_rate
    x = bandpass(np.asarray(signal.values, float)[:1], rate, low=5.0, high=20.0)[0]
    height = 0.4 * np.percentile(np.abs(x), 99.5)
    return find_peaks(np.abs(x), height=height, distance=round(0.35 * rate))[0] / rate


def sets_of(data: str | None) -> dict[str, list[Signal]]:
    """The recordings."""
    folder = Path(data_folder(data))
    test = suite_excerpts("suite-eeg-1", "test", data)
    muse = [e for e in suite_excerpts("suite-eeg-1", "validation", data) if "muse" in e.set]
    events = [read(next((folder / "eeg_muse_erp").rglob(Path(e.file).name))).annotations for e in muse]
    return {
        "physionet": [e.signal for e in test if any(r in e.file for r in RUNS)],
        "dreams": [e.signal for e in test if "dreams" in e.set],
        "muse": [replace(e.signal, annotations=a) for e, a in zip(muse, events, strict=True)],
        "ecg": [read(folder / "ecg" / "s0010_re.hea").pick([1, 0, *range(2, 12)])],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--json", action="store_true")
    try:
        sets = sets_of(parser.parse_args().data)
        rows = [
            {"coder": name, "bits": bits} | measured(coder, bits, sets)
            for name, coder in (("eeg", load("eeg")), ("dct", load("dct")))
            for bits in RATES
        ]
    except SignalPieceError as error:
        print(f"kept: {error}", file=sys.stderr)
        sys.exit(2)
    notes = [] if find_spec("yasa") else ["YASA is not installed: no stages and spindles"]
    show([{k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()} for row in rows], notes)


if __name__ == "__main__":
    main()
