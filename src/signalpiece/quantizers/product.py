"""Product quantizer: the vector is cut into equal parts, each with a quantizer of its own.

Paper: "Product Quantization for Nearest Neighbor Search" (2011); with residual parts, the grouped residual quantizer of
"HiFi-Codec: Group-residual Vector quantization for High Fidelity Audio Codec" (2023).
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from signalpiece.core.check import check_divides, check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.vq import VQ


class Product(nn.Module):
    """The code columns of all parts, first part first.

    Args:
        dim: width of the vectors, a multiple of `groups`.
        groups: number of parts.
        quantizer: makes the quantizer of one part from its width.

    Raises:
        SignalPieceError: the parts do not divide the vector.
    """

    def __init__(self, dim: int = 64, *, groups: int = 4, quantizer: Callable[[int], nn.Module] = VQ) -> None:
        super().__init__()
        check_divides("groups", groups, dim, "a vector")
        self.groups = nn.ModuleList(quantizer(dim // groups) for _ in range(groups))
        sizes = [group.codebook_sizes for group in self.groups]
        self.columns = [len(part) for part in sizes]  # type: ignore[arg-type]
        self.codebook_sizes = tuple(size for part in sizes for size in part)  # type: ignore[union-attr]

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Embeddings and codes side by side, mean of the losses."""
        masks = () if valid is None else (valid,)
        parts = z.chunk(len(self.groups), -1)
        outs = [group(part, *masks) for group, part in zip(self.groups, parts, strict=True)]
        loss = torch.stack([torch.as_tensor(out.loss) for out in outs]).mean()
        return Quantized(torch.cat([o.embeddings for o in outs], -1), torch.cat([o.codes for o in outs], -1), loss)

    def decode(self, codes: Int[Tensor, "b n q"]) -> Float[Tensor, "b n d"]:
        """Embeddings of codes.

        Raises:
            SignalPieceError: not one column per code of every part.
        """
        check_range("columns of codes", codes.shape[2], sum(self.columns), sum(self.columns))
        parts = zip(self.groups, codes.split(self.columns, 2), strict=True)
        return torch.cat([group.decode(part) for group, part in parts], -1)  # type: ignore[operator]
