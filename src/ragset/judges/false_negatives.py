"""False negatives: other chunks of the store that answer as well become gold contexts too.

A chunk that answers and is not among the gold contexts makes every measure of retrieval wrong: whoever finds it is
punished for it. Of the top passages that annotators of MS MARCO had not marked, 70 % turned out to answer (Qu et al.
2021, RocketQA).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import Field

from ragset.errors import ModelError
from ragset.kit.asking_passages import PROMPT, Answering, Check, Checked, Told, which_answer
from ragset.kit.builtin_judge import not_readable
from ragset.kit.gold_passages import Gold, Proved
from ragset.kit.judging import SiblingJudge
from ragset.kit.named_in import speaks_of
from ragset.kit.pair_labels import HOPS
from ragset.kit.passage_rules import RULES, answers_as_well, evidence_in
from ragset.kit.passage_search import candidates
from ragset.kit.prompting import Prompt
from ragset.kit.retrieving import load_lexical, query_of
from ragset.schema.documents import Chunk
from ragset.schema.ids import digest
from ragset.schema.samples import Context, Evidence, QAPair, Sample
from ragset.schema.step import Tools, Uses

SEVERAL = "several_gold"
"""Label of a pair that more than one chunk answers."""
AMBIGUOUS = "ambiguous"
"""Label of a pair whose question another chunk answers otherwise, where such pairs are kept."""
RULED = "the rules"


@dataclass(slots=True)
class _Case:
    """A sample on its way: what the rules found in the other chunks, and in which they found nothing for certain."""

    gold: Gold
    sure: list[Proved] = field(default_factory=list[Proved])
    unsure: list[Chunk] = field(default_factory=list[Chunk])
    looked_at: int = 0
    abstains: str = ""


class FalseNegatives(SiblingJudge):
    """Add every other chunk that answers as well to the gold contexts, with its evidence; drop an ambiguous question.

    The first ``top_k`` hits of a search by vectors and of one by words are looked at. Rules decide the plain cases; the
    rest is asked of the judge model, all siblings in one call, and left alone without one. A question that more than
    ``max_extra`` other passages answer says too little to have a gold passage, and is rejected; so is, unless
    ``other_answer`` is ``label``, one to which the model finds another answer elsewhere. Copies of a passage that is
    gold already are added and not counted. Chunks of a multi-hop pair are needed together, so it is passed by.
    """

    name: ClassVar[str] = "false_negatives"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "embedder", "judge"})

    top_k: int = Field(default=10, ge=1, le=50)
    max_extra: int = Field(default=3, ge=0)
    other_answer: Literal["reject", "label"] = "reject"

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
        """Look at what the store holds for each question, ask about the unsure ones together, and add what answers."""
        searched = [sample.payload for sample in samples if not self._abstains(sample, tools)]
        await candidates(searched, self.top_k, tools)  # in one go, and remembered
        cases = [await self._case(sample, tools) for sample in samples]
        told: list[Told] = [Checked() for _ in cases]
        model = tools.models.get("judge")
        if model:
            checks = [Check(sample.payload, tuple(case.unsure)) for sample, case in zip(samples, cases, strict=True)]
            told = await which_answer(checks, model)
        found = {s.id: (case, said) for s, case, said in zip(samples, cases, told, strict=True)}

        async def settle(sample: Sample) -> Sample:
            case, said = found[sample.id]
            if isinstance(said, ModelError):
                raise said
            return self._settled(sample, case, said, model.name if model else "")

        return await self.each(samples, settle)

    def _abstains(self, sample: Sample, tools: Tools) -> str:
        if sample.payload.answer is None or not sample.payload.answerable:
            return "unanswerable: no chunk is gold"
        if sample.question_type in HOPS:
            return "multi-hop: its contexts are needed together"
        return not_readable(sample, tools) or ""

    async def _case(self, sample: Sample, tools: Tools) -> _Case:
        """Sort what the store holds for the question."""
        pair = sample.payload
        case = _Case(Gold.of(sample, tools.store), abstains=self._abstains(sample, tools))
        if case.abstains:
            return case
        readable = not_readable(sample, Tools()) is None
        spoken_of = speaks_of(query_of(pair), tools)
        (found,) = await candidates([pair], self.top_k, tools)
        for hit in found:
            if case.gold.is_same(hit.chunk):
                continue
            case.looked_at += 1
            answered = answers_as_well(pair, hit.chunk, readable=readable)
            if answered.sure is not None:
                case.sure.append((hit.chunk, answered.sure))
            elif answered.open and (not readable or spoken_of(hit.chunk)):
                case.unsure.append(hit.chunk)
        return case

    def _settled(self, sample: Sample, case: _Case, told: Checked, model: str) -> Sample:
        """Write down what was found: contexts and evidence, or why the question is ambiguous."""
        if case.abstains:
            return sample.judged(self.verdict(None, reason=case.abstains))
        same = [(a.chunk, _proof(a, sample.payload)) for a in told.answering if a.says == "same"]
        extra = case.gold.others([*case.sure, *((chunk, proof) for chunk, proof in same if proof is not None)])
        sources = case.gold.sources(chunk for chunk, _ in extra)
        score, measures = 1 / (1 + sources), {"false_negatives": len(extra), **self._sent(case, model)}
        reason = _said(extra, case, model, sum(proof is None for _, proof in same))
        other = next((a for a in told.answering if a.says == "other" and a.evidence), None)
        wrong = ""
        if sources > self.max_extra:
            wrong = f"ambiguous: more than {self.max_extra} other passages answer; {reason}"
        elif other is not None:
            wrong = f"ambiguous: {_otherwise(other)}"
        if wrong and (sources > self.max_extra or self.other_answer == "reject"):
            return sample.judged(self.verdict(False, score, wrong, usage=told.usage), **measures)
        added = _with(sample.unlabelled(AMBIGUOUS), extra)
        if wrong:
            added, reason = added.labelled(AMBIGUOUS), f"{reason}; {wrong}"
        return added.judged(self.verdict(True, score, reason, usage=told.usage), **measures)

    def _sent(self, case: _Case, model: str) -> dict[str, int]:
        """Count what was sent on to the model: 1, or 0 for a sample that the rules decided alone."""
        return {f"{self.name}_sent_on": int(bool(case.unsure))} if model else {}


def _proof(found: Answering, pair: QAPair) -> Evidence | None:
    """Give what proves a model's opinion: its quote where it stands in the passage, else the answer where it does."""
    return found.evidence or evidence_in(pair, found.chunk, around=0, near=0)


def _otherwise(found: Answering) -> str:
    quote = found.evidence.quote if found.evidence else ""
    return f"{found.chunk.document_id} answers otherwise: {quote}"


def _said(extra: Sequence[Proved], case: _Case, model: str, unproved: int) -> str:
    who = f"{RULED} and {model}" if model and case.unsure else RULED
    parts = [f"{len(extra)} of {case.looked_at} other chunks answer as well, say {who}{_named(extra)}"]
    if case.unsure and not model:
        parts.append(f"{len(case.unsure)} are for a model to judge")
    if unproved:
        parts.append(f"{unproved} more without a quote that proves it")
    return "; ".join(parts)


def _named(extra: Iterable[Proved]) -> str:
    names = [f"{proof.document_id} [{proof.start}:{proof.end}]" for _, proof in extra]
    return f": {', '.join(names)}" if names else ""


def _with(sample: Sample, extra: Sequence[Proved]) -> Sample:
    """Add contexts and their evidence behind those that are there."""
    if not extra:
        return sample
    contexts = (*sample.contexts, *(Context.of(chunk) for chunk, _ in extra))
    evidence = tuple(dict.fromkeys((*sample.evidence, *(proof for _, proof in extra))))
    return sample.model_copy(update={"contexts": contexts, "evidence": evidence}).labelled(SEVERAL)
