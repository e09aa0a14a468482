"""Modules of the journey import with torch blocked."""

import pkgutil

import signalpiece

ROOMS = ("core", "signals", "layouts", "entropy", "stores", "metrics", "apps", "samples")
NEED_MORE = {"signalpiece.core.assignment", "signalpiece.apps.dataset", "signalpiece.apps.features"}


def modules():
    for room in ROOMS:
        package = __import__(f"signalpiece.{room}", fromlist=["__path__"])
        yield from (f"signalpiece.{room}.{m.name}" for m in pkgutil.iter_modules(package.__path__))
    yield from (f"signalpiece.recipes.{n}" for n in ("uniform", "mulaw", "dct", "wavelet", "klt", "lapped"))


def test_rooms_import_without_torch(run_light):
    names = sorted(set(modules()) - NEED_MORE)
    assert len(names) > 40 and signalpiece.__version__
    run_light("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names)
