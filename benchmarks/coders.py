"""Speed of the classical tokenizers: python -m benchmarks.coders [--json]

Channel-seconds of signal per CPU-second, one thread, best of 5; 64 channels at 160 Hz, four minutes (one segment) made
of the package's recordings, coded at a step of half a standard deviation. `encode` goes from samples to bytes in
memory, `to file` through a file on disk; `tokens` is the part before the entropy coder, `codec` that coder alone.
"""

import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.timing import cpu_seconds, show

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "dct": ("dct", {}),
    "dct adaptive": ("dct", {"tables": "adaptive"}),
    "lapped": ("lapped", {}),
    "lapped static": ("lapped", {"tables": "static"}),
    "wavelet": ("wavelet", {}),
    "uniform": ("uniform", {}),
    "mulaw": ("mulaw", {}),
    "klt": ("klt", {}),
    "klt lapped": ("klt", {"base": "lapped"}),
}
SECONDS, RATIO, AIM = 240, 0.5, 50_000


def main() -> None:
    rows = [measure(name, *case) for name, case in CASES.items()]
    rows += [row for row in [measure_bioleptic()] if row]
    show(rows, [f"aim for dct: {AIM} channel-seconds per CPU-second, encode and decode"])


def measure_bioleptic() -> dict[str, Any] | None:
    """The lossy biosignal codec of PyPI, which resamples nothing: its own 160 Hz in, 160 Hz out; None if not there."""
    from importlib.util import find_spec

    if find_spec("bioleptic") is None:
        return None
    import bioleptic
    import numpy as np

    signal = recording()
    work = signal.grid.seconds * signal.grid.size("channel")
    options = bioleptic.CompressionOptions(method="db4", cutoff="low", coder="auto", quant_multiplier=15.0 / RATIO)
    values = np.asarray(signal.values / signal.values.std(1, keepdims=True), np.float32)

    def code() -> list[Any]:
        return [bioleptic.compress_signal(row, options) for row in values]

    streams = code()
    encode = work / cpu_seconds(code)
    decode = work / cpu_seconds(lambda: [bioleptic.decompress_signal(s) for s in streams])
    bits = 8 * sum(len(s) for s in streams) / work
    return {"coder": "bioleptic", "bits/s/ch": bits, "encode": round(encode), "decode": round(decode)}


def recording() -> Any:
    """Four minutes of 64 channels at 160 Hz: runs 1 and 2 of PhysioNet S001, twice over."""
    import numpy as np

    import signalpiece
    from signalpiece.core.signal import Signal

    runs = [signalpiece.read(files("signalpiece.samples") / f"S001R0{k}.edf") for k in (1, 2)]
    values = np.concatenate([r.values for r in runs] * 2, axis=1)[:, : SECONDS * 160]
    names = runs[0].grid.names
    return Signal.of(values, rate=160.0, names=names)


def measure(title: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """One row of the table."""
    from signalpiece.recipes import recipe
    from signalpiece.tokenizers.files import decode_range, encode_files, open_tokens
    from signalpiece.tokenizers.rate import Held

    signal, tok = recording(), recipe(name).build(**options)
    work = signal.grid.seconds * signal.grid.size("channel")
    steps = tok.prepare(signal.grid, (signal,), step_ratio=1.0 if tok.fixed_rate else RATIO)
    tokens = tok.encode(signal, step=steps)
    units = to_bytes(tok, tokens)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sp"

        def write() -> None:
            encode_files(tok, [Held(signal)], path, step=steps)

        write()
        times = {
            "tokens": cpu_seconds(lambda: tok.encode(signal, step=steps)),
            "codec": cpu_seconds(lambda: to_bytes(tok, tokens)),
            "encode": cpu_seconds(lambda: to_bytes(tok, tok.encode(signal, step=steps))),
            "to file": cpu_seconds(write),
            "codec back": cpu_seconds(lambda: from_bytes(tok, tokens, units)),
            "samples": cpu_seconds(lambda: tok.decode(tokens)),
            "decode": cpu_seconds(lambda: decode_range(open_tokens(path).recordings[0], tok)),
            "at 160 Hz": cpu_seconds(lambda: decode_range(open_tokens(path).recordings[0], tok, rate="source")),
        }
        bits = 8 * path.stat().st_size / work
    return {"coder": title, "bits/s/ch": bits} | {k: round(work / v) for k, v in times.items()}


def to_bytes(tok: Any, tokens: Any) -> list[bytes]:
    """The codes of one segment through the codec."""
    cube, codec = tokens.cube(), tok.codec
    parts = [cube] if codec.channels == 0 else [cube[:, c : c + 1] for c in range(cube.shape[1])]
    return [codec.encode(part, tokens.header) for part in parts]


def from_bytes(tok: Any, tokens: Any, units: list[bytes]) -> None:
    """Back again."""
    for unit in units:
        tok.codec.decode(unit, tokens.header)


if __name__ == "__main__":
    main()
