"""Global basis codes: each code stands for a whole feature map, so a token speaks of the whole picture.

Tokens are maps (features and places are swapped before); one affine map, shared by all, leads from a map's values to a
short vector, and each map has a codebook of its own. A code that nothing uses is set beside the most used one of its
map, which halves that one's cell.

Paper: "Quantised Global Autoencoder: A Holistic Approach to Representing Visual Data" (2024). How exactly it resets
codes is known here only as "Voronoi-inspired": halving the busiest cell is this library's reading of that.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.backward import is_backward
from signalpiece.quantizers.estimators import straight_through

DECAY = 0.99  # of the counts of use
DEAD = 0.02  # of the mean use
APART = 0.01  # of a code's length, between the two that share a cell


class GlobalBasis(nn.Module):
    """One code per map.

    Args:
        dim: values of a map (height x width).
        maps: number of maps, each with its own codebook.
        codebook_size: codes of each map.
        code_dim: width of the codes.
        commitment: weight of the mean squared distance of the vectors to their codes; the codes' has weight 1.

    Raises:
        SignalPieceError: no map or no code.
    """

    counts: Tensor
    steps: Tensor

    def __init__(
        self,
        dim: int = 64,
        *,
        maps: int = 16,
        codebook_size: int = 512,
        code_dim: int = 32,
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        check_range("maps", maps, 1, 65536)
        check_range("codebook_size", codebook_size, 1, 65536)
        self.codebook_sizes = (codebook_size,)
        self.commitment = commitment
        self.project_in, self.project_out = nn.Linear(dim, code_dim), nn.Linear(code_dim, dim)
        self.vectors = nn.Parameter(torch.randn(maps, codebook_size, code_dim) * code_dim**-0.5)
        self.register_buffer("counts", torch.ones(maps, codebook_size))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Maps rebuilt from their codes, the codes, and the loss of the `valid` maps (default: all).

        Raises:
            SignalPieceError: another number of maps.
        """
        if z.shape[1] != len(self.vectors):
            raise SignalPieceError(f"this quantizer codes {len(self.vectors)} maps, got {z.shape[1]}")
        with torch.autocast(z.device.type, enabled=False):
            x = self.project_in(z.float())
            codes = self._search(x.detach())
            if not self.training:
                return Quantized(self.decode(codes), codes, z.new_zeros(()))
            chosen, keep = self._of(codes), slice(None) if valid is None else valid
            loss = z.new_zeros(())
            if x[keep].numel():
                loss = self.commitment * functional.mse_loss(x[keep], chosen[keep].detach())
                loss = loss + functional.mse_loss(chosen[keep], x[keep].detach())
            if not is_backward():
                self._note_use(codes[..., 0])
            return Quantized(self.project_out(straight_through(x, chosen)), codes, loss)

    def decode(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n d"]:
        """The maps of codes."""
        with torch.autocast(codes.device.type, enabled=False):
            return self.project_out(self._of(codes.long()))

    def _of(self, codes: Int[Tensor, "b n 1"]) -> Float[Tensor, "b n k"]:
        maps = torch.arange(len(self.vectors), device=codes.device)
        return self.vectors[maps, codes[..., 0]]

    @torch.no_grad()
    def _search(self, x: Float[Tensor, "b n k"]) -> Int[Tensor, "b n 1"]:
        half = self.vectors.square().sum(-1) / 2
        return (torch.bmm(x.transpose(0, 1), self.vectors.mT) - half[:, None]).argmax(-1).T[..., None]

    @torch.no_grad()
    def _note_use(self, codes: Int[Tensor, "b n"]) -> None:
        used = torch.zeros_like(self.counts).scatter_add_(1, codes.T, torch.ones_like(codes.T, dtype=torch.float32))
        self.counts.mul_(DECAY).add_(used, alpha=1 - DECAY)
        self.steps += 1
        dead = self.counts < DEAD * self.counts.mean(1, keepdim=True)
        place = dead & (self.counts == self.counts.amin(1, keepdim=True))
        at = place & (place.cumsum(1) == 1)  # one a step and map, so that cells are halved one after the other
        maps, codes_ = at.nonzero(as_tuple=True)
        if not len(maps):
            return
        most = self.counts.argmax(1)[maps]
        generator = torch.Generator().manual_seed(int(self.steps))
        away = torch.randn(len(maps), self.vectors.shape[2], generator=generator).to(self.vectors)
        busy = self.vectors.data[maps, most]
        self.vectors.data[maps, codes_] = busy + away * APART * busy.std(-1, keepdim=True).clamp(min=1e-6)
        share = self.counts[maps, most] / 2
        self.counts[maps, most] = share
        self.counts[maps, codes_] = share
