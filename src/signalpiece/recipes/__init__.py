"""One flat file per system; recipes are found by file name and imported one at a time.

A recipe has six public names: `PAPER`, `build(**options)`, `BASE`, `demo(seed)`, `check(seed, data)` and `EXPECT`.
A rival (`PAPER.system` is None) may leave out `check` and `EXPECT`.
"""

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Sequence
from importlib.resources import files
from types import ModuleType
from typing import Any

from signalpiece.core.check import SignalPieceError, check_option, missing_extra
from signalpiece.core.types import Paper


def names() -> list[str]:
    """Names of all recipes, by file."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def recipe(name: str) -> ModuleType:
    """The module of a recipe.

    Raises:
        SignalPieceError: there is none of that name, or it needs torch and there is none.
    """
    try:
        return importlib.import_module(f"{__name__}.{check_option('recipe', name, names())}")
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "accelerate"):
            raise
        raise missing_extra("torch", "torch", f"recipe {name}") from error


def paper(name: str) -> Paper:
    """Where a recipe comes from, read off its source: importing all recipes would import torch.

    Raises:
        SignalPieceError: the recipe does not say.
    """
    tree = ast.parse(
        files(__name__).joinpath(f"{check_option('recipe', name, names())}.py").read_text(encoding="utf-8")
    )
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "PAPER" for t in node.targets):
            call = node.value
            assert isinstance(call, ast.Call)
            values = [ast.literal_eval(a) for a in call.args]
            return Paper(*values, **{str(k.arg): ast.literal_eval(k.value) for k in call.keywords})
    raise SignalPieceError(f"recipe {name} has no PAPER")


def defaults(module: ModuleType) -> dict[str, Any]:
    """Options of a recipe's `build` with their defaults."""
    return {p.name: p.default for p in inspect.signature(module.build).parameters.values()}


def parse_options(module: ModuleType, pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts as options of a recipe; values are JSON, or plain text where that is what the option takes.

    Raises:
        SignalPieceError: no "=", an unknown key, or a value of another kind than the default.
    """
    known, short = defaults(module), module.__name__.rpartition(".")[2]
    out = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SignalPieceError(f"--set takes key=value, got {pair!r}")
        check_option(f"option of recipe {short}", key, known)
        out[key] = _value(key, text, known[key])
    return out


def _value(key: str, text: str, default: Any) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    if isinstance(default, str) and not isinstance(value, str):
        value = text
    if isinstance(value, list) and isinstance(default, tuple):
        value = tuple(value)
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if number and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise SignalPieceError(f"option {key} is a number such as {default}, got {text!r}")
    if isinstance(default, bool) and not isinstance(value, bool):
        raise SignalPieceError(f"option {key} is true or false, got {text!r}")
    return value
