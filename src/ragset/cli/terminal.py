"""What reaches the terminal: results on stdout, talk on stderr, and no control character of anyone else's text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import click

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links, clipboard
    r"|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]"  # CSI and the two-character ones
)
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\U000e0000-\U000e007f"  # tag characters, which nobody sees
)
_CONTROL = re.compile(f"[{_HIDDEN}]")
_JSON_ESCAPED = re.compile(f"[{_HIDDEN}\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\x85]")


def safe(text: str) -> str:
    """Take out what a terminal obeys instead of showing: escapes, control, bidirectional and tag characters."""
    text = _ESCAPES.sub("", _LINE_ENDS.sub("\n", text))
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def one_line(text: object) -> str:
    """Make text safe and fit for one line."""
    return " ".join(safe(str(text)).split())


def out(line: str = "") -> None:
    """Print a line of the result."""
    click.echo(line)


def talk(line: str, *, quiet: bool = False) -> None:
    """Say a line on stderr."""
    if not quiet:
        click.echo(one_line(line), err=True)


def out_json(value: Any) -> None:
    """Print one JSON object: UTF-8 kept, what a terminal would obey escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    out(_JSON_ESCAPED.sub(_json_escape, text))


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def table(rows: Iterable[Sequence[object]], indent: str = "  ") -> None:
    """Print rows in columns: numbers to the right, the last column as long as it is."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    for row in cells:
        last = len(row) - 1
        padded = [
            cell.rjust(width) if _number(cell) else cell if at == last else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        out((indent + "  ".join(padded)).rstrip())


def _number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace(",", "").removesuffix("%").isdigit()


def plural(count: int, noun: str) -> str:
    """Say ``1 pair``, ``2 pairs``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
