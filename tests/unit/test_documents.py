"""The documents point to what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve_and_nothing_is_left_to_fill_in(page):
    text = page.read_text(encoding="utf-8")
    links = [m for m in re.findall(r"\]\(([^)#]+)", text) if "://" not in m]
    assert not [link for link in links if not (page.parent / link).exists()]
    assert not re.search(r"@[A-Z]+@", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    benches = set(re.findall(r"python -m benchmarks\.(\w+)", text))
    assert not [b for b in benches if not (ROOT / "benchmarks" / f"{b}.py").exists()]
    targets = set(re.findall(r"`?make ([a-z-]+)", text)) & {
        "demo",
        "test",
        "setup",
        "bench",
        "bench-big",
        "lint",
        "test-light",
    }
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{t}:", makefile, re.M) for t in targets)
