"""Continuous tokens: a Gaussian per vector, drawn in training, its mean afterwards, drawn towards the normal law.

Paper: "Auto-Encoding Variational Bayes" (2013); the clamp and the small weight after "High-Resolution Image Synthesis
with Latent Diffusion Models" (2021).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from signalpiece.core.types import Quantized
from signalpiece.quantizers.backward import is_backward

LOW, HIGH = -30.0, 20.0  # of the log variance


class Gaussian(nn.Module):
    """No codes: embeddings are samples of width `code_dim` mapped back to `dim`.

    Args:
        dim: width of the vectors.
        code_dim: width of the Gaussian.
        weight: of the divergence from the normal law, per vector, in the loss.
        seed: of the samples.
    """

    codebook_sizes = ()
    steps: Tensor

    def __init__(self, dim: int = 64, *, code_dim: int = 16, weight: float = 1e-6, seed: int = 0) -> None:
        super().__init__()
        self.weight, self.seed = weight, seed
        self.project_in = nn.Linear(dim, 2 * code_dim)
        self.project_out = nn.Linear(code_dim, dim)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Float[Tensor, "b n d"], valid: Bool[Tensor, "b n"] | None = None) -> Quantized:
        """Samples in training, means in eval; the loss is that of the `valid` vectors (default: all)."""
        mean, log_variance = posterior(self.project_in(z))
        if not self.training:
            return Quantized(self.project_out(mean), None, z.new_zeros(()))
        if not is_backward():
            self.steps += 1
        generator = torch.Generator().manual_seed((self.seed << 32) + int(self.steps))
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        divergence = normal_divergence(mean, log_variance)
        if valid is not None:
            divergence = divergence[valid]
        loss = self.weight * divergence.mean() if divergence.numel() else z.new_zeros(())
        return Quantized(self.project_out(mean + (log_variance / 2).exp() * noise), None, loss)


def posterior(parameters: Float[Tensor, "*b d2"]) -> tuple[Float[Tensor, "*b d"], Float[Tensor, "*b d"]]:
    """Mean and clamped log variance, side by side in `parameters`."""
    mean, log_variance = parameters.chunk(2, -1)
    return mean, log_variance.clamp(LOW, HIGH)


def normal_divergence(mean: Float[Tensor, "*b d"], log_variance: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """Kullback-Leibler divergence from the normal law, in nats, summed over the last axis."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / 2
