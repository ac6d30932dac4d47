"""Samples as a ragas ``EvaluationDataset``, ready for a RAG system's answers to be filled in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ragset.errors import MissingExtraError
from ragset.schema.samples import Sample

if TYPE_CHECKING:
    from ragas.dataset_schema import EvaluationDataset


def to_ragas(samples: Iterable[Sample]) -> EvaluationDataset:
    """Make one ``SingleTurnSample`` a sample; ``reference_context_ids`` are our chunk ids.

    ``response`` and ``retrieved_contexts`` stay empty: they are what the system under test gives. An unanswerable
    sample has no ``reference``. A follow-up carries its conversation before the question, since ragas' single-turn
    sample has no place of its own for it. Raises ``MissingExtraError`` without ragas.
    """
    dataset, sample_class = _classes()
    return dataset(samples=[sample_class(**_fields(sample)) for sample in samples])


def _fields(sample: Sample) -> dict[str, Any]:
    turns = [f"{turn.role}: {turn.content}" for turn in sample.payload.history]
    question = sample.payload.question
    return {
        "user_input": "\n".join([*turns, f"user: {question}"]) if turns else question,
        "reference": sample.payload.answer if sample.payload.answerable else None,
        "reference_contexts": [context.text for context in sample.contexts],
        "reference_context_ids": [context.chunk_id for context in sample.contexts],
        "persona_name": sample.persona,
    }


def _classes() -> tuple[Any, Any]:
    """Import ragas with its tracking off."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        from ragas.dataset_schema import EvaluationDataset, SingleTurnSample
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"ragas ({error.name})", "ragas") from error
    return EvaluationDataset, SingleTurnSample
