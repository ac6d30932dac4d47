"""ragas' ``EvaluationDataset`` as JSON lines: ``EvaluationDataset.from_jsonl`` reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ragset.adapters.ragas_dataset import fields_of
from ragset.kit.exporting import write_lines
from ragset.schema.samples import Sample


class RagasLines:
    """The fields of ``EvalSet.to_ragas``, one sample a line; what has no reference answer has none (null) here too."""

    name: ClassVar[str] = "ragas"
    suffix: ClassVar[str] = ".jsonl"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write one line a sample, in order; gives the number of lines."""
        return write_lines((fields_of(sample) for sample in samples), path)
