"""A table of code vectors that starts by k-means, learns, and revives the codes that nothing uses."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.quantizers.backward import is_backward
from signalpiece.quantizers.learning import Learning
from signalpiece.quantizers.nearest import nearest_code
from signalpiece.quantizers.revival import from_first_process, over_processes, some_rows

KMEANS_ROWS = 64  # vectors per code that k-means looks at, at most


class Codebook(nn.Module):
    """`size` vectors of width `dim`; `unit` keeps them on the unit sphere.

    `steps` counts training batches; it also seeds the choice of revived codes, so a resumed run repeats it.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor
    steps: Tensor

    def __init__(self, size: int, dim: int, *, learn: Learning, unit: bool = False) -> None:
        super().__init__()
        self.learn, self.unit = learn, unit
        self._before: Tensor | None = None  # vectors as the last training batch found them
        start = self.onto(torch.randn(size, dim) / dim**0.5)
        if learn.by_gradient:
            self.vectors = nn.Parameter(start)
        else:
            self.register_buffer("vectors", start)
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("sums", start.clone())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def onto(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Vectors where codes may lie: the unit sphere, or anywhere."""
        return functional.normalize(x, dim=-1) if self.unit else x

    def table(self) -> Float[Tensor, "k d"]:
        """The code vectors in fp32; while a checkpointed pass is repeated, those that it saw the first time."""
        before = self._before if is_backward() else None
        return self.onto((self.vectors if before is None else before).float())

    def search(self, x: Float[Tensor, "n d"]) -> Int[Tensor, "n"]:
        """The nearest code of each row; on the unit sphere, the one of the smallest angle."""
        return nearest_code(x, self.table())

    @torch.no_grad()
    def start(self, x: Float[Tensor, "n d"]) -> None:
        """Before the first training batch: k-means on its vectors."""
        if not self.learn.kmeans or self.steps > 0 or not len(x) or is_backward():
            return
        generator = torch.Generator().manual_seed(len(self.counts))
        x = self.onto(x.detach().float())
        rows = some_rows(x, min(KMEANS_ROWS * len(self.counts), len(x)), generator)
        vectors = _first_codes(rows, len(self.counts), generator)
        counts = self.counts
        for _ in range(self.learn.kmeans):
            counts, sums = _totals(rows, nearest_code(rows, vectors), len(vectors))
            mean = self.onto(sums / counts.clamp(min=1)[:, None])
            vectors = torch.where(counts[:, None] > 0, mean, vectors)
        counts = (counts * (len(x) / len(rows))).clamp(min=1)
        for buffer, value in ((self.vectors, vectors), (self.counts, counts)):
            buffer.copy_(from_first_process(value))
        self.sums.copy_(self.vectors * self.counts[:, None])

    @torch.no_grad()
    def update(self, x: Float[Tensor, "n d"], codes: Int[Tensor, "n"]) -> None:
        """After a training batch: the codes learn from the vectors `x` that chose `codes`."""
        if is_backward():
            return
        self._before = self.vectors.detach().clone()
        x = x.detach().float()
        counts, sums = _totals(x, codes, len(self.counts))
        self.learn.move(self, *(over_processes(part) for part in (counts, sums)))
        self.steps += 1
        self.learn.renew(self, self.onto(x))


def _totals(
    x: Float[Tensor, "n d"], codes: Int[Tensor, "n"], size: int
) -> tuple[Float[Tensor, "k"], Float[Tensor, "k d"]]:
    counts = torch.bincount(codes, minlength=size).to(x.dtype)
    return counts, x.new_zeros(size, x.shape[1]).index_add_(0, codes, x)


def _first_codes(x: Float[Tensor, "n d"], size: int, generator: torch.Generator) -> Float[Tensor, "k d"]:
    """Rows in random order; where there are too few, repeats moved a little apart."""
    order = torch.randperm(len(x), generator=generator)
    pick = order.repeat(-(-size // len(x)))[:size].to(x.device)
    noise = torch.randn(size, x.shape[1], generator=generator).to(x) * x.std(correction=0) * 0.01
    noise[: len(x)] = 0
    return x[pick] + noise
