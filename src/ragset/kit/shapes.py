"""Fit a JSON value to a JSON schema: the part of the standard that structured replies use.

Known keywords: ``type``, ``properties``, ``required``, ``items``, ``enum``, ``const``, ``anyOf``, ``$ref``. A string
that holds a number, a boolean, a list or an object is converted where the schema wants one, and a single object, text
or number becomes a list of one. NaN and infinities are no numbers.
"""

from __future__ import annotations

import json
import math
from typing import Any, cast

Json = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class ShapeError(ValueError):
    """A value does not fit its schema; the text says where."""


def fit(value: Any, schema: Json) -> Any:
    """Give the value, converted where that is safe, or raise ``ShapeError`` naming the field at fault."""
    return _fit(value, schema, schema, "the reply")


def _fit(value: Any, schema: Json, root: Json, where: str) -> Any:
    schema = resolve(schema, root)
    if "anyOf" in schema:
        return _any(value, schema["anyOf"], root, where)
    allowed: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    if allowed is not None and value not in allowed:
        raise ShapeError(f"{where} is not one of {json.dumps(allowed, ensure_ascii=False)}")
    kinds = schema.get("type")
    if kinds is None:
        return value
    value = _converted(value, kinds if isinstance(kinds, list) else [kinds], where)
    if isinstance(value, dict):
        return _object(cast("Json", value), schema, root, where)
    if isinstance(value, list):
        items: Json = schema.get("items") or {}
        return [_fit(item, items, root, f"{where}[{at}]") for at, item in enumerate(cast("list[Any]", value))]
    return value


def _any(value: Any, options: list[Json], root: Json, where: str) -> Any:
    errors: list[str] = []
    for option in options:
        try:
            return _fit(value, option, root, where)
        except ShapeError as error:
            errors.append(str(error))
    raise ShapeError(errors[0] if errors else f"{where} fits nothing")


def _object(value: Json, schema: Json, root: Json, where: str) -> Json:
    fields: dict[str, Json] = schema.get("properties") or {}
    for name in schema.get("required") or []:
        if name not in value:
            raise ShapeError(f"{where} has no '{name}'")
    return {name: _fit(v, fields.get(name, {}), root, f"{where}.{name}") for name, v in value.items()}


def _converted(value: Any, kinds: list[str], where: str) -> Any:
    for kind in kinds:
        if isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number")):
            return _sound(value, where)
    for kind in kinds:
        converted = _as(value, kind)
        if converted is not None:
            return converted
    raise ShapeError(f"{where} is {_name(value)}, wanted {' or '.join(kinds)}")


def _sound(value: Any, where: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ShapeError(f"{where} is {value}, which is no number")
    return value


def _as(value: Any, kind: str) -> Any:
    """Convert where the meaning is plain, else give none."""
    if kind == "array" and isinstance(value, dict | int | float) and not isinstance(value, bool):
        return [value]
    if kind == "integer" and isinstance(value, bool | float) and float(value).is_integer():
        return int(value)
    if kind == "boolean" and value in (0, 1):
        return bool(value)
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    if kind == "boolean":
        return {"true": True, "yes": True, "false": False, "no": False}.get(text)
    if kind in ("array", "object"):
        read = _encoded(value, kind)
        return [value] if read is None and kind == "array" and text[:1] not in ("", "[", "{") else read
    try:
        return int(text) if kind == "integer" else _finite(float(text)) if kind == "number" else None
    except ValueError:
        return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _encoded(text: str, kind: str) -> Any:
    """Read a list or an object that was written as a string once more."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, _TYPES[kind]) else None


def _name(value: Any) -> str:
    return next((kind for kind, types in _TYPES.items() if type(value) in types), type(value).__name__)


def resolve(schema: Json, root: Json) -> Json:
    """Follow ``$ref`` within ``root``."""
    for _ in range(8):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part, {})
        schema = cast("Json", target)
    return {}
