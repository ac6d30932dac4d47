"""Chat fine-tuning in OpenAI's form: ``{"messages": [{"role", "content"}, …]}``, one conversation a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ragset.kit.exporting import taught, turns, write_lines
from ragset.schema.samples import Sample


class OpenAIChat:
    """System, history, the passages with the question, the answer; the words are in ``export_chat.v1.jinja``."""

    name: ClassVar[str] = "openai-chat"
    suffix: ClassVar[str] = ".jsonl"

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write one line a sample that can be taught, in order; gives the number of lines."""
        return write_lines((_conversation(sample) for sample in taught(samples)), path)


def _conversation(sample: Sample) -> dict[str, Any]:
    return {"messages": [{"role": m.role, "content": m.content} for m in turns(sample, "export_chat.v1")]}
