"""Trigger channels are not coded; their codes become events, so that nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from signalpiece.core.signal import Annotation


def with_events(recording: Any) -> Any:
    """The recording with the codes of its trigger channels, which are not coded, among its events."""
    if "stim" not in recording.grid.kinds or not hasattr(recording, "triggers"):
        return recording
    return _with(recording, recording.triggers())


def absorbed(recordings: Sequence[Any]) -> list[Any]:
    """The recordings without those of trigger channels alone, whose codes go to the others of the same file.

    A file whose trigger channel has a rate of its own opens as two recordings; the second has nothing to code. Where
    a file has nothing else, it stays, to be refused by what cannot code it.
    """
    alone = [set(r.grid.kinds) == {"stim"} for r in recordings]
    coded = {str(r.path) for r, a in zip(recordings, alone, strict=True) if not a}
    out = []
    for recording, only in zip(recordings, alone, strict=True):
        if only and str(recording.path) in coded:
            continue
        for other, gone in zip(recordings, alone, strict=True):
            if gone and not only and str(other.path) == str(recording.path):
                recording = _with(recording, other.triggers())
        out.append(recording)
    return out


def _with(recording: Any, triggers: Sequence[tuple[float, int]]) -> Any:
    """The recording with the codes at these seconds among its events, each once."""
    known = {(round(a.onset, 3), a.text) for a in recording.annotations}
    found = [Annotation(onset, 0.0, str(code)) for onset, code in triggers]
    new = [a for a in found if (round(a.onset, 3), a.text) not in known]
    return replace(recording, annotations=tuple(sorted((*recording.annotations, *new), key=lambda a: a.onset)))
