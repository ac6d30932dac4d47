"""llama-index: ``LabelledRagDataset`` JSON (``save_json`` of llama-index-core up to 0.14.20)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair
from ragset.kit.foreign.rows import Row, read


class LlamaRag(NoCorpus):
    """``{"examples": [{"query", "reference_answer", "reference_contexts", …}]}``; who made them is metadata."""

    name: ClassVar[str] = "llama-rag"
    about: ClassVar[str] = "llama-index LabelledRagDataset"
    wants: ClassVar[str] = "query"
    answers: ClassVar[str] = "reference_answer"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by ``query`` together with a reference of either kind."""
        return (
            first is not None
            and "query" in first.fields
            and bool({"reference_answer", "reference_contexts"} & set(first.fields))
        )

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair an example."""
        return (_pair(Fields(row)) for row in read(path))


def _pair(fields: Fields) -> Pair:
    return fields.pair(
        question=fields.text("query"),
        answer=fields.text("reference_answer"),
        passages=fields.passages("reference_contexts"),
    )
