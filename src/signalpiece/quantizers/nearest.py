"""Nearest code of each vector by squared distance, in chunks of rows, never the whole distance matrix.

|x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2): only the bracket depends on the code, and one matrix product gives it.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROWS = {"cpu": 512}  # rows of one product: its result stays in the cache of a CPU
OTHER_ROWS = 16384


@torch.no_grad()
def nearest_code(x: Float[Tensor, "n d"], codebook: Float[Tensor, "k d"]) -> Int[Tensor, "n"]:
    """The row of `codebook` nearest to each row of `x`, decided in fp32 whatever the autocast."""
    with torch.autocast(x.device.type, enabled=False):
        x, codebook = x.float(), codebook.float()
        bias = -0.5 * codebook.square().sum(1)
        rows = ROWS.get(x.device.type, OTHER_ROWS)
        if len(x) <= rows:
            return torch.addmm(bias, x, codebook.T).argmax(1)
        codes = torch.empty(len(x), dtype=torch.int64, device=x.device)
        scores = x.new_empty(rows, len(codebook))
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            torch.addmm(bias, part, codebook.T, out=scores[: len(part)])
            torch.argmax(scores[: len(part)], 1, out=codes[start : start + len(part)])
    return codes
