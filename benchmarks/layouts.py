"""Speed of the layouts beside PyWavelets, ptwt, SciPy and torch: python -m benchmarks.layouts [--json]

Milliseconds of CPU on one thread, best of 5, float32, for batches of 1, 8 and 32: sound and EEG as channels of 25,600
samples (256 s at 100 Hz), pictures as grey planes of 512 x 512. `to copy` is the ratio to copying the same samples
once. Wavelets are whole and periodic; that ours are PyWavelets' numbers is checked (ptwt keeps a few more at borders).
The kept run: python -m benchmarks.layouts --json > benchmarks/results/layouts.json
"""

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from benchmarks.timing import cpu_seconds, show

BATCHES, SAMPLES, SIDE, LEVELS, NAME = (1, 8, 32), 25_600, 512, 4, "bior4.4"
Row = dict[str, Any]


def main() -> int:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    rng, rows = np.random.default_rng(0), []
    for batch in BATCHES:
        lines = rng.normal(size=(batch, SAMPLES)).astype(np.float32)
        planes = rng.random((batch, SIDE, SIDE)).astype(np.float32)
        with torch.inference_mode():
            for found in (cosine_rows(lines), fourier_rows(lines), dwt_rows(lines, 1), dwt_rows(planes, 2)):
                rows += found
        rows += splat_rows(batch)
    missing = [p for p in ("pywt", "ptwt") if not find_spec(p)]
    notes, reached = aims(rows)
    show(rows, [f"{p} is not installed: no row of it" for p in missing] + notes)
    return 0 if reached else 1


def row(what: str, who: str, x: Any, there: Callable[[], Any], back: Callable[[], Any] | None) -> Row:
    """Both directions beside a copy of the samples."""
    copy = cpu_seconds(x.copy if hasattr(x, "copy") else x.clone)
    forward = cpu_seconds(there)
    backward = {} if back is None else {"back ms": cpu_seconds(back) * 1e3}
    return {"what": what, "who": who, "batch": len(x), "there ms": forward * 1e3, **backward, "to copy": forward / copy}


def own(what: str, layout: Any, x: Any) -> Iterator[Row]:
    """A layout on NumPy and on torch."""
    import torch

    for who, data in (("ours", x), ("ours, torch", torch.from_numpy(x))):
        y = layout.analyse(data)
        yield row(what, who, data, lambda d=data: layout.analyse(d), lambda y=y: layout.synthesise(y, SAMPLES))


def cosine_rows(x: Any) -> Iterator[Row]:
    """Blocks of cosines and lapped ones; SciPy has no MDCT, so its fast DCT-IV of as many frames stands in."""
    from scipy.fft import dct, idct

    from signalpiece import layouts

    for size in (100, 512):
        yield from own(f"DCT {size}", layouts.DCT(size=size), x)
        blocks = x.reshape(len(x), -1, size)
        y = dct(blocks, norm="ortho")
        there, back = (lambda b=blocks: dct(b, norm="ortho")), (lambda y=y: idct(y, norm="ortho"))
        yield row(f"DCT {size}", "scipy.fft.dct", x, there, back)
    for hop in (50, 512):
        yield from own(f"MDCT {hop}", layouts.Lapped(hop=hop), x)
        frames = x.reshape(len(x), -1, hop)
        only = lambda f=frames: dct(f, type=4, norm="ortho")  # noqa: E731
        yield row(f"MDCT {hop}", "scipy DCT-IV alone", x, only, only)


def fourier_rows(x: Any) -> Iterator[Row]:
    import numpy as np
    import torch
    from scipy.signal import ShortTimeFFT

    from signalpiece import layouts

    tensor = torch.from_numpy(x)
    for window, hop in ((100, 50), (512, 128)):
        what = f"STFT {window}/{hop}"
        yield from own(what, layouts.STFT(window=window, hop=hop), x)
        short = ShortTimeFFT(np.hanning(window + 1)[:-1], hop, 100.0)
        y = short.stft(x)
        there, back = (lambda s=short: s.stft(x)), (lambda s=short, y=y: s.istft(y, k1=SAMPLES))
        yield row(what, "scipy ShortTimeFFT", x, there, back)
        options = {"n_fft": window, "hop_length": hop, "window": torch.hann_window(window)}
        z = torch.stft(tensor, return_complex=True, **options)
        there = lambda o=options: torch.stft(tensor, return_complex=True, **o)  # noqa: E731
        yield row(what, "torch.stft", tensor, there, lambda o=options, z=z: torch.istft(z, length=SAMPLES, **o))


def dwt_rows(x: Any, count: int) -> Iterator[Row]:
    """Whole wavelet transforms along the last `count` axes."""
    import numpy as np
    import torch

    from signalpiece.layouts.filter_bank import FilterBank
    from signalpiece.layouts.pyramid import decompose, recompose

    bank, what = FilterBank(name=NAME, edges="periodic"), f"DWT {count}-D"
    for who, data in (("ours", x), ("ours, torch", torch.from_numpy(x))):
        y = decompose(bank, data, LEVELS, count)
        there = lambda d=data: decompose(bank, d, LEVELS, count)  # noqa: E731
        yield row(what, who, data, there, lambda y=y: recompose(bank, y, LEVELS, count))
    low = decompose(bank, x, LEVELS, count)[(..., *(slice(0, n >> LEVELS) for n in x.shape[-count:]))]
    for package, make in (("pywt", pywt_calls), ("ptwt", ptwt_calls)):
        if find_spec(package):
            there, back = make(x, count)
            assert package != "pywt" or np.allclose(low, there()[0], atol=1e-4)
            yield row(what, package, x, there, back)


def pywt_calls(x: Any, count: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import pywt

    split, merge = (pywt.wavedec, pywt.waverec) if count == 1 else (pywt.wavedec2, pywt.waverec2)
    options = {"wavelet": NAME, "mode": "periodization"}
    y = split(x, level=LEVELS, **options)
    return (lambda: split(x, level=LEVELS, **options)), (lambda: merge(y, **options))


def ptwt_calls(x: Any, count: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import ptwt
    import torch

    split, merge = (ptwt.wavedec, ptwt.waverec) if count == 1 else (ptwt.wavedec2, ptwt.waverec2)
    tensor = torch.from_numpy(x)
    y = split(tensor, NAME, mode="periodic", level=LEVELS)
    return (lambda: split(tensor, NAME, mode="periodic", level=LEVELS)), (lambda: merge(y, NAME))


def splat_rows(batch: int) -> Iterator[Row]:
    """128 Gaussians of 16 features on 64 x 64 places: forward, and forward with backward as `back`."""
    import torch

    from signalpiece.layouts import splat

    g = torch.Generator().manual_seed(0)
    colors, centres = torch.randn(batch, 128, 16, generator=g), torch.rand(batch, 128, 2, generator=g) * 2 - 1
    spread = torch.rand(batch, 128, 3, generator=g) * torch.tensor([0.06, 0.06, 0.8]) + torch.tensor([0.03, 0.03, -0.4])
    given = [x.requires_grad_() for x in (colors, centres, spread)]
    pixels = torch.zeros(batch, 64, 64, 16)
    for who, draw in (("ours, torch", splat), ("the formula at once", splat_plainly)):
        if who.startswith("the") and batch > 8:
            continue  # 1 GiB of weights with their gradients

        def forward(draw: Callable[..., Any] = draw) -> Any:
            with torch.no_grad():
                return draw(*given, 64, 64)

        both = lambda d=draw: torch.autograd.grad(d(*given, 64, 64).sum(), given)  # noqa: E731
        yield row("splat 128 on 64 x 64", who, pixels, forward, both)


def splat_plainly(colors: Any, centres: Any, spread: Any, height: int, width: int) -> Any:
    import torch

    x, y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)[:, None]
    sx, sy, rho = spread[..., None, None].unbind(2)
    u, v = (x - centres[:, :, 0, None, None]) / sx, (y - centres[:, :, 1, None, None]) / sy
    weight = torch.exp(-(u**2 - 2 * rho * u * v + v**2) / (2 * (1 - rho**2))) * ((u.abs() <= 5) & (v.abs() <= 5))
    return torch.einsum("bnhw,bnd->bhwd", weight, colors)


def aims(rows: list[Row]) -> tuple[list[str], bool]:
    """What the wavelets are held to, and whether they reach it: speed as a share of PyWavelets'."""
    notes, reached = [], True
    for what, batches, least in (("DWT 2-D", BATCHES, 0.8), ("DWT 1-D", BATCHES[1:], 1.0)):
        for batch in batches:
            pair = {r["who"]: r for r in rows if r["what"] == what and r["batch"] == batch}
            if "pywt" not in pair:
                continue
            for way in ("there ms", "back ms"):
                share = pair["pywt"][way] / pair["ours"][way]
                reached &= share >= least
                word = "reached" if share >= least else "missed"
                notes.append(f"{what}, batch {batch}, {way[:-3]}: {share:.2f}x PyWavelets, aim {least:g}x: {word}")
    return notes, reached


if __name__ == "__main__":
    sys.exit(main())
