"""JSON that was written with typographic quotes, also where the texts in it hold quotations of their own."""

from __future__ import annotations

import re

_BEGINS = re.compile(r"[\[{]\s{0,50}[“„]")
_AFTER = re.compile(r"\s{0,50}(?:[}\]:]|\Z|,\s{0,50}(?:[\"“„{}\[\]\d-]|(?:true|false|null|True|False|None)\b|\Z))")
"""What can follow a string in JSON: a closing bracket, a colon, or a comma and the beginning of a value."""

_CLOSING = {"“": "”", "„": "“"}


def is_typographic(text: str) -> bool:
    """Tell whether JSON in the text has typographic quotes around its strings."""
    return _BEGINS.search(text) is not None


def straightened(text: str) -> str:
    """Write the quotes around strings as plain ones, in one pass; quotations inside strings stay as they are.

    A closing quote ends a string when as many were opened, and what follows can follow a string.
    """
    out: list[str] = []
    opening, depth, escaped = "", 0, False
    for at, char in enumerate(text):
        ends = False
        if escaped or char == "\\":
            escaped = not escaped
        elif not opening:
            opening, depth = (char, 1) if char in '“„"' else ("", 0)
            char = '"' if opening else char
        elif opening == '"':
            ends = char == '"'
        elif char == opening:
            depth += 1
        elif char in (_CLOSING[opening], '"'):
            depth = max(0, depth - 1) if char != '"' else depth
            ends = depth <= (char == '"') and _AFTER.match(text, at + 1) is not None
            char = '\\"' if char == '"' and not ends else char
        if ends:
            opening, char = "", '"'
        out.append(char)
    return "".join(out)
