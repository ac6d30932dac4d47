"""What the exports share: atomic files, JSON lines, one flat record a sample, and cells that no spreadsheet runs.

An export writes beside its target, syncs and renames: a reader, and a kill, see the old file or the new one whole.
Samples are streamed; nothing but the current one is held.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from ragset.errors import UsageError
from ragset.kit.lines import sample_to_line
from ragset.kit.prompting import Prompt
from ragset.schema.samples import Message, Sample

_TRIGGER = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""What a spreadsheet may take for a formula at the start of a cell (OWASP, CSV injection; full-width forms too)."""

_BREAKS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}


class Export(Protocol):
    """A format in which samples leave; ``write`` gives the number of rows written.

    A format for fine-tuning leaves out what :func:`taught` does, so that it may write fewer rows than it is given.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]

    def write(self, samples: Iterable[Sample], path: Path) -> int:
        """Write all samples to ``path``, replacing it at the end; raises ``UsageError`` when it cannot be written."""
        ...


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give a path beside ``path`` to write to; on success it is synced and renamed, otherwise removed.

    Raises ``UsageError`` when the file cannot be written there.
    """
    if path.is_dir():
        raise UsageError("is a folder", where=str(path), hint="name a file to write")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise UsageError(what, where=str(path), hint="check the path, the permissions and the space left") from error
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def replacing_text(path: Path, newline: str = "\n") -> Generator[IO[str]]:
    """Give a UTF-8 text file that becomes ``path`` at the end."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline=newline) as file:
        yield file


def write_lines(rows: Iterable[Any], path: Path) -> int:
    """Write one JSON value a line."""
    count = 0
    with replacing_text(path) as file:
        for row in rows:
            file.write(json_text(row) + "\n")
            count += 1
    return count


def json_text(value: Any) -> str:
    """Write JSON on one line: UTF-8 kept, and the three characters that some readers take for a line end escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    for raw, escaped in _BREAKS.items():
        text = text.replace(raw, escaped)
    return text


def neutral_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run; :func:`plain_cell` takes it off again."""
    return f"'{text}" if _TRIGGER.match(text) else text


def plain_cell(text: str) -> str:
    """Undo :func:`neutral_cell`, exactly: what only looks neutralised was given one apostrophe more."""
    return text[1:] if text.startswith("'") and _TRIGGER.match(text) else text


def record(sample: Sample) -> dict[str, Any]:
    """Flatten a sample to the columns that CSV and Parquet share; nested values stay nested."""
    line = sample_to_line(sample)
    ids = list(dict.fromkeys(context.document_id for context in sample.contexts))
    first = ("id", "question", "answer", "contexts", "evidence")
    middle = ("question_type", "persona", "axes", "answerable", "history", "measures", "verdicts", "provenance")
    return {
        **{key: line[key] for key in first},
        "document_ids": ids,
        **{key: line[key] for key in (*middle, "scenario_id", "status")},
    }


def taught(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Yield the samples that a model can learn from: an answerable one without a reference answer is left out.

    Its answer is not known, and a refusal would be false. Raises ``UsageError`` when that leaves nothing of a set.
    """
    given = left = 0
    for sample in samples:
        given, pair = given + 1, sample.payload
        if not pair.answerable or (pair.answer or "").strip():
            left += 1
            yield sample
    if given and not left:
        what = f"nothing to teach: no pair (of {given:,}) has a reference answer, and all are answerable"
        hint = "validate the set with its answers named (--columns answer=…), or export it to csv, parquet or ragas"
        raise UsageError(what, hint=hint)


@lru_cache(maxsize=8)
def _prompt(name: str) -> Prompt:
    return Prompt.load(name)


def turns(sample: Sample, prompt_name: str) -> tuple[Message, ...]:
    """Render a training prompt: its sections, with the sample's history placed before the question.

    The answer of an unanswerable sample is none to the template, which says so in the assistant's words.
    """
    answer = sample.payload.answer if sample.payload.answerable else None
    rendered = _prompt(prompt_name).render(
        question=sample.payload.question,
        answer=answer,
        contexts=[context.model_dump(mode="json") for context in sample.contexts],
        history=[turn.model_dump(mode="json") for turn in sample.payload.history],
    )
    before = [turn for turn in rendered if turn.role == "system"]
    return (*before, *sample.payload.history, *(turn for turn in rendered if turn.role != "system"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
