"""`fit`: train or estimate a recipe on one's own recordings, into one model file."""

from pathlib import Path
from typing import Annotated

import typer

from signalpiece.apps import screen


def fit(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe; `signalpiece systems` lists them.")],
    data: Annotated[list[Path], typer.Argument(help="Recordings to train on, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("model.safetensors"),
    valid: Annotated[
        list[Path] | None, typer.Option(help="Recordings to validate on; else the last tenth of each.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An option of the recipe, e.g. levels=4.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Stop after about this long instead of a number of steps.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights and crops.")] = 0,
    units: Annotated[list[str] | None, typer.Option(help="Units the file does not say, e.g. C3=uV or '*=uV'.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the model, for its card.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn a tokenizer from recordings; shows progress, and goes on with --resume after a kill."""
    from signalpiece.apps.cli_info import pairs
    from signalpiece.apps.fitting import fit_recipe

    summary = fit_recipe(
        recipe, data, out, valid=valid or [], options=set_ or [], steps=steps, seconds=seconds, seed=seed,
        units=pairs(units), licence=licence, resume=resume,
    )  # fmt: skip
    if json:
        screen.print_json(summary)
        return
    screen.table("", ("", ""), list(summary.items()))


COMMANDS = (fit,)
