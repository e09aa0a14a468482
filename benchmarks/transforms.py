"""Speed of the layouts beside SciPy, PyWavelets and ptwt: python -m benchmarks.transforms [--json]

Microseconds of CPU per channel-second of 100 Hz float32, one thread, best of 5. `to copy` is the ratio to copying the
same samples once, `to product` to one matrix product that a dense transform of that width needs.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks.timing import cpu_seconds, show

RATE, CHANNELS, SECONDS = 100, 32, 256


def main() -> None:
    import numpy as np

    x = np.random.default_rng(0).normal(size=(CHANNELS, RATE * SECONDS)).astype(np.float32)
    rows, notes = own_rows(x), []
    rows += scipy_rows(x)
    for package, make in (("pywt", pywt_rows), ("ptwt", ptwt_rows)):
        if find_spec(package):
            rows += make(x)
        else:
            notes.append(f"{package} is not installed: no row of it")
    show(rows, notes)


def cost(run: Callable[[], Any]) -> float:
    return cpu_seconds(run) / (CHANNELS * SECONDS) * 1e6


def row(x: Any, name: str, width: int, forward: Callable[[], Any], inverse: Callable[[], Any]) -> dict[str, Any]:
    """Both directions beside a copy of the samples and a product of rows of `width` with a square matrix."""
    import numpy as np

    there, back, copy = cost(forward), cost(inverse), cost(x.copy)
    flat = x[:, : x.shape[1] // width * width].reshape(-1, width)
    square = np.eye(width, dtype=x.dtype)
    product = cost(lambda: flat @ square)
    return {
        "transform": name,
        "there us": there,
        "back us": back,
        "there to copy": there / copy,
        "there to product": there / product,
    }


def own_rows(x: Any) -> list[dict[str, Any]]:
    from signalpiece import layouts

    made = {
        "TimePatches(100)": layouts.TimePatches(patch=100),
        "DCT(100)": layouts.DCT(size=100),
        "DCT(1024)": layouts.DCT(size=1024),
        "Lapped(50)": layouts.Lapped(hop=50),
        "Lapped(512)": layouts.Lapped(hop=512),
        "STFT(100, 50)": layouts.STFT(window=100, hop=50),
        "STFT(512, 128)": layouts.STFT(window=512, hop=128),
        "Wavelet(bior4.4, 4, 256)": layouts.Wavelet(name="bior4.4", levels=4, block=256),
        "Wavelet(db4, 4, 256)": layouts.Wavelet(name="db4", levels=4, block=256) if find_spec("pywt") else None,
    }
    rows = []
    for name, layout in made.items():
        if layout is not None:
            y = layout.analyse(x)
            forward, inverse = (lambda m=layout: m.analyse(x)), (lambda m=layout, y=y: m.synthesise(y, x.shape[1]))
            rows.append(row(x, name, layout.hop, forward, inverse))
    return rows


def scipy_rows(x: Any) -> list[dict[str, Any]]:
    import numpy as np
    from scipy.fft import dct, idct
    from scipy.signal import ShortTimeFFT, istft, stft

    rows = []
    for size in (100, 1024):
        blocks = x[:, : x.shape[1] // size * size].reshape(CHANNELS, -1, size)
        y = dct(blocks, norm="ortho")
        forward, inverse = (lambda b=blocks: dct(b, norm="ortho")), (lambda y=y: idct(y, norm="ortho"))
        rows.append(row(x, f"scipy.fft.dct({size})", size, forward, inverse))
    for window, hop in ((100, 50), (512, 128)):
        options = {"nperseg": window, "noverlap": window - hop}
        y = stft(x, **options)[2]
        forward, inverse = (lambda o=options: stft(x, **o)), (lambda y=y, o=options: istft(y, **o))
        rows.append(row(x, f"scipy.signal.stft({window}, {hop})", hop, forward, inverse))
        short = ShortTimeFFT(np.hanning(window + 1)[:-1], hop, RATE)
        y = short.stft(x)
        forward, inverse = (lambda s=short: s.stft(x)), (lambda s=short, y=y: s.istft(y, k1=x.shape[1]))
        rows.append(row(x, f"scipy ShortTimeFFT({window}, {hop})", hop, forward, inverse))
    return rows


def pywt_rows(x: Any) -> list[dict[str, Any]]:
    import pywt

    rows, blocks = [], x.reshape(CHANNELS, -1, 256)
    for name in ("bior4.4", "db4"):
        for kind, data in (("blocks of 256", blocks), ("whole", x)):
            options = {"wavelet": name, "mode": "periodization"}
            y = pywt.wavedec(data, level=4, **options)
            forward = lambda d=data, o=options: pywt.wavedec(d, level=4, **o)  # noqa: E731
            inverse = lambda y=y, o=options: pywt.waverec(y, **o)  # noqa: E731
            rows.append(row(x, f"pywt.wavedec({name}, 4), {kind}", 256, forward, inverse))
    return rows


def ptwt_rows(x: Any) -> list[dict[str, Any]]:
    import ptwt
    import torch

    torch.set_num_threads(1)
    tensor = torch.from_numpy(x)
    with torch.inference_mode():
        y = ptwt.wavedec(tensor, "bior4.4", mode="periodic", level=4)
        forward, inverse = (
            (lambda: ptwt.wavedec(tensor, "bior4.4", mode="periodic", level=4)),
            (lambda: ptwt.waverec(y, "bior4.4")),
        )
        return [row(x, "ptwt.wavedec(bior4.4, 4), whole", 256, forward, inverse)]


if __name__ == "__main__":
    main()
