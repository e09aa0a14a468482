"""What `report`, `compare` and `doctor` do: models and files in, pages and tables out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signalpiece.apps import screen
from signalpiece.apps.coding import parse_step
from signalpiece.apps.inputs import open_and_say
from signalpiece.apps.load import load, save
from signalpiece.core.check import SignalPieceError

DEFAULT = "eeg"
ROWS = 24  # of a table that the doctor prints


def write_report(
    model: str,
    inputs: Sequence[Path],
    out: Path,
    *,
    bits: float | None = None,
    step: str | None = None,
    full: bool = False,
    units: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Writes the page about a model's tokens of these recordings; returns the figures of the files."""
    from signalpiece.apps.report import report
    from signalpiece.apps.report import write_report as write

    _check_out(out)
    options = {"bits": bits, "step": None if step is None else parse_step(step)[0]}
    with screen.progress("measuring", 1.0) as tell:
        found = report(
            _short(model), load(model), open_and_say(inputs, units), full=full, progress=tell,
            options={k: v for k, v in options.items() if v is not None},
        )  # fmt: skip
    size = write(out, found)
    rows = [dict(row) for row in found.files]
    first = {k: v for k, v in rows[0].items() if not isinstance(v, (dict, list))} if len(rows) == 1 else {}
    return {**first, "files": rows, "page": str(out), "page_bytes": size}


def run_compare(
    models: Sequence[str],
    data: Sequence[Path],
    out: Path | None = None,
    *,
    suite: str | None = None,
    split: str = "test",
    full: bool = False,
    units: Mapping[str, str] | None = None,
) -> Any:
    """Measures models and every classical rival on files, or on a split of a named suite, and writes the page."""
    from signalpiece.apps.compare import compare
    from signalpiece.apps.compare_page import compare_page
    from signalpiece.apps.excerpt import comparable, excerpt_of
    from signalpiece.apps.page import write_page
    from signalpiece.apps.rivals import rivals
    from signalpiece.apps.suite import suite_excerpts

    if out is not None:
        _check_out(out)
    names = [_short(m) for m in models]
    if len(set(names)) < len(names):
        raise SignalPieceError(f"two models would be called the same: {', '.join(names)}; rename one file")
    coders = {n: load(m) for n, m in zip(names, models, strict=True)}
    if suite is not None:
        excerpts = suite_excerpts(suite, split, data[0] if data else None)
    elif data:
        excerpts = [excerpt_of(r, full=full) for r in open_and_say(data, units)]
    else:
        raise SignalPieceError("compare needs recordings: give --data FILE, or --suite suite-eeg-1")
    several = any(len(comparable(e.signal.grid)) > 1 for e in excerpts)
    coders |= {n: c for n, c in rivals(without=names, several=several).items() if n not in coders}
    with screen.progress("comparing", 1.0) as tell:
        found = compare(coders, excerpts, suite=f"{suite} {split}" if suite else "", progress=tell)
    validation = None
    if out is not None and suite is not None and split == "test":  # the page says where the two splits disagree
        with screen.progress("comparing on validation", 1.0) as tell:
            chosen = suite_excerpts(suite, "validation", data[0] if data else None)
            validation = compare(coders, chosen, suite=f"{suite} validation", progress=tell)
    if out is not None:
        write_page(out, compare_page(found, names[0], validation=validation, default=DEFAULT if validation else ""))
    return found


def show_compare(comparison: Any) -> None:
    """Prints the tables at the standard rates."""
    from signalpiece.apps.compare_page import screen_tables

    for title, columns, rows in screen_tables(comparison):
        screen.table(title, columns, rows)
    print(comparison.scope)
    for sentence in comparison.notes:
        screen.say(f"note: {sentence}")


def run_doctor(
    model: str,
    inputs: Sequence[Path],
    *,
    against: Sequence[Path] | None = None,
    fix: str | None = None,
    out: Path | None = None,
    units: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Examines a model's codes on recordings, and writes the mended model if asked to; diagnosis, and repair or None.

    Raises:
        SignalPieceError: a repair without a file to write or the reverse, or one that cannot be done.
    """
    from signalpiece.apps.doctor import examine
    from signalpiece.apps.repair import KINDS, remap_table, repaired

    if fix is not None and fix not in KINDS:
        raise SignalPieceError(f"--fix must be one of {', '.join(KINDS)}, got {fix!r}; the file to write goes to --out")
    if (fix is None) != (out is None):
        raise SignalPieceError("to mend a model give both --fix prune, merge or revive and --out FILE")
    if out is not None:
        _check_out(out)
    tokenizer = load(model)
    recordings = open_and_say(inputs, units)
    with screen.progress("examining", 1.0) as tell:
        other = open_and_say(against, units) if against else []
        diagnosis = examine(_short(model), tokenizer, recordings, against=other, progress=tell)
    if fix is None or out is None:
        return diagnosis, None
    with screen.progress("mending", 1.0):
        repair = repaired(tokenizer, diagnosis, recordings, kind=fix)
        save(out, repair.model, remap=remap_table(repair.model))
    return diagnosis, repair


def show_doctor(diagnosis: Any, repair: Any = None) -> None:
    """Prints what to do, then the tables, then what was mended."""
    print(f"{diagnosis.model}: {diagnosis.tokens} tokens")
    screen.bullets(diagnosis.advice)
    for title, columns, rows in diagnosis.tables():
        print()
        screen.table(title, columns, rows[:ROWS])
        if len(rows) > ROWS:
            print(f"... and {len(rows) - ROWS} more rows; --json has all of them")
    if repair is not None:
        print()
        screen.bullets(repair.sentences())


def _short(model: str) -> str:
    return Path(model).stem if model.endswith(".safetensors") else model


def _check_out(out: Path) -> None:
    if not out.parent.is_dir():
        raise SignalPieceError(f"{out}: there is no folder {out.parent}")
