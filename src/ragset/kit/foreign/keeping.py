"""Fields side by side: none takes the place of another one of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def unique(names: Sequence[str]) -> list[str]:
    """Give as many names, each once: one that comes again gets a number, ``note (2)``, that no other name has."""
    taken, last = set(names), dict[str, int]()
    found: list[str] = []
    for name in names:
        number, own = last.get(name, 0) + 1, name
        if number > 1:
            while (own := f"{name} ({number})") in taken:
                number += 1
            taken.add(own)
        last[name] = number
        found.append(own)
    return found


def together(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of all parts; of equal names the first keeps it, the others are numbered."""
    items = [item for part in parts for item in part.items()]
    return named(items)


def named(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Make fields of names and values, also where a name comes twice."""
    fields = dict(items)
    if len(fields) == len(items):
        return fields
    return dict(zip(unique([name for name, _ in items]), (value for _, value in items), strict=True))
