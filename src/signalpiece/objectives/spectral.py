"""Distance of two signals in short-time spectra of several lengths, magnitude and phase.

Paper: "Neural Codecs as Biosignal Tokenizers" (2025), training objective.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn import functional

SIZES = (32, 64, 128, 256)


def multi_scale_stft(
    x: Float[Tensor, "b t"], y: Float[Tensor, "b t"], *, sizes: Sequence[int] = SIZES, phase: float = 0.2
) -> Float[Tensor, ""]:
    """Mean absolute plus mean squared difference of [log(1 + |S|), phase * cos, phase * sin], summed over `sizes`.

    Args:
        x: the signals.
        y: their reconstructions.
        sizes: Hann windows in samples; the hop is an eighth of each.
        phase: weight of cosine and sine of the angle beside the log magnitude.
    """
    total = x.new_zeros(())
    for size in sizes:
        a, b = (_features(_spectrum(s, size), phase) for s in (x, y))
        total = total + functional.l1_loss(b, a) + functional.mse_loss(b, a)
    return total


def _spectrum(x: Float[Tensor, "b t"], size: int) -> Complex[Tensor, "b f n"]:
    hop = size // 8
    edge = (size - hop) // 2
    x = functional.pad(x[:, None], (edge, edge), mode="reflect")[:, 0]
    window = torch.hann_window(size, dtype=x.dtype, device=x.device)
    return torch.stft(x, size, hop, window=window, center=False, return_complex=True)


def _features(s: Complex[Tensor, "b f n"], phase: float) -> Float[Tensor, "3 b f n"]:
    magnitude = s.abs()
    unit = torch.view_as_real(s) / magnitude.clamp(min=1e-12)[..., None]
    return torch.stack([magnitude.log1p(), phase * unit[..., 0], phase * unit[..., 1]])
