"""What `signalpiece info` says of a recording, a model or tokens, as plain values ready for JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from signalpiece.apps.load import load, resolve
from signalpiece.core.check import SignalPieceError


def facts(file: Path, *, verify: bool = False, units: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Facts of a file; `verify` runs a model's self-test and checks every checksum of tokens.

    Raises:
        SignalPieceError: no such file, damaged beyond reading, or the verification fails.
    """
    model = resolve(str(file)) or (file if file.suffix == ".safetensors" and file.is_file() else None)
    if model is not None:
        return _model(model, verify)
    if file.suffix == ".sp" or (file / "headers.json").is_file():
        return _tokens(file, verify)
    if file.is_dir():
        return {"folder": str(file), "files": [_inside(p, verify, units) for p in _known(file)]}
    from signalpiece.signals.describe import describe
    from signalpiece.signals.files import ending, open_all

    found = describe(file, open_all(file, units=units))
    return {"format": ending(file).lstrip(".").upper() or "bytes", **found}


def _known(folder: Path) -> list[Path]:
    """What a folder holds that `info` can say more of than its bytes."""
    from signalpiece.signals.files import is_known

    kinds = (".sp", ".safetensors")
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and (is_known(p) or p.suffix in kinds)]
    if not found:
        raise SignalPieceError(f"{folder}: no file in this folder has a known ending")
    return found


def _inside(path: Path, verify: bool, units: Mapping[str, str] | None) -> dict[str, Any]:
    """Facts of a file in a folder, or why there are none."""
    try:
        return facts(path, verify=verify, units=units)
    except SignalPieceError as error:
        return {"file": path.name, "error": str(error)}


def _model(path: Path, verify: bool) -> dict[str, Any]:
    from signalpiece.tokenizers.model_file import read_model, self_test

    header, tensors = read_model(path)
    own = {k: v for k, v in tensors.items() if not k.startswith("selftest.")}
    out = {"file": path.name, "bytes": path.stat().st_size}
    out |= {k: v for k, v in header.items() if k != "self_test"}
    out["tensors"] = {"count": len(own), "numbers": int(sum(v.size for v in own.values()))}
    if verify:
        out["self_test"] = f"{self_test(load(path), header, tensors)} codes equal"
    return out


def _tokens(path: Path, verify: bool) -> dict[str, Any]:
    from signalpiece.tokenizers.files import open_tokens

    stored = open_tokens(path)
    if verify:
        damaged = stored.verify() if hasattr(stored, "verify") else [s for r in stored.recordings for s in r.verify()]
        if damaged:
            raise SignalPieceError(f"{path}: damaged: {'; '.join(damaged[:5])}")
    return {
        "file": path.name,
        "tokens": [_stored(r) for r in stored.recordings],
        **({"verified": True} if verify else {}),
    }


def _stored(recording: Any) -> dict[str, Any]:
    grid, bits = recording.header.grid, recording.bits
    seconds, channels = grid.seconds, grid.size("channel")
    return {
        "channels": channels,
        "seconds": seconds,
        "rate": grid.time_rate,
        "model": dict(recording.header.model),
        "frames": recording.frames,
        "columns": len(recording.header.columns),
        "segments": recording.segments,
        **_annotations(recording),
        "access": f"{recording.header.segment * recording.header.frames.hop / recording.header.frames.rate:g} s x "
        + _group_of(recording),
        "bits": bits,
        "bits_per_second_channel": (bits["total"] - bits.get("annotations", 0)) / max(seconds * channels, 1e-9),
    }


def _group_of(recording: Any) -> str:
    per = recording.codec.channels if recording.codec is not None else 0
    return f"{per} channel{'s' * (per > 1)}" if per else "all channels"


def _annotations(recording: Any) -> dict[str, Any]:
    """Events as [onset, duration, text] in seconds, and a sentence where they are damaged."""
    try:
        return {"annotations": [[a.onset, a.duration, a.text] for a in recording.annotations], "warnings": []}
    except SignalPieceError as error:
        return {"annotations": [], "warnings": [str(error)]}
