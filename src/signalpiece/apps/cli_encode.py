"""`encode` and `decode`: recordings to tokens and back to microvolts."""

from pathlib import Path
from typing import Annotated

import typer

from signalpiece.apps import screen
from signalpiece.core.check import SignalPieceError

Model = Annotated[
    str, typer.Argument(help="A model file, a shipped name (eeg) or a recipe that needs no training (dct).")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="An option of the recipe, e.g. tables=adaptive.")]


def encode(
    model: Model,
    inputs: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    out: Annotated[Path, typer.Option(help="x.sp for one file with all recordings, or a folder for one file each.")],
    bits: Annotated[float | None, typer.Option(min=0.1, help="Budget in bits per second and channel.")] = None,
    step: Annotated[
        str | None, typer.Option(help="Quantization step, with its unit: 2uV. Then channels are independent.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="single (a channel's tokens depend on no other) or spatial (components of all sensors)."),
    ] = None,
    group: Annotated[
        int | None, typer.Option(min=0, help="Channels whose bytes are written together: 0 = all, 1 = cheap ranges.")
    ] = None,
    bands: Annotated[
        str | None, typer.Option(help="How many times wider the step is in bands, e.g. gamma=2,alpha=.7.")
    ] = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Every sample exactly, trigger channels too; MODEL does not matter.")
    ] = False,
    max_error: Annotated[
        str | None, typer.Option(help="Every sample within a bound with its unit: 0.5uV, or 2LSB in the file's steps.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Of --lossless and --max-error: fast, default or best.")] = None,
    format: Annotated[str, typer.Option(help="coded (compact, random access) or parquet.")] = "coded",
    set_: Set = None,
    units: Annotated[list[str] | None, typer.Option(help="Units the file does not say, e.g. C3=uV or '*=uV'.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted encode.")] = False,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out files that cannot be read instead of refusing.")
    ] = False,
    keep_identity: Annotated[bool, typer.Option("--keep-identity", help="Keep names, dates and header text.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn recordings into tokens and say what they cost in bits."""
    from signalpiece.apps.cli_info import pairs
    from signalpiece.apps.coding import encode_inputs, parse_bands

    arranged = {"mode": mode, "group": group, "bands": parse_bands(bands) if bands else None}
    rows, notes = encode_inputs(
        model, inputs, out, bits=bits, step=step, format=format, options=set_ or [], units=pairs(units),
        skip=skip_damaged, resume=resume, keep_identity=keep_identity, arranged=arranged, lossless=lossless,
        max_error=max_error, level=level,
    )  # fmt: skip
    if json:
        screen.print_json({"files": rows, "notes": notes})
        return
    names = ("file", "seconds", "channels", "bits_per_second_channel", "bytes", "ratio", "out")
    screen.table(
        "",
        ("input", "seconds", "channels", "bits/s/channel", "bytes", "x smaller", "output"),
        [tuple(r[n] for n in names) for r in rows],
    )
    for sentence in notes:
        screen.say(f"note: {sentence}")


def decode(
    model: Annotated[str, typer.Argument(help="The model that made them; may be left out where it ships.")],
    out: Annotated[Path, typer.Option(help="Where to: a file such as x.edf, or a folder.")],
    tokens: Annotated[Path | None, typer.Argument(help="A token file (.sp), or a folder of tokens.")] = None,
    start: Annotated[float | None, typer.Option(min=0, help="First second to decode.")] = None,
    stop: Annotated[float | None, typer.Option(min=0, help="Last second to decode.")] = None,
    channels: Annotated[str | None, typer.Option(help="Names of channels, separated by commas.")] = None,
    rate: Annotated[str, typer.Option(help="model (the tokenizer's rate) or source (the file's).")] = "model",
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out damaged units instead of refusing.")
    ] = False,
    original: Annotated[
        bool, typer.Option("--original", help="Give back the files that lossless tokens were made of.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn tokens back into signals, whole or a stretch of some channels, with the original events."""
    from signalpiece.apps.coding import decode_originals, decode_tokens

    names = [c.strip() for c in channels.split(",")] if channels else None
    if original and (start is not None or stop is not None or channels is not None):
        raise SignalPieceError("--original gives back whole files; leave --start, --stop and --channels out")
    where = Path(model) if tokens is None else tokens
    rows = (
        decode_originals(where, out)
        if original
        else decode_tokens(
            None if tokens is None else model,
            where,
            out,
            start=start,
            stop=stop,
            channels=names,
            rate=rate,
            damaged="skip" if skip_damaged else "raise",
        )
    )
    if json:
        screen.print_json({"files": rows})
        return
    keys = ("recording", "seconds", "channels", "rate", "out")
    screen.table("", ("recording", "seconds", "channels", "Hz", "output"), [tuple(r[k] for k in keys) for r in rows])


COMMANDS = (encode, decode)
