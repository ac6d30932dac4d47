"""What every foreign format is read into: a pair with the passages that came with it, and the rest of its row.

Nothing of a row is lost: a field becomes a part of the pair when it does so to the letter, and stays in the metadata
otherwise.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, cast

from ragset.kit.foreign.keeping import together
from ragset.kit.foreign.rows import Json, Row, check
from ragset.schema.ids import digest
from ragset.schema.samples import Message

Span = tuple[int, int]

ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "gpt": "assistant",
    "agent": "assistant", "bot": "assistant", "system": "system",
}  # fmt: skip
"""Who speaks, by the names that tools have for them; what a tool said is no turn."""

_UNSAFE = re.compile(r"[^\w.-]+")
_TEXTS = ("text", "content", "contents", "page_content", "context", "passage")
_NAMES = ("id", "_id", "doc_id", "document_id", "chunk_id")


@dataclass(frozen=True, slots=True)
class Passage:
    """A context as it was given: its text, its id and title where it has them, and where in it the answer stands.

    ``spans`` count Unicode code points of ``text``. A passage that is known by its id alone has no text. ``headed``
    says that the title is a part of the document, as in BEIR, and no name for many.
    """

    text: str
    id: str = ""
    title: str = ""
    spans: tuple[Span, ...] = ()
    headed: bool = False

    @property
    def path(self) -> str:
        """Name the document that is made of it: readable, safe as a path, and other for another text."""
        return path_of(self.id, self.text)


def path_of(given: str, text: str) -> str:
    """Name a document by its given id, as far as that is safe in a path, and its text."""
    safe = _UNSAFE.sub("-", given)[:60].strip("-.")
    return "-".join(filter(None, (safe, digest("passage", given, text)[:10])))


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as it was given; ``wrong`` says why it cannot be judged, ``where`` is its row.

    ``answer`` is none where no reference answer was given. ``metadata`` is the rest of the row.
    """

    question: str = ""
    answer: str | None = None
    answerable: bool = True
    passages: tuple[Passage, ...] = ()
    history: tuple[Message, ...] = ()
    persona: str | None = None
    question_type: str | None = None
    axes: dict[str, str] = field(default_factory=dict[str, str])
    metadata: Json = field(default_factory=dict[str, Any])
    wrong: str = ""
    where: str = ""


class Format(Protocol):
    """A format that pairs come in from elsewhere."""

    name: ClassVar[str]
    about: ClassVar[str]
    wants: ClassVar[str]
    """What a row needs at least, for a message."""
    answers: ClassVar[str]
    """Where a reference answer stands, for a message; empty where the format has none."""

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell whether a file or folder is of this format, by its first row (none: a folder) and nothing else's."""
        ...

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield every row as a pair, in order; raises ``UsageError`` with file and row."""
        ...

    def corpus(self, path: Path) -> Iterator[Passage]:
        """Yield the passages of the set's own corpus that no pair needs to name."""
        ...


class NoCorpus:
    """A format whose passages all come with the pairs."""

    def corpus(self, path: Path) -> Iterator[Passage]:
        """Give none."""
        return iter(())


class Fields:
    """The fields of one row, taken one after another; :meth:`rest` is what was not taken as it is."""

    def __init__(self, row: Row) -> None:
        """Begin with all."""
        self.row, self.left = row, dict(row.fields)

    def text(self, *names: str) -> str | None:
        """Take the first of these fields that holds text or a number; what is altered stays in the rest too."""
        for name in names:
            value = self.left.get(name)
            found = text_of(value)
            if found is not None:
                if value == found:
                    del self.left[name]
                return found
        return None

    def identity(self, *names: str) -> str | None:
        """Take the id that the row has where it comes from."""
        return self.text(*names) if not any(isinstance(self.left.get(name), list) for name in names) else None

    def passages(self, *names: str) -> tuple[Passage, ...]:
        """Take the first of these fields that holds contexts; one that says more than their texts stays in the rest."""
        for name in names:
            value = self.left.get(name)
            if found := passages_of(value):
                if value in (found[0].text, [passage.text for passage in found]):
                    del self.left[name]
                return found
        return ()

    def add(self, name: str, value: Any) -> None:
        """Put what the row itself does not hold into the rest, beside a field of that name."""
        self.left.update(together(self.left, {name: value}))

    def rest(self) -> Json:
        """Give what is left, without what is empty, and the fields of the file around it."""
        rest, around = _said(self.left), _said(self.row.around)
        return together(rest, {"file": around}) if around else rest

    def pair(self, **fields: Any) -> Pair:
        """Make the pair; a row without a question is one that cannot be judged."""
        source = fields.pop("id", None)
        wrong = fields.pop("wrong", "") or ("" if fields.get("question") else "the row has no question")
        rest = self.rest()
        if source is not None:
            rest = together(rest, {"source_id": source}) if "source_id" in rest else {"source_id": source} | rest
        given = {name: value for name, value in fields.items() if value is not None}
        return Pair(**given, metadata=rest, wrong=wrong, where=self.row.where)


def _said(fields: Mapping[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def text_of(value: Any) -> str | None:
    """Give what a field says as text: a stripped string, a number, or the first text of a list; none for no text."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return next((said for said in map(text_of, cast("list[Any]", value)) if said), None)
    return None


def listed(value: Any) -> Any:
    """Read a list or an object that was written into a text: as JSON, or as Python writes it; else give it as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    for reader in (json.loads, ast.literal_eval):
        try:
            found = reader(value)
            check(found)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | dict):
            return cast("Any", found)
    return value


def passages_of(value: Any) -> tuple[Passage, ...]:
    """Read contexts: a text, a list of texts or of objects with a text, or such a list written into a text."""
    value = listed(value)
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    return tuple(passage for item in items if (passage := _passage(item)))


def _passage(item: Any) -> Passage | None:
    if isinstance(item, str):
        return Passage(item) if item.strip() else None
    if not isinstance(item, Mapping):
        return None
    data = cast("Json", item)
    text = next((data[name] for name in _TEXTS if isinstance(data.get(name), str) and data[name].strip()), None)
    named = next((said for name in _NAMES if (said := text_of(data.get(name)))), "")
    return Passage(text, named, text_of(data.get("title")) or "") if text else None


def turns_of(value: Any) -> tuple[Message, ...]:
    """Read a conversation: objects with who speaks (``role``, ``type`` or ``from``) and what (``content``, ``value``).

    Turns that no user or assistant said, and empty ones, are left out.
    """
    found: list[Message] = []
    items = listed(value)
    for item in cast("list[Any]", items) if isinstance(items, list) else []:
        if not isinstance(item, Mapping):
            continue
        turn = cast("Json", item)
        role = ROLES.get(str(turn.get("role") or turn.get("type") or turn.get("from") or "").lower())
        content: Any = turn.get("content", turn.get("value"))
        content = cast("Json", content).get("text") if isinstance(content, Mapping) else content
        if role and isinstance(content, str) and content.strip():
            speaker = cast("Literal['system', 'user', 'assistant']", role)
            found.append(Message(role=speaker, content=content.strip()))
    return tuple(found)


def asked_last(turns: Sequence[Message]) -> tuple[str, tuple[Message, ...], tuple[Message, ...]]:
    """Give the last question of a conversation, the turns before it, and those after."""
    at = max((number for number, turn in enumerate(turns) if turn.role == "user"), default=-1)
    if at < 0:
        return "", tuple(turns), ()
    return turns[at].content, tuple(turns[:at]), tuple(turns[at + 1 :])


def with_ids(passages: Sequence[Passage], ids: Any) -> tuple[Passage, ...]:
    """Give passages the ids that a list beside them names, when there is one for each; ids alone make passages."""
    items = cast("list[Any]", ids) if isinstance(ids, list) else [ids]
    named = [said for said in map(text_of, items) if said]
    if not passages:
        return tuple(Passage("", name) for name in named)
    if len(named) != len(passages):
        return tuple(passages)
    return tuple(replace(passage, id=name) for passage, name in zip(passages, named, strict=True))
