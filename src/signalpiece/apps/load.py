"""`load` and `save`: a tokenizer from a file, a shipped name or a recipe, and back into one file."""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.recipes import names, parse_options, recipe

MODELS = Path(__file__).resolve().parent.parent / "models"


def shipped() -> dict[str, Path]:
    """Names and files of the models in the package, without the short names `eeg` and `eeg-light`."""
    return {p.stem: p for p in sorted(MODELS.glob("*.safetensors"))}


def resolve(name: str) -> Path | None:
    """The file that a shipped name stands for: `eeg` is the newest `eeg-N` that can run here, else None."""
    found = shipped()
    if name in found:
        return found[name]
    if name in ("eeg", "eeg-light"):
        versions = sorted(
            (int(m[1]), bool(m[2]), path)
            for stem, path in found.items()
            if (m := re.fullmatch(r"eeg-(\d+)(-light)?", stem))
        )
        torch = name == "eeg" and _has_torch()
        usable = [v for v in versions if torch or not _needs_torch(v[2])]
        if not usable:
            raise SignalPieceError(f"{name}: no shipped model runs here")
        newest = max(v[0] for v in usable)
        return [v for v in usable if v[0] == newest][0][2]
    return None


def load(
    model: str | Path,
    *,
    options: Sequence[str] = (),
    build: Callable[..., Any] | None = None,
    mode: str | None = None,
    group: int | None = None,
    bands: Mapping[str, float] | None = None,
) -> Any:
    """A tokenizer.

    Args:
        model: a model file, a shipped name (`eeg`) or the name of a recipe that needs no training (`dct`).
        options: `key=value` texts for a recipe.
        build: makes the object for a file that no recipe made (`recipe: null`).
        mode: single or spatial, for transform coders: whether components of all channels are coded.
        group: channels whose bytes are written together, 0 = all.
        bands: how many times wider the step is in a band, e.g. {"gamma": 2}.

    Raises:
        SignalPieceError: there is no such model, the file is damaged or does not fit, or the recipe needs training.
    """
    found = _load(model, options, build)
    if mode is None and group is None and not bands:
        return found
    if not hasattr(found, "arranged"):
        raise SignalPieceError(f"{model} has one way to code channels; leave mode, group and bands out")
    return found.arranged(mode=mode or "single", group=group, bands=bands)


def _load(model: str | Path, options: Sequence[str], build: Callable[..., Any] | None) -> Any:
    path = resolve(str(model)) or Path(model)
    if path.suffix == ".safetensors" or path.is_file():
        if options:
            raise SignalPieceError(
                f"{path.name}: the options of a trained model are fixed; --set works with recipes only"
            )
        return _from_file(path, build)
    if str(model) not in names():
        known = [*shipped(), "eeg", *names()]
        raise SignalPieceError(
            f"{model}: no model file, shipped model or recipe of that name; known are {', '.join(known)}"
        )
    module = recipe(str(model))
    tokenizer = module.build(**parse_options(module, options))
    if hasattr(tokenizer, "loss"):
        raise SignalPieceError(f"{model} must be trained first: signalpiece fit {model} DATA --out {model}.safetensors")
    return tokenizer


def shipped_with(hash_: str | None) -> Path | None:
    """The shipped model of that hash."""
    from signalpiece.tokenizers.model_file import read_header

    return next((path for path in shipped().values() if read_header(path)["hash"] == hash_), None)


def maker_of(said: Mapping[str, Any]) -> Any:
    """The tokenizer that tokens name in their header: a shipped model by its hash, a classical recipe by its options.

    Raises:
        SignalPieceError: neither; the tokens' model file must be given.
    """
    path = shipped_with(said.get("hash"))
    if path is not None:
        return load(path)
    name = said.get("recipe")
    if name in names():
        tokenizer = recipe(str(name)).build(**said.get("options", {}))
        if tokenizer.model_hash == said.get("hash"):
            return tokenizer
    raise SignalPieceError(
        f"these tokens were made by a model of recipe {name} with hash {said.get('hash')}, which does not ship with "
        "signalpiece; give its file as model="
    )


def save(path: str | Path, tokenizer: Any, **card: Any) -> None:
    """Writes a tokenizer into one safetensors file; `card` is its licence and training-data card."""
    from signalpiece.tokenizers.model_file import save_model

    save_model(path, tokenizer, **card)


def _from_file(path: Path, build: Callable[..., Any] | None) -> Any:
    from signalpiece.tokenizers.model_file import read_model, restore

    header, tensors = read_model(path)
    if build is None:
        if header.get("recipe") is None:
            raise SignalPieceError(f"{path.name}: no recipe made this model; load it with load(path, build=...)")
        build = recipe(header["recipe"]).build
    assert build is not None
    return restore(path, header, tensors, build)


def _has_torch() -> bool:
    try:
        return find_spec("torch") is not None
    except ModuleNotFoundError:
        return False


def _needs_torch(path: Path) -> bool:
    from signalpiece.tokenizers.model_file import read_header

    return bool(read_header(path).get("needs_torch"))
