"""The floor of the library: what travels between rooms. No layer, no algorithm but the algebra of assignments."""

from typing import Any

from signalpiece.core.lazy import load_name

_FILES = {
    "Annotation": "signal",
    "Array": "signal",
    "Assignment": "assignment",
    "Codec": "contracts",
    "Column": "tokens",
    "EntropyModel": "contracts",
    "Estimable": "contracts",
    "Frames": "tokens",
    "Grid": "signal",
    "Guide": "types",
    "Header": "tokens",
    "Layout": "contracts",
    "Losses": "types",
    "Paper": "types",
    "Prior": "contracts",
    "Quantized": "types",
    "Quantizer": "contracts",
    "Recording": "contracts",
    "Reduced": "assignment",
    "Reducer": "contracts",
    "Sensor": "signal",
    "Signal": "signal",
    "SignalPieceError": "check",
    "Slots": "types",
    "StatefulModule": "contracts",
    "Stored": "contracts",
    "Stream": "contracts",
    "Tokenizer": "contracts",
    "Tokens": "tokens",
    "Trainable": "contracts",
    "check_divides": "check",
    "check_option": "check",
    "check_range": "check",
    "list_systems": "systems",
    "missing_extra": "check",
}
__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, _FILES, name)
