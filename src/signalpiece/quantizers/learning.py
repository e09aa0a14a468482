"""How a codebook learns: frozen settings with `move`, called once per training batch, and `loss`.

`move` changes a `Codebook`'s vectors in place from the batch; `loss` is what the gradient should lower instead.
All running statistics live in the codebook's buffers, so a checkpoint holds them and a resumed run goes on the same.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from signalpiece.quantizers.revival import drift, revive


@runtime_checkable
class Learning(Protocol):
    """The interface of a way to learn."""

    by_gradient: ClassVar[bool]

    @property
    def kmeans(self) -> int:
        """Steps of k-means that start the codebook at the first training batch; 0 leaves it random."""
        ...

    def move(self, book: Any, counts: Float[Tensor, "k"], sums: Float[Tensor, "k d"]) -> None:
        """One step of a `Codebook` with the counts and sums of a batch."""
        ...

    def renew(self, book: Any, x: Float[Tensor, "n d"]) -> None:
        """What becomes of codes that the batch `x` does not use."""
        ...

    def loss(self, z: Float[Tensor, "n d"], q: Float[Tensor, "n d"]) -> Float[Tensor, ""] | float:
        """What the gradient should lower to move the codes."""
        ...


@dataclass(frozen=True)
class EMA:
    """Codes are running sums over running counts (Laplace-smoothed), then set to unit length where codes are.

    Paper: "Neural Discrete Representation Learning" (2017), appendix A.1.
    """

    by_gradient: ClassVar[bool] = False
    decay: float = 0.99
    kmeans: int = 10
    revive: float = 0.02
    smoothing: float = 1e-5

    def move(self, book: Any, counts: Float[Tensor, "k"], sums: Float[Tensor, "k d"]) -> None:
        """One step with the counts and sums of a batch."""
        book.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        book.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        total = book.counts.sum()
        smooth = (book.counts + self.smoothing) / (total + len(counts) * self.smoothing) * total
        book.vectors.copy_(book.onto(book.sums / smooth[:, None]))

    def renew(self, book: Any, x: Float[Tensor, "n d"]) -> None:
        """Codes used less than `revive` of the mean start again."""
        if self.revive > 0:
            revive(book, x, self.revive)

    def loss(self, z: Float[Tensor, "n d"], q: Float[Tensor, "n d"]) -> float:
        """Nothing: the codes do not learn by gradient."""
        return 0.0


@dataclass(frozen=True)
class UnitEMA:
    """Codes on the unit sphere step towards the direction of their mean; unused ones stay where they are.

    Paper: "Large Brain Model for Learning Generic Representations with Tremendous EEG Data in BCI" (2024), 2.2.
    """

    by_gradient: ClassVar[bool] = False
    decay: float = 0.99
    kmeans: int = 10
    revive: float = 0.0

    def move(self, book: Any, counts: Float[Tensor, "k"], sums: Float[Tensor, "k d"]) -> None:
        """One step with the counts and sums of a batch."""
        book.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        mean = functional.normalize(sums, dim=-1)
        stepped = functional.normalize(self.decay * book.vectors + (1 - self.decay) * mean, dim=-1)
        book.vectors.copy_(torch.where(counts[:, None] > 0, stepped, book.vectors))

    def renew(self, book: Any, x: Float[Tensor, "n d"]) -> None:
        """Codes used less than `revive` of the mean start again."""
        if self.revive > 0:
            revive(book, x, self.revive)

    def loss(self, z: Float[Tensor, "n d"], q: Float[Tensor, "n d"]) -> float:
        """Nothing: the codes do not learn by gradient."""
        return 0.0


@dataclass(frozen=True)
class Gradient:
    """Codes are a parameter, drawn to their vectors by a loss of their own.

    Paper: "Neural Discrete Representation Learning" (2017), equation 3, second term.
    """

    by_gradient: ClassVar[bool] = True
    decay: float = 0.99
    kmeans: int = 10
    revive: float = 0.02
    weight: float = 1.0

    def move(self, book: Any, counts: Float[Tensor, "k"], sums: Float[Tensor, "k d"]) -> None:
        """Counts only, for the revival of dead codes."""
        book.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)

    def renew(self, book: Any, x: Float[Tensor, "n d"]) -> None:
        """Codes used less than `revive` of the mean start again."""
        if self.revive > 0:
            revive(book, x, self.revive)

    def loss(self, z: Float[Tensor, "n d"], q: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """Mean squared distance of the codes to their vectors, weighted."""
        return self.weight * functional.mse_loss(q, z.detach())


@dataclass(frozen=True)
class Clustered:
    """Codes are a parameter as in `Gradient`, and unused ones drift to the nearest vector of each batch.

    Paper: "Online Clustered Codebook" (2023), section 3.2.
    """

    by_gradient: ClassVar[bool] = True
    decay: float = 0.99
    kmeans: int = 0
    weight: float = 1.0

    def move(self, book: Any, counts: Float[Tensor, "k"], sums: Float[Tensor, "k d"]) -> None:
        """Shares of use only."""
        book.counts.mul_(self.decay).add_(counts / counts.sum().clamp(min=1), alpha=1 - self.decay)

    def renew(self, book: Any, x: Float[Tensor, "n d"]) -> None:
        """Unused codes drift."""
        drift(book, x, self.decay)

    def loss(self, z: Float[Tensor, "n d"], q: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """Mean squared distance of the codes to their vectors, weighted."""
        return self.weight * functional.mse_loss(q, z.detach())
