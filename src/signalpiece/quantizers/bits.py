"""Bits as codes: groups of at most 16 bits, each one code column, most significant bit first.

So a vector of 128 signs is 8 codes of 65,536 and needs no table.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from signalpiece.core.check import check_range

LARGEST = 16  # bits of one column: what an int32 and a table of probabilities bear


def group_sizes(bits: int, group: int) -> tuple[int, ...]:
    """Bits of each column: `group`, and what is left in the last.

    Raises:
        SignalPieceError: a group of no bit or more than 16, or more than 128 bits.
    """
    check_range("bits", bits, 1, 128)
    check_range("bits of a group", group, 1, LARGEST)
    whole, rest = divmod(bits, group)
    return (group,) * whole + ((rest,) if rest else ())


def pack_bits(bits: Bool[Tensor, "*b d"], sizes: tuple[int, ...]) -> Int[Tensor, "*b q"]:
    """One code per group of bits."""
    columns = []
    for part in bits.split(sizes, -1):
        place = 1 << torch.arange(part.shape[-1] - 1, -1, -1, device=bits.device)
        columns.append((part * place).sum(-1))
    return torch.stack(columns, -1)


def unpack_bits(codes: Int[Tensor, "*b q"], sizes: tuple[int, ...]) -> Bool[Tensor, "*b d"]:
    """The bits of codes."""
    parts = []
    for code, size in zip(codes.long().unbind(-1), sizes, strict=True):
        place = torch.arange(size - 1, -1, -1, device=codes.device)
        parts.append((code[..., None] >> place) & 1)
    return torch.cat(parts, -1).bool()
