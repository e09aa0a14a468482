"""A learned tokenizer at work: pieces of a signal in, finished blocks of codes out."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.tokenizers.block_core import Groups, resting
from signalpiece.tokenizers.gain import Level, follow, measure
from signalpiece.tokenizers.intake import Intake
from signalpiece.tokenizers.resample import Resampler

if TYPE_CHECKING:
    from signalpiece.tokenizers.block_tokenizer import BlockTokenizer

SIDE = (Column("gain", 0), Column("offset", 0))


class CodeStream:
    """One recording in progress.

    Args:
        tokenizer: whose network to use.
        grid: of the recording; its length need not be known (any number).
    """

    def __init__(self, tokenizer: "BlockTokenizer", grid: Grid) -> None:
        self.tokenizer, self.core = tokenizer, tokenizer.core
        self.intake = Intake(grid, tokenizer.title)
        self.resampler = Resampler.between(grid.time_rate, tokenizer.rate)
        self.rate = self.resampler.rate(grid.time_rate, tokenizer.rate)
        self.first = 0  # frames given out
        self._blocks = 0
        self._closed = False
        self._resampling = self.resampler.stream()
        coded = grid.pick(self.intake.keep)
        self._channels = coded.size("channel")
        names = coded.names or ("",) * self._channels
        with resting(tokenizer):
            self._groups = Groups(names, self.core.start_encoder, self.core.encode_block, joint=self.core.joint)
        self._level = Level.begin(self._channels)
        self._rest = np.zeros((self._channels, 0), np.float32)

    @property
    def latency_seconds(self) -> float:
        """From a sample to its codes, at worst."""
        return self.core.block / self.rate + self.resampler.latency_seconds(self.intake.grid.time_rate)

    def push(self, signal: Signal) -> Tokens:
        """The blocks that are finished now.

        Raises:
            SignalPieceError: the stream is closed, or the signal has other channels or another rate.
        """
        if self._closed:
            raise SignalPieceError("this stream is closed; begin another with stream()")
        x, _ = self.intake.push(signal)
        return self._tokens(self._coded(self._resampling.push(x)))

    def close(self) -> Tokens:
        """The last frames; their header knows the recording's length and which stretches do not count."""
        if self._closed:
            raise SignalPieceError("this stream is closed; begin another with stream()")
        self._closed = True
        x = self._resampling.close()
        done = self._coded(x if x.shape[0] else self._rest[:, :0])
        left = self._rest.shape[1]
        if left:
            full = np.pad(self._rest, ((0, 0), (0, self.core.block - left)), mode="edge")
            codes, side = self._block(full)
            done.append((codes[: -(-left // self.core.hop)], side[: -(-left // self.core.gain_block)]))
        return self._tokens(done)

    @property
    def header(self) -> Header:
        """As known so far: length and invalid stretches grow."""
        core, tokenizer = self.core, self.tokenizer
        grid = self.intake.coded_grid(self.intake.samples)
        notes = {"rate": self.rate, "ratio": [self.resampler.up, self.resampler.down]}
        if core.joint:
            notes["channels"] = self._channels
        segment = tokenizer.blocks_per_segment * core.block
        frames = Frames(self.rate, core.hop, core.hop)
        return Header(grid, core.columns, frames, tokenizer.model, notes, self.intake.invalid, segment // core.hop)

    def _coded(self, x: Float[np.ndarray, "c t"]) -> list[tuple[np.ndarray, np.ndarray]]:
        size = self.core.block
        x = np.concatenate([self._rest, x], axis=1)
        whole = x.shape[1] // size * size
        self._rest = x[:, whole:].copy()
        return [self._block(x[:, at : at + size]) for at in range(0, whole, size)]

    def _block(self, x: Float[np.ndarray, "c t"]) -> tuple[Int[np.ndarray, "n c q"], Int[np.ndarray, "m c 2"]]:
        """Codes and side information of one block."""
        core = self.core
        with resting(self.tokenizer) as device:
            if self._blocks and self._blocks % self.tokenizer.blocks_per_segment == 0:
                self._groups.begin()
                self._level = Level.begin(self._channels)
            self._blocks += 1
            side, unit = [], []
            for at in range(0, core.block, core.gain_block):
                piece = x[:, at : at + core.gain_block]
                side.append(measure(piece, self._level))
                envelope, self._level = follow(side[-1], self._level, core.gain_block, core.ramp)
                unit.append(envelope.remove(piece))
            rows = torch.from_numpy(np.concatenate(unit, axis=1)).to(device)
            codes = self._groups(rows).cpu().numpy()
        return codes.astype(np.int32).transpose(1, 0, 2), np.stack(side)

    def _tokens(self, pieces: list[tuple[np.ndarray, np.ndarray]]) -> Tokens:
        core, header = self.core, self.header
        codes = np.concatenate([np.zeros((0, self._channels, len(core.columns)), np.int32), *(c for c, _ in pieces)])
        side = np.concatenate([np.zeros((0, self._channels, len(SIDE)), np.int32), *(s for _, s in pieces)])
        per = core.gain_block // core.hop
        frames = Frames(self.rate, core.gain_block, core.gain_block)
        side_header = Header(
            replace(header.grid, shape=(self._channels, 0)), SIDE, frames, segment=header.segment // per
        )
        first, self.first = self.first, self.first + len(codes)
        return Tokens(
            (header,),
            codes.reshape(1, -1, len(core.columns)),
            side=Tokens((side_header,), side.reshape(1, -1, len(SIDE)), first=-(-first // per)),
            first=first,
            truncates=core.truncates,
        )
