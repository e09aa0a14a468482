"""Multi-scale residual quantizer: a map is coded as ever larger small maps, each of what the ones before left over.

Paper: "Visual Autoregressive Modeling: Scalable Image Generation via Next-Scale Prediction" (2024), algorithms 1 and 2;
on a line of tokens, "3D representation in 512-Byte: Variational tokenizer is the key for autoregressive 3D generation"
(2024). Scales are rows along n, coarse first, and a prefix of whole scales decodes.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.level_dropout import levels_of_batch
from signalpiece.quantizers.nearest import nearest_code

KEPT = 0.5  # of a map passes the convolution by


class MultiScale(nn.Module):
    """One code per cell of each scale; all scales share a codebook, which learns by gradient.

    Args:
        dim: width of the vectors.
        sides: cells along one side of each scale, ascending; the last is the map's own.
        axes: 2 for square maps, 1 for lines.
        codebook_size: number of codes.
        cosine: the angle decides, not the distance.
        convs: 3-wide convolutions that smooth what a scale gives, shared by neighbouring scales.
        commitment: weight of the distance of the map to its codes; the codes' has weight 1.
        dropout: probability that a training batch uses only the first few scales, a random number of them.

    Raises:
        SignalPieceError: sides that do not grow, or a dropout that is no probability.
    """

    steps: Tensor

    def __init__(
        self,
        dim: int = 64,
        *,
        sides: Sequence[int] = (1, 2, 3, 4),
        axes: int = 2,
        codebook_size: int = 1024,
        cosine: bool = False,
        convs: int = 4,
        commitment: float = 0.25,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not sides or sides[0] < 1 or any(b < a for a, b in zip(sides, sides[1:], strict=False)):
            raise SignalPieceError(f"sides must grow from 1 on, got {tuple(sides)}")
        check_range("axes", axes, 1, 2)
        check_range("dropout", dropout, 0, 1)
        self.codebook_sizes = (codebook_size,)
        self.sides, self.axes, self.cosine = tuple(sides), axes, cosine
        self.commitment, self.dropout = commitment, dropout
        self.cells = tuple(side**axes for side in sides)
        self.vectors = nn.Parameter(torch.randn(codebook_size, dim) / codebook_size**0.5)
        kind = nn.Conv2d if axes == 2 else nn.Conv1d
        self.convs = nn.ModuleList(kind(dim, dim, 3, padding=1) for _ in range(convs))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def level(self) -> Int[Tensor, "n"]:
        """The scale of every row."""
        return torch.repeat_interleave(torch.arange(len(self.cells)), torch.tensor(self.cells))

    def forward(self, z: Float[Tensor, "b n d"]) -> Quantized:
        """Embeddings of the map, codes of all scales (rows of unused ones left out), loss averaged over scales.

        Raises:
            SignalPieceError: the map has another size.
        """
        if z.shape[1] != self.cells[-1]:
            raise SignalPieceError(f"a map of this quantizer has {self.cells[-1]} cells, got {z.shape[1]}")
        with torch.autocast(z.device.type, enabled=False):
            maps = self._maps(z.float(), self.sides[-1])
            fixed = maps.detach()
            total, codes, loss = torch.zeros_like(fixed), [], z.new_zeros(())
            used = self._scales_of_this_batch()
            for scale in range(used):
                found = self._search(self._down(fixed - total.detach(), scale))
                codes.append(found)
                total = total + self._drawn(found, scale)
                if self.training:
                    loss = loss + self.commitment * functional.mse_loss(total.detach(), maps)
                    loss = loss + functional.mse_loss(total, fixed)
            columns = torch.cat(codes, 1)[..., None]
            if not self.training:
                return Quantized(self.decode(columns), columns, loss)
            return Quantized(self._rows(maps + (total - maps).detach()), columns, loss / used)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b m d"]:
        """Embeddings of the whole map from the codes of all scales, or of the first ones."""
        return self._rows(self.partial_maps(codes)[-1])

    def partial_maps(self, codes: Int[Tensor, "b n 1"]) -> list[Float[Tensor, "b d ..."]]:
        """The map after each scale.

        Raises:
            SignalPieceError: the rows end within a scale.
        """
        with torch.autocast(codes.device.type, enabled=False):
            total, maps = torch.zeros(()), []
            for scale, part in enumerate(self._parts(codes)):
                total = total + self._drawn(part, scale)
                maps.append(total)
        return maps

    def next_inputs(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b m d"]:
        """What a model that predicts scale by scale sees of each scale but the first: the map so far, at its size."""
        maps = self.partial_maps(codes)[: len(self.sides) - 1]
        return torch.cat([self._down(m, scale + 1).flatten(2).mT for scale, m in enumerate(maps)], 1)

    def _parts(self, codes: Int[Tensor, "b n 1"]) -> list[Int[Tensor, "b _"]]:
        ends = torch.tensor(self.cells).cumsum(0).tolist()
        if codes.shape[1] not in ends:
            raise SignalPieceError(f"codes of whole scales have {', '.join(map(str, ends))} rows, got {codes.shape[1]}")
        return list(codes[..., 0].long().split(self.cells[: ends.index(codes.shape[1]) + 1], 1))

    def _search(self, small: Float[Tensor, "b d ..."]) -> Int[Tensor, "b n"]:
        rows = small.detach().flatten(2).mT
        table = self.vectors
        if self.cosine:
            rows, table = functional.normalize(rows, dim=-1), functional.normalize(table, dim=-1)
        return nearest_code(rows.flatten(0, 1), table).reshape(rows.shape[:2])

    def _drawn(self, codes: Int[Tensor, "b n"], scale: int) -> Float[Tensor, "b d ..."]:
        """What the codes of a scale add to the map."""
        maps = self._maps(functional.embedding(codes, self.vectors), self.sides[scale])
        if self.sides[scale] != self.sides[-1]:
            size, mode = (self.sides[-1],) * self.axes, "bicubic" if self.axes == 2 else "linear"
            maps = functional.interpolate(maps, size=size, mode=mode)
        if not self.convs:
            return maps
        conv = self.convs[self.conv_of(scale)]
        return maps * KEPT + conv(maps) * (1 - KEPT)

    def conv_of(self, scale: int) -> int:
        """Which convolution a scale uses: the nearest of places spread evenly over coarse to fine."""
        count = len(self.convs)
        edge = 1 / 3 / count if count == 4 else 1 / 2 / count
        places = torch.linspace(edge, 1 - edge, count, dtype=torch.float64)
        return int((places - scale / max(len(self.sides) - 1, 1)).abs().argmin())

    def _down(self, maps: Float[Tensor, "b d ..."], scale: int) -> Float[Tensor, "b d ..."]:
        if self.sides[scale] == self.sides[-1]:
            return maps
        return functional.interpolate(maps, size=(self.sides[scale],) * self.axes, mode="area")

    def _maps(self, rows: Float[Tensor, "b n d"], side: int) -> Float[Tensor, "b d ..."]:
        return rows.mT.reshape(rows.shape[0], rows.shape[2], *(side,) * self.axes)

    def _rows(self, maps: Float[Tensor, "b d ..."]) -> Float[Tensor, "b n d"]:
        return maps.flatten(2).mT

    def _scales_of_this_batch(self) -> int:
        if not (self.training and self.dropout):
            return len(self.sides)
        return levels_of_batch(self.steps, len(self.sides), self.dropout)
