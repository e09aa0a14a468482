"""Speed of vector quantization beside its own matrix product and vector-quantize-pytorch: python -m benchmarks.vq

Milliseconds of CPU for 16,384 vectors, one thread, best of 5. `to product` is the ratio to the product of the vectors
with the codebook in chunks of 512 rows, which no exact search can do without; `to whole product` to the same in one
call, as a search by distance matrix makes it.
"""

from importlib.util import find_spec
from typing import Any

from benchmarks.timing import cpu_seconds, show

VECTORS = 16384
SHAPES = ((8, 1024), (32, 8192), (64, 1024), (256, 1024))  # width, codes


def main() -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rival = find_spec("vector_quantize_pytorch") is not None
    rows = [line for dim, size in SHAPES for line in lines(dim, size, rival)]
    show(rows, [] if rival else ["vector-quantize-pytorch is not installed: no row of it"])


def lines(dim: int, size: int, rival: bool) -> list[dict[str, Any]]:
    """The matrix product in two ways, the search, encoding and a training forward, ours and the rival's."""
    import torch

    from signalpiece.quantizers.nearest import ROWS, nearest_code

    x, codes = torch.randn(VECTORS, dim), torch.randn(size, dim)
    table, scores = codes.T.contiguous(), torch.empty(ROWS, size)

    def product() -> None:
        for start in range(0, VECTORS, ROWS):
            torch.mm(x[start : start + ROWS], table, out=scores)

    times = {
        "product in chunks": cpu_seconds(product),
        "whole product": cpu_seconds(lambda: x @ table),
        "search": cpu_seconds(lambda: nearest_code(x, codes)),
    }
    for name, model in models(dim, size, rival).items():
        batch = x[None]
        model.eval()
        with torch.inference_mode():
            times[f"{name} encode"] = cpu_seconds(lambda m=model, b=batch: m(b))
        model.train()
        times[f"{name} training forward"] = cpu_seconds(lambda m=model, b=batch: m(b))
    floor, whole = times["product in chunks"], times["whole product"]
    return [
        {
            "width x codes": f"{dim} x {size}",
            "what": name,
            "ms": seconds * 1e3,
            "to product": seconds / floor,
            "to whole product": seconds / whole,
        }
        for name, seconds in times.items()
    ]


def models(dim: int, size: int, rival: bool) -> dict[str, Any]:
    from signalpiece.quantizers.learning import EMA
    from signalpiece.quantizers.vq import VQ

    made: dict[str, Any] = {"VQ": VQ(dim, codebook_size=size, learn=EMA(kmeans=0))}
    if rival:
        from vector_quantize_pytorch import VectorQuantize

        options = {"decay": 0.99, "rotation_trick": False, "threshold_ema_dead_code": 2}
        made["vector-quantize-pytorch"] = VectorQuantize(dim, codebook_size=size, **options)
    return made


if __name__ == "__main__":
    main()
