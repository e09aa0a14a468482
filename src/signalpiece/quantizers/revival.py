"""What becomes of codes that nothing uses: they start again at vectors of the batch, or drift to the nearest one."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from torch.nn import functional

SHARPNESS = 10.0  # how suddenly a code counts as unused


def revive(book: Any, x: Float[Tensor, "n d"], share: float) -> None:
    """Codes used less than `share` of the mean start again at random vectors of the batch.

    Paper: "Jukebox: A Generative Model for Music" (2020), section 3.1.
    """
    mean = book.counts.mean()
    dead = (book.counts < share * mean).nonzero().flatten()
    if not len(dead) or not int(from_first_process(torch.tensor(len(x), device=x.device))):
        return
    rows = from_first_process(some_rows(x, len(dead), torch.Generator().manual_seed(int(book.steps))))
    book.vectors.data[dead] = rows
    book.counts[dead] = mean
    book.sums[dead] = rows * mean


def drift(book: Any, x: Float[Tensor, "n d"], decay: float) -> None:
    """Every code moves to the vector nearest to it, the further the less it is used; `book.counts` are shares of use.

    Paper: "Online Clustered Codebook" (2023), section 3.2.
    """
    if not len(x):
        return
    table = book.vectors.data
    away = torch.exp(-book.counts * len(table) * SHARPNESS / (1 - decay) - 1e-3)[:, None]
    similar = functional.normalize(table, dim=-1) @ functional.normalize(x, dim=-1).T
    nearest = from_first_process(x[similar.argmax(1)])
    book.vectors.data.mul_(1 - away).add_(nearest * away)


def some_rows(x: Float[Tensor, "n d"], count: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
    """`count` rows in random order; where there are fewer, some more than once."""
    if not len(x):
        return x.new_zeros(count, x.shape[1])
    order = torch.randperm(len(x), generator=generator)
    return x[order.repeat(-(-count // len(x)))[:count].to(x.device)]


def over_processes(x: Tensor) -> Tensor:
    """The sum over all processes of a distributed run."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(x)
    return x


def from_first_process(x: Tensor) -> Tensor:
    """What the first process of a distributed run has."""
    if distributed.is_available() and distributed.is_initialized():
        x = x.contiguous()
        distributed.broadcast(x, 0)
    return x
