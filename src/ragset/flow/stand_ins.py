"""Stand-ins for the language models of a rehearsal: they answer at once, cost nothing, and never find no answer."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from ragset.flow.estimate import names_of
from ragset.kit.replies import Wrapped
from ragset.schema.ports import Ask, LanguageModel, Reply, Role
from ragset.schema.step import Tally, Tools, book

ANSWER_WORDS = 20
"""Words of an answer that is made up where the stand-in finds none."""


class Booked(Wrapped):
    """A model whose replies are written to the account of the running draw, as the reply cache does."""

    def __init__(self, model: LanguageModel, role: Role) -> None:
        """Book what ``model`` replies under ``role``."""
        super().__init__(model)
        self._role = role

    async def complete(self, ask: Ask) -> Reply:
        """Answer, and book the usage."""
        reply = await self._model.complete(ask)
        book(self._role, reply.usage)
        return reply


class _Willing:
    """A stand-in that never says it found no answer: what follows an answer must be rehearsed too.

    How often a real answerer finds none is part of the pass rate of the step.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name, self.fingerprint = model.name, model.fingerprint

    async def complete(self, ask: Ask) -> Reply:
        reply = await self._model.complete(ask)
        fields = (ask.reply_schema or {}).get("properties", {})
        value = json.loads(reply.raw) if {"passages", "answers"} & fields.keys() else {}
        given = value.get("answers", [value])
        if all(one.get("answer", "") is not None for one in given):
            return reply
        lines = [line for line in ask.messages[-1].content.splitlines() if not line.startswith(("<", "Passage"))]
        made_up = " ".join(max(lines, key=len).split()[:ANSWER_WORDS])
        for one in given:
            one["answer"] = made_up if one.get("answer", "") is None else one["answer"]
        raw = json.dumps(value, ensure_ascii=False)
        usage = reply.usage.model_copy(update={"completion_tokens": math.ceil(len(raw) / 4)})
        return reply.model_copy(update={"raw": raw, "value": raw, "usage": usage})


def stand_ins(tools: Tools) -> Tools:
    """Give tools with a stand-in for every language model, and nothing that a real one has left behind."""
    from ragset.kit.rehearsal import Rehearsal

    named = names_of(tools)
    models: dict[Role, LanguageModel] = {
        role: Booked(_Willing(Rehearsal()), role) if role in named else model for role, model in tools.models.items()
    }
    extras = {key: value for key, value in tools.extras.items() if not key.startswith("ragset.writer")}
    return replace(tools, models=models, tally=Tally(), say=lambda line: None, extras=extras)
