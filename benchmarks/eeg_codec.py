"""The lossy EEG codec against its rivals at equal real bits.

    python -m benchmarks.eeg_codec single|spatial|speed --data DIR [--split validation]

`single`: gain in dB at five rates on the test split, per set, and the worst band. Rows: `eeg` as shipped, its channels
each by itself (group 1), the learned table without mixing, the Laplace law, the previous model. `dct` is the recipe,
whose codec fits a level and a shape to each channel; `dct fixed` has one Laplace scale per coefficient from the
training split, ideal code lengths, nothing of the file counted: the curve that targets were set against. `spatial`:
bits at four errors and errors at six rates. `speed`: search and codec in channel-seconds a CPU second, one thread.
"""

import argparse
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.timing import cpu_seconds
from signalpiece.apps.compare import RATES, Comparison, compare, difference
from signalpiece.apps.excerpt import Excerpt
from signalpiece.apps.load import load
from signalpiece.apps.rivals import Bioleptic
from signalpiece.apps.screen import progress, table
from signalpiece.apps.suite import suite_excerpts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.metrics.bands import NAMES
from signalpiece.metrics.rate_distortion import Curve, rate_distortion_at
from signalpiece.recipes import recipe

SUITE, ERRORS, LOW = "suite-eeg-1", (0.24, 0.09, 0.03, 0.008), (5.0, 10.0, 20.0, 40.0, 80.0, 150.0)


class FixedDCT:
    """One-second DCT, rounding at .35, one Laplace scale per coefficient from the training split: ideal bits."""

    fixed_rate = False

    def __init__(self, train: list[Excerpt]) -> None:
        sets = dict.fromkeys(e.set for e in train)
        means = [np.mean([np.abs(_dct(e.signal)).mean((0, 1)) for e in train if e.set == s], 0) for s in sets]
        self.scales = np.mean(means, axis=0)

    def measure(self, signal: Signal, step_ratio: float) -> tuple[Float[np.ndarray, "c t"], float]:
        """What comes back, and the bits."""
        from scipy.fft import idct

        sd = np.asarray(signal.values, float).std(1, keepdims=True)
        c = _dct(signal)
        k = np.sign(c) * np.floor(np.abs(c) / step_ratio + 0.35)
        inner, outer = (np.abs(k) - 0.35) * step_ratio, (np.abs(k) + 0.65) * step_ratio
        tail = 0.5 * (np.exp(-inner / self.scales) - np.exp(-outer / self.scales))
        chance = np.where(k == 0, 1 - np.exp(-0.65 * step_ratio / self.scales), tail)
        y = idct(k * step_ratio, norm="ortho", axis=-1).reshape(len(c), -1)
        left = np.asarray(signal.values, float)[:, y.shape[1] :]
        return np.concatenate([y * sd, left], 1), float(-np.log2(np.maximum(chance, 1e-12)).sum())


def _dct(signal: Signal) -> Float[np.ndarray, "c n k"]:
    from scipy.fft import dct

    x = np.asarray(signal.values, float)
    x = (x / np.maximum(x.std(1, keepdims=True), 1e-30))[:, : x.shape[1] // 100 * 100]
    return np.asarray(dct(x.reshape(len(x), -1, 100), norm="ortho", axis=-1))


def single(data: Path, split: str) -> None:
    """Gains over the two cosine coders, and over the Laplace law, with the worst band."""
    eeg = load("eeg")
    cells = recipe("cells").build()
    cells.load_tensors(eeg.tensors())  # its table is the first input of the mixture, learnt on the same codes
    coders = {
        "eeg": eeg,
        "eeg group 1": eeg.arranged(group=1),
        "cells": cells,
        "laplace": recipe("laplace").build(),
        "eeg-1": load("eeg-1"),
        "dct": recipe("dct").build(),
        "dct fixed": FixedDCT(suite_excerpts(SUITE, "train", data)),
    }
    with progress(split, 1.0) as tell:
        found = compare(coders, suite_excerpts(SUITE, split, data), suite=f"{SUITE} {split}", progress=tell)
    sets = {i.file: i.set for i in found.items}
    for base in ("dct fixed", "dct", "laplace"):
        for name in dict.fromkeys(sets.values()):
            files = np.array([sets[f] == name for f in found.files])
            rows = [_gain_row(found, c, base, files) for c in coders if c != base]
            table(f"{name}: dB under {base}", ("coder", *(f"at {r:g}" for r in RATES), "worst band"), rows)


def _gain_row(found: Comparison, coder: str, base: str, files: np.ndarray) -> tuple[Any, ...]:
    gains, worst = [], (np.inf, "")
    for rate in RATES:
        paired = difference(found.at(base, rate)[files], found.at(coder, rate)[files])
        half = f" ±{(paired.high - paired.low) / 2:.2f}" if paired.files > 1 else ""
        gains.append(f"{paired.mean:.2f}{half}")
        for band in NAMES:
            gain = difference(found.at(base, rate, band)[files], found.at(coder, rate, band)[files]).mean
            worst = min(worst, (gain, f"{gain:.2f} {band} at {rate:g}"))
    return (coder, *gains, worst[1])


def spatial(data: Path) -> None:
    """Components of all channels, against the classical coder of that class."""
    test = [e for e in suite_excerpts(SUITE, "test", data) if e.set.endswith("physionet")]
    third = next(e for e in test if "R03" in e.file)
    last = suite_excerpts(SUITE, "validation", data)[0]
    values = np.concatenate([np.asarray(e.signal.values) for e in test], 1)
    whole = Signal(replace(test[0].signal.grid, shape=values.shape), values)
    excerpts = {
        "EEGLAB 30 ch, last 60 s": last,
        "PhysioNet 32 ch, R03": replace(third, signal=third.signal.pick(range(0, 64, 2))),
        "PhysioNet 64 ch, R03": third,
        "PhysioNet 64 ch, 8 runs joined": replace(test[0], file="joined", signal=whole),
    }
    eeg = load("eeg")
    coders = {
        "spatial": eeg.arranged(mode="spatial"),
        "klt+dct": recipe("klt").build(),
        "single": eeg,
    } | ({"bioleptic": Bioleptic()} if find_spec("bioleptic") else {})
    for title, excerpt in excerpts.items():
        levels, needs = [], []
        for name, coder in coders.items():
            curve = _curve(coder, excerpt)
            by_error = Curve(10 ** (-curve.values[:, 0] / 10), np.log(curve.bits)[:, None])
            need = np.exp(rate_distortion_at(by_error, [1 / e for e in ERRORS])[:, 0])
            levels.append((name, *rate_distortion_at(curve, LOW)[:, 0]))
            needs.append((name, *need))
        table(f"{title}: dB of NMSE at bits/s/channel", ("coder", *(f"{b:g}" for b in LOW)), levels)
        table(f"{title}: bits/s/channel at NMSE", ("coder", *(f"{e:g}" for e in ERRORS)), needs)


def _curve(coder: Any, excerpt: Excerpt) -> Curve:
    from signalpiece.apps.measure import measure

    steps = np.geomspace(0.04, 9, 13)
    points = [measure(coder, excerpt, float(s)) for s in steps]
    bits = np.array([p.bits_file for p in points])
    db = np.array([p.errors.db["all"] for p in points])
    order = np.argsort(bits)
    return Curve(bits[order], db[order][:, None])


def speed(data: Path) -> None:
    """At about 350, 190 and 56 bits: search and codec, one channel by itself and 64 in one unit."""
    third = next(e for e in suite_excerpts(SUITE, "test", data) if "S001R03" in e.file).signal
    eeg, rows = load("eeg"), []
    for ratio in (0.11, 0.32, 1.2):
        tokens = eeg.encode(third, step_ratio=ratio)
        cube, header = tokens.cube(), replace(tokens.header, segment=len(tokens.cube()))
        y = np.asarray(eeg.quantizer.decode(cube), float)  # coefficients in steps, as good as any
        for channels, group in ((1, 1), (64, 0)):
            codec = eeg.arranged(group=group).codec
            units = [cube[:, c : c + 1] for c in range(16)] if group else [cube]
            work = len(cube) / 2 * (16 if group else 64)
            coded = [codec.encode(u, header) for u in units]
            search = cpu_seconds(lambda y=y, g=group: [eeg.quantizer(y[:, c]) for c in range(16 if g else 64)])
            code = cpu_seconds(lambda c=codec, u=units, h=header: [c.encode(v, h) for v in u])
            decode = cpu_seconds(lambda c=codec, d=coded, h=header: [c.decode(v, h) for v in d])
            bits = 8 * sum(map(len, coded)) / work
            figures = (work / search, work / code, work / (search + code), work / decode)
            rows.append((channels, bits, *(round(f) for f in figures)))
        whole = cpu_seconds(lambda r=ratio: eeg.encode(third, step_ratio=r))
        again = cpu_seconds(lambda t=tokens: eeg.decode(t))
        work = third.grid.seconds * 64
        rows.append(("64, samples to tokens and back", "", "", "", round(work / whole), round(work / again)))
    table("channel-seconds a CPU second", ("channels", "bits", "search", "coding", "encode", "decode"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("single", "spatial", "speed"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    given = parser.parse_args()
    try:
        if given.part == "single":
            single(given.data, given.split)
        else:
            {"spatial": spatial, "speed": speed}[given.part](given.data)
    except SignalPieceError as error:
        print(f"eeg_codec: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
