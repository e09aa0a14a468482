"""What a run shows on the screen: steps, time left, the last losses."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Show:
    """A progress bar on the error stream, or nothing.

    Args:
        steps: of the whole run.
        begin: steps that are done already.
        shown: False shows nothing.
    """

    def __init__(self, steps: int, begin: int, shown: bool) -> None:
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not shown, transient=False)
        self._task = self._bar.add_task("fit", total=steps, completed=begin, losses="")

    def __enter__(self) -> "Show":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def at(self, step: int, losses: dict[str, float]) -> None:
        """Steps done so far and what to print beside the bar."""
        text = "  ".join(f"{k} {v:.4g}" for k, v in losses.items() if k in ("total", "validation"))
        self._bar.update(self._task, completed=step, losses=text)
