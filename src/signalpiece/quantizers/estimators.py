"""How a gradient passes a hard decision: functions of the vector z and its code q that return q in value."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def straight_through(z: Float[Tensor, "*b d"], q: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """The gradient of q is handed to z unchanged.

    Paper: "Neural Discrete Representation Learning" (2017), section 3.2.
    """
    return z + (q - z).detach()


def rotation(z: Float[Tensor, "*b d"], q: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """The gradient of q is turned and scaled as the rotation that carries z to q.

    Paper: "Restructuring Vector Quantization with the Rotation Trick" (2024), section 4.
    """
    q, fixed = q.detach(), z.detach()
    from_, to = functional.normalize(fixed, dim=-1, eps=1e-6), functional.normalize(q, dim=-1, eps=1e-6)
    mirror = functional.normalize(from_ + to, dim=-1, eps=1e-6)
    scale = q.norm(dim=-1, keepdim=True) / fixed.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    turned = z - 2 * (z * mirror).sum(-1, keepdim=True) * mirror + 2 * (z * from_).sum(-1, keepdim=True) * to
    return turned * scale
