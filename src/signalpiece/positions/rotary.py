"""Rotary positions: pairs of a query's or key's numbers turn by angles in proportion to its coordinates.

Scores of two tokens then depend on the difference of their coordinates alone.

Papers: "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021); several axes, each with an equal part
of the pairs, as in "Autoregressive Model Beats Diffusion: Llama for Scalable Image Generation" (2024).
Differs: a token at the origin, such as a class token, stays as it is; that code multiplies it by 0.
"""

import torch
from jaxtyping import Float, Real
from torch import Tensor

from signalpiece.core.check import SignalPieceError


def rotate(
    x: Float[Tensor, "b heads n d"], coords: Real[Tensor, "b n a"], *, base: float = 10000.0
) -> Float[Tensor, "b heads n d"]:
    """Turns neighbouring numbers (2i, 2i + 1); the first axis has the first pairs.

    Args:
        x: queries or keys.
        coords: of each token, in steps of the grid; other units are a matter of scaling them.
        base: each axis turns its pair i by base ** (-i / pairs) radians per step.

    Raises:
        SignalPieceError: twice the number of axes does not divide the width.
    """
    axes = coords.shape[2]
    if x.shape[3] % (2 * axes):
        raise SignalPieceError(f"the width must be a multiple of {2 * axes} for {axes} axes, got {x.shape[3]}")
    pairs = x.shape[3] // (2 * axes)
    frequencies = base ** (-torch.arange(pairs, device=x.device, dtype=torch.float32) / pairs)
    angles = (coords[..., None] * frequencies).flatten(2)[:, None]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
