"""One thread and fixed seeds, so that figures do not depend on what else runs."""

import os
import sys
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)


DAMAGED: Counter[str] = Counter()  # of all processes


def pytest_sessionfinish(session):
    counts = sys.modules.get("damage_counts")
    if counts is not None:
        output = getattr(session.config, "workeroutput", None)
        DAMAGED.update(counts.COUNTS) if output is None else output.update(damage=dict(counts.COUNTS))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    DAMAGED.update(getattr(node, "workeroutput", {}).get("damage", {}))


def pytest_terminal_summary(terminalreporter):
    if DAMAGED:
        how = f"{DAMAGED['read']} read as far as they go, {DAMAGED['refused']} refused in one sentence"
        terminalreporter.write_line(f"damaged files looked at: {DAMAGED.total()}; {how}")
