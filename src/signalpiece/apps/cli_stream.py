"""`stream push` and `stream pull`: bare samples of a pipe to tokens, and tokens to a pipe."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from signalpiece.apps import screen
from signalpiece.apps.cli_encode import Model

stream = typer.Typer(help="Tokens of samples that arrive in a pipe, and back into one, in constant memory.")


@stream.command()
def push(
    model: Model,
    channels: Annotated[str, typer.Option(help="Names of the channels, in the order of the samples: Cz,Pz,EOG.")],
    rate: Annotated[float, typer.Option(help="Samples per second, Hz.")],
    out: Annotated[Path, typer.Option(help="File of tokens; it is whole once the pipe ends or you press Ctrl-C.")],
    units: Annotated[str, typer.Option(help="Unit of the samples.")] = "uV",
    step: Annotated[str | None, typer.Option(help="Quantization step with its unit; default: usual for EEG.")] = None,
    segment: Annotated[float, typer.Option(min=1.0, help="Seconds that a kill can lose.")] = 30.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Encode little-endian float32 samples of stdin, all channels of one instant together."""
    from signalpiece.apps import streaming
    from signalpiece.apps.coding import parse_step
    from signalpiece.apps.load import load
    from signalpiece.core.check import SignalPieceError

    grid, factor = streaming.live_grid([c.strip() for c in channels.split(",") if c.strip()], rate, units)
    value, unit = (None, "") if step is None else parse_step(step)
    if unit and unit != grid.unit(0):
        raise SignalPieceError(f"the step is in {unit} and the samples in {grid.unit(0)}; say the same unit in both")
    tokenizer = load(model)
    done = streaming.push(tokenizer, sys.stdin.buffer, out, grid=grid, factor=factor, step=value, segment=segment)
    if json:
        screen.print_json(done)
        return
    how_much = (
        f"{done['seconds']:.1f} s of {done['channels']} channels, {done['bits_per_second_channel']:.1f} bits/s/channel"
    )
    screen.say(f"{how_much}, in {done['out']}; codes are known {done['latency_seconds']:.2f} s behind the samples")
    if done["bytes_left_over"]:
        screen.say(
            f"note: the last {done['bytes_left_over']} bytes were no whole instant of {done['channels']} channels"
        )


@stream.command()
def pull(
    model: Model,
    tokens: Annotated[Path, typer.Argument(help="A file of tokens.")],
    channels: Annotated[str | None, typer.Option(help="Names of channels, separated by commas; default: all.")] = None,
    rate: Annotated[str, typer.Option(help="model (the tokenizer's rate) or source (the recording's).")] = "model",
    units: Annotated[str, typer.Option(help="Unit of the samples.")] = "uV",
    recording: Annotated[int, typer.Option(min=0, help="Its number in the file.")] = 0,
) -> None:
    """Decode to stdout: little-endian float32 samples, all channels of one instant together."""
    from signalpiece.apps import streaming

    names = [c.strip() for c in channels.split(",")] if channels else None
    for samples in streaming.pull(model, tokens, names, recording=recording, rate=rate, units=units):
        sys.stdout.buffer.write(samples.tobytes())
    sys.stdout.buffer.flush()
