"""The static tables that ship, from the training split: python -m benchmarks.estimate_tables --data DIR

Prints what stands in signalpiece/tokenizers/tables.py and says whether it still is what the data give.
"""

import argparse
import textwrap

from signalpiece.apps.suite import suite_excerpts
from signalpiece.core.signal import Signal
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.lapped import Lapped
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.tokenizers.estimate import relative_spectrum
from signalpiece.tokenizers.tables import EIGHTHS, as_eighths
from signalpiece.tokenizers.transform import TransformCoder

SETS = ("eeg_eeglab32", "eeg_muse_erp")  # weighted equally
LAYOUTS = {"eeg-dct100-1": DCT(size=100), "eeg-lapped50-1": Lapped(hop=50)}


def training_groups(data: str | None) -> list[list[Signal]]:
    """Recordings of the training split by set, filtered and resampled as in every benchmark."""
    excerpts = suite_excerpts("suite-eeg-1", "train", data)
    return [[e.signal for e in excerpts if e.set == name] for name in SETS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", help="folder of the recordings (default: SIGNALPIECE_DATA)")
    groups = training_groups(parser.parse_args().data)
    for name, layout in LAYOUTS.items():
        coder = TransformCoder(layout, DeadZone(), AdaptiveBinary, side_codec=AdaptiveBinary(channels=0))
        table = as_eighths(relative_spectrum(coder, groups))
        text = textwrap.fill(", ".join(map(str, table)), 110, initial_indent=" " * 8, subsequent_indent=" " * 8)
        shipped = "as shipped" if EIGHTHS.get(name) == table else "NOT what is shipped"
        print(f'    "{name}": (  # {shipped}\n{text},\n    ),')


if __name__ == "__main__":
    main()
