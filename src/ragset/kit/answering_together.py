"""Answer the questions of one draw in one call: each from its own passages, or all from memory.

The passages of all questions are shown once, in the order of the documents, so that neither rank nor place says which
of them a question was made from. A question that the reply leaves out is asked once more, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, Field, model_validator

from ragset.errors import ContextError, ModelError, ReplyError
from ragset.kit.answering import Answer, answer, best_sentence, said
from ragset.kit.prompting import Prompt
from ragset.kit.replies import complete_typed
from ragset.kit.siblings import apart, asked_text, check_numbers, pooled
from ragset.schema.ports import Ask, Hit, LanguageModel
from ragset.schema.samples import Message, QAPair, Usage
from ragset.schema.step import Tools

SEVERAL = "answer_several.v1"
FROM_MEMORY = "answer_without_context.v1"

Given = Answer | ModelError
"""An answer, or why there is none."""


class OneRecalled(BaseModel):
    """The answer to one question, by its number."""

    question: int
    answer: str | None = None


class OneAnswer(OneRecalled):
    """The same, with the numbers of the passages that were used."""

    passages: list[int] = Field(default_factory=list[int])


class _Numbered(BaseModel):
    """A reply about several questions: some may lack, none may come twice or be another's."""

    count: ClassVar[int] = 0

    @property
    def entries(self) -> Sequence[OneRecalled]:
        """The answers, in the order of the reply."""
        return ()

    @model_validator(mode="after")
    def _no_others(self) -> _Numbered:
        check_numbers([entry.question for entry in self.entries], self.count, every=False)
        return self


class AnswersReply(_Numbered):
    """What a model with passages is asked to reply."""

    answers: list[OneAnswer]

    @property
    def entries(self) -> Sequence[OneRecalled]:
        """The answers."""
        return self.answers


class RecalledReply(_Numbered):
    """What a model without any passage is asked to reply."""

    recalled: list[OneRecalled]

    @property
    def entries(self) -> Sequence[OneRecalled]:
        """The answers."""
        return self.recalled


_R = TypeVar("_R", bound=_Numbered)


@lru_cache(maxsize=64)
def _reply_about(kind: type[_R], of: int) -> type[_R]:
    """Give the reply about so many questions."""
    return cast("type[_R]", type(kind.__name__, (kind,), {"count": of, "__module__": kind.__module__}))


async def answers(pairs: Sequence[QAPair], hits: Sequence[Sequence[Hit]], tools: Tools) -> list[Given]:
    """Answer the question of each pair from its own ``hits``, with the answerer model if there is one.

    In one call, or in several where the passages are too long for one or a question would give the answer of another
    away. What breaks for one question is an error in its place; the usage of a call is that of its first question.
    """
    model = tools.models.get("answerer")
    if model is None:
        return [best_sentence(pair.question, own) for pair, own in zip(pairs, hits, strict=True)]
    asker = _FromPassages(model, pairs, hits, tools)
    return await _in_groups(apart(pairs, [[hit.chunk.text for hit in own] for own in hits]), asker)


async def recall(pairs: Sequence[QAPair], model: LanguageModel) -> list[Given]:
    """Answer the question of each pair from memory, without any passage; else like :func:`answers`."""
    return await _in_groups(apart(pairs, [()] * len(pairs)), _FromMemory(model, pairs))


class _Asker:
    """Asks one model about some of the pairs."""

    def __init__(self, model: LanguageModel, pairs: Sequence[QAPair]) -> None:
        self.model, self.pairs = model, pairs

    async def together(self, places: Sequence[int]) -> tuple[dict[int, Answer], Usage]:
        """Ask about several at once; gives the answer of each place that was answered, and the usage."""
        raise TypeError(f"{type(self).__name__} defines no together()")

    async def alone(self, place: int) -> Answer:
        """Ask about one."""
        raise TypeError(f"{type(self).__name__} defines no alone()")

    async def _reply(self, messages: tuple[Message, ...], kind: type[_R], count: int, purpose: str) -> tuple[_R, Usage]:
        ask = Ask(messages=messages, reply_schema=_schema(kind), purpose=purpose)
        reply = await complete_typed(self.model, ask, _reply_about(kind, count))
        return cast("_R", reply.value), reply.usage


class _FromPassages(_Asker):
    def __init__(
        self, model: LanguageModel, pairs: Sequence[QAPair], hits: Sequence[Sequence[Hit]], tools: Tools
    ) -> None:
        super().__init__(model, pairs)
        self._hits, self._tools = hits, tools

    async def together(self, places: Sequence[int]) -> tuple[dict[int, Answer], Usage]:
        found = sorted((hit for place in places for hit in self._hits[place]), key=_position)
        pool, _ = pooled([found], lambda hit: hit.chunk.id)
        number = {hit.chunk.id: at for at, hit in enumerate(pool, 1)}
        own = [sorted(number[hit.chunk.id] for hit in self._hits[place]) for place in places]
        texts = [asked_text(self.pairs[place]) for place in places]
        questions = [{"text": text, "passages": numbers} for text, numbers in zip(texts, own, strict=True)]
        messages = Prompt.load(SEVERAL).render(passages=[hit.chunk.text for hit in pool], questions=questions)
        value, usage = await self._reply(messages, AnswersReply, len(places), "answer")
        given: dict[int, Answer] = {}
        for entry in value.answers:
            used = tuple(pool[n - 1].chunk.id for n in entry.passages if n in own[entry.question - 1])
            given[places[entry.question - 1]] = Answer(said(entry.answer), used, self.model.name)
        return given, usage

    async def alone(self, place: int) -> Answer:
        return await answer(asked_text(self.pairs[place]), self._hits[place], self._tools)


class _FromMemory(_Asker):
    async def together(self, places: Sequence[int]) -> tuple[dict[int, Answer], Usage]:
        messages = Prompt.load(FROM_MEMORY).render(questions=[asked_text(self.pairs[place]) for place in places])
        value, usage = await self._reply(messages, RecalledReply, len(places), "recall")
        given = {places[entry.question - 1]: entry.answer for entry in value.recalled}
        return {place: Answer(said(text), (), self.model.name) for place, text in given.items()}, usage

    async def alone(self, place: int) -> Answer:
        given, usage = await self.together([place])
        return Answer(given[place].text, (), self.model.name, usage)


def _position(hit: Hit) -> tuple[str, int, str]:
    return (hit.chunk.document_id, hit.chunk.start, hit.chunk.id)


async def _in_groups(groups: Sequence[Sequence[int]], asker: _Asker) -> list[Given]:
    """Ask group by group; the answers come in the order of the pairs."""
    found: dict[int, Given] = {}
    for given in await asyncio.gather(*(_of_group(group, asker) for group in groups)):
        found |= given
    return [found[place] for place in sorted(found)]


async def _of_group(places: Sequence[int], asker: _Asker) -> dict[int, Given]:
    """Ask about all at once, then alone about those that were left out; all alone where that cannot be done at once."""
    if len(places) == 1:
        return await _one_by_one(places, asker)
    try:
        given, usage = await asker.together(places)
    except (ContextError, ReplyError):  # too long, or too much for a small model: one by one is still possible
        return await _one_by_one(places, asker)
    except ModelError as error:
        return dict.fromkeys(places, error)
    paid = next(iter(given))
    given[paid] = replace(given[paid], usage=usage)
    return {**given, **await _one_by_one([place for place in places if place not in given], asker)}


async def _one_by_one(places: Sequence[int], asker: _Asker) -> dict[int, Given]:
    found = await asyncio.gather(*(_alone(place, asker) for place in places))
    return dict(zip(places, found, strict=True))


async def _alone(place: int, asker: _Asker) -> Given:
    try:
        return await asker.alone(place)
    except ModelError as error:
        return error


@lru_cache(maxsize=8)
def _schema(kind: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schema of a reply; making it takes longer than reading one."""
    return kind.model_json_schema()
