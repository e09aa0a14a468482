"""The list of 305 is whole, and importing the library is cheap."""

import subprocess
import sys

from signalpiece.core.systems import list_systems


def test_all_305_are_listed_once():
    found = list_systems()
    assert [s.id for s in found] == list(range(305))
    assert len({s.slug for s in found}) == 305 and all(s.title and s.room for s in found)


def test_import_loads_nothing_heavy():
    code = (
        "import sys, signalpiece, signalpiece.core, signalpiece.apps.cli;"
        "heavy = {'torch', 'mne', 'numba', 'scipy', 'pyarrow', 'pandas', 'constriction'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
