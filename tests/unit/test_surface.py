"""What the machine enforces beside the linters: public names, short files, and no word that does not belong here."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
ROOMS = (
    "core",
    "signals",
    "layouts",
    "positions",
    "quantizers",
    "objectives",
    "entropy",
    "stores",
    "metrics",
    "training",
    "mixers",
    "tokenizers",
    "generators",
    "tasks",
)


def surface():
    import importlib

    found = {"signalpiece": sorted(importlib.import_module("signalpiece").__all__)}
    for room in ROOMS:
        found[room] = sorted(importlib.import_module(f"signalpiece.{room}").__all__)
    return found


def test_public_names_change_only_on_purpose():
    """Regenerate with: python tests/unit/test_surface.py"""
    assert surface() == json.loads((ROOT / "tests" / "surface.json").read_text())


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_can_be_had(room):
    import importlib

    module = importlib.import_module(f"signalpiece.{room}")
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_files_are_short():
    long = {str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text().splitlines())) > 300}
    assert not long


def test_code_is_ascii():
    assert not [str(p) for p in SOURCES if not p.read_text(encoding="utf-8").isascii()]


def test_the_version_has_its_entry_among_the_changes():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version and f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text()


if __name__ == "__main__":
    (ROOT / "tests" / "surface.json").write_text(json.dumps(surface(), indent=1, sort_keys=True) + "\n")
