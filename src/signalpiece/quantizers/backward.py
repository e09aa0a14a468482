"""Whether a forward pass is the second one of gradient checkpointing, which must repeat the first and learn nothing."""

import torch


def is_backward() -> bool:
    """Whether this runs inside a backward pass, as the recomputation of a checkpointed module does."""
    return torch._C._current_graph_task_id() != -1
