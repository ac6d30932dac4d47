"""Pieces of a page that answer nothing: rows of a table as they stand, and references to other works."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragset.kit.question_form_words import CODE, STOP, WORD, is_english

MOST_IN_CELL = 12
"""Words of the longest text between two bars that still reads as a cell."""
FLAT = 12
"""Words from which a text of names and numbers without any other word reads as a flattened table."""

_BARS = re.compile(r" +\| *|\| +|\t+| {4,}")
_COMMAS = re.compile(r"[;,\n] *")
_RULE = re.compile(r"[\s|:=+-]+")
_NUMBER = re.compile(r"[-+~<>$€£]?\d[\d,.]*(?:[eE][+-]?\d+)?%?")
_MEASURED = re.compile(r"[-+]?\d{4,}\.\d+|[-+]?\d\.\d{4,}(?:[eE][+-]?\d+)?")
"""A number as only tables write it."""
_LONG, _YEAR = re.compile(r"\d{7,}"), re.compile(r"(?:1[5-9]|20)\d\d")
_LOWER = re.compile(r"[a-z_.\"'/-]|None\b|True\b|False\b|Code\b")
_SEVERAL = re.compile(
    r"\b(?:which|what|list|name|give) (?:[\w/]+ ){0,3}"
    r"(?:are|were|values?|(?!(?:is|was|does|has|this|its|his|us)\b)\w+s)\b"
    r"|\bhow (?:do|did|have)\b|\b(?:are|were) the (?:[\w/]+ ){0,3}\w+s\b|\beach\b|\bcompare|\bcoordinates\b",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\band\b", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\b(?:Archived|Retrieved|Accessed|Last accessed|Last visited)(?: from the original)?(?: on)? (?:\d{4}-\d\d-\d\d|"
    r"\d{1,2} [A-Z][a-z]{2,8} \d{4}|[A-Z][a-z]{2,8} \d{1,2}, \d{4})(?: at the Wayback Machine)?"
    r"|\bArchived\b[^.]{0,40} at the Wayback Machine\b"
    r"|\b(?:doi ?: ?10\.\d|ISBN[ :]{0,2}[\d-]{6}|ISSN[ :]{0,2}\d{4}-|PMID[ :]{0,2}\d|OCLC[ :]{0,2}\d|arXiv ?: ?\d)\S*"
    r"|\A[\^↑] (?![a-z]).*"
)
LEFT = 4
"""Words of content from which a text says something beside its references."""
LOOKED_AT = 20_000
"""Characters that are looked at: a longer text of cells is no other than its beginning."""
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_WANTS_REFERENCE = re.compile(
    r"\b(?:sources?|references?|cit(?:e|ed|ation)|doi|isbn|issn|pmid|oclc|identifiers?|urls?|links?|web ?sites?|sites?|"
    r"pages?|address(?:es)?|archived?|retrieved|accessed|bibliograph\w+|where|mirrors?|repositor(?:y|ies)|downloads?|downloaded|install\w*|papers?|"
    r"host(?:s|ed)?)\b",
    re.IGNORECASE,
)


def debris(question: str, answer: str, *, english: bool | None = None) -> Iterator[str]:
    """Tell what in an answer is a row of a table as it stands, or a reference instead of what it says.

    What a question asks for is read in English only: of another one, nothing but rows of several lines are told.
    """
    question, text = question[:LOOKED_AT], CODE.sub("Code", answer.strip()[:LOOKED_AT])
    english = is_english(question) if english is None else english
    if not english:
        rows = _barred(text)
        if len(rows) > 1 and not _code(rows):
            yield "a raw row of a table, not what is asked for"
    elif _rows(question, text):
        yield "a raw row of a table, not what is asked for"
    elif found := _reference(question, text):
        yield f"a reference, no answer: '{found}'"


def _rows(question: str, text: str) -> bool:
    """Tell cells of rows from a list of values, or a table with its header, that a question for several may get."""
    several = _SEVERAL.search(question) is not None
    rows = _barred(text)
    if rows:
        return not _code(rows) and not (several and (len(rows) > 1 or _alike(rows[0])))
    words = text.split()
    if any(word.lower().strip(".,;") in STOP for word in words):
        return False
    cells = _cells(_COMMAS, text)
    listed = several or _BOTH.search(question) is not None
    return (_record(cells if len(cells) > 1 else words) or _flattened(words)) and not listed


def _barred(text: str) -> list[list[str]]:
    """Give the cells of a text all of whose lines are rows with bars or wide gaps; none of another text."""
    lines = [line.strip("| \t") for line in text.splitlines() if line.strip()]
    rows = [_cells(_BARS, line) for line in lines if not _RULE.fullmatch(line) and line]
    whole = all(len(row) > 2 and max(len(cell.split()) for cell in row) <= MOST_IN_CELL for row in rows)
    return rows if whole else []


def _code(rows: Sequence[Sequence[str]]) -> bool:
    """Tell types and commands from rows: "int | str | None", "cat pond | sort | uniq"."""
    return all(_LOWER.match(cell) for row in rows for cell in row)


def _cells(marks: re.Pattern[str], text: str) -> list[str]:
    return [cell.strip() for cell in marks.split(text) if cell.strip()]


def _alike(cells: Sequence[str]) -> bool:
    """Tell whether all are numbers, or none is."""
    return len({_NUMBER.fullmatch(cell) is not None for cell in cells}) == 1


def _record(cells: Sequence[str]) -> bool:
    """Tell a row whose marks are gone or commas: names, several numbers, and one that only tables write so."""
    numbers = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    if len(cells) < 4 or len(numbers) < 2 or len(cells) - len(numbers) < 1:
        return False
    dated = any(_YEAR.fullmatch(n) for n in numbers) and any(_LONG.fullmatch(n) for n in numbers)
    return dated or any(_MEASURED.fullmatch(n) for n in numbers)


def _flattened(words: Sequence[str]) -> bool:
    numbers = sum(_NUMBER.fullmatch(word) is not None for word in words)
    return len(words) >= FLAT and 0.4 * len(words) <= numbers < len(words)


def _reference(question: str, text: str) -> str:
    """Give what shows that a text is no more than a reference or links; empty where the question asks for one."""
    if _WANTS_REFERENCE.search(question):
        return ""
    found = _REFERENCE.search(text)
    links = _LINK.findall(text)
    if not found and len(links) < 2:
        return ""
    left = (word for word in WORD.findall(_LINK.sub(" ", _REFERENCE.sub(" ", text))) if word.lower() not in STOP)
    if sum(1 for _ in left) >= LEFT:
        return ""
    return found.group()[:40].strip() if found else "links"
