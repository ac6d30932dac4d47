"""Fine-tuning in TRL's prompt-completion form: ``{"prompt": str, "completion": str}``, one pair a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ragset.kit.exporting import taught, turns, write_lines
from ragset.schema.samples import Sample


class PromptCompletion:
    """The prompt ends with a line end, so that the completion is the answer itself and nothing more."""

    name: ClassVar[str] = "prompt-completion"
    suffix: ClassVar[str] = ".jsonl"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write one line a sample that can be taught, in order; gives the number of lines."""
        return write_lines((_pair(sample) for sample in taught(samples)), path)


def _pair(sample: Sample) -> dict[str, str]:
    *_, prompt, completion = turns(sample, "export_completion.v1")
    return {"prompt": prompt.content + "\n", "completion": completion.content}
