"""Find what was meant in a JSON value that is wrapped or keyed in another way than was asked.

Models put the reply under a key of their own (``{"result": {…}}``), give the list without the object around it, or one
item without the list. Such a value is taken only where it can be read in one way; else it is not read at all.
"""

from __future__ import annotations

import json
from typing import Any, cast

from ragset.kit.shapes import Json, ShapeError, fit, resolve

DEPTH = 3
"""How many wrappers are taken off."""


def unwrapped(value: Any, shape: Json) -> Any:
    """Give the one reading of ``value`` in the JSON schema ``shape``; ``ShapeError`` without one, or with two."""
    found = _meant(value, shape, DEPTH)
    if len(found) != 1:
        raise ShapeError("the reply can be read in several ways" if found else "the reply has other fields")
    return found[0]


def fields_of(shape: Json) -> frozenset[str]:
    """Give the names of the fields that an object of this shape may have; none for other shapes."""
    return frozenset(resolve(shape, shape).get("properties") or ())


def _meant(value: Any, shape: Json, depth: int) -> list[Any]:
    """List what the value may mean; each is of the right kind, and has a field or an item that was asked for."""
    if isinstance(value, dict):
        return _of_object(cast("Json", value), shape, depth)
    if isinstance(value, list):
        return _of_list(cast("list[Any]", value), shape, depth)
    return []


def _of_object(value: Json, shape: Json, depth: int) -> list[Any]:
    if fields_of(shape) & value.keys():
        return [value]
    listing, item = _listing(shape)
    if _fits_any([value], item) and fields_of(item) & value.keys():
        return [{listing: [value]} if listing else [value]]
    if depth == 0:
        return []
    return [found for inner in value.values() for found in _meant(_parsed(inner), shape, depth - 1)]


def _of_list(value: list[Any], shape: Json, depth: int) -> list[Any]:
    listing, item = _listing(shape)
    if _fits_any(value, item):
        return [{listing: value} if listing else value]
    return _meant(value[0], shape, depth - 1) if len(value) == 1 and depth else []


def _listing(shape: Json) -> tuple[str, Json]:
    """Give the one list field that makes up an object of this shape, and the shape of its items.

    The name is empty when the shape is a list itself; the items' shape is empty when there is no such list.
    """
    top = resolve(shape, shape)
    if top.get("type") == "array":
        return "", _rooted(top.get("items") or {}, shape)
    fields: dict[str, Json] = {name: resolve(s, shape) for name, s in (top.get("properties") or {}).items()}
    lists = [name for name, field in fields.items() if field.get("type") == "array"]
    if len(lists) != 1 or set(top.get("required") or ()) - set(lists):
        return "", {}
    return lists[0], _rooted(fields[lists[0]].get("items") or {}, shape)


def _rooted(part: Json, shape: Json) -> Json:
    return {**resolve(part, shape), "$defs": shape.get("$defs") or {}}


def _fits_any(items: list[Any], item: Json) -> bool:
    """Tell whether one item at least is of the shape; one that says nothing of its items fits nothing."""
    return bool(item.get("type")) and any(_fits(one, item) for one in items)


def _fits(value: Any, shape: Json) -> bool:
    try:
        fit(value, shape)
    except (ShapeError, RecursionError):
        return False
    return True


def _parsed(value: Any) -> Any:
    """Read a string that holds JSON; anything else is given back."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
