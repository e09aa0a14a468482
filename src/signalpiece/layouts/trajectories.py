"""A film as trajectories: what goes on from frame to frame has one number and, in every frame, one mean colour.

Paper: "One Trajectory, One Token: Grounded Video Tokenization via Panoptic Sub-object Trajectory" (2025). Masks come
from whatever tracks: a segmenter, `carry_labels` along optical flow, or superpixels that follow the picture.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int

from signalpiece.core.check import check_range
from signalpiece.core.signal import Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.following import follow_superpixels
from signalpiece.layouts.pictures import FILM
from signalpiece.layouts.pixels import pixels_of
from signalpiece.layouts.superpixels import check_labels, pool_labels, restore_labels

Track = Callable[[Float[np.ndarray, "t h w c"], int], Int[np.ndarray, "t h w"]]


class Trajectories:
    """One slot per frame and trajectory, by frame, then trajectory: the mean colour of its mask.

    A row is invalid where its trajectory has no pixel in that frame. Coordinates: seconds, row and column of the
    middle of the mask, standard deviations of both. With k trajectories, rows k * frame + trajectory of all frames
    are one token.

    Args:
        num: regions of the first frame, about.
        colors: size of the colour axis.
        track: film and number to labels from 0, one and the same for what goes on; -1 belongs to nothing.

    Raises:
        SignalPieceError: no region.
    """

    arrays = ("torch",)
    loss = "all pixels of a mask come back as their mean, pixels of no mask as 0"

    def __init__(self, *, num: int = 64, colors: int = 3, track: Track = follow_superpixels) -> None:
        check_range("num", num, 1, 2**30)
        check_range("colors", colors, 1, 2**16)
        self.num, self.track = num, track
        self.dim = self.colors = colors

    def cut(self, signal: Signal) -> Slots:
        """Mean colours of all masks of a film.

        Raises:
            SignalPieceError: the signal is no film of so many colours, or the labels do not fit it.
        """
        pixels = pixels_of(signal, FILM, self.colors)
        frames, height, width, _ = pixels.shape
        labels = check_labels(self.track(pixels.detach().cpu().numpy(), min(self.num, height * width)), pixels)
        each = max(int(labels.max()) + 1, 1)
        numbered = np.where(labels < 0, -1, labels + each * np.arange(len(labels))[:, None, None])
        slots = pool_labels(signal, pixels, numbered, each * frames)
        rate = signal.grid.rate[0]
        assert slots.coords is not None
        seconds = torch.arange(frames).to(pixels) / (rate or 1.0) + signal.grid.start
        coords = torch.cat([seconds.repeat_interleave(each)[None, :, None], slots.coords], 2)
        return Slots(slots.values, slots.grid, coords, slots.valid, slots.assignment)

    def join(self, slots: Slots) -> Signal:
        """The film of masks.

        Raises:
            SignalPieceError: slots without an assignment, or of another film.
        """
        return restore_labels(slots, FILM, self.colors)
