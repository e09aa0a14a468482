"""The archivist's journey: everything here must run in an environment without torch.

In the full environment these tests run with torch blocked, which is nearly the same thing.
"""

import subprocess
import sys

import pytest

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "accelerate"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def run_light():
    """Runs a piece of Python in a fresh process in which torch cannot be imported; returns its stdout."""

    def run(code: str, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run([sys.executable, "-c", BLOCK + code, *arguments], capture_output=True, text=True)
        assert done.returncode == expect, done.stderr
        return done.stdout if expect == 0 else done.stderr

    return run


@pytest.fixture
def cli(run_light):
    """Runs the command line with torch blocked; returns stdout, or stderr where a failure is expected."""

    def run(*arguments: object, expect: int = 0) -> str:
        return run_light(
            "from signalpiece.apps.cli import main; main(sys.argv[1:])", *map(str, arguments), expect=expect
        )

    return run
