"""What a coder of samples remembers: recent values, regressions, weights and running errors of every channel."""

from typing import NamedTuple

import numpy as np

from signalpiece.entropy.sample_settings import Settings

ROOM = 2048  # rows of recent values before they move to the front
EDGE = 64  # rows in front of the first: at least the longest filter
LONGEST = 128  # samples that a regression learns from at once, at most
RIVALS = 4  # predictors beside a channel's own, at most
KINDS = (0, 0, 1, 0, 2)  # shapes of the distributions around the final prediction: Gauss, logistic, Student


class State(NamedTuple):
    """Arrays for `c` channels and `r` recent rows; a regression is moments, weights and a factor to work in.

    Attributes:
        rows, innovations: recent values less the first one, and what a channel's own regression did not foresee; by
            time, then channel.
        own, rest: recent values again, and what the filter at the end has to predict; by channel, then time.
        trust, shared_trust: of recent samples in a channel's own regressions, and in those over channels.
        tail, energy: the filter at the end, and the energy of what it looks at.
        error: running squares of what the final prediction missed (quick, middle, slow).
        miss: the same of a channel's own regression and its rivals.
        mixing, spread: weights of the rivals and their inverse moments.
        parts: weights of the distributions.
    """

    rows: np.ndarray
    innovations: np.ndarray
    own: np.ndarray
    rest: np.ndarray
    trust: np.ndarray
    shared_trust: np.ndarray
    own_moments: np.ndarray
    own_weights: np.ndarray
    own_factor: np.ndarray
    quick_moments: np.ndarray
    quick_weights: np.ndarray
    quick_factor: np.ndarray
    nested_moments: np.ndarray
    nested_weights: np.ndarray
    nested_factor: np.ndarray
    vector_moments: np.ndarray
    vector_weights: np.ndarray
    vector_factor: np.ndarray
    few_weights: np.ndarray
    few_factor: np.ndarray
    tail: np.ndarray
    energy: np.ndarray
    error: np.ndarray
    miss: np.ndarray
    mixing: np.ndarray
    spread: np.ndarray
    parts: np.ndarray


class Scratch(NamedTuple):
    """What one sample of one channel is worked out in.

    Attributes:
        origin: the first value of each channel.
        nested, vector, few: what the regressions over channels say of each channel so far.
        away, wild, gain: how far each rival is from a channel's own prediction, in deviations, and a step of mixing.
        centres, scales, kinds, chances: of the distributions.
        since: row from which on the own, quick and shared regressions have not learnt yet.
        due: sample after which each of them learns again.
    """

    origin: np.ndarray
    nested: np.ndarray
    vector: np.ndarray
    few: np.ndarray
    away: np.ndarray
    wild: np.ndarray
    gain: np.ndarray
    centres: np.ndarray
    scales: np.ndarray
    kinds: np.ndarray
    chances: np.ndarray
    since: np.ndarray
    due: np.ndarray


def rivals_of(s: Settings) -> int:
    """How many predictors stand beside a channel's own."""
    return sum(n > 0 for n in (s.quick_taps, s.nested, s.lags, s.few))


def new_state(channels: int, s: Settings) -> State:
    """A state that has seen nothing."""
    c, r = channels, ROOM + EDGE
    own, quick = s.taps + 1, s.quick_taps + 1
    nested, vector, few = (n * c if n > 1 else 1 for n in (1 + s.nested, 1 + s.lags, 1 + s.few))
    mixing = np.zeros((c, RIVALS))
    mixing[:, (s.quick_taps > 0) + (s.nested > 0)] = 0.5 if s.lags else 0.0
    parts = s.shapes + 1 + rivals_of(s)
    zeros = np.zeros
    return State(
        rows=zeros(r * c), innovations=zeros(r * c), own=zeros((c, r)), rest=zeros((c, r)),
        trust=np.ones((c, r)), shared_trust=np.ones(r),
        own_moments=zeros((c, own, own)), own_weights=zeros((c, own, 1)), own_factor=zeros((own, own)),
        quick_moments=zeros((c, quick, quick)), quick_weights=zeros((c, quick, 1)), quick_factor=zeros((quick, quick)),
        nested_moments=zeros((nested, nested)), nested_weights=zeros((nested, c)),
        nested_factor=zeros((nested, nested)),
        vector_moments=zeros((vector, vector)), vector_weights=zeros((vector, c)),
        vector_factor=zeros((vector, vector)), few_weights=zeros((few, c)), few_factor=zeros((few, few)),
        tail=zeros((c, max(s.tail, 1))), energy=zeros(c), error=np.full((c, 3), 100.0),
        miss=np.full((c, 1 + RIVALS), 100.0), mixing=mixing, spread=np.tile(0.1 * np.eye(RIVALS), (c, 1, 1)),
        parts=np.full((c, parts), 1.0 / parts),
    )  # fmt: skip


def new_scratch(channels: int, s: Settings) -> Scratch:
    """Room to work in, at the start of a chunk."""
    zeros, c, parts = np.zeros, channels, s.shapes + 1 + rivals_of(s)
    kinds = np.array([*KINDS[: s.shapes], *[1] * (parts - s.shapes)], np.int64)
    return Scratch(
        origin=zeros(c), nested=zeros(c), vector=zeros(c), few=zeros(c), away=zeros(RIVALS), wild=zeros(RIVALS),
        gain=zeros(RIVALS), centres=zeros(parts), scales=zeros(parts), kinds=kinds, chances=zeros(parts),
        since=np.full(3, EDGE, np.int64), due=np.array([4, 4, 16], np.int64),
    )  # fmt: skip
