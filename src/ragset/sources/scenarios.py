"""The scenario source: which chunks are asked about next, by whom, and how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from ragset.errors import UsageError
from ragset.kit.axes import Axis, Weights, check_axes, shape_of
from ragset.kit.drawing import Plan
from ragset.kit.personas import PROMPT, propose, read_personas
from ragset.schema.documents import Chunk, Noun
from ragset.schema.samples import Draw, Scenario, Spent
from ragset.schema.step import Ledger, Source, Tools, Uses, current_step, ledger


class Scenarios(Source):
    """Draw chunks so that every document gets its share before any gets more, as far as ``keep`` shows.

    Lazy and seeded: what is drawn depends on the index, the seed and what ``keep`` has committed. While enough
    draws are open to fill the order it gives empty draws, which cost nothing. It ends when all scenarios are used up,
    when what is lacking of the quotas cannot be had, or after ``patience`` committed draws in a row without a gain.
    With rules only draws of documents that gave a pair or had their ``document_tries`` count, with a model all do.
    """

    name: ClassVar[str] = "scenarios"
    takes: ClassVar[type[Noun] | None] = Chunk
    gives: ClassVar[type[Noun] | None] = Scenario
    uses: ClassVar[frozenset[Uses]] = frozenset({"store"})

    documents: tuple[str, ...] = Field(default=(), description="Document ids, or prefixes that end in '/'; none: all.")
    seed: int = 0
    pairs: int = Field(default=3, ge=1, le=20, description="Candidate pairs that one call of a model gives.")
    patience: int = Field(default=500, ge=1, description="Draws in a row without a kept sample after which to stop.")
    document_tries: int | None = Field(
        default=None,
        ge=3,
        description="Committed draws of a document that kept nothing before it counts as yielding none; "
        "none: 12 with a model, 150 without.",
    )
    repeats: int = Field(default=2, ge=1, description="Most draws of one chunk.")
    personas: Axis = Field(default_factory=dict, description="Who asks: descriptions with weights.")
    personas_file: str | None = Field(default=None, description="File with more personas: YAML, JSON, or one a line.")
    propose_personas: int = Field(default=0, ge=0, le=100, description="Personas that the writing model proposes.")
    persona_relevance: float = Field(
        default=0.3, ge=-1, le=1, description="Least cosine of a proposed persona with its best chunk."
    )
    question_types: Axis = Field(default_factory=dict, description="What is asked for: types with weights.")
    styles: Axis = Field(default_factory=dict, description="How it is asked: plain, keyword, conversational, misspelt.")
    answer_lengths: Axis = Field(default_factory=dict, description="How long answers are: short, sentence, paragraph.")
    languages: Axis = Field(default_factory=dict, description="Language codes; none: the language of the document.")
    quotas: tuple[str, ...] = Field(default=(), description="Axes whose weights the kept pairs meet exactly.")
    quota_patience: int = Field(
        default=100, ge=1, description="Draws in a row that may fail a quota's value before it is given up."
    )

    def wants(self, document_id: str) -> bool:
        """Tell whether a document may be drawn from."""
        named, below = self._named
        return not self.documents or document_id in named or document_id.startswith(below)

    @cached_property
    def _named(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The documents that are named one by one, of which there may be many, and the prefixes."""
        return frozenset(self.documents), tuple(name for name in self.documents if name.endswith("/"))

    def prompts(self) -> tuple[str, ...]:
        """Name the prompt that proposes personas, where that is asked for."""
        return (PROMPT,) if self.propose_personas else ()

    def axes(self) -> dict[str, Weights]:
        """Give the weights of every axis; an axis that is not configured has none."""
        return {
            "question_type": self.question_types,
            "language": self.languages,
            "persona": self.personas,
            "style": self.styles,
            "answer_length": self.answer_lengths,
        }

    def check(self) -> None:
        """Refuse unknown values, a quota on nothing, and a file of personas that cannot be read."""
        later = ("persona",) if self.personas_file or self.propose_personas else ()
        check_axes(self.axes(), self.quotas, later=later)
        if self.personas_file:
            read_personas(self.personas_file)

    async def draws(self, tools: Tools) -> AsyncIterator[Draw]:
        """Yield draws for ever, or until nothing is left to try."""
        self.refuse(tools)
        names = self._documents(tools)
        account: Ledger = {}
        axes = await self._with_personas(tools, names, account)
        spent = tuple(Spent(step=step, role=role, usage=usage) for (step, role), usage in account.items())
        plan = Plan(self, tools, names, axes)
        number = 0
        while not plan.exhausted():
            yield Draw(number=number, scenario=await plan.next(number), spent=() if number else spent)
            number += 1

    def _documents(self, tools: Tools) -> list[str]:
        return [name for name in tools.store.document_ids() if self.wants(name)]

    def refuse(self, tools: Tools) -> None:
        """Refuse what cannot be met: axes without a model, quotas without an order, too few documents."""
        given = [axis for axis, weights in self.axes().items() if weights]
        if self.personas_file or self.propose_personas:
            given.append("persona")
        if given and tools.models.get("writer") is None:
            what = f"{given[0].replace('_', ' ')}s need a model that writes"
            raise UsageError(what, where=self.name, hint="name one with --model, or take them out of the flow")
        if self.quotas and tools.tally.wanted is None:
            raise UsageError("quotas are shares of an order", where=self.name, hint="say how many: keep: {n: 50}")
        across = any(shape_of(kind) == "multi_hop_across" for kind in self.question_types)
        if across and tools.has_store and (documents := len(self._documents(tools))) < 2:
            what = f"multi_hop_across asks about two documents, and the index has {documents} to draw from"
            raise UsageError(what, where=self.name, hint="take it out of question_types, or add documents")

    async def _with_personas(self, tools: Tools, names: list[str], account: Ledger) -> dict[str, Weights]:
        """Give the axes with the personas of the file and those that the model proposes."""
        personas = dict(self.personas)
        if self.personas_file:
            personas = read_personas(self.personas_file) | personas
        if self.propose_personas:
            step, book = current_step.set(self.name), ledger.set(account)
            try:
                proposed = await propose(
                    tools,
                    names,
                    self.propose_personas,
                    seed=self.seed,
                    relevance=self.persona_relevance,
                    wanted=self.wants,
                )
            finally:
                current_step.reset(step)
                ledger.reset(book)
            personas = dict.fromkeys(proposed, 1.0) | personas
        if "persona" in self.quotas and not personas:
            hint = "name some in 'personas', or lower persona_relevance"
            raise UsageError("there is a quota of personas, and no persona", where=self.name, hint=hint)
        return {**self.axes(), "persona": personas}
