"""Tables that ship with the library, by name; stored tokens name what they were coded with, so none ever changes."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import check_option

OWN = "own"  # said in stored tokens whose codec has tables of a model file
_SCALES: dict[str, tuple[int, ...]] = {}


def find_tables(name: str) -> Mapping[str, Float[np.ndarray, "k"]]:
    """Arguments of a codec; none for the empty name.

    Raises:
        SignalPieceError: no tables of that name ship with this version.
    """
    if not name:
        return {}
    return {"scales": np.array(_SCALES[check_option("tables", name, _SCALES)], np.float64)}
