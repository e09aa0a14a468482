"""What tests of the command line share."""

import pytest

from signalpiece.apps.cli import main


@pytest.fixture
def run(capsys):
    """Runs a command in this process; returns exit code, stdout and stderr."""

    def go(*arguments):
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return go
