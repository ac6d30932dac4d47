"""What rules can tell of whether a passage answers a question, without a model.

The evidence is lexical: where an answer stands word for word, and how much of the question stands beside it. Title and
headings of a passage, and the first row of a table, count as standing beside each of its sentences. Nothing here
reasons, so only the plainest cases are decided; the figures are with the constants.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragset.kit.languages import says_yes_or_no
from ragset.kit.locating import folded_text
from ragset.kit.measures import Text, Word
from ragset.kit.retrieving import query_of
from ragset.schema.documents import Chunk
from ragset.schema.samples import Evidence, QAPair

Span = tuple[int, int]

_ASKED = "accord stand mean say call name kind type way thing describ explain state mention happen exact document guide"
ASKING = frozenset(_ASKED.split())
"""Stems of a question that say how it is asked, not about what."""
BEFORE = 2
"""Sentences before one that may say what it is about."""
AROUND, NEAR = 0.8, 0.5
"""Share of the question that must stand around an answer, and in its very sentence, for the passage to answer as well.

On 661 questions of XQuAD, QED and CLAPNQ (dev) none of the five most similar other passages of each (3,305) is taken,
and 22 % of the passages that answer are; of those in which the answer stands word for word, 29 %. For 1,965 questions
asked of whole stores (these sets, covidqa papers, our guide) twelve other passages were taken, all right when read; at
0.7 it is six more, half of them wrong.
"""
LEAST = 0.3
"""Mean share of the question's and the answer's words below which a passage does not answer.

Of the same passages that do not answer 86 % are below, of those that do none; of human-labelled reworded answers that
a passage does support (ragtruth_qa, begin, mtrag_human, attributionbench) 0, 1, 1 and 5 %.
"""
WHOLE, EVIDENT = 0.999, 0.8
"""Share of a question around a sentence, and in it, from which the sentence evidently answers it.

On the same data 10 % of the passages that answer have such a sentence, 1 of the 3,305 others, and none of the 162
passages of CLAPNQ that are near but do not answer.
"""
FEWEST = 3
"""Words that a question must have for that."""
RULES = ("1", AROUND, NEAR, LEAST, BEFORE, WHOLE, EVIDENT, FEWEST)
"""Version and constants: part of the fingerprint of a step that goes by these rules."""

_NUMBER_ASKED = re.compile(
    r"\b(when|how (many|much|old|long|far|often|large|big|high|tall|deep|wide)"
    r"|(what|which) (year|percent\w*|number|date))\b",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(r"\b(who|whom|whose|where|which (person|country|city|town|team|company))\b", re.IGNORECASE)
_COUNT = re.compile(r"\bhow\s+(?:many|much)\b", re.IGNORECASE)
_DEGREE = re.compile(
    r"\bhow\s+(?:many|much|old|long|far|often|large|big|high|tall|deep|wide|heavy|fast|late|early|soon)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`([^`\n]+)`|“([^”\n]+)”|\"([^\"\n]+)\"")
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•|]|\d+[.)]\s))")
_ENDS = re.compile(r"[\s.;:,!?。！？\"'“”‘’«»]+\Z")
_BEGINS = re.compile(r"\A[\s\"'“”‘’«»]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, list item or table row of a text, with its offsets there and the first row of its table."""

    start: int
    end: int
    text: Text
    head: Text | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """How much of a question stands beside a place in a passage: in its sentence, and with what is around (0..1).

    ``whole`` is true when no number and no name of the question is missing there.
    """

    place: Span
    near: float
    around: float
    whole: bool


def asked_words(question: str, *, degree: bool = False) -> tuple[Word, ...]:
    """Give the words of a question that say what it is about; with ``degree`` the ``long`` of ``how long``, too."""
    said = Text((_COUNT if degree else _DEGREE).sub("how", question))
    return tuple(w for w in said.content if w.stem not in ASKING) or said.content or said.words


def topic(words: Sequence[Word], chunk: Chunk, *, headed: bool = True) -> float:
    """Give the share of the words (numbers and names count more) that a chunk holds, title and headings too."""
    return _share(words, _whole(chunk.text).stems | (_above(chunk) if headed else frozenset[str]()))


def answer_places(answer: str, words: Sequence[Word], chunk: Chunk) -> list[Beside]:
    """Find the places where an answer stands, but for typography and case, with the question's words beside each."""
    found: list[Beside] = []
    pieces, above = pieces_of(chunk.text), _above(chunk)
    for start, end in places(answer, chunk.text):
        held = [at for at, piece in enumerate(pieces) if piece.start < end and start < piece.end]
        if held:
            found.append(_beside((start, end), words, pieces, held, above))
    return found


def _beside(
    place: Span, words: Sequence[Word], pieces: Sequence[Piece], held: Sequence[int], above: frozenset[str]
) -> Beside:
    heads = (head.stems for at in held if (head := pieces[at].head) is not None)
    near = frozenset[str]().union(*(pieces[at].text.stems for at in held), *heads)
    before = range(max(0, held[0] - BEFORE), held[0])
    around = near.union(above, *(pieces[at].text.stems for at in before))
    whole = all(w.stem in around for w in words if w.number or w.name)
    return Beside(place, _share(words, near), _share(words, around), whole)


def places(answer: str, text: str) -> list[Span]:
    """Give every span of ``text`` that says ``answer``: whole words, typography and case aside."""
    wanted = _lower(folded_text(_BEGINS.sub("", _ENDS.sub("", answer)))[0].strip())
    plain, offsets = folded_text(text)
    plain = _lower(plain)
    found: list[Span] = []
    at = plain.find(wanted) if any(c.isalnum() for c in wanted) else -1
    while at >= 0:
        end = at + len(wanted)
        if _whole_words(plain, at, end):
            found.append((offsets[at], offsets[end - 1] + 1))
        at = plain.find(wanted, at + 1)
    return found


def evidence_at(chunk: Chunk, place: Span) -> Evidence:
    """Give the evidence of a span of a chunk's text."""
    start, end = place
    return Evidence(
        document_id=chunk.document_id,
        version=chunk.version,
        start=chunk.start + start,
        end=chunk.start + end,
        quote=chunk.text[start:end],
    )


@lru_cache(maxsize=512)
def pieces_of(text: str) -> tuple[Piece, ...]:
    """Cut a text into sentences, list items and table rows, in order."""
    found: list[Piece] = []
    at = 0
    head: Text | None = None
    for block in _BLOCK.split(text):
        row = "|" in block or "\t" in block
        head = (head or Text(block.split("\n")[0])) if row else None
        for part in block.split("\n") if row else [block]:
            for sentence in Text(part).sentences:
                start = text.find(sentence.text, at)
                if start >= 0:
                    at = start + len(sentence.text)
                    found.append(Piece(start, at, sentence, head))
    return tuple(found)


def _share(words: Sequence[Word], stems: frozenset[str]) -> float:
    """Give the weighted share of the words whose stems are among ``stems``; each counts once."""
    weights = {w.stem: w.weight for w in words}
    return sum(weight for stem, weight in weights.items() if stem in stems) / sum(weights.values()) if weights else 0.0


@lru_cache(maxsize=512)
def _whole(text: str) -> Text:
    return Text(text)


@lru_cache(maxsize=2048)
def _stems_of(title: str, headings: tuple[str, ...]) -> frozenset[str]:
    return Text(" . ".join((title, *headings))).stems


def _above(chunk: Chunk) -> frozenset[str]:
    return _stems_of(chunk.title, chunk.headings)


def _lower(text: str) -> str:
    """Write in small letters, length kept."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _whole_words(text: str, start: int, end: int) -> bool:
    """Tell whether a span begins and ends at a word's or number's end (not 30 of 300, nor 5 of 3.5)."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if (text[start].isalnum() and before[-1:].isalnum()) or (text[end - 1].isalnum() and after[:1].isalnum()):
        return False
    opens = text[start].isdigit() and before[-1:] in (".", ",") and before[:1].isdigit()
    return not opens and not (text[end - 1].isdigit() and after[:1] in (".", ",") and after[1:].isdigit())


@dataclass(frozen=True, slots=True)
class Finding:
    """What rules tell of a passage: where it answers for certain, and whether it may answer at all."""

    sure: Evidence | None
    open: bool


def answers_as_well(pair: QAPair, chunk: Chunk, *, readable: bool = True) -> Finding:
    """Tell whether a passage gives a pair's answer to its question.

    It does when the answer stands in it word for word with the question beside it, every number and name included. It
    does not when it holds little of either. Of a language that the rules do not read nothing is ruled out.
    """
    words, answer = asked_words(query_of(pair)), pair.answer or ""
    found = evidence_in(pair, chunk)
    if found is not None:
        return Finding(found, True)
    held = (topic(words, chunk, headed=False) + topic(Text(answer).content, chunk, headed=False)) / 2
    return Finding(None, not readable or held >= LEAST)


def evidence_in(pair: QAPair, chunk: Chunk, *, around: float = AROUND, near: float = NEAR) -> Evidence | None:
    """Give the place where a pair's answer stands with most of its question around it, if there is enough of that."""
    asked, answer = query_of(pair), pair.answer or ""
    words, known = asked_words(asked), Text(asked).stems
    if not _named_there(asked, chunk):
        return None
    if says_yes_or_no(answer, None) or not any(w.stem not in known for w in Text(answer).content):
        return None  # yes, no, or one of what the question names: that stands anywhere
    fit = [b for b in answer_places(answer, words, chunk) if b.whole and b.around >= around and b.near >= near]
    best = max(fit, key=lambda b: (b.around, b.near), default=None)
    return None if best is None else evidence_at(chunk, best.place)


def evident_answer(pair: QAPair, chunk: Chunk) -> Evidence | None:
    """Give a sentence that holds every word of a question and something of the kind it asks for, if there is one.

    For questions without a reference answer. A near miss differs from what a passage answers by one word, so none may
    be missing.
    """
    asked = query_of(pair)
    words, known = asked_words(asked, degree=True), Text(asked).stems
    if len({w.stem for w in words} & {w.stem for w in Text(asked).content}) < FEWEST or pair.history:
        return None
    if not _named_there(asked, chunk):
        return None
    pieces, above = pieces_of(chunk.text), _above(chunk)
    for at, piece in enumerate(pieces):
        new = [w for w in piece.text.content if w.stem not in known]
        if piece.text.text.endswith("?") or not _of_kind(asked, new) or piece.text.negations != Text(asked).negations:
            continue
        beside = _beside((piece.start, piece.end), words, pieces, [at], above)
        if beside.around > WHOLE and beside.near >= EVIDENT:
            return evidence_at(chunk, beside.place)
    return None


def _named_there(question: str, chunk: Chunk) -> bool:
    """Tell whether all that a question quotes, or writes as code, stands in a chunk as it is, or in its headings."""
    quoted = [next(part for part in found.groups() if part) for found in _QUOTED.finditer(question)]
    whole = "\n".join((chunk.title, *chunk.headings, chunk.text)) if quoted else ""
    return all(places(part, whole) for part in quoted)


def _of_kind(question: str, new: Sequence[Word]) -> bool:
    """Tell whether the words that are not the question's own have the kind that is asked for."""
    if _NUMBER_ASKED.search(question):
        return any(w.number for w in new)
    if _NAME_ASKED.search(question):
        return any(w.name for w in new)
    return len(new) > 1
