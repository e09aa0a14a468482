"""What every command prints with: JSON when asked, else tables and sentences; progress with time left on stderr."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer


def print_json(data: Any) -> None:
    """One JSON document on stdout; NaN becomes null."""
    typer.echo(json.dumps(_plain(data), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(x: Any) -> Any:
    if isinstance(x, dict):
        return {str(k): _plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    if hasattr(x, "tolist"):
        return _plain(x.tolist())
    if isinstance(x, float):
        return x if x == x and abs(x) != float("inf") else None
    return x


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout; numbers align right and are never cut: a row wider than the screen runs over its edge."""
    from rich.console import Console
    from rich.table import Table

    out = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    need = 0
    for i, name in enumerate(columns):
        numbers = all(isinstance(r[i], (int, float)) or _numeric(str(r[i])) for r in rows)
        right = bool(rows) and numbers
        least = max(len(name), *(len(show(r[i])) for r in rows)) if right else len(name)
        out.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right, min_width=least)
        need += least + 2  # the gap beside it
    for row in rows:
        out.add_row(*(show(v) for v in row))
    Console(width=max(Console().width, need), soft_wrap=False).print(out)


def bullets(sentences: Sequence[str]) -> None:
    """Sentences on stdout, one below the other, broken between words at the width of the screen."""
    import textwrap

    from rich.console import Console

    width = max(Console().width, 40)
    for sentence in sentences:
        lines = textwrap.wrap(sentence, width - 2, break_long_words=False, break_on_hyphens=False)
        typer.echo("- " + "\n  ".join(lines))


def show(value: Any) -> str:
    """A figure as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4g}"
    return "-" if value is None else str(value)


def _numeric(text: str) -> bool:
    return text in ("-", "") or text.replace(".", "", 1).replace("-", "", 1).replace("+", "", 1).isdigit()


def say(sentence: str) -> None:
    """A sentence for the person, on stderr, so that stdout stays data."""
    typer.echo(sentence, err=True)


@contextmanager
def progress(title: str, total: float) -> Iterator[Any]:
    """A progress bar with time left on stderr; yields a function that takes what is done so far."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console,
        transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=max(total, 1e-9))
        yield lambda done, title=title: bar.update(task, completed=done, description=title)
