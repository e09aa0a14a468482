"""Tokens for signals: learn, encode, store, decode and report tokens of EEG and other signals.

    tok = signalpiece.load("eeg")
    tokens = tok.encode(signalpiece.read("night.edf"))
    signal = tok.decode(tokens)

Nothing heavy is imported until it is used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "Signal": "signalpiece.core.signal",
    "SignalPieceError": "signalpiece.core.check",
    "Tokens": "signalpiece.core.tokens",
    "features": "signalpiece.apps.interop",
    "load": "signalpiece.apps.load",
    "open": "signalpiece.signals.files",
    "open_tokens": "signalpiece.tokenizers.files",
    "read": "signalpiece.signals.files",
    "read_raw": "signalpiece.apps.interop",
    "save": "signalpiece.apps.load",
    "write": "signalpiece.signals.files",
}
__all__ = [*_PLACES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'signalpiece' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
