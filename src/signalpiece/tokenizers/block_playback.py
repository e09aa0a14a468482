"""Decoding of a learned block coder: codes from the start of a segment on to samples."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.core.signal import Signal
from signalpiece.core.tokens import Header, Tokens
from signalpiece.tokenizers.block_core import Groups, resting
from signalpiece.tokenizers.gain import Level, follow
from signalpiece.tokenizers.intake import valid_samples
from signalpiece.tokenizers.resample import Resampler

if TYPE_CHECKING:
    from signalpiece.tokenizers.block_tokenizer import BlockTokenizer


def play_blocks(tokenizer: "BlockTokenizer", tokens: Tokens, rate: str) -> Signal:
    """The samples that these tokens determine, at the tokenizer's rate or the source's."""
    check_option("rate", rate, ("model", "source"))
    header = tokens.header
    resampler = _check(tokenizer, tokens)
    total = resampler.length(header.grid.size("time"))
    x = _samples(tokenizer, tokens)
    start = tokens.first * tokenizer.core.hop
    stop = min(start + x.shape[1], total)
    x, ratio = x[:, : stop - start], (resampler.up, resampler.down)
    valid = valid_samples(header.invalid, len(x), start, stop, ratio)
    valid = _undamaged(tokenizer, tokens, start, stop, valid)
    hertz = float(header.preprocessing["rate"])
    if rate == "source" and not resampler.is_identity:
        back, begun = resampler.inverse(), start
        start, stop = back.within(start, stop, total)
        stop = min(stop, header.grid.size("time"))
        x = back.between_samples(x, begun, start, stop)
        valid = valid_samples(header.invalid, len(x), start, stop)
        hertz = header.grid.time_rate
    grid = replace(header.grid, rate=(None, hertz), shape=x.shape, start=header.grid.start + start / hertz)
    return Signal(grid, x, valid, tokens.annotations)


def _check(tokenizer: "BlockTokenizer", tokens: Tokens) -> Resampler:
    """The recording's resampler.

    Raises:
        SignalPieceError: the tokens do not belong to this tokenizer, or cannot be decoded alone.
    """
    header, have = tokens.header, dict(tokens.header.model)
    if have.get("hash") != tokenizer.model_hash:
        raise SignalPieceError(
            f"these tokens are of recipe {have.get('recipe')} with hash {have.get('hash')}, "
            f"not of {tokenizer.title} with hash {tokenizer.model_hash}; load the model that made them"
        )
    if tokens.side is None or tokens.side.codes is None:
        raise SignalPieceError("these tokens lack their side information (gains), so they cannot be decoded")
    if tokens.first % header.segment:
        begin = tokens.first // header.segment * header.segment
        raise SignalPieceError(
            f"{tokenizer.title} decodes from the start of a segment on; these tokens begin with frame {tokens.first}, "
            f"read them from frame {begin}"
        )
    rows = header.preprocessing.get("channels")
    if rows is not None and rows != header.grid.size("channel"):
        raise SignalPieceError(
            f"{tokenizer.title} looks at all {rows} channels together and needs them to decode any, "
            f"got {header.grid.size('channel')}; decode all of them, then pick"
        )
    return Resampler(*map(int, header.preprocessing["ratio"]))


def _samples(tokenizer: "BlockTokenizer", tokens: Tokens) -> Float[np.ndarray, "c t"]:
    """Samples of all blocks; frames that are missing in the last one count as code 0."""
    core, header, side = tokenizer.core, tokens.header, tokens.side
    assert side is not None
    channels, cube, gains = header.grid.size("channel"), tokens.cube(), side.cube()
    frames, rows = core.block // core.hop, core.block // core.gain_block
    blocks = -(-len(cube) // frames)
    cube = np.pad(cube, ((0, blocks * frames - len(cube)), (0, 0), (0, 0)))
    gains = np.pad(gains[: blocks * rows], ((0, max(blocks * rows - len(gains), 0)), (0, 0), (0, 0)))
    out = [np.zeros((channels, 0), np.float32)]
    with resting(tokenizer) as device:
        names = header.grid.names or ("",) * channels
        groups = Groups(names, core.start_decoder, core.decode_block, joint=core.joint)
        level = Level.begin(channels)
        for k in range(blocks):
            if k and k % tokenizer.blocks_per_segment == 0:
                groups.begin()
                level = Level.begin(channels)
            codes = cube[k * frames : (k + 1) * frames].transpose(1, 0, 2)
            y = groups(torch.from_numpy(np.ascontiguousarray(codes)).long().to(device)).cpu().numpy()
            for i in range(rows):
                envelope, level = follow(gains[k * rows + i], level, core.gain_block, core.ramp)
                out.append(envelope.restore(y[:, i * core.gain_block : (i + 1) * core.gain_block]))
    x = np.concatenate(out, axis=1)
    whole = tokens.first + tokens.num_frames >= _total_frames(header, core.hop)
    unit = core.hop if core.causal else core.block
    return x if whole else x[:, : tokens.num_frames * core.hop // unit * unit]


def _undamaged(
    tokenizer: "BlockTokenizer", tokens: Tokens, start: int, stop: int, valid: Bool[np.ndarray, "c t"] | None
) -> Bool[np.ndarray, "c t"] | None:
    """Damaged rows make everything up to the end of their segment meaningless: the network has lost its state."""
    if tokens.valid is None or np.all(tokens.valid):
        return valid
    hop, segment = tokenizer.core.hop, tokens.header.segment
    channels = tokens.header.grid.size("channel")
    valid = np.ones((channels, stop - start), bool) if valid is None else valid
    for frame, channel in np.argwhere(~np.asarray(tokens.valid[0]).reshape(-1, channels)):
        end = (frame // segment + 1) * segment
        valid[channel, frame * hop : end * hop] = False
    return valid


def _total_frames(header: Header, hop: int) -> int:
    return -(-Resampler(*map(int, header.preprocessing["ratio"])).length(header.grid.size("time")) // hop)
