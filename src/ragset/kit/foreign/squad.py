"""SQuAD 1.1 and 2.0: the nested JSON of the dataset's home, and the flat rows of Hugging Face.

``answer_start`` counts Unicode code points of the context. Each one is checked; where it is wrong, the nearest place at
which the answer does stand counts, and an answer that stands nowhere in its context makes the row unfit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from ragset.errors import UsageError
from ragset.kit.foreign.keeping import together
from ragset.kit.foreign.pairs import Fields, NoCorpus, Pair, Passage, Span, listed, text_of
from ragset.kit.foreign.rows import Json, Row, load, read

Answers = list[tuple[str, int | None]]


class Squad(NoCorpus):
    """One pair a question; the first of several answers is the reference, all of them are in the metadata."""

    name: ClassVar[str] = "squad"
    about: ClassVar[str] = "SQuAD 1.1 and 2.0, nested or flat"
    wants: ClassVar[str] = "question"
    answers: ClassVar[str] = "answers"

    def fits(self, path: Path, first: Row | None) -> bool:
        """Tell by paragraphs, or by a context beside answers with their starts."""
        if first is None:
            return False
        answers = listed(first.fields.get("answers"))
        flat = "context" in first.fields and isinstance(answers, dict) and "answer_start" in answers
        return isinstance(first.fields.get("paragraphs"), list) or flat

    def pairs(self, path: Path, columns: Mapping[str, str]) -> Iterator[Pair]:
        """Yield one pair a question, in order."""
        for row in _nested(path) if path.suffix.lower() == ".json" else read(path):
            yield _pair(Fields(row))


def _nested(path: Path) -> Iterator[Row]:
    """Flatten articles and paragraphs; a JSON file of flat rows passes as it is."""
    value: Any = load(path)
    if not (isinstance(value, dict) and _has_paragraphs(cast("Json", value).get("data"))):
        yield from read(path)
        return
    data = cast("Json", value)
    around = {name: inner for name, inner in data.items() if name != "data"}
    for at, article in enumerate(data["data"], 1):
        above = _apart(article, "paragraphs")
        for number, paragraph in enumerate(_list(article, "paragraphs", path, f"article {at}"), 1):
            where = f"article {at}, paragraph {number}"
            held, beside = _context(paragraph), _apart(paragraph, "qas", "context")
            for place, question in enumerate(_list(paragraph, "qas", path, where), 1):
                if not isinstance(question, dict):
                    raise UsageError("a question must be an object", where=f"{path}, {where}", hint="write {…}")
                fields = together(held, cast("Json", question), beside, above)
                yield Row(fields, f"{where}, question {place}", around)


def _has_paragraphs(data: Any) -> bool:
    items = cast("list[Any]", data) if isinstance(data, list) else []
    return any(isinstance(item, dict) and "paragraphs" in item for item in items)


def _apart(value: Any, *names: str) -> Json:
    items = cast("Json", value).items() if isinstance(value, dict) else ()
    return {key: inner for key, inner in items if key not in names}


def _context(paragraph: Any) -> Json:
    data = cast("Json", paragraph) if isinstance(paragraph, dict) else {}
    return {"context": data["context"]} if "context" in data else {}


def _list(value: Any, name: str, path: Path, where: str) -> list[Any]:
    found = cast("Json", value).get(name) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise UsageError(f"has no list '{name}'", where=f"{path}, {where}", hint="give the file as SQuAD has it")
    return cast("list[Any]", found)


def _pair(fields: Fields) -> Pair:
    left = fields.left
    given = left.get("context")
    context = given if isinstance(given, str) else ""
    if context.strip():
        del left["context"]
    answers = _answers(listed(left.get("answers")))
    impossible = left.get("is_impossible") is True or ("answers" in left and not answers)
    said, start = (None, None) if impossible or not answers else answers[0]
    span = _span(context, said, start) if said else None
    passage = Passage(context, "", text_of(left.get("title")) or "", (span,) if span else ())
    if span and start is not None and span[0] != start:
        fields.add("answer_start_found", span[0])
    question = fields.text("question")
    return fields.pair(
        id=fields.identity("id"),
        question=question,
        answer=said.strip() if said else None,
        answerable=not impossible,
        passages=(passage,) if context.strip() else (),
        wrong="its answer stands nowhere in its context" if question and said and context and not span else "",
    )


def _answers(value: Any) -> Answers:
    """Read answers as a list of objects, or as an object of two lists."""
    if isinstance(value, dict):
        columns = cast("Json", value)
        texts, starts = columns.get("text") or [], columns.get("answer_start") or []
        value = [
            {"text": text, "answer_start": start}
            for text, start in zip(texts, [*starts, *[None] * len(texts)], strict=False)
        ]
    found: Answers = []
    for item in cast("list[Any]", value) if isinstance(value, list) else []:
        text: Any = cast("Json", item).get("text") if isinstance(item, dict) else item
        start: Any = cast("Json", item).get("answer_start") if isinstance(item, dict) else None
        if isinstance(text, str) and text.strip():
            found.append((text, start if isinstance(start, int) else None))
    return found


def _span(context: str, said: str, start: int | None) -> Span | None:
    """Give where the answer stands, without white space around it: at its start, else at the place nearest to it."""
    answer = said.strip()
    start = None if start is None else start + len(said) - len(said.lstrip())
    if start is not None and start >= 0 and context.startswith(answer, start):
        return start, start + len(answer)
    places: list[int] = []
    at = context.find(answer)
    while at >= 0:
        places.append(at)
        at = context.find(answer, at + 1)
    best = min(places, key=lambda place: (abs(place - (start or 0)), place), default=None)
    return None if best is None else (best, best + len(answer))
