"""The command line: `signalpiece COMMAND ...`. Each command's file loads when the command runs.

What a user did wrong is one sentence on stderr and exit code 2, never a traceback.
"""

import sys
from typing import Any

import typer

from signalpiece.core.check import SignalPieceError

app = typer.Typer(
    name="signalpiece",
    help="Tokens for signals: learn, encode, store, decode and report tokens of EEG and other signals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _register() -> None:
    from signalpiece.apps import cli_encode, cli_fit, cli_info, cli_measure, cli_recipes, cli_stream

    for module in (cli_info, cli_encode, cli_measure, cli_fit, cli_recipes):
        for command in module.COMMANDS:
            app.command()(command)
    app.add_typer(cli_stream.stream, name="stream", no_args_is_help=True)


_register()


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from signalpiece import __version__

        typer.echo(__version__)
        raise typer.Exit()


def main(arguments: list[str] | None = None) -> Any:
    """Runs a command; exits with 2 after one sentence if the request cannot be met."""
    try:
        app(args=arguments)
    except SignalPieceError as error:
        fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command again with --resume to go on where it can", err=True)
        sys.exit(130)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def fail(sentence: str) -> None:
    """Prints one sentence on stderr and exits with 2."""
    typer.echo(f"signalpiece: {sentence}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
