"""The network of LaBraM's tokenizer: patches of all channels through a transformer to codes, and from codes to spectra.

Paper: "Large Brain Model for Learning Generic Representations with Tremendous EEG Data in BCI" (2024), section 2.2,
vector-quantized neural spectrum prediction.
Differs: by default the norms in front of the transformer take their statistics over one patch; over all patches of all
channels, as published, a patch's code depends on the montage and on the length of the recording.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from signalpiece.core.check import check_divides
from signalpiece.mixers.attention import Block
from signalpiece.quantizers.learning import UnitEMA
from signalpiece.quantizers.vq import VQ
from signalpiece.tokenizers.electrode_slots import ROWS

MAPS, EPS = 8, 1e-6


class PatchEmbed(nn.Module):
    """Three convolutions along each patch, with norm and GELU, to vectors of MAPS x patch / 8.

    Args:
        patch: samples.
        shared_statistics: norms over all patches of an example, as published.
    """

    def __init__(self, patch: int = 200, *, shared_statistics: bool = False) -> None:
        super().__init__()
        check_divides("a stride", 8, patch, "a patch")
        self.shared = shared_statistics
        shapes = ((1, 15, 8), (MAPS, 3, 1), (MAPS, 3, 1))
        self.convs = nn.ModuleList(nn.Conv1d(i, MAPS, k, s, padding=k // 2) for i, k, s in shapes)
        self.norms = nn.ModuleList(nn.GroupNorm(4, MAPS) for _ in shapes)

    def forward(self, x: Float[Tensor, "b n t"]) -> Float[Tensor, "b n d"]:
        """Patches to vectors, time-major and map-minor."""
        b, n, t = x.shape
        x = x.reshape(b * n, 1, t)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv(x)
            if self.shared:
                x = norm(x.view(b, n, MAPS, -1).transpose(1, 2)).transpose(1, 2).reshape(x.shape)
            else:
                x = norm(x)
            x = nn.functional.gelu(x)
        return x.transpose(1, 2).reshape(b, n, -1)


class SlotTransformer(nn.Module):
    """Pre-norm blocks over the patches of several channels, with learned tables for electrode and time, and a norm.

    Args:
        dim: width.
        depth: blocks.
        heads: of each block.
        slots: rows of the electrode table, the class token's included.
        patches: rows of the time table.
    """

    def __init__(
        self, dim: int = 200, *, depth: int = 2, heads: int = 10, slots: int = ROWS, patches: int = 16
    ) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.slots = nn.Parameter(0.02 * torch.randn(slots, dim))
        self.times = nn.Parameter(0.02 * torch.randn(patches, dim))
        self.blocks = nn.ModuleList(Block(dim, heads=heads, eps=EPS) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=EPS)

    def forward(self, x: Float[Tensor, "b c p d"], slots: Int[Tensor, "b c"]) -> Float[Tensor, "b c p d"]:
        """Patches in, patches out; the class token takes part and is dropped."""
        b, c, p, d = x.shape
        x = x + self.slots[slots][:, :, None] + self.times[:p]
        x = torch.cat([(self.cls + self.slots[0]).expand(b, 1, d), x.reshape(b, c * p, d)], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 1:]).view(b, c, p, d)


@dataclass(frozen=True)
class Spectra:
    """What the network makes of patches: two vectors per patch, for amplitude and angle of its spectrum."""

    features: Float[Tensor, "b c p d"]
    latent: Float[Tensor, "b c p k"]
    quantized: Float[Tensor, "b c p k"]
    codes: Int[Tensor, "b c p"]
    amplitude: Float[Tensor, "b c p f"]
    angle: Float[Tensor, "b c p g"]
    commitment: Float[Tensor, ""]


class VQNSP(nn.Module):
    """Patches to codes to spectra.

    Args:
        patch: samples; also the width of the transformers (8 maps x patch / 8).
        heads: of each block.
        depths: blocks of encoder and decoder.
        codebook_size: number of codes.
        code_dim: width of the codes.
        outputs: width of the amplitude and the angle vector.
        slots: rows of the electrode table.
        shared_statistics: norms over all patches of an example, as published.
    """

    def __init__(
        self,
        patch: int = 200,
        *,
        heads: int = 10,
        depths: tuple[int, int] = (2, 1),
        codebook_size: int = 1024,
        code_dim: int = 32,
        outputs: tuple[int, int] = (101, 202),
        slots: int = ROWS,
        shared_statistics: bool = False,
    ) -> None:
        super().__init__()
        dim = patch
        self.embed = PatchEmbed(patch, shared_statistics=shared_statistics)
        self.encoder = SlotTransformer(dim, depth=depths[0], heads=heads, slots=slots)
        self.to_code = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, code_dim))
        self.quantizer = VQ(code_dim, codebook_size=codebook_size, distance="sphere", learn=UnitEMA(), commitment=1.0)
        self.from_code = nn.Linear(code_dim, dim)
        self.decoder = SlotTransformer(dim, depth=depths[1], heads=heads, slots=slots)
        self.amplitude, self.angle = (
            nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, width)) for width in outputs
        )

    def forward(self, x: Float[Tensor, "b c p t"], slots: Int[Tensor, "b c"]) -> Spectra:
        """The whole way."""
        features = self.features(x, slots)
        latent = self.to_code(features)
        out = self.quantizer(latent.flatten(1, 2))
        assert out.codes is not None
        quantized, codes = out.embeddings.view(latent.shape), out.codes.view(latent.shape[:3])
        return Spectra(features, latent, quantized, codes, *self.spectra(quantized, slots), out.loss)

    def features(self, x: Float[Tensor, "b c p t"], slots: Int[Tensor, "b c"]) -> Float[Tensor, "b c p d"]:
        """What the encoder's transformer says."""
        b, c, p, t = x.shape
        return self.encoder(self.embed(x.reshape(b, c * p, t)).view(b, c, p, -1), slots)

    def encode(self, x: Float[Tensor, "b c p t"], slots: Int[Tensor, "b c"]) -> Int[Tensor, "b c p"]:
        """Codes of patches."""
        latent = self.to_code(self.features(x, slots))
        codes = self.quantizer(latent.flatten(1, 2)).codes
        assert codes is not None
        return codes.view(latent.shape[:3])

    def decode(
        self, codes: Int[Tensor, "b c p"], slots: Int[Tensor, "b c"]
    ) -> tuple[Float[Tensor, "b c p f"], Float[Tensor, "b c p g"]]:
        """Amplitude and angle vectors of codes."""
        return self.spectra(self.quantizer.decode(codes.flatten(1)[..., None]).view(*codes.shape, -1), slots)

    def spectra(
        self, quantized: Float[Tensor, "b c p k"], slots: Int[Tensor, "b c"]
    ) -> tuple[Float[Tensor, "b c p f"], Float[Tensor, "b c p g"]]:
        """Amplitude and angle vectors of quantized vectors."""
        y = self.decoder(self.from_code(quantized), slots)
        return self.amplitude(y), self.angle(y)


def from_official(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a `VQNSP` from the weights of the authors' code (935963004/LaBraM)."""
    out: dict[str, Tensor] = {"quantizer.codebook.steps": weights["quantize.embedding.initted"].long().reshape(())}
    vectors = weights["quantize.embedding.weight"]
    out |= {"quantizer.codebook.vectors": vectors, "quantizer.codebook.sums": torch.zeros_like(vectors)}
    out["quantizer.codebook.counts"] = weights["quantize.cluster_size"]
    heads = {"encode_task_layer": "to_code", "decode_task_layer": "amplitude", "decode_task_layer_angle": "angle"}
    for name, value in weights.items():
        room, _, rest = name.partition(".")
        if room in heads:
            out[f"{heads[room]}.{rest}"] = value
        elif room in ("encoder", "decoder"):
            out |= _transformer(room, rest, value)
    return out


def _transformer(room: str, name: str, value: Tensor) -> dict[str, Tensor]:
    """One weight of the authors' encoder or decoder under our name."""
    tables = {"pos_embed": "slots", "time_embed": "times"}
    if name in tables:
        return {f"{room}.{tables[name]}": value[0]}
    if name == "cls_token":
        return {f"{room}.cls": value}
    if name.startswith("patch_embed.proj"):
        return {f"from_code.{name.rpartition('.')[2]}": value.flatten(1) if value.ndim > 1 else value}
    if name.startswith("patch_embed."):
        _, part, leaf = name.split(".")
        value = value[:, :, 0] if value.ndim == 4 else value
        return {f"embed.{part[:-1]}s.{int(part[-1]) - 1}.{leaf}": value}
    for old, new in _BLOCK.items():
        name = name.replace(old, new)
    return {f"{room}.{name}": value}


_BLOCK = {
    "fc_norm": "norm",
    "norm1": "attention_norm",
    "norm2": "mlp_norm",
    "attn.q_bias": "attention.query_bias",
    "attn.v_bias": "attention.value_bias",
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.out",
    "mlp.fc1": "mlp.0",
    "mlp.fc2": "mlp.2",
}
