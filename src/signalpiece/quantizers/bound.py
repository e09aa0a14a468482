"""SigLu: a smooth bound in front of signs, so that entropy and commitment pull in the same direction.

Without a bound the entropy loss pushes values away from 0 without end while the commitment pulls them to +-1.

Paper: "UniWeTok: An Unified Binary Tokenizer with Codebook Size 2^128 for Unified Multimodal Large Language Model"
(2026), known here by its summaries: a bound made of the sigmoid; its scale of 2 and shift of 1 are this library's.
"""

from jaxtyping import Float
from torch import Tensor


def siglu(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """2 sigmoid(x) - 1: between -1 and 1, sign kept."""
    return 2 * x.sigmoid() - 1
