"""The one trunk: positions, learned tokens in front, blocks, and reducers between the blocks.

What a token is, where it stands, how tokens mix and which of them leave are four arguments, so that every method of one
kind runs with every method of the others.

Papers: "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (2021) for the arrangement;
"Token Merging: Your ViT But Faster" (2023) for a reduction after each block with sizes carried along.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor, nn

from signalpiece.core.assignment import Assignment, Reduced
from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Reducer
from signalpiece.mixers.attention import Block


@dataclass(frozen=True)
class Trunked:
    """What comes out of a trunk.

    Attributes:
        values: registers first, then what is left of the tokens.
        valid: which of them are in use.
        coords: where they stand; registers at the origin, a merged token at the weighted mean of its parts.
        assignment: from registers and tokens as they came in to `values`; None if nothing was reduced.
    """

    values: Float[Tensor, "b m d"]
    valid: Bool[Tensor, "b m"] | None = None
    coords: Real[Tensor, "b m a"] | None = None
    assignment: Assignment | None = None


class Trunk(nn.Module):
    """Tokens in, tokens out, never longer than they came plus the registers.

    Args:
        dim: width.
        mixer: makes a block of that width, called as `block(x, valid, coords)`.
        depth: number of blocks.
        positions: embedding of coordinates that is added once; None adds nothing.
        registers: learned tokens in front, never reduced; the first one is the class token, where there is one.
        reducer: shortens the sequence between blocks; None never does.
        keep: how many tokens the reducer leaves after each block but the last, registers included; where there are no
            more than that, it is not called. One number per gap.
        norm: after the last block; default: a layer norm.

    Raises:
        SignalPieceError: a reducer without one `keep` per gap, or `keep` without a reducer.
    """

    def __init__(
        self,
        dim: int = 16,
        *,
        mixer: Callable[[int], nn.Module] = Block,
        depth: int = 2,
        positions: nn.Module | None = None,
        registers: int = 0,
        reducer: Reducer | None = None,
        keep: Sequence[int] = (),
        norm: nn.Module | None = None,
    ) -> None:
        super().__init__()
        wanted = 0 if reducer is None else depth - 1
        if len(keep) != wanted:
            raise SignalPieceError(f"keep must hold {wanted} numbers, one per gap that is reduced, got {len(keep)}")
        self.blocks = nn.ModuleList(mixer(dim) for _ in range(depth))
        self.positions, self.reducer, self.keep = positions, reducer, tuple(keep)
        self.registers = nn.Parameter(torch.randn(registers, dim) * 0.02)
        self.norm = nn.LayerNorm(dim, eps=1e-6) if norm is None else norm

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        *,
        coords: Real[Tensor, "b n a"] | None = None,
        valid: Bool[Tensor, "b n"] | None = None,
    ) -> Trunked:
        """Mixes tokens; invalid ones influence nothing else.

        Args:
            x: tokens.
            coords: for `positions` and for blocks that turn by them.
            valid: which tokens are in use; default: all.

        Raises:
            SignalPieceError: a trunk with positions gets no coordinates.
        """
        if self.positions is not None:
            if coords is None:
                raise SignalPieceError(
                    "a trunk with positions needs coords, got None; pass those of the layout's slots"
                )
            x = x + self.positions(coords)
        state = self._with_registers(x, valid, coords)
        for gap, block in enumerate(self.blocks):
            values = block(state.values, state.valid, state.coords)
            state = Trunked(values, state.valid, state.coords, state.assignment)
            if gap < len(self.keep) and self.keep[gap] < values.shape[1]:
                state = self._reduce(state, self.keep[gap])
        return Trunked(self.norm(state.values), state.valid, state.coords, state.assignment)

    def _with_registers(self, x: Tensor, valid: Tensor | None, coords: Tensor | None) -> Trunked:
        b, num = len(x), len(self.registers)
        x = torch.cat([self.registers.expand(b, -1, -1).to(x.dtype), x], 1)
        if valid is not None:
            valid = torch.cat([valid.new_ones(b, num), valid], 1)
        if coords is not None:
            coords = torch.cat([coords.new_zeros(b, num, coords.shape[2]), coords], 1)
        return Trunked(x, valid, coords)

    def _reduce(self, state: Trunked, keep: int) -> Trunked:
        assert self.reducer is not None
        before = state.assignment
        result = self.reducer(
            state.values,
            keep,
            sizes=None if before is None else before.size,
            protect=len(self.registers),
            valid=state.valid,
        )
        step = result.assignment if isinstance(result, Reduced) else result
        values = result.values if isinstance(result, Reduced) else step.reduce(state.values)
        coords = None if state.coords is None else step.reduce(state.coords.to(values.dtype))
        whole = step if before is None else before.then(step)
        return Trunked(values, step.valid, coords, whole)
