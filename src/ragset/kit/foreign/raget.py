"""RAGET (giskard): ``QATestset.save`` JSON lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair, Passage, listed, turns_of
from ragset.kit.foreign.rows import Json, Row, read

OUT_OF_SCOPE = "out of scope"
"""The question type of RAGET whose questions the knowledge base does not answer."""

_DOCUMENT = re.compile(r"(?:\A|\n\n)Document ([^\s:]+): ")
"""How RAGET begins each document of a reference context."""


class Raget(NoCorpus):
    """One row a question; ``conversation_history`` is the history, ``metadata`` has the question type.

    The reference answer of a question out of scope is a refusal: the pair is unanswerable, the text is metadata.
    """

    name: ClassVar[str] = "raget"
    about: ClassVar[str] = "RAGET (giskard) test sets"
    wants: ClassVar[str] = "question"
    answers: ClassVar[str] = "reference_answer"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by the names of answer and context together."""
        return first is not None and {"question", "reference_answer", "reference_context"} <= set(first.fields)

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a row."""
        return (_pair(Fields(row)) for row in read(path))


def _pair(fields: Fields) -> Pair:
    about: Any = listed(fields.left.get("metadata"))
    kind = cast("Json", about).get("question_type") if isinstance(about, dict) else None
    kind = kind if isinstance(kind, str) else None
    unanswerable = kind == OUT_OF_SCOPE
    return fields.pair(
        id=fields.identity("id"),
        question=fields.text("question"),
        answer=None if unanswerable else fields.text("reference_answer"),
        answerable=not unanswerable,
        passages=_passages(fields),
        history=turns_of(fields.left.get("conversation_history")),
        question_type="unanswerable" if unanswerable else kind,
    )


def _passages(fields: Fields) -> tuple[Passage, ...]:
    value = fields.left.get("reference_context")
    parts = _DOCUMENT.split(value) if isinstance(value, str) else []
    if len(parts) < 3 or parts[0].strip():
        return fields.passages("reference_context")
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return tuple(Passage(text, name) for name, text in pairs if text.strip())
