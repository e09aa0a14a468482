"""What a coder of samples does, as numbers: how far it looks back, how often it learns, and which predictors it has.

A chunk names its settings by number; the numbers of a released row never change.
"""

from typing import NamedTuple


class Settings(NamedTuple):
    """One way to predict and code.

    Attributes:
        taps: samples of its own past that a channel is predicted from.
        block: samples between two solutions of the channels' own regressions.
        quick_taps, quick_block: the same for a second, faster forgetting one; 0 = none.
        nested: innovations of all channels that the regression on innovations looks back at; 0 = none.
        lags: samples of the past of all channels in the vector regression; 0 = none.
        few: the same for a second vector regression, on part of the first one's moments; 0 = none.
        shared: samples between two solutions of the regressions over channels.
        tail: taps of the filter that follows all regressions; 0 = none.
        shapes: how many of the distributions around the final prediction take part.
        own_keep, quick_keep, nested_keep, vector_keep: what is kept of old moments after each sample.
        share: how much of the weight of the distributions is dealt out anew at each sample.
    """

    taps: int = 24
    block: int = 32
    quick_taps: int = 16
    quick_block: int = 8
    nested: int = 1
    lags: int = 4
    few: int = 1
    shared: int = 64
    tail: int = 32
    shapes: int = 5
    own_keep: float = 0.9995
    quick_keep: float = 0.99
    nested_keep: float = 0.9998
    vector_keep: float = 0.9999
    share: float = 0.005


SETTINGS = (
    Settings(taps=16, block=64, quick_taps=0, nested=0, lags=2, few=0, shared=128, tail=0, shapes=2),  # 0: fast
    Settings(),  # 1: default
    Settings(nested=2, lags=6, shared=16),  # 2: best
    Settings(quick_taps=0, nested=0, lags=0, few=0),  # 3: each channel by itself
    Settings(nested=0, lags=0, few=0),  # 4: the same, with a second regression
    Settings(quick_taps=20, quick_block=4, quick_keep=0.997, lags=0, few=0),  # 5: for sound
)
ROOM_FOR_LAGS = 512  # values of a vector regression, unless one lag takes more
MOST_CHANNELS = 310  # of a vector regression


def fitted(settings: Settings, channels: int) -> Settings:
    """The settings for so many channels: no regression over channels for one of them, fewer lags for many."""
    if channels < 2:
        return settings._replace(nested=0, lags=0, few=0)
    lags = min(settings.lags, max(ROOM_FOR_LAGS // channels - 1, 1)) if channels <= MOST_CHANNELS else 0
    return settings._replace(lags=lags, few=settings.few if settings.few < lags else 0)
