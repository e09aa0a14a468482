"""Recordings to files of lossless or bounded tokens: a segment at a time, resumable, all recordings of a file together.

Beside the samples goes what gives the file back: for EDF and BDF all bytes that are no samples, with names, dates and
free text of the header blanked unless they are to be kept.
"""

import base64
import lzma
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from signalpiece.core.check import SignalPieceError
from signalpiece.core.tokens import Header, Tokens
from signalpiece.signals.edf_original import blanked, take_apart
from signalpiece.tokenizers.exact import Exact
from signalpiece.tokenizers.files import Progress, Report, Written, open_tokens
from signalpiece.tokenizers.outputs import Place, make_folder, output_paths

ORIGINALS = ("EDF", "BDF")  # formats whose files come back
BLANKED = (
    "names, dates and free text of the header are blanked as EDF+ prescribes, all else comes back with "
    "`signalpiece decode --original`; --keep-identity keeps the file byte for byte"
)


def encode_exact(
    tokenizer: Exact,
    recordings: Sequence[Any],
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    keep_identity: bool = False,
) -> Report:
    """Encodes opened recordings without loss, or within the tokenizer's bound.

    Args:
        tokenizer: with its level and bound.
        recordings: as `signalpiece.signals.files.open_all` gives them; all those of an input go into one file.
        out: `x.sp` for one file, else a folder that gets `<stem>.sp` for each input.
        resume: go on with what a killed run left; files that are finished stay as they are.
        progress: called with seconds done and seconds in all.
        keep_identity: keep names, dates and header text; EDF and BDF files then come back byte for byte.

    Raises:
        SignalPieceError: two outputs would have one name, a file cannot be written, the bound cannot be kept.
    """
    from signalpiece.stores.coded_writer import CodedWriter

    if not recordings:
        raise SignalPieceError("there is nothing to encode: no recording was given")
    inputs = list(dict.fromkeys(Path(r.path) for r in recordings))
    of_input = dict(zip(inputs, output_paths(inputs, Path(out)), strict=True))
    done, total = 0.0, sum(r.grid.seconds for r in recordings)
    written, notes = list[Written](), list[str]()
    for path in dict.fromkeys(place.path for place in of_input.values()):
        here = [r for r in recordings if of_input[Path(r.path)].path == path]
        parts = [_part(tokenizer, here, r, keep_identity) for r in here]
        if not (resume and _is_done(path, tokenizer, here, parts)):
            make_folder(path.parent if path != Path(out) else None)
            with CodedWriter(path, resume=resume) as writer:
                for recording, part in zip(here, parts, strict=True):
                    _write(writer, tokenizer, recording, part, progress, (done, total))
                    done += recording.grid.seconds
        else:
            done += sum(r.grid.seconds for r in here)
        stored = open_tokens(path).recordings
        written += [_written(path, here, r, s) for r, s in zip(here, stored, strict=True)]
        if not keep_identity and not tokenizer.max_error and any(r.format in ORIGINALS for r in here):
            notes.append(BLANKED)
    return Report(tuple(written), tuple(dict.fromkeys(notes)))


def _part(tokenizer: Exact, here: Sequence[Any], recording: Any, keep_identity: bool) -> dict[str, Any]:
    """What the header says of the file that the recording is a part of."""
    siblings = [r for r in here if r.path == recording.path]
    number = next(i for i, r in enumerate(siblings) if r is recording)
    out: dict[str, Any] = {"part": number, "format": recording.format}
    if keep_identity and recording.identity:
        out["identity"] = dict(recording.identity)
    if number == 0 and recording.format in ORIGINALS and not tokenizer.max_error:
        facts, rest = take_apart(recording.path, [r.samples for r in siblings])
        rest = rest if keep_identity else blanked(rest)
        out["original"] = facts | {"rest": base64.b85encode(lzma.compress(rest, preset=9)).decode()}
    return out


def _write(
    writer: Any,
    tokenizer: Exact,
    recording: Any,
    part: dict[str, Any],
    progress: Progress | None,
    told: tuple[float, float],
) -> None:
    last: Tokens | None = None
    for tokens in tokenizer.segments(recording):
        header = replace(tokens.header, preprocessing={**tokens.header.preprocessing, **part})
        if last is None:
            key = f"{Path(recording.path).name} {recording.grid.shape}"
            writer.begin(replace(header, invalid=()), tokenizer.codec, tokenizer.side_codec, key)
        last = replace(tokens, headers=(header,))
        writer.segment(last)
        if progress is not None:
            seconds = (tokens.first + tokens.num_frames) / recording.grid.time_rate
            progress(told[0] + seconds, told[1])
    assert last is not None, "a checked recording has samples"
    writer.end(last.header, last.side, recording.annotations)


def _is_done(path: Path, tokenizer: Exact, here: Sequence[Any], parts: Sequence[dict[str, Any]]) -> bool:
    """Whether `path` holds these recordings with this bound."""
    if not path.is_file():
        return False
    try:
        stored = open_tokens(path).recordings
    except SignalPieceError:
        return False
    return len(stored) == len(here) and all(
        _same(s.header, tokenizer, r, p) for s, r, p in zip(stored, here, parts, strict=True)
    )


def _same(header: Header, tokenizer: Exact, recording: Any, part: dict[str, Any]) -> bool:
    said, grid = header.preprocessing, recording.grid
    return (
        (header.grid.names, header.grid.shape) == (grid.names, grid.shape)
        and header.model.get("hash") == tokenizer.model_hash
        and said.get("max_error", "") == tokenizer.max_error
        and all(said.get(k) == v for k, v in part.items())
    )


def _written(path: Path, here: Sequence[Any], recording: Any, stored: Any) -> Written:
    siblings = [r for r in here if r.path == recording.path]
    place = Place(path, next(i for i, r in enumerate(siblings) if r is recording))
    channels = stored.header.grid.size("channel")
    return Written(Path(recording.path), place.recording, path, recording.grid.seconds, channels, stored.bits)
