"""Speed and memory of quantizers beside their matrix product and a library: python -m benchmarks.quantizers [--json]

The library is vector-quantize-pytorch. Milliseconds of CPU on one thread for 16,384 vectors, best of 3 (of 1 for the
library, which takes up to 20 s): eval (codes and embeddings), training forward, forward
and backward; `peak MB` is what the forward and backward pass holds beside what was there before. `to product` is the
ratio of eval to the product of the vectors with the codebook in chunks of 512 rows, which no exact search can do
without; `to library` how many times longer the library takes. Stated aims are checked, and missed ones end with 1.
The kept run: python -m benchmarks.quantizers --json > benchmarks/results/quantizers.json
"""

import ctypes
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.timing import cpu_seconds, show

VECTORS, MEGA = 16384, 1e6
Row = dict[str, Any]


def main() -> int:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rival = find_spec("vector_quantize_pytorch") is not None
    rows = [line for what, dim, floor, models in cases(rival) for line in lines(what, dim, floor, models)]
    rows.append(search_of_many())
    notes, reached = aims(rows)
    show(rows, notes if rival else [*notes, "vector-quantize-pytorch is not installed: no row of it"])
    return 0 if reached else 1


def cases(rival: bool) -> list[tuple[str, int, tuple[int, int] | None, dict[str, Callable[[], Any]]]]:
    """What, width of the vectors, (codes, width) of the product, and who makes it."""
    from signalpiece import quantizers as own

    still = own.EMA(kmeans=0)
    made: list[Any] = []
    for size, dim in ((8192, 256), (8192, 32), (1024, 64)):
        made.append(
            (f"VQ {size} x {dim}", dim, (size, dim), {"ours": partial(own.VQ, dim, codebook_size=size, learn=still)})
        )
    made.append(
        (
            "residual 8 x 1024 x 64",
            64,
            (8192, 64),
            {"ours": lambda: own.Residual(64, levels=8, quantizer=partial(own.VQ, codebook_size=1024, learn=still))},
        )
    )
    made.append(("SimVQ 8192 x 32", 32, (8192, 32), {"ours": partial(own.SimVQ, 32, codebook_size=8192)}))
    made.append(("FSQ 8 8 8 5 5 5", 6, None, {"ours": partial(own.FSQ, 6, levels=(8, 8, 8, 5, 5, 5))}))
    for name, make in (("LFQ", own.LFQ), ("BSQ", own.BSQ)):
        made.append(
            (
                f"{name} 2^13",
                13,
                None,
                {
                    "ours": partial(make, 13, bits=13),
                    "ours, factorised": partial(make, 13, bits=13, entropies=own.factorised_entropies),
                },
            )
        )
    if rival:
        import vector_quantize_pytorch as lib

        theirs = [
            partial(lib.VectorQuantize, 256, codebook_size=8192, rotation_trick=False),
            partial(lib.VectorQuantize, 32, codebook_size=8192, rotation_trick=False),
            partial(lib.VectorQuantize, 64, codebook_size=1024, rotation_trick=False),
            partial(lib.ResidualVQ, dim=64, num_quantizers=8, codebook_size=1024),
            partial(lib.SimVQ, dim=32, codebook_size=8192),
            partial(lib.FSQ, levels=[8, 8, 8, 5, 5, 5]),
            partial(lib.LFQ, codebook_size=2**13, dim=13, entropy_loss_weight=0.1, frac_per_sample_entropy=1.0),
            partial(lib.LFQ, codebook_size=2**13, dim=13, entropy_loss_weight=0.1, spherical=True),
        ]
        for (_, _, _, models), make in zip(made, theirs, strict=True):
            models["library"] = make
    return made


def lines(what: str, dim: int, floor: tuple[int, int] | None, models: dict[str, Callable[[], Any]]) -> list[Row]:
    import torch

    x = torch.randn(1, VECTORS, dim)
    base = None if floor is None else cpu_seconds(partial(product, x[0], torch.randn(*floor)))
    found = []
    for who, make in models.items():
        model, row = make(), {"what": what, "who": who}
        repeats = 1 if who == "library" else 3
        model.eval()
        with torch.inference_mode():
            row["eval ms"] = cpu_seconds(partial(model, x), repeats) * 1e3
        if base is not None:
            row["to product"] = row["eval ms"] / base / 1e3
        model.train()
        row["forward ms"] = cpu_seconds(partial(model, x), repeats) * 1e3
        step = partial(train, model, x.clone().requires_grad_())
        row["forward+backward ms"] = cpu_seconds(step, repeats) * 1e3
        row["peak MB"] = peak(step)
        found.append(row)
    theirs = found[-1] if found[-1]["who"] == "library" else None
    for row in found[:-1] if theirs else ():
        row["to library, eval"] = theirs["eval ms"] / row["eval ms"]
        row["to library, training"] = theirs["forward+backward ms"] / row["forward+backward ms"]
    return found


def product(x: Any, codes: Any) -> None:
    import torch

    from signalpiece.quantizers.nearest import ROWS

    out = torch.empty(ROWS, len(codes))
    for start in range(0, len(x), ROWS):
        torch.mm(x[start : start + ROWS], codes.T, out=out)


def train(model: Any, x: Any) -> None:
    """One forward and backward pass."""
    x.grad = None
    out = model(x)
    embeddings, loss = (
        (out.embeddings, out.loss) if hasattr(out, "embeddings") else (out[0], out[-1] if len(out) > 2 else 0)
    )
    total = embeddings.square().sum()
    (total + (loss.sum() if hasattr(loss, "sum") else loss)).backward()


def peak(run: Callable[[], Any]) -> float:
    """Megabytes that a run holds at most, beside what the process held before (Linux)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return float("nan")
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free goes back, else the run would reuse it unseen
    reset.write_text("5")
    before = _kilobytes(status, "VmRSS")
    run()
    return (_kilobytes(status, "VmHWM") - before) * 1024 / MEGA


def _kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))


def search_of_many() -> Row:
    import torch

    from signalpiece.quantizers.nearest import nearest_code

    x, codes = torch.randn(65536, 32), torch.randn(8192, 32)
    seconds = cpu_seconds(lambda: nearest_code(x, codes), 1)
    return {
        "what": "search 65,536 x 8,192 x 32",
        "who": "ours",
        "eval ms": seconds * 1e3,
        "peak MB": peak(lambda: nearest_code(x, codes)),
    }


def aims(rows: list[Row]) -> tuple[list[str], bool]:
    """What was asked for, and whether it is reached."""
    at = {(r["what"], r["who"]): r for r in rows}
    wanted = [
        ("VQ 8192 x 256", "ours", "to product", 1.3, True),
        ("search 65,536 x 8,192 x 32", "ours", "peak MB", 200, True),
        ("VQ 8192 x 256", "ours", "to library, eval", 2, False),
        ("residual 8 x 1024 x 64", "ours", "to library, eval", 2, False),
        ("residual 8 x 1024 x 64", "ours", "to library, training", 2, False),
    ]
    for name in ("LFQ 2^13", "BSQ 2^13"):
        wanted += [
            (name, "ours", "to library, training", 3, False),
            (name, "ours, factorised", "to library, training", 50, False),
        ]
    notes, every = [], True
    for what, who, column, bound, below in wanted:
        value = at[what, who].get(column)
        if value is None:
            continue
        good = value <= bound if below else value >= bound
        every &= good
        bounded = f"asked at {'most' if below else 'least'} {bound}"
        notes.append(f"{'reached' if good else 'missed'}: {what} ({who}), {column} {value:.2f}, {bounded}")
    return notes, every


if __name__ == "__main__":
    sys.exit(main())
