"""The network of BioCodec: SEANet encoder, residual quantizer with a projection per level, mirrored decoder.

Paper: "Neural Codecs as Biosignal Tokenizers" (2025), after "High Fidelity Neural Audio Compression" (2022).
Differs: convolutions pad with zeros, so that it streams, and vectors are set to unit length before the search of a
code, so that the commitment is bounded; padding="reflect" and distance="cosine" make the published network.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.types import Losses
from signalpiece.mixers.seanet import build_decoder, build_encoder
from signalpiece.objectives.spectral import multi_scale_stft
from signalpiece.quantizers.learning import EMA, Learning
from signalpiece.quantizers.residual import Residual
from signalpiece.quantizers.vq import VQ

TIME_WEIGHT, HUBER_BETA = 0.2, 0.7


@dataclass(frozen=True)
class Coded:
    """What the network makes of a batch of one-channel signals."""

    latent: Float[Tensor, "b d n"]
    quantized: Float[Tensor, "b d n"]
    codes: Int[Tensor, "b n q"]
    reconstruction: Float[Tensor, "b 1 t"]
    commitment: Float[Tensor, ""]


class SeanetCodec(nn.Module):
    """One channel of about unit size to codes and back; one frame per product of the strides.

    Args:
        dim: width of the latents.
        filters: width of the first stage; each stride doubles it.
        strides: samples per frame of each stage.
        quantizer: of the latents; default: 6 levels of 256 codes.
        padding: "zero", or "reflect" as published, which cannot stream.
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        filters: int = 8,
        strides: Sequence[int] = (2, 2, 3),
        quantizer: Residual | None = None,
        padding: str = "zero",
    ) -> None:
        super().__init__()
        self.hop = math.prod(strides)
        self.weights = (TIME_WEIGHT, 1.0)  # of the losses in time and in spectra
        self.encoder = build_encoder(dim, filters=filters, strides=strides, padding=padding)
        self.decoder = build_decoder(dim, filters=filters, strides=strides, padding=padding)
        self.quantizer = quantizer or levels_of(dim)

    def forward(self, x: Float[Tensor, "b 1 t"]) -> Coded:
        """Signals to codes to signals of the same length."""
        latent = self.encoder(x)
        out = self.quantizer(latent.transpose(1, 2))
        quantized = out.embeddings.transpose(1, 2)
        return Coded(latent, quantized, out.codes, self.decoder(quantized)[:, :, : x.shape[2]], out.loss)

    def loss(self, x: Float[Tensor, "b 1 t"]) -> Losses:
        """Huber in time and spectra of several lengths, weighted, and commitment; `t` is a multiple of the hop."""
        if self.training and not any(int(level.codebook.steps) for level in self.quantizer.levels):  # type: ignore
            self._settle(x)
        out = self(x)
        time = functional.smooth_l1_loss(out.reconstruction, x, beta=HUBER_BETA)
        spectrum = multi_scale_stft(x[:, 0], out.reconstruction[:, 0])
        total = self.weights[0] * time + self.weights[1] * spectrum + out.commitment
        return Losses(total, {"time": time, "spectrum": spectrum, "commitment": out.commitment})

    @torch.no_grad()
    def _settle(self, x: Float[Tensor, "b 1 t"]) -> None:
        """Before the first training batch: latents of mean 0 and SD 1, so that the codes begin apart from each other.

        Paper: "Weight Normalization" (2016), section 3, data-dependent initialisation.
        """
        last: Any = self.encoder[-1].conv
        latent = self.encoder(x)
        mean, sd = latent.mean((0, 2)), latent.std((0, 2)).mean()
        last.weight.div_(sd)
        last.bias.sub_(mean).div_(sd)


def levels_of(
    dim: int,
    *,
    levels: int = 6,
    codebook_size: int = 256,
    code_dim: int = 8,
    dropout: float = 0.0,
    distance: str = "sphere",
    learn: Learning = EMA(),  # noqa: B008 - frozen
) -> Residual:
    """Residual levels, each with a projection to `code_dim` numbers and back.

    Args:
        dim: width of the latents.
        levels: codes per frame.
        codebook_size: codes of each level.
        code_dim: width of the codes.
        dropout: probability that a training batch uses only the first few levels.
        distance: "sphere", or "cosine" as published, whose commitment is to vectors of any length and can run away.
        learn: how the codebooks learn.
    """
    level = partial(VQ, codebook_size=codebook_size, code_dim=code_dim, distance=distance, learn=learn)
    return Residual(dim, levels=levels, quantizer=level, dropout=dropout)


def from_official(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a `SeanetCodec` from the weights of the authors' code (klean2050/BioCodec-release).

    Convolutions keep their place in the chain; weight = gain * direction / |direction| over all but the first axis.
    """
    out: dict[str, Tensor] = {}
    for name, value in weights.items():
        place, _, leaf = name.rpartition(".")
        if name.startswith("quantizer."):
            _, _, _, level, *rest = name.split(".")
            out |= _quantizer(f"quantizer.levels.{level}", ".".join(rest), value)
        elif leaf == "original0":
            direction = weights[f"{place}.original1"]
            axes = tuple(range(1, direction.ndim))
            weight = value * direction / direction.square().sum(axes, keepdim=True).sqrt()
            out[f"{_module(place.removesuffix('.parametrizations.weight'))}.weight"] = weight
        elif leaf != "original1":
            out[f"{_module(place)}.{leaf}"] = value
    out["quantizer.steps"] = torch.zeros((), dtype=torch.int64)
    return out


def _module(place: str) -> str:
    return place.replace(".model.", ".").replace("conv.conv", "conv").replace("convtr.convtr", "conv")


def _quantizer(level: str, name: str, value: Tensor) -> dict[str, Tensor]:
    """The authors' names of one level; `inited` says whether k-means has run."""
    table = {"_codebook.embed": "vectors", "_codebook.embed_avg": "sums", "_codebook.cluster_size": "counts"}
    if name in table:
        return {f"{level}.codebook.{table[name]}": value}
    if name == "_codebook.inited":
        return {f"{level}.codebook.steps": value.long().reshape(())}
    return {f"{level}.{name}": value}
