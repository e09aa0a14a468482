"""Modules of the journey import with torch blocked."""

import pkgutil
from pathlib import Path

import signalpiece

ROOMS = ("core", "signals", "layouts", "entropy", "stores", "metrics", "apps", "samples")
NEED_MORE = {"signalpiece.core.assignment", *(f"signalpiece.apps.{n}" for n in ("dataset", "features", "zarr_codec"))}


def modules():
    for room in ROOMS:
        package = __import__(f"signalpiece.{room}", fromlist=["__path__"])
        yield from (f"signalpiece.{room}.{m.name}" for m in pkgutil.iter_modules(package.__path__))
    yield from (f"signalpiece.recipes.{n}" for n in ("uniform", "mulaw", "dct", "wavelet", "klt", "lapped"))


def needs_torch(name):
    """A layout on tensors only says so in its first lines; that no other does is a law of the room."""
    text = Path(signalpiece.__file__).parent.joinpath(*name.split(".")[1:]).with_suffix(".py").read_text()
    return name.startswith("signalpiece.layouts.") and ("\nimport torch" in text or "\nfrom torch" in text)


def test_rooms_import_without_torch(run_light):
    names = sorted(name for name in set(modules()) - NEED_MORE if not needs_torch(name))
    assert len(names) > 40 and signalpiece.__version__
    run_light("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names)
