"""The list of the 305 published systems that the library is built from: number, slug, title, room."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class System:
    """One published system and the room that its one idea belongs to."""

    id: int
    slug: str
    title: str
    room: str


@cache
def list_systems() -> tuple[System, ...]:
    """All 305 systems by number."""
    lines = files("signalpiece.core").joinpath("systems.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return tuple(System(int(number), slug, title, room) for number, slug, title, room in rows)
