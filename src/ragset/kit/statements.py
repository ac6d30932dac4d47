"""Statements of an answer that need no model to be found: an answer that is one plain sentence is one statement.

ragas has a model split every answer into statements before another call judges them, which is most of the calls where
answers are short. (Es et al. 2023, "RAGAS", split because a long sentence claims several things.)
"""

from __future__ import annotations

import json

from ragset.kit.builtin_judge import ragas_input
from ragset.kit.measures import Text, sentences
from ragset.kit.passage_rules import asked_words
from ragset.kit.replies import Wrapped
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

LONGEST = 25
"""Words of a plain sentence."""
REPEATED = 0.5
"""Share of the question's words that it repeats at least: it stands alone, as a phrase that only answers does not."""
_JOINS = (
    "and or but nor so yet because since although though while whereas which who whom whose that when where if unless "
    "until after before as than then also both either neither not only however it its he his him she her they their "
    "them this these those such there here yes no"
)
_JOINING = frozenset(_JOINS.split())
"""Words of an answer that may claim more than one thing, or lean on something said before it."""
_SIGNS = frozenset(";:,()\n—–|")


def one_statement(question: str, answer: str) -> bool:
    """Tell whether an English answer is one plain sentence that is understood without its question."""
    if len(sentences(answer)) != 1 or any(char in _SIGNS for char in answer):
        return False
    said, asked = Text(answer), {word.stem for word in asked_words(question)}
    plain = [word.plain for word in said.words]
    if len(plain) > LONGEST or not _JOINING.isdisjoint(plain) or not asked:
        return False
    named = {word.stem for word in Text(question).content if word.name or word.number}
    return named <= said.stems and len(asked & said.stems) >= REPEATED * len(asked)


class PlainStatements(Wrapped):
    """A judge model that is not asked to split an answer which is one plain statement; all else it is asked.

    Its fingerprint is that of the model: the judge that splits so says it by its version.
    """

    async def complete(self, ask: Ask) -> Reply:
        """Give a plain answer back as its statement; let the model answer anything else."""
        if set((ask.reply_schema or {}).get("properties") or ()) == {"statements"}:
            given = ragas_input(ask)
            answer = given.get("answer")
            if isinstance(answer, str) and one_statement(given.get("question", ""), answer):
                value = {"statements": [answer.strip()]}
                return Reply(value=value, raw=json.dumps(value, ensure_ascii=False), usage=Usage())
        return await self._model.complete(ask)
