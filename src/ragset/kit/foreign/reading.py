"""From the rows of a foreign set to samples that wait for their contexts, and which format a file is of.

Such a sample's contexts hold the texts that were given (``chunk_id`` empty, ``document_id`` the given id), and its
evidence points into those texts; the step ``ground`` puts both into documents of the index.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from ragset.errors import UsageError
from ragset.kit.foreign import FORMATS, OWN, PLAIN, format_named
from ragset.kit.foreign.pairs import Format, Pair, Passage
from ragset.kit.foreign.rows import LINES, SUFFIXES, first_row, names
from ragset.kit.judging import one_line
from ragset.schema.ids import digest
from ragset.schema.samples import Context, Evidence, QAPair, Sample, Verdict

JUDGE, VERSION = "samples", "1"
"""Under this name the rows that cannot be judged are rejected."""

NO_REFERENCE = "no_reference_answer"
"""Label of an answerable pair that came without an answer: what judges answers abstains on it."""

_FOR_TUNING = ({"messages"}, {"prompt", "completion"})
"""Fields of files for fine-tuning, ragset's exports among them: passages and question are one text there."""

_NO_ROWS = ("holds no rows", "give a file with one pair a row")


def samples_of(path: Path, name: str, columns: Mapping[str, str]) -> Iterator[Sample]:
    """Yield every row of a set as a sample, in order; raises ``UsageError`` with file and row.

    A row that cannot be judged is a rejected sample with the reason. Ids are hashes of what a row says and of how
    often it came before, so that equal rows stay two samples.
    """
    seen: Counter[str] = Counter()
    for pair in format_named(name).pairs(path, columns):
        content = digest("foreign", name, _said(pair))
        yield _sample(pair, path, name, (content, seen[content]))
        seen[content] += 1


def check_set(path: Path, name: str, columns: Mapping[str, str]) -> Counter[str]:
    """Read a set through before anything is judged: counts ``pairs``, and those that are ``given`` contexts.

    Of its questions (``asked``) it counts those that are ``answerable``, and those of them that are ``answered``.

    Raises ``UsageError`` for a file without rows, and for one without a single question.
    """
    found: Counter[str] = Counter()
    for pair in format_named(name).pairs(path, columns):
        found["pairs"] += 1
        found["given"] += any(passage.text for passage in pair.passages)
        found["asked"] += bool(pair.question)
        found["answerable"] += bool(pair.question) and pair.answerable
        found["answered"] += bool(pair.question) and pair.answerable and pair.answer is not None
    if not found["pairs"]:
        raise UsageError(_NO_ROWS[0], where=str(path), hint=_NO_ROWS[1])
    if not found["asked"]:
        raise UsageError(_no_question(path, name), where=str(path), hint=_hint(name))
    return found


def _no_question(path: Path, name: str) -> str:
    first = None if path.is_dir() else first_row(path)
    wants = format_named(name).wants
    has = f" (fields of its first row: {names(first.fields)})" if first else ""
    return f"is no set of the format '{name}': no row has a question in '{wants}'{has}"


def _hint(name: str) -> str:
    if name in PLAIN:
        return "name the columns: --columns question=… answer=… contexts=…"
    return f"name the format with --from: {', '.join((*FORMATS, OWN))}"


def passages_in(path: Path, name: str, columns: Mapping[str, str]) -> Iterator[Passage]:
    """Yield every passage of a set with a text, each once: those of its corpus first, then those of its pairs."""
    form = format_named(name)
    seen: set[str] = set()
    for passage in _all(form, path, columns):
        if passage.text.strip() and passage.path not in seen:
            seen.add(passage.path)
            yield passage


def _all(form: Format, path: Path, columns: Mapping[str, str]) -> Iterator[Passage]:
    yield from form.corpus(path)
    for pair in form.pairs(path, columns):
        yield from pair.passages


def guess(path: Path) -> str | None:
    """Tell the format of a file or folder where only one is possible, ``ragset`` included; none where it is not plain.

    Raises ``UsageError`` for a file whose first row cannot be read, and for one that is made for fine-tuning.
    """
    if path.is_dir():
        fitting = [name for name in FORMATS if format_named(name).fits(path, None)]
        return fitting[0] if len(fitting) == 1 else None
    if path.suffix.lower() not in SUFFIXES:
        return None
    first = first_row(path)
    if first is None:
        raise UsageError(_NO_ROWS[0], where=str(path), hint=_NO_ROWS[1])
    if path.suffix.lower() in LINES and {"question", "scenario_id"} <= set(first.fields):
        return OWN
    if set(first.fields) in _FOR_TUNING:
        what = f"is a file for fine-tuning ({names(first.fields)}): passages and question are one text in it"
        named = " or, where a prompt is a question alone, name its columns: --columns question=prompt answer=completion"
        hint = f"give the set that it was made of (kept.jsonl){named if 'prompt' in first.fields else ''}"
        raise UsageError(what, where=str(path), hint=hint)
    fitting = [name for name in FORMATS if name not in PLAIN and format_named(name).fits(path, first)]
    fitting = fitting or [name for name in FORMATS if name in PLAIN and format_named(name).fits(path, first)]
    return fitting[0] if len(fitting) == 1 else None


def _said(pair: Pair) -> str:
    data = asdict(pair) | {"where": "", "history": [turn.model_dump() for turn in pair.history]}
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def _sample(pair: Pair, path: Path, name: str, identity: tuple[str, int]) -> Sample:
    content, before = identity
    sample = Sample(
        id=Sample.make_id(content, f"foreign:{name}", before),
        scenario_id=content,
        payload=QAPair(question=pair.question, answer=pair.answer, answerable=pair.answerable, history=pair.history),
        contexts=tuple(_context(passage, at) for at, passage in enumerate(pair.passages, 1)),
        evidence=tuple(span for at, passage in enumerate(pair.passages, 1) for span in _spans(passage, at)),
        persona=pair.persona,
        question_type=pair.question_type or (None if pair.answerable else "unanswerable"),
        axes=pair.axes,
        metadata=pair.metadata,
        provenance={"from": name, "file": path.name, "row": pair.where},
    )
    if pair.answerable and pair.answer is None and not pair.wrong:
        sample = sample.labelled(NO_REFERENCE)
    if pair.wrong:
        return sample.judged(Verdict(judge=JUDGE, version=VERSION, passed=False, reason=one_line(pair.wrong)))
    return sample


def given_id(passage: Passage, at: int) -> str:
    """Name a given context: by its id, or by its place among those of its pair."""
    return passage.id or f"#{at}"


def _context(passage: Passage, at: int) -> Context:
    return Context(chunk_id="", document_id=given_id(passage, at), text=passage.text)


def _spans(passage: Passage, at: int) -> Iterator[Evidence]:
    for start, end in passage.spans:
        quote = passage.text[start:end]
        yield Evidence(document_id=given_id(passage, at), version="", start=start, end=end, quote=quote)
