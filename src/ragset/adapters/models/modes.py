"""The ways to ask a server for JSON: JSON schema, JSON object, tools, plain text; found once and remembered.

What a server refuses is not asked of it again: every refusal moves on to the next way. Many requests may be in flight
when one is refused, so a refusal counts only for the way it was asked in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Any, Protocol, cast, get_args

from ragset.schema.ids import canonical_json, digest
from ragset.schema.models import ReplyMode

JSON_MODE = "json_mode.v1.txt"
IGNORED_AT = 5
"""First replies in a way that hold no JSON at all, after which the server is taken to ignore it."""

_INVALID_SCHEMA = re.compile(
    r"invalid (json )?schema|schema is invalid|unsupported schema|schema contains features", re.IGNORECASE
)


class Notes(Protocol):
    """Where small facts are kept from one run to the next."""

    def remember(self, key: str, value: str) -> None:
        """Keep a value."""
        ...

    def recall(self, key: str) -> str | None:
        """Give the value kept, or none."""
        ...


class Modes:
    """Which way of asking for JSON one model at one address is asked in now.

    ``fixed`` is a way the user chose: it is never left. ``notes`` keeps what was found for the next run.
    """

    def __init__(
        self, order: Sequence[ReplyMode], *, key: str = "", notes: Notes | None = None, fixed: ReplyMode | None = None
    ) -> None:
        """Take the ways in the order to try; ``key`` names the model and its address."""
        self._order = (fixed,) if fixed else tuple(order)
        self._key, self._notes, self.fixed = f"reply mode {key}", notes, fixed
        self._at = self._recalled()
        self._without_json = 0
        self._proven = False
        self._per_schema: dict[str, int] = {}
        self._lock = Lock()

    @property
    def current(self) -> ReplyMode:
        """The way to ask now."""
        return self._order[self._at]

    def mode_for(self, schema: dict[str, Any] | None, *, objects_only: Sequence[ReplyMode] = ()) -> ReplyMode:
        """Give the way for one schema; ``objects_only`` are those in which only an object may be asked for."""
        if schema is None:
            return "text"
        at = max(self._at, self._per_schema.get(digest(schema), 0)) if self._per_schema else self._at
        mode = self._order[at]
        return "text" if mode in objects_only and schema.get("type") != "object" else mode

    def refuse(self, mode: ReplyMode, schema: dict[str, Any] | None = None, said: str = "") -> bool:
        """Move on after a refusal of ``mode``; a late refusal of a way that was left already changes nothing.

        When the server said that the schema is to blame, only this schema moves on. False: there is no next way.
        """
        with self._lock:
            if mode not in self._order or mode == self._order[-1]:
                return False
            following = self._order.index(mode) + 1
            if schema is not None and _INVALID_SCHEMA.search(said):
                at = digest(schema)
                self._per_schema[at] = max(self._per_schema.get(at, 0), following)
            elif self._at < following:
                self._at, self._without_json, self._proven = following, 0, False
                self._remember()
            return True

    def observe(self, mode: ReplyMode, raw: str) -> None:
        """Look at a reply: a server that takes a way of asking and then ignores it is asked in the next one."""
        if self._proven or mode != self.current or mode == "text" or not raw.strip():
            return
        if "{" in raw or "[" in raw:
            self._proven = True
            return
        self._without_json += 1
        if self._without_json >= IGNORED_AT:
            self.refuse(mode)

    def _recalled(self) -> int:
        found = self._notes.recall(self._key) if self._notes is not None and not self.fixed else None
        return self._order.index(cast(ReplyMode, found)) if found in self._order else 0

    def _remember(self) -> None:
        if self._notes is not None:
            self._notes.remember(self._key, self.current)


MODES: tuple[str, ...] = get_args(ReplyMode)


@cache
def _template() -> str:
    return (files("ragset.prompts") / JSON_MODE).read_text(encoding="utf-8").strip()


def schema_sentence(schema: dict[str, Any]) -> str:
    """Say in words which JSON is wanted, for ways of asking in which the server is not told the schema."""
    return _template().replace("{{ schema }}", canonical_json(schema))


def with_schema_told(messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> list[dict[str, str]]:
    """Tell the schema in the last user message: chat templates may refuse a second system message, or any."""
    told = [dict(message) for message in messages]
    sentence = schema_sentence(schema)
    for message in reversed(told):
        if message["role"] == "user":
            message["content"] = f"{message['content']}\n\n{sentence}"
            return told
    return [*told, {"role": "user", "content": sentence}]


_NARROWING = """minLength maxLength minItems maxItems uniqueItems minProperties maxProperties minimum maximum
exclusiveMinimum exclusiveMaximum multipleOf"""
_DROPPED = {"default", "title", "examples", *_NARROWING.split()}
_IMPOSSIBLE = {"allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentRequired", "prefixItems"}
_KEPT_NAMES = {"properties", "$defs", "definitions"}


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Rewrite a schema into the strict dialect, or give none where that would change what may be answered.

    Strict constrained decoding (OpenAI's name; others took it over) wants ``additionalProperties: false`` and every
    field required, and refuses some keywords (Cohere every length and range). Asking for optional fields too, and
    leaving out keywords that only narrow, keeps every reply readable under the original schema; open maps and
    combinators cannot be said in it, and the schema then goes as it is, without ``strict``.
    """
    if schema.get("type") != "object":
        return None
    try:
        return _strict(schema)
    except _NotStrictError:
        return None


class _NotStrictError(Exception):
    """A schema cannot be said in the strict dialect."""


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    given = cast("dict[str, Any]", node)
    if "$ref" in given:
        return {"$ref": given["$ref"]}  # no neighbours are allowed beside a reference
    if _IMPOSSIBLE & given.keys():
        raise _NotStrictError
    made = {key: _strict_value(key, value) for key, value in given.items() if key not in _DROPPED}
    if given.get("type") == "object":
        if given.get("additionalProperties") not in (None, False) or not given.get("properties"):
            raise _NotStrictError
        made["additionalProperties"] = False
        made["required"] = list(given["properties"])
    return made


def _strict_value(key: str, value: Any) -> Any:
    if key in _KEPT_NAMES:
        return {name: _strict(item) for name, item in value.items()}  # names of fields are no keywords
    return value if key in ("enum", "const", "required") else _strict(value)
