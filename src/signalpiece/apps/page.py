"""One self-contained HTML page: text, tables and inline SVG; nothing is fetched from anywhere."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from signalpiece.core.check import SignalPieceError

LIMIT = 5_000_000  # bytes of a page


@dataclass(frozen=True)
class Section:
    """A part of the page: its finding as a heading, how it was measured, and HTML."""

    name: str  # in the list of contents; empty: not there
    finding: str
    note: str
    body: str


def escape(text: object) -> str:
    """Text that may contain anything, safe inside HTML."""
    return html.escape(str(text), quote=True)


def bold(text: str) -> str:
    """A figure that the eye should find."""
    return f"<b>{escape(text)}</b>"


def facts(pairs: Iterable[tuple[str, str, str]]) -> str:
    """A row of key figures: what, value, unit."""
    cells = (f"<div><dt>{escape(a)}</dt><dd>{escape(b)} <small>{escape(c)}</small></dd></div>" for a, b, c in pairs)
    return f'<dl class="facts">{"".join(cells)}</dl>'


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    own: Sequence[int] = (),
    classes: dict[tuple[int, int], str] | None = None,
    text: Sequence[int] = (),
) -> str:
    """A table that scrolls on narrow screens with its first column in place.

    Args:
        columns: headings.
        rows: cells, already worded.
        caption: what the table shows.
        own: rows of the page's own model.
        classes: (row, column) -> class, such as best or worse.
        text: columns of prose, aligned left.
    """
    classes = classes or {}
    head = "".join(f'<th scope="col"{_text(c in text)}>{escape(name)}</th>' for c, name in enumerate(columns))
    lines = []
    for r, row in enumerate(rows):
        cells = []
        for c, value in enumerate(row):
            name = classes.get((r, c), "") + (" text" if c in text else "")
            cells.append(f"<td{_class(name)}>{escape(value)}</td>")
        lines.append(f"<tr{_class('own' if r in own else '')}>{''.join(cells)}</tr>")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def tabs(group: str, panels: Sequence[tuple[str, str]]) -> str:
    """Buttons that show one panel each; without scripts every panel is there to read."""
    if len(panels) == 1:
        return panels[0][1]
    buttons, bodies = [], []
    for i, (name, body) in enumerate(panels):
        shown = "true" if i == 0 else "false"
        buttons.append(f'<button type="button" aria-pressed="{shown}" data-shows="{group}-{i}">{escape(name)}</button>')
        bodies.append(f'<div id="{group}-{i}">{body}</div>')
    return f'<div class="tabs" role="group">{"".join(buttons)}</div>{"".join(bodies)}'


def key(entries: Iterable[tuple[str, str]]) -> str:
    """Colour and name of each line of a figure."""
    return (
        '<div class="key">'
        + "".join(f'<span style="--k:var({colour})">{escape(name)}</span>' for name, colour in entries)
        + "</div>"
    )


def switches(of: str, entries: Iterable[tuple[str, str, str]]) -> str:
    """A key whose entries hide their line: (class of the line, name, colour variable)."""
    boxes = (
        f'<label style="--k:var({colour})"><input type="checkbox" checked data-hides="{hides}" data-of="{of}">'
        f"<span>{escape(name)}</span></label>"
        for hides, name, colour in entries
    )
    return f'<div class="key">{"".join(boxes)}</div>'


def plain_list(items: Iterable[str]) -> str:
    """A list of sentences."""
    return '<ul class="plain">' + "".join(f"<li>{escape(i)}</li>" for i in items) + "</ul>"


def page(*, title: str, kind: str, lead: str, head: str, sections: Sequence[Section], foot: str) -> str:
    """The whole page. `lead`, `head` and section bodies are HTML, everything else plain text."""
    room = files("signalpiece.apps")
    style, script = (room.joinpath(n).read_text(encoding="utf-8") for n in ("page.css", "page.js"))
    contents = "".join(f'<a href="#{_anchor(s.name)}">{escape(s.name)}</a>' for s in sections if s.name)
    body = "".join(
        f"<section{_place(s.name)}><h2>{escape(s.finding)}</h2>"
        + (f'<p class="note">{escape(s.note)}</p>' if s.note else "")
        + f"{s.body}</section>"
        for s in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f'<header class="top"><div class="brand">{escape(kind)}</div><h1>{escape(title)}</h1>'
        f'<p class="lead">{lead}</p>{head}<nav class="contents" aria-label="Contents">{contents}</nav></header>'
        f"<main>{body}</main><footer>{escape(foot)}</footer><script>{script}</script></body></html>\n"
    )


def _place(name: str) -> str:
    return f' id="{_anchor(name)}"' if name else ""


def write_page(path: Path, text: str) -> int:
    """Writes a page whole or not at all; returns its bytes.

    Raises:
        SignalPieceError: the page is larger than 5 MB.
    """
    from signalpiece.apps.atomic import write_text

    data = text.encode("utf-8")
    if len(data) > LIMIT:
        raise SignalPieceError(
            f"{path.name}: the page would be {len(data)} bytes, more than {LIMIT}; give fewer inputs"
        )
    write_text(path, text)
    return len(data)


def _anchor(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower())


def _class(name: str) -> str:
    return f' class="{name.strip()}"' if name.strip() else ""


def _text(on: bool) -> str:
    return ' class="text"' if on else ""
