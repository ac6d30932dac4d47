"""llama-index's ``LabelledRagDataset`` JSON: ``{"examples": [{"query", "query_by", "reference_contexts", …}]}``.

llama-index-core up to 0.14.20 loads it with ``LabelledRagDataset.from_json``; later releases left the class out, but
the evaluation tools that grew around the format still read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ragset.kit.exporting import json_text, replacing_text
from ragset.schema.samples import Sample


class LlamaRag:
    """One JSON object, an example a line; a sample without an answer has an empty reference answer."""

    name: ClassVar[str] = "llama-rag"
    suffix: ClassVar[str] = ".json"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write all samples, in order; gives the number of examples."""
        count = 0
        with replacing_text(path) as file:
            file.write('{"examples": [')
            for count, sample in enumerate(samples, 1):
                file.write((",\n" if count > 1 else "\n") + json_text(_example(sample)))
            file.write("\n]}\n")
        return count


def _example(sample: Sample) -> dict[str, Any]:
    maker = {"model_name": str(sample.provenance.get("writer", "unknown")), "type": "ai"}
    return {
        "query": sample.payload.question,
        "query_by": maker,
        "reference_contexts": [context.text for context in sample.contexts],
        "reference_answer": sample.payload.answer or "",
        "reference_answer_by": maker,
    }
