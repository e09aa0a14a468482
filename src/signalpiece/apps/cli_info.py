"""`info`: what a file is, whether it is a recording, a model or tokens."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from signalpiece.apps import screen


def info(
    file: Annotated[
        Path,
        typer.Argument(help="A recording, a model file, a token file, a folder of these, or a shipped model's name."),
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Run a model's self-test; check every checksum of tokens.")
    ] = False,
    units: Annotated[list[str] | None, typer.Option(help="Units the file does not say, e.g. C3=uV or '*=uV'.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a file holds: channels, rates, units, events, gaps; a model's options; a token file's size in bits."""
    from signalpiece.apps.describe import facts

    found = facts(file, verify=verify, units=pairs(units))
    if json:
        screen.print_json(found)
        return
    show(found)


def pairs(texts: list[str] | None) -> dict[str, str]:
    """`name=unit` texts as a dict.

    Raises:
        SignalPieceError: one has no "=".
    """
    from signalpiece.core.check import SignalPieceError

    for text in texts or ():
        if "=" not in text:
            raise SignalPieceError(f"--units takes channel=unit, e.g. C3=uV, got {text!r}")
    return {k: v for k, _, v in (t.partition("=") for t in texts or ())}


def show(found: dict[str, Any]) -> None:
    """Prints the facts for a person."""
    if "files" in found:
        columns = ("file", "channels", "Hz", "seconds", "what")
        screen.table(found["folder"], columns, [row for one in found["files"] for row in _rows(one)])
        return
    if "tokens" in found and isinstance(found["tokens"], list):
        for i, stored in enumerate(found["tokens"]):
            rows = [("recording", i), *_token_rows(stored)]
            screen.table("", (found["file"], ""), rows)
            for sentence in stored["warnings"]:
                print(f"note: {sentence}")
        if found.get("verified"):
            print("every checksum fits")
        return
    if "recordings" not in found:
        screen.table("", ("", ""), [(k, _line(v)) for k, v in found.items()])
        return
    print(f"{found['file']}: {found['format']}, {len(found['recordings'])} recording(s)")
    for i, r in enumerate(found["recordings"]):
        if len(found["recordings"]) > 1:
            print(f"\nrecording {i}")
        screen.table("", ("", ""), [(k, v) for k, v in _summary(r).items()])
        for sentence in r.get("warnings", ()):
            print(f"note: {sentence}")


def _rows(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One line per recording of a file in a folder."""
    if "error" in found:
        return [(found["file"], None, None, None, found["error"])]
    if isinstance(found.get("tokens"), list):
        return [
            (found["file"], t["channels"], t["rate"], t["seconds"],
             f"tokens of {t['model'].get('recipe')}, {t['bits_per_second_channel']:.1f} bits/s/channel")
            for t in found["tokens"]
        ]  # fmt: skip
    if "recordings" not in found:
        return [(found["file"], None, None, None, f"model of recipe {found.get('recipe')}")]
    return [(found["file"], len(r["channels"]), r["rate"], r["seconds"], found["format"]) for r in found["recordings"]]


def _token_rows(stored: dict[str, Any]) -> list[tuple[str, Any]]:
    model = stored["model"]
    options = ", ".join(f"{k}={screen.show(v)}" for k, v in model.get("options", {}).items())
    bits = ", ".join(f"{k} {v // 8:,}" for k, v in stored["bits"].items())
    return [
        ("signal", f"{stored['channels']} channels at {stored['rate']:g} Hz, {_duration(stored['seconds'])}"),
        ("model", f"{model.get('recipe')} ({options}), hash {model.get('hash')}"),
        ("tokens", f"{stored['frames']} frames x {stored['channels']} channels x {stored['columns']} codes"),
        ("unit of access", f"{stored['access']}; {stored['segments']} segment(s)"),
        *([("events", _events(stored["annotations"]))] if stored["annotations"] else []),
        ("bytes", bits),
        ("bits/s/channel", round(stored["bits_per_second_channel"], 1)),
    ]


def _summary(r: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if r.get("channels") and r.get("rate"):
        kinds = {k: r["kinds"].count(k) for k in dict.fromkeys(r["kinds"])}
        out["channels"] = f"{len(r['channels'])} ({', '.join(f'{n} {k}' for k, n in kinds.items())})"
        out["names"] = _shorten(r["channels"])
        out["rate"] = f"{r['rate']:g} Hz"
        out["length"] = f"{_duration(r['seconds'])} ({r['samples']} samples)"
    elif r.get("shape"):
        out["shape"] = " x ".join(f"{n} {a}" for n, a in zip(r["shape"], r["axes"], strict=True))
        if r.get("rate"):
            out["rate"] = f"{r['rate']:g} Hz"
            out["length"] = _duration(r["seconds"])
    out["units"] = ", ".join(dict.fromkeys(u or "none" for u in r["units"]))
    if r.get("annotations"):
        out["events"] = _events(r["annotations"])
    if r.get("gaps"):
        out["gaps"] = f"{len(r['gaps'])}: " + _shorten([f"{a:g} to {b:g} s" for a, b in r["gaps"]], 4)
    return out


def _events(annotations: list[Any]) -> str:
    """How often each text occurs."""
    counts = Counter(text for _, _, text in annotations)
    return f"{len(annotations)}: " + _shorten([f"{t!r} x {n}" for t, n in counts.items()], 6)


def _shorten(items: list[str], keep: int = 10) -> str:
    return ", ".join(items[:keep]) + (f", ... {len(items) - keep} more" if len(items) > keep else "")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"{hours} h {minutes} min {rest:.0f} s"
        if hours
        else (f"{minutes} min {rest:.1f} s" if minutes else f"{rest:.2f} s")
    )


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={screen.show(v)}" for k, v in value.items())
    if isinstance(value, list):
        return _shorten([screen.show(v) for v in value])
    return screen.show(value)


COMMANDS = (info,)
