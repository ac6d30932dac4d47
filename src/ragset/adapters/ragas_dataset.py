"""Samples as a ragas ``EvaluationDataset``, ready for a RAG system's answers to be filled in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ragset.errors import MissingExtraError
from ragset.schema.samples import Message, Sample

if TYPE_CHECKING:
    from ragas.dataset_schema import EvaluationDataset

_TURN = re.compile(r"(?:\A|\n)(system|user|assistant): ")


def to_ragas(samples: Iterable[Sample]) -> EvaluationDataset:
    """Make one ``SingleTurnSample`` a sample; ``reference_context_ids`` are our chunk ids.

    ``response`` and ``retrieved_contexts`` stay empty: they are what the system under test gives. An unanswerable
    sample has no ``reference``. A follow-up carries its conversation before the question, since ragas' single-turn
    sample has no place of its own for it. Raises ``MissingExtraError`` without ragas.
    """
    dataset, sample_class = _classes()
    return dataset(samples=[sample_class(**fields_of(sample)) for sample in samples])


def fields_of(sample: Sample) -> dict[str, Any]:
    """Give the fields of a ``SingleTurnSample``; needs no ragas."""
    return {
        "user_input": _spoken(sample.payload.history, sample.payload.question),
        "reference": sample.payload.answer if sample.payload.answerable else None,
        "reference_contexts": [context.text for context in sample.contexts],
        "reference_context_ids": [context.chunk_id for context in sample.contexts],
        "persona_name": sample.persona,
    }


def _spoken(history: Sequence[Message], question: str) -> str:
    """Write a conversation as one text, a turn a line that begins with who speaks; a question alone as it is."""
    if not history:
        return question
    return "\n".join(f"{turn.role}: {turn.content}" for turn in (*history, Message(role="user", content=question)))


def turns_in(text: str) -> list[dict[str, str]]:
    """Read a conversation that :func:`fields_of` wrote as one text, as ``[{role, content}, …]``; none in other text."""
    before, *parts = _TURN.split(text)
    roles, contents = parts[::2], parts[1::2]
    if before or len(roles) < 2 or roles[-1] != "user":
        return []
    return [{"role": role, "content": said} for role, said in zip(roles, contents, strict=True)]


def _classes() -> tuple[Any, Any]:
    """Import ragas with its tracking off."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        from ragas.dataset_schema import EvaluationDataset, SingleTurnSample
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"ragas ({error.name})", "ragas") from error
    return EvaluationDataset, SingleTurnSample
