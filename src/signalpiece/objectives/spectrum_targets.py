"""Fourier amplitude and angle of patches as regression targets, as LaBraM's tokenizer was trained on.

Paper: "Large Brain Model for Learning Generic Representations with Tremendous EEG Data in BCI" (2024), section 2.2.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def standardised_spectrum(x: Float[Tensor, "b c p t"]) -> tuple[Float[Tensor, "b c p t"], Float[Tensor, "b c p t"]]:
    """|FFT| and angle of each patch, each with mean 0 and SD 1 over all channels, patches and bins of an example.

    The statistics are not part of the codes: a waveform cannot be had back from these alone.
    """
    spectrum = torch.fft.fft(x)
    return _standardised(spectrum.abs()), _standardised(spectrum.angle())


def spectrum_losses(
    targets: tuple[Tensor, Tensor], amplitude: Float[Tensor, "b c p t"], angle: Float[Tensor, "b c p t"]
) -> dict[str, Float[Tensor, ""]]:
    """Mean squared errors of both."""
    return {
        "amplitude": functional.mse_loss(amplitude, targets[0]),
        "angle": functional.mse_loss(angle, targets[1]),
    }


def _standardised(x: Float[Tensor, "b c p t"]) -> Float[Tensor, "b c p t"]:
    return (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)
