"""A model is one safetensors file: what made it, every option with its value, its tensors and a test of itself.

Reading never executes code and checks everything: the checksum of all bytes that matter, names and shapes of every
tensor, and the hash by which stored tokens name their model. Works without torch.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal

FORMAT = 1
_TEST = "selftest."  # prefix of the tensors of the self-test
_UNSURE = np.iinfo(np.int32).min  # a code that a relative change of MARGIN in the input would alter
MARGIN = 1e-3


def model_hash(recipe: str | None, options: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """16 hexadecimal digits of the SHA-256 over recipe, options and tensors: the name of a model in stored tokens."""
    return _digest(json.dumps([recipe, options], sort_keys=True), tensors)[:16]


def save_model(path: str | Path, tokenizer: Any, *, licence: str = "", data: str = "", **card: Any) -> None:
    """Writes a tokenizer, all at once or not at all.

    Args:
        path: where to.
        tokenizer: anything with `recipe`, `options`, `rate`, `model_hash` and `tensors()`.
        licence: of the model.
        data: what it was trained on: data sets, their licences, the split.
        card: further entries of the header, JSON-like.

    Raises:
        SignalPieceError: the file cannot be written.
    """
    from safetensors.numpy import save

    from signalpiece import __version__

    tensors = {k: np.ascontiguousarray(v) for k, v in tokenizer.tensors().items()}
    header = card | {
        "format": FORMAT,
        "version": __version__,
        "recipe": tokenizer.recipe,
        "options": dict(tokenizer.options),
        "hash": tokenizer.model_hash,
        "rate": tokenizer.rate,
        "latency_seconds": tokenizer.latency_seconds,
        "units": list(getattr(tokenizer, "units", ())),
        "preprocessing": dict(getattr(tokenizer, "preprocessing", {})),
        "licence": licence,
        "data": data,
        "needs_torch": bool(getattr(tokenizer, "needs_torch", False)),
    }
    test = make_self_test(tokenizer)
    header["self_test"] = test[0]
    tensors |= {_TEST + k: v for k, v in test[1].items()}
    text = json.dumps(header, sort_keys=True)
    write_whole(Path(path), _ordered(save(tensors, {"signalpiece": text, "sha256": _digest(text, tensors)})))


def _ordered(data: bytes) -> bytes:
    """The same file with its metadata in alphabetical order: safetensors writes them in any, and equal models must be
    equal files.
    """
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a model file, checked against the checksum of the whole file."""
    return read_model(path)[0]


def read_model(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and tensors (those of the self-test included) of a model file.

    Raises:
        SignalPieceError: there is no such file, it is no model, it is damaged, or its format is too new.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            meta = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise SignalPieceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        raise SignalPieceError(f"{path.name}: damaged, or not a model file") from None
    if "signalpiece" not in meta:
        raise SignalPieceError(f"{path.name}: a safetensors file, but not a model of signalpiece")
    text = meta["signalpiece"]
    if _digest(text, tensors) != meta.get("sha256"):
        raise SignalPieceError(f"{path.name}: damaged: its checksum does not fit")
    header = json.loads(text)
    if header["format"] > FORMAT:
        raise SignalPieceError(
            f"{path.name}: format {header['format']} is newer than this version reads ({FORMAT}); upgrade signalpiece"
        )
    return header, tensors


def restore(
    path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray], build: Callable[..., Any]
) -> Any:
    """The tokenizer of a file that `read_model` has read.

    Args:
        path: for messages.
        header: of the file.
        tensors: of the file.
        build: makes the tokenizer from the options; its tensors are then replaced by the file's.

    Raises:
        SignalPieceError: an option is not known, a tensor is missing, extra or of another shape, or the hash differs.
    """
    name = Path(path).name
    try:
        tokenizer = build(**header["options"])
    except TypeError as error:
        raise SignalPieceError(f"{name}: its options do not fit recipe {header['recipe']}: {error}") from None
    own = own_tensors(tensors)
    check_tensors(name, own, tokenizer.tensors())
    if own:
        tokenizer.load_tensors(own)
    found = model_hash(header["recipe"], header["options"], tokenizer.tensors())
    if found != header["hash"]:
        raise SignalPieceError(f"{name}: the loaded model has hash {found}, its header says {header['hash']}")
    tokenizer.recipe, tokenizer.options, tokenizer.model_hash = header["recipe"], header["options"], header["hash"]
    return tokenizer


def own_tensors(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of the model, without the self-test's."""
    return {k: v for k, v in tensors.items() if not k.startswith(_TEST)}


def check_tensors(name: str, found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    """Raises SignalPieceError unless both hold the same names with the same shapes and types."""
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or extra:
        raise SignalPieceError(
            f"{name}: tensors do not fit the recipe: "
            f"{len(missing)} missing {missing[:3]}, {len(extra)} extra {extra[:3]}"
        )
    for key, value in wanted.items():
        have = found[key]
        if have.shape != value.shape or have.dtype != value.dtype:
            raise SignalPieceError(
                f"{name}: tensor {key} has shape {have.shape} of {have.dtype}, "
                f"the recipe asks for {value.shape} of {value.dtype}"
            )


def make_self_test(tokenizer: Any, seconds: float = 4.0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """An input and its codes; codes that a relative change of 1e-3 in the input could alter do not count."""
    rate = float(tokenizer.rate) or 100.0
    values = _noise(2, int(round(seconds * rate)), 0)
    options = dict(getattr(tokenizer, "self_test_options", {}))
    codes = _codes(tokenizer, values, rate, options)
    sure = np.ones(codes.shape, bool)
    for seed in range(1, 5):
        near = _codes(tokenizer, values + MARGIN * _noise(2, values.shape[1], seed), rate, options)
        sure &= near == codes
    return {"rate": rate, "options": options}, {"input": values, "codes": np.where(sure, codes, _UNSURE)}


def self_test(tokenizer: Any, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> int:
    """Encodes the input of the file and compares; returns how many codes were compared.

    Raises:
        SignalPieceError: this model, on this machine, does not give the codes of the file.
    """
    test = header["self_test"]
    codes = _codes(tokenizer, tensors[_TEST + "input"], test["rate"], test["options"])
    wanted = tensors[_TEST + "codes"]
    sure = wanted != _UNSURE
    if codes.shape != wanted.shape or (codes != wanted)[sure].any():
        wrong = int((codes != wanted)[sure].sum()) if codes.shape == wanted.shape else wanted.size
        raise SignalPieceError(
            f"self-test failed: {wrong} of {int(sure.sum())} codes differ from those in the model file"
        )
    return int(sure.sum())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file under another name, then renames it, so that no reader ever sees half of it.

    Raises:
        SignalPieceError: it cannot be written; nothing is left behind.
    """
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SignalPieceError(f"{path}: cannot be written: {error.strerror or error}") from None


def _codes(tokenizer: Any, values: np.ndarray, rate: float, options: Mapping[str, Any]) -> np.ndarray:
    signal = Signal.of(values * 1e-5, rate=rate)  # about 10 microvolts
    return np.asarray(tokenizer.encode(signal, **options).codes, np.int32)


def _noise(channels: int, samples: int, seed: int) -> np.ndarray:
    """Noise with the falling spectrum of brain signals, SD about 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, samples)))
    spectrum /= np.sqrt(np.arange(spectrum.shape[1]) + 4)
    values = np.fft.irfft(spectrum, samples)
    return (values / values.std()).astype(np.float32)


def _digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = np.ascontiguousarray(tensors[name])
        total.update(f"{name} {value.dtype.str} {value.shape}".encode())
        total.update(value.tobytes())
    return total.hexdigest()
