"""From the codec that a file names to the codec: the only place where the two meet."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.contracts import Codec
from signalpiece.core.tokens import Header
from signalpiece.tokenizers.tables import OWN, find_tables

MODELS = Path(__file__).resolve().parent.parent / "models"
CODECS = {
    "adaptive-1": ("adaptive_binary", "AdaptiveBinary"),
    "categorical-1": ("categorical", "Categorical"),
    "cells-1": ("adaptive_binary", "CellTables"),
    "lossless-1": ("lossless", "Lossless"),
    "raw-1": ("raw", "Raw"),
    "static-1": ("static_tables", "StaticTables"),
    "trellis-1": ("adaptive_binary", "TrellisBinary"),
}


def codec_for(name: str, version: int, header: Header, model: Any = None) -> Codec:
    """The codec of stored tokens.

    Args:
        name: as the file says.
        version: as the file says.
        header: of the tokens; `model` in it says which tables, and `channels` how many channels a unit holds (1, or 0
            for all).
        model: a tokenizer, for tokens whose tables are in a model file.

    Raises:
        SignalPieceError: the codec or its tables are not known here.
    """
    if name not in CODECS:
        raise SignalPieceError(f"these tokens need codec {name}, which this version does not have; upgrade signalpiece")
    file, kind = CODECS[check_option("codec", name, CODECS)]
    make = getattr(importlib.import_module(f"signalpiece.entropy.{file}"), kind)
    if version > make.version:
        raise SignalPieceError(f"these tokens need version {version} of codec {name}; upgrade signalpiece")
    channels = header.model.get("channels", 1)
    if not isinstance(channels, int) or channels < 0:
        raise SignalPieceError(f"these tokens say that a unit holds {channels} channels: the header is damaged")
    return make(channels=channels, **_tables(header, model))


def _tables(header: Header, model: Any) -> dict[str, Any]:
    said, wanted = header.model.get("tables", ""), header.model.get("hash")
    if said != OWN:
        return dict(find_tables(said))
    if model is not None and model.model_hash == wanted:
        return model.tensors()
    if wanted not in shipped_tensors():
        raise SignalPieceError(
            f"these tokens were made by a model of recipe {header.model.get('recipe')} with hash {wanted}, "
            "which does not ship with signalpiece; give its file as MODEL (or model=)"
        )
    return shipped_tensors()[wanted]


@cache
def shipped_tensors() -> dict[str, dict[str, Any]]:
    """Tensors of the models in the package that classical recipes made, by hash."""
    from signalpiece.tokenizers.model_file import own_tensors, read_model

    found = [read_model(path) for path in sorted(MODELS.glob("*.safetensors"))]
    return {header["hash"]: own_tensors(tensors) for header, tensors in found if not header["needs_torch"]}
