"""LaBraM's tokenizer as a block coder that gives the waveform back: one code per patch, gain and offset beside it.

Paper: "Large Brain Model for Learning Generic Representations with Tremendous EEG Data in BCI" (2024), section 2.2.
Differs: size and mean of each patch are codes, where the published one drops its targets' statistics; the angle is
predicted as cosine and sine, whose length is how sure it is, so that bins of unknown phase fade; norms look at one
patch; channels do not look at each other unless `joint`.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from signalpiece.core.tokens import Column
from signalpiece.core.types import Losses
from signalpiece.tokenizers.electrode_slots import slot_of
from signalpiece.tokenizers.vqnsp import VQNSP


class LaBraM(nn.Module):
    """Core of a `BlockTokenizer`.

    Args:
        net: with `patch // 2 + 1` amplitudes and twice as many numbers for the angle.
        rate: samples per second that it works at, Hz.
        patch: samples of one code.
        patches: codes that look at each other in time; the latency is as long.
        joint: all channels look at each other, as published; then a channel's codes depend on the others.
    """

    causal = False
    truncates: str | None = None
    ramp = 0

    def __init__(
        self, net: VQNSP, *, rate: float = 200.0, patch: int = 200, patches: int = 4, joint: bool = False
    ) -> None:
        super().__init__()
        self.net, self.rate, self.hop, self.gain_block = net, rate, patch, patch
        self.block, self.joint = patches * patch, joint
        self.columns = (Column("patch", net.quantizer.codebook_sizes[0]),)
        self.crop_seconds = 2 * self.block / rate

    def start_encoder(self, names: Sequence[str]) -> Int[Tensor, "b c"]:
        """Rows of the electrode table; blocks share nothing else."""
        slots = torch.tensor([slot_of(n) for n in names], device=self.net.from_code.weight.device)
        return slots[None] if self.joint else slots[:, None]

    def start_decoder(self, names: Sequence[str]) -> Int[Tensor, "b c"]:
        """The same."""
        return self.start_encoder(names)

    def encode_block(
        self, x: Float[Tensor, "r t"], state: Int[Tensor, "b c"]
    ) -> tuple[Int[Tensor, "r n 1"], Int[Tensor, "b c"]]:
        """One code per patch."""
        codes = self.net.encode(x.view(*state.shape, -1, self.hop), state)
        return codes.view(len(x), -1, 1), state

    def decode_block(
        self, codes: Int[Tensor, "r n 1"], state: Int[Tensor, "b c"]
    ) -> tuple[Float[Tensor, "r t"], Int[Tensor, "b c"]]:
        """Spectra, put together to samples."""
        amplitude, angle = self.net.decode(codes.view(*state.shape, -1), state)
        return waveform(amplitude, angle).reshape(len(codes), -1), state

    def loss(self, x: Float[Tensor, "b c t"], names: Sequence[Sequence[str]]) -> Losses:
        """Errors of log amplitude, of the angle where there is power, and of the waveform; commitment."""
        b, c, t = x.shape
        slots = torch.tensor([[slot_of(n) for n in row] for row in names], device=x.device)
        x = x.view(b, c, t // self.block, self.block).transpose(1, 2).reshape(-1, c, self.block // self.hop, self.hop)
        slots = slots.repeat_interleave(t // self.block, 0)
        if not self.joint:
            x, slots = x.reshape(-1, 1, *x.shape[2:]), slots.reshape(-1, 1)
        out = self.net(x, slots)
        target = torch.fft.rfft(x, norm="ortho")
        size = target.abs()
        unit = torch.view_as_real(target) / size.clamp(min=1e-6)[..., None]
        parts = {
            "amplitude": functional.mse_loss(out.amplitude, size.log1p()),
            "angle": (size.square()[..., None] * (out.angle.view(unit.shape) - unit).square()).mean(),
            "wave": (waveform(out.amplitude, out.angle) - x).square().mean(),
            "commitment": out.commitment,
        }
        return Losses(sum(parts.values()), parts)


def waveform(amplitude: Float[Tensor, "*b f"], angle: Float[Tensor, "*b g"]) -> Float[Tensor, "*b t"]:
    """Samples of unit size from log(1 + amplitude) and [cosine, sine] per bin."""
    cosine_sine = angle.view(*amplitude.shape, 2)
    spectrum = torch.view_as_complex(amplitude.expm1()[..., None] * cosine_sine)
    return torch.fft.irfft(spectrum, norm="ortho")
