"""deepeval: goldens, as ``EvaluationDataset.save_as`` writes them (snake_case) or the cloud API does (camelCase)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair, Passage, asked_last, listed, turns_of
from ragset.kit.foreign.rows import TABLES, Row, read

DELIMITER = "|"
"""What deepeval puts between the contexts of one CSV cell."""

_KNOWN = frozenset(
    {"expected_output", "expectedOutput", "actual_output", "actualOutput", "retrieval_context", "scenario"}
)


class Deepeval(NoCorpus):
    """One row a golden: ``input``, ``expected_output``, ``context``; all else, also what was retrieved, is metadata.

    A conversational golden has a scenario in place of a question: its last user turn is the question.
    """

    name: ClassVar[str] = "deepeval"
    about: ClassVar[str] = "deepeval goldens"
    wants: ClassVar[str] = "input"
    answers: ClassVar[str] = "expected_output"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by ``input`` or ``scenario`` together with a field that only goldens have."""
        fields = set(first.fields) if first else set[str]()
        return bool({"input", "scenario"} & fields) and len(_KNOWN & fields) > ("scenario" in fields)

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a golden."""
        table = path.suffix.lower() in TABLES
        for row in read(path):
            fields = Fields(row)
            yield _conversation(fields) if row.fields.get("scenario") else _pair(fields, _passages(fields, table))


def _pair(fields: Fields, passages: tuple[Passage, ...]) -> Pair:
    return fields.pair(
        id=fields.identity("id"),
        question=fields.text("input"),
        answer=fields.text("expected_output", "expectedOutput"),
        passages=passages,
    )


def _passages(fields: Fields, table: bool) -> tuple[Passage, ...]:
    value = fields.left.get("context")
    if table and isinstance(value, str) and DELIMITER in value and not isinstance(listed(value), list):
        return tuple(Passage(text) for text in value.split(DELIMITER) if text.strip())
    return fields.passages("context")


def _conversation(fields: Fields) -> Pair:
    question, history, _ = asked_last(turns_of(fields.left.get("turns")))
    return fields.pair(
        question=question,
        answer=fields.text("expected_outcome", "expectedOutcome"),
        passages=fields.passages("context"),
        history=history,
        wrong="" if question else "a conversational golden without a user's turn has a scenario, and no question",
    )
