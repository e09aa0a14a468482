"""Runs a benchmark suite on its validation and test split: one JSON per coder and recording, tables and a page.

    python -m benchmarks.suite --data DIR [--model FILE ...] [--out benchmarks/results] [--only dct --only lapped]

The first model (default: `eeg`) is what the page is about; the classical rivals always stand beside it.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from signalpiece.apps.compare import Comparison, Item, compare
from signalpiece.apps.compare_page import compare_page, screen_tables
from signalpiece.apps.load import load
from signalpiece.apps.page import write_page
from signalpiece.apps.rivals import rivals
from signalpiece.apps.screen import progress, table
from signalpiece.apps.suite import suite_excerpts
from signalpiece.core.check import SignalPieceError


def write_items(folder: Path, found: Comparison) -> int:
    """One JSON per coder and recording; returns how many."""
    files = 0
    for coder in found.coders:
        for file in found.files:
            items = [_dict(i) for i in found.of(coder, file)]
            if items:
                path = folder / coder.replace("+", "-") / (file.replace("/", "--") + ".json")
                path.parent.mkdir(parents=True, exist_ok=True)
                content = {"suite": found.suite, "spatial": coder in found.spatial, "items": items}
                path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
                files += 1
    return files


def read_items(folder: Path, scope: str = "") -> Comparison:
    """The comparison that `write_items` wrote."""
    contents = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*/*.json"))]
    if not contents:
        raise SignalPieceError(f"{folder} holds no results; run python -m benchmarks.suite first")
    items = tuple(Item(**_numbers(i)) for c in contents for i in c["items"])
    coders = tuple(dict.fromkeys(i.coder for i in items))
    fixed = tuple(c for c in coders if all(i.step is None for i in items if i.coder == c))
    spatial = tuple(dict.fromkeys(c["items"][0]["coder"] for c in contents if c["spatial"]))
    return Comparison(contents[0]["suite"], items, coders, fixed, spatial, scope)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--suite", default="suite-eeg-1")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--only", action="append", default=[], help="leave out all other rivals")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except SignalPieceError as error:
        print(f"suite: {error}", file=sys.stderr)
        sys.exit(2)


def run(arguments: Any) -> None:
    names = arguments.model or ["eeg"]
    coders = {Path(m).stem if m.endswith(".safetensors") else m: load(m) for m in names}
    others = rivals(without=tuple(coders))
    coders |= {n: c for n, c in others.items() if not arguments.only or n in arguments.only}
    found = {}
    for split in ("validation", "test"):
        excerpts = suite_excerpts(arguments.suite, split, arguments.data)
        with progress(split, 1.0) as tell:
            found[split] = compare(coders, excerpts, suite=f"{arguments.suite} {split}", progress=tell)
        write_items(arguments.out / arguments.suite / split, found[split])
        for title, columns, rows in screen_tables(found[split]):
            table(f"{split}: {title}", columns, rows)
    first = next(iter(coders))
    text = compare_page(found["test"], first, validation=found["validation"], default=first)
    page = arguments.out / f"{arguments.suite}.html"
    print(f"{page}: {write_page(page, text)} bytes")


def _dict(item: Item) -> dict[str, Any]:
    plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in vars(item).items()}
    return {**plain, "nmse_db": {k: None if math.isnan(v) else v for k, v in item.nmse_db.items()}}


def _numbers(item: dict[str, Any]) -> dict[str, Any]:
    """Missing figures are null in JSON and NaN here; a missing step says that the coder has none."""
    out = {k: float("nan") if v is None and k != "step" else v for k, v in item.items()}
    return {**out, "nmse_db": {k: float("nan") if v is None else v for k, v in item["nmse_db"].items()}}


if __name__ == "__main__":
    main()
