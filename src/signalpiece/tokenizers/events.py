"""Trigger channels are not coded; their codes become events, so that nothing is lost."""

from dataclasses import replace
from typing import Any

from signalpiece.core.signal import Annotation


def with_events(recording: Any) -> Any:
    """The recording with the codes of its trigger channels, which are not coded, among its events."""
    if "stim" not in recording.grid.kinds or not hasattr(recording, "triggers"):
        return recording
    known = {(round(a.onset, 3), a.text) for a in recording.annotations}
    found = [Annotation(onset, 0.0, str(code)) for onset, code in recording.triggers()]
    new = [a for a in found if (round(a.onset, 3), a.text) not in known]
    return replace(recording, annotations=tuple(sorted((*recording.annotations, *new), key=lambda a: a.onset)))
