"""`report`, `compare` and `doctor`: what tokens cost, what they lose, and how a vocabulary is used."""

from pathlib import Path
from typing import Annotated

import typer

from signalpiece.apps import screen

Inputs = Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")]
Units = Annotated[list[str] | None, typer.Option(help="Units the file does not say, e.g. C3=uV or '*=uV'.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Full = Annotated[bool, typer.Option("--full", help="Rate curves over the whole file, not 600 s x 16 channels of it.")]


def report(
    model: Annotated[str, typer.Argument(help="A model file, a shipped name (eeg) or a recipe.")],
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    bits: Annotated[float | None, typer.Option(min=0.1, help="Budget in bits per second and channel.")] = None,
    step: Annotated[str | None, typer.Option(help="Quantization step with its unit, e.g. 2uV.")] = None,
    full: Full = False,
    units: Units = None,
    json: Json = False,
) -> None:
    """Write one page about a model's tokens of these recordings: what they cost, what was lost, beside its rivals."""
    from signalpiece.apps.cli_info import pairs
    from signalpiece.apps.reporting import write_report

    summary = write_report(model, inputs, out, bits=bits, step=step, full=full, units=pairs(units))
    if json:
        screen.print_json(summary)
        return
    screen.table("", ("", ""), [(k, v) for k, v in summary.items() if not isinstance(v, (dict, list))])
    screen.say(f"wrote {out}")


def compare(
    models: Annotated[list[str], typer.Argument(help="Model files, shipped names or recipes.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Recordings; repeat for several. Or the data folder of a suite.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The page to write.")] = None,
    suite: Annotated[
        str | None, typer.Option(help="A named suite, e.g. suite-eeg-1, found in --data or SIGNALPIECE_DATA.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the suite: validation or test.")] = "test",
    full: Full = False,
    units: Units = None,
    json: Json = False,
) -> None:
    """Measure coders at equal file sizes, with every classical rival in the same table."""
    from signalpiece.apps.cli_info import pairs
    from signalpiece.apps.reporting import run_compare, show_compare

    comparison = run_compare(models, data or [], out, suite=suite, split=split, full=full, units=pairs(units))
    if json:
        screen.print_json(comparison.json())
        return
    show_compare(comparison)
    if out is not None:
        screen.say(f"wrote {out}")


def doctor(
    model: Annotated[str, typer.Argument(help="A model file, a shipped name or a recipe.")],
    inputs: Inputs,
    against: Annotated[
        list[Path] | None, typer.Option(help="A second data set, to see drift; repeat for several files.")
    ] = None,
    fix: Annotated[
        str | None,
        typer.Option(
            help="Mend the codebooks: prune (remove dead and double codes), merge (double ones alone) or revive (give "
            "them new vectors where the error is). Tokens stored before stay decodable."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The mended model to write.")] = None,
    units: Units = None,
    json: Json = False,
) -> None:
    """Examine how a vocabulary is used: dead and double codes, idle bits or levels, drift, what to do; and mend it."""
    from signalpiece.apps.cli_info import pairs
    from signalpiece.apps.reporting import run_doctor, show_doctor

    found, repair = run_doctor(model, inputs, against=against, fix=fix, out=out, units=pairs(units))
    if json:
        screen.print_json(found.json() | ({} if repair is None else {"repair": repair.json()}))
        return
    show_doctor(found, repair)
    if out is not None:
        screen.say(f"wrote {out}")


COMMANDS = (report, compare, doctor)
