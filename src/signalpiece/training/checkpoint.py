"""The whole state of a run in one safetensors file: tensors as tensors, everything else as JSON in its header.

Reading it executes no code. It is written beside, flushed and renamed: a kill leaves the old file or the new one.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from signalpiece.core.check import SignalPieceError


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
        SignalPieceError: the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SignalPieceError(f"{path}: cannot write: {error.strerror or error}") from error


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Stores tensors by name, and JSON facts."""
    flat = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    write_bytes(path, save(flat, {"facts": json.dumps(facts)}))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_checkpoint` stored.

    Raises:
        SignalPieceError: the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
            return {k: file.get_tensor(k).clone() for k in file.keys()}, facts  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise SignalPieceError(f"{path}: this checkpoint is damaged; delete it and start again") from error


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state of an optimizer as tensors by name and JSON."""
    state = optimizer.state_dict()
    tensors = {f"{i}.{k}": v for i, s in state["state"].items() for k, v in s.items() if isinstance(v, Tensor)}
    plain = {f"{i}.{k}": v for i, s in state["state"].items() for k, v in s.items() if not isinstance(v, Tensor)}
    return tensors, {"state": plain, "groups": state["param_groups"]}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """The inverse of `pack_optimizer`."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **facts["state"]}.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": facts["groups"]})
