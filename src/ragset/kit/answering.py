"""Answer a question from what retrieval brought back: with a model, or with the best sentence found by rule.

The rule scores every sentence, list item and table row of the retrieved chunks: the share of the question's content
words it holds (rarer ones among the candidates count more), the share that its neighbours and headings hold, whether
it has what the question asks for (a number for "how many", a name for "who"), and the rank of its chunk. It is
deterministic and embeds nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from ragset.errors import ContextError
from ragset.kit.measures import Text, Word
from ragset.kit.prompting import Prompt
from ragset.kit.replies import complete_typed
from ragset.schema.ports import Ask, Hit, LanguageModel
from ragset.schema.samples import Usage
from ragset.schema.step import Tools

BEST_SENTENCE = "best-sentence"
RULES = "1"
"""Version of the rule; raise it whenever it may choose another sentence."""
PROMPT = "answer_from_context.v1"

NOTHING = frozenset({"", "null", "n/a", "i don't know", "i do not know"})
"""Texts that stand for no answer, from models that write the null as a string."""

NEIGHBOURS = 0.25
"""Weight of question words that only the sentences around hold."""
HEADINGS = 0.3
"""Weight of question words that only the chunk's title and headings hold."""
EXPECTED = 0.15
"""Added when the sentence has the kind of word that the question asks for."""
PRIOR = 0.3
"""Weight of the chunk's cosine similarity to the question."""
DEFINES = 0.3
"""Added when the question asks what something is, means or stands for, and the sentence has the form that says so."""
ECHO = 0.35
"""Taken off a sentence that says nothing but the question's own words."""

_NUMBER_ASKED = re.compile(
    r"\b(how (many|much|old|long|far|often|large|big|high|tall)|(what|which) (year|percent\w*|number|date)|when)\b",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(r"\b(who|whom|whose|where|which (person|country|city|team|company))\b", re.IGNORECASE)


_FRAME = re.compile(r"\A\s*(?:according to|in|as|for|per)\b[^,]*[\"“”'‘’][^,]*,\s*", re.IGNORECASE)
_ASKED = "accord stand mean say call name document guide page section describ explain happen"
_ASKING = frozenset(_ASKED.split())
_SUBJECT = re.compile(
    r"\Awhat (?:is|are|was|were|does|do) (?:an?|the)?\s*(.+?)(?: (stand for|mean|refer to|called))?\s*\?*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the chunks it comes from, who gave it, and what it cost; ``text`` is none when there is none.

    ``scored`` are the sentences that the rule chose among, each with its score; a model tells of none.
    """

    text: str | None
    chunk_ids: tuple[str, ...]
    name: str
    usage: Usage = field(default_factory=Usage)
    scored: tuple[tuple[str, float], ...] = ()

    def lead_over(self, quotes: Sequence[str]) -> float | None:
        """Tell how far the sentence chosen is ahead of the best one of ``quotes``; none when none of them was there."""
        own = [score for text, score in self.scored if any(text in quote or quote in text for quote in quotes)]
        return max(score for _, score in self.scored) - max(own) if own else None


class AnswerReply(BaseModel):
    """What a model is asked to reply."""

    answer: str | None
    passages: list[int] = Field(default_factory=list)


def answerer_name(tools: Tools) -> str:
    """Name who answers: the configured model, or ``best-sentence``."""
    model = tools.models.get("answerer")
    return model.name if model else BEST_SENTENCE


async def answer(question: str, hits: Sequence[Hit], tools: Tools) -> Answer:
    """Answer ``question`` from the retrieved ``hits``, with the answerer model if there is one.

    Raises ``ContextError`` when not even the best hit fits the model's context, and what ``complete_typed`` raises.
    """
    model = tools.models.get("answerer")
    if model is None:
        return best_sentence(question, hits)
    return await _answered(model, question, hits)


async def _answered(model: LanguageModel, question: str, hits: Sequence[Hit]) -> Answer:
    """Ask with all passages, then with the better half for as long as they do not fit the model's context."""
    while True:
        try:
            return await _ask(model, question, hits)
        except ContextError:
            if len(hits) <= 1:
                raise
            hits = hits[: len(hits) // 2]


async def _ask(model: LanguageModel, question: str, hits: Sequence[Hit]) -> Answer:
    passages = [hit.chunk.text for hit in hits]
    messages = Prompt.load(PROMPT).render(question=question, passages=passages)
    ask = Ask(messages=messages, reply_schema=AnswerReply.model_json_schema(), purpose="answer")
    reply = await complete_typed(model, ask, AnswerReply)
    value: AnswerReply = reply.value
    used = tuple(hits[n - 1].chunk.id for n in value.passages if 1 <= n <= len(hits))
    return Answer(said(value.answer), used, model.name, reply.usage)


def said(text: str | None) -> str | None:
    """Give what was answered; none for a text that stands for no answer."""
    text = (text or "").strip()
    return None if text.strip(" .").lower() in NOTHING else text


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence, what stands around it, and the chunk it is in."""

    text: Text
    around: frozenset[str]
    above: frozenset[str]
    hit: Hit


def best_sentence(question: str, hits: Sequence[Hit]) -> Answer:
    """Choose the sentence of the hits that answers best, verbatim; ties go to the earlier one."""
    asked = Text(_FRAME.sub("", question))
    words = tuple(w for w in asked.content if w.stem not in _ASKING) or asked.words
    candidates = [c for hit in hits for c in _candidates(hit)]
    if not candidates or not words:
        return Answer(None, (), BEST_SENTENCE)
    weights = _weights(words, candidates)
    subject, frame = _subject(asked.text), _frame(question)

    def score(candidate: _Candidate) -> float:
        framed = len(frame & (candidate.above | candidate.text.stems)) / max(1, len(frame))
        defines = _defines(candidate.text.text, subject)
        return _score(candidate, asked, weights) + DEFINES * defines + HEADINGS * framed

    scores = [score(candidate) for candidate in candidates]
    best = candidates[max(range(len(scores)), key=scores.__getitem__)]
    scored = tuple((candidate.text.text, found) for candidate, found in zip(candidates, scores, strict=True))
    return Answer(best.text.text, (best.hit.chunk.id,), BEST_SENTENCE, scored=scored)


def _frame(question: str) -> frozenset[str]:
    """Give the stems of a frame such as ``According to “Leave policy”,``: they say where, not what."""
    match = _FRAME.match(question)
    return frozenset(w.stem for w in Text(match[0]).content if w.stem not in _ASKING) if match else frozenset()


def _subject(question: str) -> re.Pattern[str] | None:
    """Make the pattern of a sentence that defines what the question asks the meaning of, if it asks that."""
    match = _SUBJECT.match(question)
    if not match or len(match[1].split()) > 5:
        return None
    term = re.escape(match[1].strip(" \"“”'‘’`*_"))
    marks = r"[\"”’'`*_)]*"
    spelt = rf"\({marks}{term}{marks}[\s)]|\b{term}{marks}\s+\(|\b{term}\s+stands\b"
    if match[2] == "stand for":
        return re.compile(spelt)
    means = rf"\b{term}{marks}\s+(?:is|are|was|were|means?|refers?|stands?|denotes?)\b"
    return re.compile(rf"{spelt}|\b{term}{marks}\s*(?::|–|—)|{means}", re.IGNORECASE)


def _defines(sentence: str, subject: re.Pattern[str] | None) -> bool:
    return subject is not None and subject.search(sentence) is not None


def _candidates(hit: Hit) -> list[_Candidate]:
    texts = _lines(hit.chunk.text)
    above = Text(" . ".join((hit.chunk.title, *hit.chunk.headings))).stems
    found: list[_Candidate] = []
    for at, text in enumerate(texts):
        around = frozenset[str]().union(*(t.stems for t in texts[max(0, at - 2) : at + 2] if t is not text))
        if len(text.words) > 1:
            found.append(_Candidate(text, around, above, hit))
    return found


def _lines(text: str) -> list[Text]:
    """Split a chunk into what can be an answer: sentences, list items, table rows."""
    parts: list[Text] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*•|]|\d+[.)]\s))", text):
        rows = block.split("\n") if "|" in block or "\t" in block else [block]
        for row in rows:
            parts.extend(Text(s.text) for s in Text(row).sentences)
    return parts


def _weights(words: Sequence[Word], candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Weigh the question's stems by how rare they are among the candidates."""
    count = len(candidates)
    seen = {w.stem: sum(w.stem in c.text.stems for c in candidates) for w in words}
    return {w.stem: w.weight * math.log(1 + (count + 1) / (0.5 + seen[w.stem])) for w in words}


def _score(candidate: _Candidate, asked: Text, weights: dict[str, float]) -> float:
    stems, total = candidate.text.stems, sum(weights.values())
    held = sum(w for stem, w in weights.items() if stem in stems)
    near = sum(w for stem, w in weights.items() if stem not in stems and stem in candidate.around)
    above = sum(w for stem, w in weights.items() if stem not in stems and stem in candidate.above)
    score = (held + NEIGHBOURS * near + HEADINGS * above) / total + PRIOR * candidate.hit.score
    new = [w for w in candidate.text.content if w.stem not in weights]
    if not new or candidate.text.text.endswith("?"):
        score -= ECHO
    return score + EXPECTED * _expected(asked.text, new)


def _expected(question: str, new: Sequence[Word]) -> bool:
    """Tell whether words beyond the question's own include the kind that is asked for."""
    if _NUMBER_ASKED.search(question):
        return any(w.number for w in new)
    return bool(_NAME_ASKED.search(question)) and any(w.name for w in new)
