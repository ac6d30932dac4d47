"""ragas: test sets and evaluation sets, single-turn and multi-turn (``Testset``, ``EvaluationDataset`` of 0.2 to 0.4).

As JSON lines or CSV (``to_jsonl``, ``to_csv``), or as JSON and Parquet written by way of pandas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from ragset.adapters.ragas_dataset import turns_in
from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair, Passage, asked_last, listed, turns_of, with_ids
from ragset.kit.foreign.rows import Row, read

STYLES = {"misspelled": "misspelt", "web_search_like": "keyword", "poor_grammar": "conversational"}
"""ragas' query styles by what ragset calls them; the others are plain."""

_CONTEXTS = "reference_contexts"
_HOP = re.compile(r"\A\s*<\d+-hop>\s*")
"""What ragas writes before each context of a multi-hop question; it stands in no document."""


class Ragas(NoCorpus):
    """One row a sample; ``reference`` is the answer, ``reference_contexts`` are the contexts.

    What a system under test gave (``response``, ``retrieved_contexts``) is metadata, and so are rubrics. The last user
    turn of a conversation is the question, the turns before it are the history.
    """

    name: ClassVar[str] = "ragas"
    about: ClassVar[str] = "ragas test sets and evaluation sets"
    wants: ClassVar[str] = "user_input"
    answers: ClassVar[str] = "reference"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by ``user_input``."""
        return first is not None and "user_input" in first.fields

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a row."""
        return (_pair(Fields(row)) for row in read(path))


def _pair(fields: Fields) -> Pair:
    talk = listed(fields.left.get("user_input"))
    talk = (turns_in(talk.strip()) or talk) if isinstance(talk, str) else talk
    if isinstance(talk, list):  # the conversation stays in the metadata: tool calls are no turns of a history
        question, history, _ = asked_last(turns_of(talk))
    else:
        question, history = fields.text("user_input") or "", ()
    style = str(fields.left.get("query_style") or "").rpartition(".")[2].lower()
    synthesizer = str(fields.left.get("synthesizer_name") or "")
    return fields.pair(
        question=question,
        answer=fields.text("reference"),
        passages=_passages(fields),
        history=history,
        persona=fields.text("persona_name"),
        question_type="multi_hop" if synthesizer.startswith("multi_hop") else None,
        axes={"style": STYLES.get(style, "plain")} if style else {},
    )


def _passages(fields: Fields) -> tuple[Passage, ...]:
    raw = fields.left.get(_CONTEXTS)
    given = fields.passages(_CONTEXTS)
    plain = tuple(replace(passage, text=_HOP.sub("", passage.text)) for passage in given)
    if plain != given:
        fields.left[_CONTEXTS] = raw
    return with_ids(plain, listed(fields.left.get("reference_context_ids")))
