"""Every recipe: six public names, options that survive JSON, a demo that runs and shows that its mechanism acts."""

import json

import pytest

from signalpiece.apps.ledger import listing, run_demos
from signalpiece.core.check import SignalPieceError
from signalpiece.core.types import Paper
from signalpiece.recipes import defaults, names, paper, parse_options, recipe

LEAST = {  # what each demo must show, far below what it does
    "fdt": {"overlap_ratio": 1.3, "recall_above_chance": 0.1},
    "itransformer": {"saved_over_holding": 0.1},
    "rbtransformer": {"nats_saved": 0.05},
    "biocodec": {"loss_saved": 0.2, "r": 0.2},
    "labram": {"loss_saved": 0.1, "r": 0.4},
    "pruned": {"codes_left": 0.001},
    "revived": {"live_gained": 0.01},
    "dct": {"gain_db": 3},
    "lapped": {"gain_db": 3},
    "wavelet": {"gain_db": 3},
    "trellis": {"gain_db": 3},
    "cells": {"gain_db": 3},
    "laplace": {"gain_db": 3},
    "klt": {"saved": 0.15},
    "lossless": {"saved": 0.2},
    "uniform": {"db_per_halving": 5},
    "mulaw": {"db_per_four_times_the_levels": 9},
}


@pytest.mark.parametrize("name", names())
def test_the_contract_of_a_recipe(name):
    module = recipe(name)
    assert isinstance(module.PAPER, Paper) and module.PAPER == paper(name)
    assert module.__doc__ and all(word in module.__doc__ for word in ("Kept", "Left out"))
    assert json.loads(json.dumps(defaults(module))) is not None
    if module.PAPER.system is not None:
        assert callable(module.check) and module.EXPECT and isinstance(module.BASE, dict)
        assert set(module.BASE) <= set(defaults(module))


@pytest.mark.parametrize("name", names())
def test_the_demo_shows_something(name):
    figures = recipe(name).demo(0)
    assert all(figures[key] >= least for key, least in LEAST[name].items()), figures
    if name in ("pruned", "revived"):
        assert figures["largest_change"] == 0


def test_systems_and_demos_are_derived():
    rows = listing()
    assert {r["recipe"] for r in rows} - {None} == {n for n in names() if paper(n).system is not None}
    entries = run_demos("dct", 1)
    assert entries and entries[0]["recipe"] == "dct" and entries[0]["state"] == "printed"


def test_options_are_checked():
    module = recipe("dct")
    assert parse_options(module, ["rate=50", "tables=adaptive"]) == {"rate": 50, "tables": "adaptive"}
    with pytest.raises(SignalPieceError, match="key=value"):
        parse_options(module, ["rate"])
    with pytest.raises(SignalPieceError, match="is a number"):
        parse_options(module, ["rate=true"])
