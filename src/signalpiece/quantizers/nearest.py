"""Nearest code of each vector by squared distance, in chunks of rows, never the whole distance matrix.

|x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2): only the bracket depends on the code. One matrix product gives it, of vectors
with a 1 and codes with their -|c|^2 / 2 appended.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROWS = 512  # rows of one product on a CPU: the result stays in its cache
OTHER_ROWS = 16384


@torch.no_grad()
def nearest_code(x: Float[Tensor, "n d"], codebook: Float[Tensor, "k d"]) -> Int[Tensor, "n"]:
    """The row of `codebook` nearest to each row of `x`, the first of equals, in fp32 whatever the autocast."""
    on_cpu = x.device.type == "cpu"
    rows = ROWS if on_cpu else OTHER_ROWS
    with torch.autocast(x.device.type, enabled=False):
        x, codebook = x.float(), codebook.float()
        table = torch.cat([codebook, -0.5 * codebook.square().sum(1, keepdim=True)], 1).T.contiguous()
        codes = torch.empty(len(x), dtype=torch.int64, device=x.device)
        scores = x.new_empty(min(rows, len(x)), len(codebook))
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            part = torch.cat([part, part.new_ones(len(part), 1)], 1)
            out = torch.mm(part, table, out=scores[: len(part)])
            if on_cpu:  # NumPy's argmax is an order of magnitude faster than torch's
                out.numpy().argmax(1, out=codes[start : start + len(part)].numpy())
            else:
                torch.argmax(out, 1, out=codes[start : start + len(part)])
    return codes
