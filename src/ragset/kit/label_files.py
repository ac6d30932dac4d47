"""People's labels, read from JSON lines or CSV: what was judged, and whether it was right.

A line holds an answer (``claim``, ``candidate`` or ``answer``), what it is held against (``context`` or ``contexts``,
``gold``, or both), perhaps a ``question``, and a ``label``: 1 when the answer is right, 0 when not. A line of
``kept.jsonl``, ``rejected.jsonl`` or ``samples.jsonl`` with a ``label`` added is read too. Other columns are ignored.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from ragset.errors import UsageError
from ragset.kit.lines import sample_from_line
from ragset.schema.ids import digest
from ragset.schema.samples import Context, QAPair, Sample

ANSWERS = ("claim", "candidate", "answer")
CONTEXTS = ("context", "contexts")
GOLDS = ("gold", "golds")

NO_QUESTION = "What does the text say?"
"""Question of a claim that came without one, for judges that are steps: a pair has a question."""

_SHAPE = "write JSON lines or CSV with question, context or gold, answer, and label (0 or 1)"
_LONGEST_CELL = 16 * 1024 * 1024
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


@dataclass(frozen=True)
class Labelled:
    """One labelled row; ``group`` is what it shares with others (context, else question), ``where`` file and line.

    ``label`` is none in a row of a delivered set that nobody has labelled.
    """

    id: str
    where: str
    question: str
    answer: str
    label: int | None
    contexts: tuple[str, ...] = ()
    golds: tuple[str, ...] = ()
    sample: Sample | None = None

    @property
    def context(self) -> str:
        """All contexts as one text."""
        return "\n\n".join(self.contexts)

    @property
    def group(self) -> str:
        """Hash of the context, or of the question where there is none."""
        return digest("group", self.context or self.question)

    def as_sample(self) -> Sample:
        """Give the row as a fresh sample, for judges that are steps of a flow."""
        if self.sample:
            return self.sample.model_copy(update={"verdicts": (), "status": "open", "failure": None, "measures": {}})
        texts = tuple(self.contexts)
        held = tuple(Context(chunk_id=digest("label", text), document_id="labels", text=text) for text in texts)
        pair = QAPair(question=self.question.strip() or NO_QUESTION, answer=self.answer)
        return Sample(id=self.id, scenario_id=self.group, payload=pair, contexts=held, evidence=())


@dataclass(frozen=True)
class LabelSet:
    """The rows of one file, with the file's name and the SHA-256 of its bytes."""

    path: Path
    sha256: str
    rows: tuple[Labelled, ...]

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name


def read_labels(path: str | Path) -> LabelSet:
    """Read a file of labels; raises ``UsageError`` with file and line for anything that is no label.

    Refused: no rows, a row without answer or label, a label that is not 0 or 1, labels of one class only, and two rows
    of one id.
    """
    found = _read(Path(path), labelled=True)
    values = {row.label for row in found.rows}
    if len(values) == 1:
        what = f"all {len(found.rows)} labels are {values.pop()}: nothing can be told apart"
        raise UsageError(what, where=str(path), hint="add rows of the other label")
    return found


def read_delivered(path: str | Path) -> LabelSet:
    """Read a delivered set, ``kept.jsonl`` say, whose lines need no label; raises ``UsageError`` with file and line."""
    return _read(Path(path), labelled=False)


def _read(path: Path, *, labelled: bool) -> LabelSet:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read as UTF-8 ({_reason(error)})", where=str(path), hint=_SHAPE) from error
    lines = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    rows: dict[str, Labelled] = {}
    for at, line in lines:
        row = _row(line, f"{path}, line {at}", labelled)
        if row.id in rows:
            raise UsageError(f"has the id '{row.id[:40]}' of {rows[row.id].where}", where=row.where, hint="drop one")
        rows[row.id] = row
    if not rows:
        raise UsageError("holds no rows", where=str(path), hint=_SHAPE)
    return LabelSet(path, hashlib.sha256(data).hexdigest(), tuple(rows.values()))


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"is no JSON ({_reason(error)})", where=f"{path}, line {at}", hint=_SHAPE) from error
        if not isinstance(value, dict):
            raise UsageError("is no JSON object", where=f"{path}, line {at}", hint=_SHAPE)
        yield at, cast("dict[str, Any]", value)


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row:  # DictReader's name for cells beyond the header
                raise UsageError("has more cells than the header", where=f"{path}, line {reader.line_num}", hint=_SHAPE)
            yield reader.line_num, {key: value for key, value in row.items() if value}
    except csv.Error as error:
        raise UsageError(f"is no CSV ({error})", where=f"{path}, line {reader.line_num}", hint=_SHAPE) from error


def _row(line: dict[str, Any], where: str, labelled: bool) -> Labelled:
    label = _label(line, where) if labelled or line.get("label") is not None else None
    if isinstance(line.get("contexts"), list) and "scenario_id" in line:
        return _sample_row(line, where, label)
    answer = next((str(line[key]) for key in ANSWERS if isinstance(line.get(key), str)), "")
    if not answer.strip():
        raise UsageError(f"has no answer (known columns: {', '.join(ANSWERS)})", where=where, hint=_SHAPE)
    contexts, golds = _texts(line, CONTEXTS, where), _texts(line, GOLDS, where)
    if not contexts and not golds:
        raise UsageError("has neither context nor gold: nothing to hold the answer against", where=where, hint=_SHAPE)
    question = line.get("question")
    question = question if isinstance(question, str) else ""
    name = line.get("id")
    given = str(name) if isinstance(name, str | int) and str(name) else where
    return Labelled(given, where, question, answer, label, contexts, golds)


def _sample_row(line: dict[str, Any], where: str, label: int | None) -> Labelled:
    try:
        sample = sample_from_line({key: value for key, value in line.items() if key != "label"})
    except (ValidationError, UsageError) as error:
        raise UsageError(f"is no sample ({_reason(error)})", where=where, hint=_SHAPE) from error
    texts = tuple(context.text for context in sample.contexts)
    return Labelled(sample.id, where, sample.payload.question, sample.payload.answer or "", label, texts, (), sample)


def _label(line: dict[str, Any], where: str) -> int:
    if line.get("label") is None:
        raise UsageError("has no label", where=where, hint="give every line a 'label' of 0 or 1, or leave it out")
    value = line["label"]
    plain = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if plain not in _LABELS:
        raise UsageError(f"has the label {str(value)[:40]!r}", where=where, hint="write 1 (right) or 0 (wrong)")
    return _LABELS[plain]


def _texts(line: dict[str, Any], names: Sequence[str], where: str) -> tuple[str, ...]:
    """Read one text or a list of texts; in CSV a list is written as JSON, and ragset's contexts are objects."""
    name = next((name for name in names if line.get(name) not in (None, "", [])), None)
    if name is None:
        return ()
    value: Any = line[name]
    parts = _listed(value) if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise UsageError(f"has a '{name}' that is neither a text nor a list of texts", where=where, hint=_SHAPE)
    texts = [cast("Any", part).get("text") if isinstance(part, dict) else part for part in cast("list[Any]", parts)]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(f"has a '{name}' with a part that is no text", where=where, hint=_SHAPE)
    return tuple(text for text in cast("list[str]", texts) if text.strip())


def _listed(text: str) -> list[Any]:
    if text.startswith("["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        if isinstance(value, list):
            return cast("list[Any]", value)
    return [text]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
