"""Assignment: which old tokens went into which new ones, as a sparse non-negative matrix A (new x old).

Every way of shortening a sequence (dropping, merging, pooling, soft mixing) is such a matrix. It is kept unnormalised
and normalised on use, so that pruning is a missing column, a chain of layers a matrix product, and `restore` the
row-normalised transpose, which equals ToMe's un-merge ("Token Merging: Your ViT But Faster", 2023).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from signalpiece.core.check import SignalPieceError


def _gather_sum(
    x: Float[Tensor, "b n d"],
    source: Int[Tensor, "b e"],
    target: Int[Tensor, "b e"],
    weight: Float[Tensor, "b e"],
    num: int,
) -> Float[Tensor, "b m d"]:
    picked = x.gather(1, source[..., None].expand(-1, -1, x.shape[2])) * weight[..., None].to(x.dtype)
    out = x.new_zeros(x.shape[0], num, x.shape[2])
    return out.scatter_add(1, target[..., None].expand_as(picked), picked)


@dataclass(frozen=True)
class Assignment:
    """Edges of the matrix: old token, new token, weight. Padding edges have weight 0.

    Attributes:
        size: how many original tokens each new one stands for, by the method's own rule; default: sum of weights.
        back: a paper's own way from new to old tokens, used by `restore` in place of the transpose.
    """

    old: Int[Tensor, "b e"]
    new: Int[Tensor, "b e"]
    weight: Float[Tensor, "b e"]
    num_old: int
    num_new: int
    size: Float[Tensor, "b m"] | None = None
    back: "Assignment | None" = None

    def __post_init__(self) -> None:
        if not self.old.shape == self.new.shape == self.weight.shape:
            raise SignalPieceError(
                f"old, new and weight must have one shape, got {self.old.shape}, {self.new.shape}, {self.weight.shape}"
            )
        if self.size is None:
            object.__setattr__(self, "size", self.total())

    def total(self) -> Float[Tensor, "b m"]:
        """Row sums A 1."""
        out = self.weight.new_zeros(self.weight.shape[0], self.num_new)
        return out.scatter_add(1, self.new, self.weight)

    @property
    def valid(self) -> Bool[Tensor, "b m"]:
        """New tokens that received anything."""
        return self.total() > 0

    def sum(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b m d"]:
        """A x."""
        return _gather_sum(x, self.old, self.new, self.weight, self.num_new)

    def reduce(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b m d"]:
        """Each new token is the weighted mean of the old tokens that went into it; invalid rows are 0."""
        total = self.total()[..., None].to(x.dtype)
        return self.sum(x) / total.where(total > 0, torch.ones_like(total))

    def restore(self, y: Float[Tensor, "b m d"]) -> Float[Tensor, "b n d"]:
        """Each old token is the weighted mean of the new ones that it went to; dropped tokens are 0."""
        return (self.back or self.transpose()).reduce(y)

    def transpose(self) -> "Assignment":
        """The matrix from new to old."""
        return Assignment(self.new, self.old, self.weight, self.num_new, self.num_old)

    def then(self, later: "Assignment") -> "Assignment":
        """This reduction followed by `later`: the product of the normalised matrices, with `later`'s sizes."""
        if later.num_old != self.num_new:
            raise SignalPieceError(f"the later assignment takes {later.num_old} tokens, this one gives {self.num_new}")
        b, device = self.old.shape[0], self.old.device
        batch = torch.arange(b, device=device)[:, None]
        order = (batch * self.num_new + self.new).flatten().argsort(stable=True)
        counts = torch.bincount((batch * self.num_new + self.new).flatten(), minlength=b * self.num_new)
        wanted = (batch * self.num_new + later.old).flatten()
        repeats = counts[wanted]  # edges of this matrix that each later edge meets
        edge = torch.arange(len(wanted), device=device).repeat_interleave(repeats)
        inside = torch.arange(len(edge), device=device) - (repeats.cumsum(0) - repeats)[edge]
        mine = order[(counts.cumsum(0) - counts)[wanted[edge]] + inside]
        of = edge // later.old.shape[1]
        met = torch.bincount(of, minlength=b)
        place = torch.arange(len(edge), device=device) - (met.cumsum(0) - met)[of]
        shape = (b, max(int(met.max()), 1))
        old, new, weight = self.old.new_zeros(shape), self.old.new_zeros(shape), self.weight.new_zeros(shape)
        old[of, place], new[of, place] = self.old.flatten()[mine], later.new.flatten()[edge]
        weight[of, place] = self._row_weights().flatten()[mine] * later._row_weights().flatten()[edge]
        assert self.size is not None and later.size is not None
        carried = later._carry(self.size)
        return Assignment(old, new, weight, self.num_old, later.num_new, carried)

    def _carry(self, size: Float[Tensor, "b n"]) -> Float[Tensor, "b m"]:
        """Sizes carried along: each new token's share of the old sizes, an old token split by its weights."""
        out = self.weight.new_zeros(self.weight.shape[0], self.num_old)
        column = out.scatter_add(1, self.old, self.weight).gather(1, self.old)
        share = torch.where(column > 0, self.weight / column.where(column > 0, torch.ones_like(column)), 0)
        return share.new_zeros(share.shape[0], self.num_new).scatter_add(1, self.new, share * size.gather(1, self.old))

    def dense(self) -> Float[Tensor, "b m n"]:
        """The matrix itself, for tests and plots."""
        out = self.weight.new_zeros(self.weight.shape[0], self.num_new * self.num_old)
        return out.scatter_add(1, self.new * self.num_old + self.old, self.weight).view(-1, self.num_new, self.num_old)

    def edges(self) -> dict[str, Any]:
        """The matrix as NumPy arrays, as `Tokens` keeps it."""
        arrays = {k: getattr(self, k).cpu().numpy() for k in ("old", "new", "weight", "size")}
        return arrays | {"num_old": np.int64(self.num_old), "num_new": np.int64(self.num_new)}

    @classmethod
    def from_edges(cls, edges: Any) -> "Assignment":
        """The inverse of `edges`."""
        old, new, weight, size = (torch.as_tensor(np.asarray(edges[k])) for k in ("old", "new", "weight", "size"))
        return cls(old, new, weight, int(edges["num_old"]), int(edges["num_new"]), size)

    def _row_weights(self) -> Float[Tensor, "b e"]:
        total = self.total().gather(1, self.new)
        return torch.where(total > 0, self.weight / total.where(total > 0, torch.ones_like(total)), 0)


@dataclass(frozen=True)
class Reduced:
    """What a method that also computes new contents returns."""

    values: Float[Tensor, "b m d"]
    assignment: Assignment
