"""Ask a judge model which passages answer a question: several questions of one draw in one call.

What the questions share is shown once. Each is checked against the passages named with it; the reply must hold one
entry for each, no more and no fewer, or it is asked for again, then question by question, and then refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from ragset.errors import ContextError, ModelError, ReplyError
from ragset.kit.locating import locate
from ragset.kit.prompting import Prompt
from ragset.kit.replies import complete_typed
from ragset.kit.siblings import apart, asked_text, pooled
from ragset.schema.documents import Chunk
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import Evidence, QAPair, Usage

PROMPT = "which_passages_answer.v1"

Says = Literal["same", "other", "no"]
"""Whether a passage states the answer, another answer to the same question, or none."""


@dataclass(frozen=True, slots=True)
class Check:
    """A pair, and the passages to be checked for its question."""

    pair: QAPair
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Answering:
    """A passage that states an answer: what the model says of it, and the quote, where it stands in the passage."""

    chunk: Chunk
    says: Says
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Checked:
    """The passages that answer a question, in the order in which they were given, and what asking cost."""

    answering: tuple[Answering, ...] = ()
    usage: Usage = field(default_factory=Usage)


Told = Checked | ModelError
"""What was found out about one check, or why nothing was."""


class Entry(BaseModel):
    """What a model says of one question and one passage, by their numbers from 1."""

    question: int
    passage: int
    answers: Says
    quote: str | None = None


class WhichReply(BaseModel):
    """What a model is asked to reply."""

    found: list[Entry] = Field(default_factory=list[Entry])


async def which_answer(checks: Sequence[Check], model: LanguageModel) -> list[Told]:
    """Ask which passages answer, for all checks in one call, or in several where they are too long for one.

    What breaks for one check is an error in its place. The usage of a call is that of its first check; a check without
    chunks costs nothing.
    """
    told: list[Told] = [Checked() for _ in checks]
    asked = [at for at, check in enumerate(checks) if check.chunks]
    texts = [[chunk.text for chunk in checks[at].chunks] for at in asked]
    # Without their answers, so that none counts as given away: a passage must state it, whatever is said elsewhere.
    pairs = [checks[at].pair.model_copy(update={"answer": None}) for at in asked]
    for group in apart(pairs, texts):
        places = [asked[at] for at in group]
        for at, found in zip(places, await _together([checks[at] for at in places], model), strict=True):
            told[at] = found
    return told


async def _together(checks: Sequence[Check], model: LanguageModel) -> list[Told]:
    """Ask about all at once; where that cannot be done, one by one."""
    try:
        return list(await _ask(checks, model))
    except (ContextError, ReplyError) as error:  # too long, or too much for a small model
        if len(checks) > 1:
            return [found for check in checks for found in await _together([check], model)]
        chunks = checks[0].chunks
        if isinstance(error, ReplyError) or len(chunks) < 2:
            return [error]
        return [await _in_halves(checks[0], model)]
    except ModelError as error:
        return [error for _ in checks]


async def _in_halves(check: Check, model: LanguageModel) -> Told:
    """Check half of the passages, then the others: together they do not fit the model's context."""
    middle = len(check.chunks) // 2
    parts: list[Checked] = []
    for chunks in (check.chunks[:middle], check.chunks[middle:]):
        (told,) = await _together([Check(check.pair, chunks)], model)
        if isinstance(told, ModelError):
            return told
        parts.append(told)
    return Checked((*parts[0].answering, *parts[1].answering), parts[0].usage + parts[1].usage)


async def _ask(checks: Sequence[Check], model: LanguageModel) -> list[Checked]:
    passages, numbers = pooled([check.chunks for check in checks], key=lambda chunk: chunk.id)
    questions = [_shown(check.pair, own) for check, own in zip(checks, numbers, strict=True)]
    messages = Prompt.load(PROMPT).render(passages=[_passage(chunk) for chunk in passages], questions=questions)
    ask = Ask(messages=messages, reply_schema=_schema(), purpose="which passages answer")
    wanted = frozenset((at, passage) for at, own in enumerate(numbers, 1) for passage in own)
    reply = await complete_typed(model, ask, _exactly(wanted))
    value: WhichReply = reply.value
    said = {(entry.question, entry.passage): entry for entry in value.found if entry.answers != "no"}
    number = {chunk.id: at for at, chunk in enumerate(passages, 1)}
    found: list[Checked] = []
    for at, check in enumerate(checks, 1):
        own = {chunk.id: chunk for chunk in check.chunks}.values()
        entries = [(said[at, number[chunk.id]], chunk) for chunk in own if (at, number[chunk.id]) in said]
        answering = tuple(Answering(chunk, entry.answers, _quoted(entry, chunk)) for entry, chunk in entries)
        found.append(Checked(answering, reply.usage if at == 1 else Usage()))
    return found


def _quoted(entry: Entry, chunk: Chunk) -> Evidence | None:
    return locate(entry.quote, [chunk]) if entry.quote else None


def _exactly(wanted: frozenset[tuple[int, int]]) -> type[WhichReply]:
    """Make the reply of exactly these (question, passage) entries."""

    class Counted(WhichReply):
        @model_validator(mode="after")
        def _every_one_once(self) -> Counted:
            given = [(entry.question, entry.passage) for entry in self.found]
            if foreign := sorted(set(given) - wanted):
                raise ValueError("question {} was not to be checked against passage {}".format(*foreign[0]))
            if lacking := sorted(wanted - set(given)):
                missing = "question {}, passage {} is missing".format(*lacking[0])
                raise ValueError(f"{len(given)} entries for {len(wanted)}: {missing}")
            if len(given) != len(wanted):
                raise ValueError(f"{len(given)} entries for {len(wanted)}: one comes twice")
            return self

    return Counted


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    """Give the JSON schema of a reply; making it takes longer than reading one."""
    return WhichReply.model_json_schema()


def _shown(pair: QAPair, passages: Sequence[int]) -> dict[str, Any]:
    reference = pair.answer if pair.answerable else None
    return {"text": asked_text(pair), "reference": reference, "passages": list(passages)}


def _passage(chunk: Chunk) -> dict[str, Any]:
    return {"title": chunk.title, "headings": list(chunk.headings), "text": chunk.text}
