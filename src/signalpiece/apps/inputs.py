"""Files and folders that a command was given, as opened recordings; what cannot be used is said, all of it at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signalpiece.apps import screen
from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import check_units_used, expand, open_all
from signalpiece.tokenizers.events import absorbed

NAMED = 5  # files that one message names


def open_inputs(
    paths: Sequence[Path], units: Mapping[str, str] | None = None, *, skip: bool = False, triggers: bool = False
) -> tuple[list[Any], list[str]]:
    """Recordings with channels over time, and notes on what was found or left out.

    Args:
        paths: files, or folders whose known files are meant.
        units: what the files do not say.
        skip: leave out files that cannot be read instead of refusing them.
        triggers: recordings of trigger channels alone stay recordings; else their codes become events of the others.

    Raises:
        SignalPieceError: files cannot be read (all are named), nothing is left, or `units` name no channel.
    """
    recordings, notes, failed, elsewhere = [], [], [], []
    for path in expand(paths):
        try:
            found = open_all(path, units=units)
        except SignalPieceError as error:
            failed.append((path, str(error)))
            continue
        usable = [r for r in found if "channel" in r.grid.axes and r.grid.size("channel") and r.grid.size("time")]
        notes += [f"{path.name}: {w}" for w in dict.fromkeys(w for r in usable for w in r.warnings)]
        recordings += usable if triggers else absorbed(usable)
        if not usable:
            elsewhere.append(path.name)
    if failed and not skip:
        raise SignalPieceError(_refusal(failed))
    if not recordings:
        raise SignalPieceError(f"{', '.join(map(str, paths))}: no channels over time")
    check_units_used(units or {}, recordings)
    notes += [f"left out, it cannot be read: {sentence}" for _, sentence in failed]
    if elsewhere:
        notes.append(f"left out, no channels over time: {_listed(elsewhere)}")
    return recordings, notes


def open_and_say(paths: Sequence[Path], units: Mapping[str, str] | None = None) -> list[Any]:
    """Recordings as `open_inputs` gives them; the notes go to the person."""
    recordings, notes = open_inputs(paths, units)
    for sentence in notes:
        screen.say(f"note: {sentence}")
    return recordings


def _refusal(failed: Sequence[tuple[Path, str]]) -> str:
    if len(failed) == 1:
        return failed[0][1]
    return (
        f"{len(failed)} files cannot be read ({_listed([p.name for p, _ in failed])}), the first because: "
        f"{failed[0][1]}; --skip-damaged leaves such files out"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
