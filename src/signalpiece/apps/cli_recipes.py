"""`systems` and `reproduce`: what of the 305 is here, and whether it does what it claims; derived from the recipes."""

from pathlib import Path
from typing import Annotated

import typer

from signalpiece.apps import screen

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def systems(
    missing: Annotated[bool, typer.Option("--missing", help="Only those that have no recipe yet.")] = False,
    json: Json = False,
) -> None:
    """List the 305 published systems and their recipes here, then the recipes of rivals and classical coders."""
    from signalpiece.apps.ledger import listing, others

    rows = [r for r in listing() if not (missing and r["recipe"])]
    if json:
        screen.print_json({"systems": rows, "others": others()})
        return
    done = sum(bool(r["recipe"]) for r in rows)
    screen.table(
        "", ("id", "room", "recipe", "title"), [(r["id"], r["room"], r["recipe"] or "", r["title"]) for r in rows]
    )
    if missing:
        screen.say(f"{len(rows)} have no recipe yet")
        return
    screen.table("", ("recipe", "not one of the 305"), [(r["recipe"], f"{r['title']} ({r['year']})") for r in others()])
    screen.say(f"{done} of {len(rows)} have a recipe")


def reproduce(
    name: Annotated[str | None, typer.Argument(help="A recipe; all of them if left out.")] = None,
    data: Annotated[Path | None, typer.Option(envvar="SIGNALPIECE_DATA", help="Folder with the data sets.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to run.")] = 5,
    demo: Annotated[bool, typer.Option("--demo", help="Only run each recipe's demo (seconds, packaged data).")] = False,
    json: Json = False,
) -> None:
    """Run the acceptance checks of the recipes and print each one's honest state."""
    from signalpiece.apps.ledger import run_checks, run_demos

    entries = run_demos(name, seeds) if demo else run_checks(name, data, seeds)
    if json:
        screen.print_json({"entries": entries})
        return
    columns = ("recipe", "figure", "mean", "low", "high", "expected", "state")
    screen.table("", columns, [tuple(e[c] for c in columns) for e in entries])


COMMANDS = (systems, reproduce)
