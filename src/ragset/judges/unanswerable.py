"""Unanswerables proved: nothing in the whole store answers a question that is called unanswerable.

A writer sees a chunk or two and can only say that those do not answer. (Rajpurkar et al. 2018, Know What You Don't
Know, ask for negatives that are relevant and have a plausible but wrong answer: near misses, which are the hardest to
prove.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from ragset.errors import ModelError
from ragset.kit.asking_passages import PROMPT, Check, Checked, Told, which_answer
from ragset.kit.builtin_judge import not_readable
from ragset.kit.judging import SiblingJudge
from ragset.kit.passage_rules import RULES, evident_answer
from ragset.kit.passage_search import Candidate, candidates
from ragset.kit.prompting import Prompt
from ragset.kit.retrieving import load_lexical
from ragset.schema.ids import digest
from ragset.schema.samples import Evidence, Sample, Usage, Verdict
from ragset.schema.step import Tools, Uses


@dataclass(frozen=True, slots=True)
class _Case:
    """What was read for a sample, and which of it answers evidently."""

    read: tuple[Candidate, ...] = ()
    evident: tuple[Candidate, Evidence] | None = None
    abstains: str = ""


class Unanswerable(SiblingJudge):
    """Reject a question called unanswerable that a chunk of the store answers; answerable ones are passed by.

    The first ``top_k`` hits of a search by vectors and of one by words, and the sample's own contexts are read: by
    rules, which reject what is answered evidently, and by the judge model, which reads all passages for all siblings in
    one call. Without a model nothing can be proved, and the judge abstains.
    """

    name: ClassVar[str] = "unanswerable"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder", "judge"})

    top_k: int = Field(default=10, ge=1, le=50)

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return (PROMPT,)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of the rules and of the prompt."""
        return digest(super().fingerprint(tools), RULES, Prompt.load(PROMPT).hash)

    async def warm(self, tools: Tools) -> None:
        """Make the index of lexical search."""
        await load_lexical(tools)

    async def judge_siblings(self, samples: Sequence[Sample], tools: Tools) -> list[Sample]:
        """Search for each question, and have all that was found read together."""
        claimed = [sample for sample in samples if not sample.payload.answerable]
        await candidates([sample.payload for sample in claimed], self.top_k, tools)  # in one go, and remembered
        cases = [await self._case(sample, tools) for sample in samples]
        told: list[Told] = [Checked() for _ in cases]
        model = tools.models.get("judge")
        if model:
            asked = [() if case.evident else tuple(c.chunk for c in case.read) for case in cases]
            told = await which_answer(
                [Check(sample.payload, chunks) for sample, chunks in zip(samples, asked, strict=True)], model
            )
        found = {s.id: (case, said) for s, case, said in zip(samples, cases, told, strict=True)}

        async def settle(sample: Sample) -> Sample:
            case, said = found[sample.id]
            if isinstance(said, ModelError):
                raise said
            return self._settled(sample, case, said, model.name if model else "")

        return await self.each(samples, settle)

    async def _case(self, sample: Sample, tools: Tools) -> _Case:
        pair = sample.payload
        if pair.answerable:
            return _Case(abstains="answerable: there is nothing to prove")
        if (reason := not_readable(sample, tools)) is not None:
            return _Case(abstains=reason)
        (read,) = await candidates([pair], self.top_k, tools)
        known = {candidate.chunk.id for candidate in read}
        own = [chunk for c in sample.contexts if c.chunk_id not in known and (chunk := tools.store.chunk(c.chunk_id))]
        read += [Candidate(chunk, len(read) + at) for at, chunk in enumerate(own, 1)]
        evident = next(((c, proof) for c in read if (proof := evident_answer(pair, c.chunk)) is not None), None)
        return _Case(tuple(read), evident)

    def _settled(self, sample: Sample, case: _Case, told: Checked, model: str) -> Sample:
        """Write down how many were read, and what answers, if anything does."""
        if case.abstains:
            return sample.judged(self.verdict(None, reason=case.abstains))
        read = len(case.read)
        if not read:
            reason = "nothing was read: the search found no passage, and the pair has none of its own"
            return sample.judged(self.verdict(None, reason=reason), passages_read=0)
        measures = {"passages_read": read, **({f"{self.name}_sent_on": int(not case.evident)} if model else {})}
        if case.evident:
            candidate, proof = case.evident
            verdict = self._answered(candidate, proof.quote, "the rules", told.usage)
            return sample.judged(verdict, **measures, answered_at=candidate.rank)
        if not model:
            reason = f"the rules found no answer in the {read} passages read; a proof needs a model as judge"
            return sample.judged(self.verdict(None, reason=reason), **measures)
        if told.answering:
            first = told.answering[0]
            candidate = next(c for c in case.read if c.chunk.id == first.chunk.id)
            quote = first.evidence.quote if first.evidence else ""
            verdict = self._answered(candidate, quote, model, told.usage)
            return sample.judged(verdict, **measures, answered_at=candidate.rank)
        reason = f"none of the {read} passages read answers, says {model}"
        return sample.judged(self.verdict(True, 1.0, reason, usage=told.usage), **measures)

    def _answered(self, candidate: Candidate, quote: str, who: str, usage: Usage) -> Verdict:
        where = f"{candidate.chunk.document_id} [{candidate.chunk.start}:{candidate.chunk.end}]"
        reason = f"answered by hit {candidate.rank}, {where}, says {who}{f': {quote}' if quote else ''}"
        return self.verdict(False, 0.0, reason, usage=usage)
