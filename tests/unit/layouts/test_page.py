"""The page on layouts names them all and says of each what it says of itself."""

import re
from pathlib import Path

import pytest

from signalpiece import layouts

PAGE = (Path(__file__).parents[3] / "docs" / "layouts.md").read_text(encoding="utf-8")
FIRST, SECOND = PAGE.split("## What comes back")
LINES = [line.split("|")[1:-1] for line in SECOND.splitlines() if line.startswith("| `")]
NAMES = [name for name in layouts.__all__ if hasattr(getattr(layouts, name), "cut")]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_layout_says(name):
    (line,) = [cells for cells in LINES if f"`{name}`" in cells[0]]
    made = getattr(layouts, name)()
    assert line[1].strip() == ", ".join(made.arrays)
    assert (line[2].strip() == "exactly") == (not made.loss)
    assert f"`{name}" in FIRST


def test_the_page_names_nothing_that_is_not_there():
    named = {n for cells in LINES for n in re.findall(r"`([A-Z]\w+)`", cells[0])}
    assert named == set(NAMES)
