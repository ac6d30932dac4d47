"""Files that are no UTF-8: where the first wrong byte stands, and how the file is converted."""

from __future__ import annotations

import shlex
from pathlib import Path

from ragset.errors import UsageError

_LONGEST = 8_000_000
"""Bytes of a line that are looked at together."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def not_utf8(path: Path, error: UnicodeDecodeError, where: str = "") -> UsageError:
    """Make the error of a file that could not be decoded: it names the line, which is ``where`` when it is known.

    A reader of text decodes ahead of what it yields, so that its own place is not the byte's: the file is read again.
    """
    number, byte = (0, error.object[error.start]) if where else _first_wrong(path, error)
    begins = _begin(path)
    shown = bytes([byte]).decode("cp1252", "replace")
    said = f", '{shown}' in Latin-1" if shown.isalpha() and begins not in _UTF_16 else ""
    name = "UTF-16" if begins in _UTF_16 else "WINDOWS-1252"
    given, made = shlex.quote(path.name), shlex.quote(f"{path.stem}.utf8{path.suffix}")
    hint = f"convert it, from Latin-1 say: iconv -f {name} -t UTF-8 {given} > {made}"
    hint = hint.replace(", from Latin-1 say", "") if name == "UTF-16" else hint
    return UsageError(
        f"is not UTF-8 (byte 0x{byte:02x}{said})", where=f"{path}, {where or f'line {number}'}", hint=hint
    )


def _first_wrong(path: Path, error: UnicodeDecodeError) -> tuple[int, int]:
    """Give the number of the first line that is no UTF-8, and the byte in it."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as wrong:
                return number, wrong.object[wrong.start]
    return number, error.object[error.start]


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)
