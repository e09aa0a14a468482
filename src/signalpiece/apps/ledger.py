"""The ledger of systems: which have a recipe, and the state of each claim after its check ran.

A figure that EXPECT bounds is `reproduced` when the 95 % interval of its seeds lies above 0 and the mean reaches the
bound, `direction only` when only the interval does, `not reproduced` otherwise (with the figures).
"""

from pathlib import Path
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError
from signalpiece.core.systems import list_systems
from signalpiece.recipes import names, paper, recipe

SEEDS = 5  # that a verdict needs


def listing() -> list[dict[str, Any]]:
    """The 305 systems with the recipe of each, if there is one."""
    recipes = {paper(n).system: n for n in names()}
    return [
        {"id": s.id, "slug": s.slug, "title": s.title, "room": s.room, "recipe": recipes.get(s.id)}
        for s in list_systems()
    ]


def others() -> list[dict[str, Any]]:
    """Recipes of what is not one of the 305: classical coders, rivals, tools."""
    found = [(n, paper(n)) for n in names()]
    return [{"recipe": n, "title": p.title, "year": p.year} for n, p in found if p.system is None]


def run_checks(name: str | None, data: Path | None, seeds: int) -> list[dict[str, Any]]:
    """Runs the check of one recipe, or of all that have one, over `seeds` seeds.

    Raises:
        SignalPieceError: no data folder, or the recipe has no check.
    """
    if data is None:
        raise SignalPieceError(
            "the checks run on real recordings; name their folder with --data DIR or SIGNALPIECE_DATA"
        )
    if not data.is_dir():
        raise SignalPieceError(f"{data}: no such folder")
    chosen = [n for n in names() if hasattr(recipe(n), "check")] if name is None else [name]
    out = []
    for each in chosen:
        module = recipe(each)
        if not hasattr(module, "check"):
            raise SignalPieceError(f"recipe {each} is not one of the 305 systems and has no check of its own")
        out += _entries(each, [module.check(seed, data) for seed in range(seeds)], module.EXPECT)
    return out


def run_demos(name: str | None, seeds: int) -> list[dict[str, Any]]:
    """Runs the demos, which need packaged data only."""
    chosen = names() if name is None else [name]
    return [e for n in chosen for e in _entries(n, [recipe(n).demo(seed) for seed in range(seeds)], {})]


def _entries(name: str, runs: list[dict[str, float]], expect: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
    out = []
    for figure in runs[0]:
        values = np.array([r[figure] for r in runs], float)
        mean, half = float(values.mean()), _half_width(values)
        bounds = expect.get(figure)
        row = {"recipe": name, "figure": figure, "mean": mean, "low": mean - half, "high": mean + half}
        expected = "" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}"
        out.append(
            row | {"expected": expected, "state": _state(mean, half, len(values), bounds), "runs": values.tolist()}
        )
    return out


def _half_width(values: np.ndarray) -> float:
    if len(values) < 2:
        return 0.0
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def _state(mean: float, half: float, runs: int, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "printed"
    if runs < SEEDS:
        return f"printed: {SEEDS} seeds decide, got {runs}"
    if not bounds[0] <= mean <= bounds[1]:
        return "direction only" if mean - half > 0 and mean < bounds[0] else "not reproduced"
    return "reproduced" if mean - half > 0 or mean - half >= bounds[0] else "not reproduced"
