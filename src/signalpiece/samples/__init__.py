"""Real recordings that travel with the package: one minute each of eyes open (R01) and eyes closed (R02), PhysioNet."""

from importlib.resources import files
from pathlib import Path

from signalpiece.core.check import check_option

NAMES = ("S001R01.edf", "S001R02.edf")


def sample(name: str) -> Path:
    """Path of a packaged recording."""
    return Path(str(files("signalpiece.samples").joinpath(check_option("sample", name, NAMES))))
