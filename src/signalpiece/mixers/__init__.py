"""What mixes tokens or samples: causal convolutions, attention, blocks, the one trunk."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "Attention": "attention",
    "Block": "attention",
    "CausalConv": "conv",
    "CausalUpsample": "conv",
    "Chain": "chain",
    "ResidualUnit": "seanet",
    "SkipLSTM": "lstm",
    "Trunk": "trunk",
    "build_decoder": "seanet",
    "build_encoder": "seanet",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
