"""Hop necessity: a multi-hop question must need all its contexts; what fewer of them answer is no such question.

Each context is left out in turn, and the question is asked of the answerer with the rest. (Min et al. 2019,
Compositional Questions Do Not Necessitate Multi-hop Reasoning: one paragraph answers most questions of a well-known
multi-hop set.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ragset.errors import ModelError
from ragset.kit.answering import Answer
from ragset.kit.answering_together import SEVERAL, answers
from ragset.kit.builtin_judge import not_readable
from ragset.kit.judging import SiblingJudge
from ragset.kit.languages import code_of, says_yes_or_no
from ragset.kit.lone_hops import RULES, holds_all, may_answer
from ragset.kit.pair_labels import HOPS, grounded_type
from ragset.kit.prompting import Prompt
from ragset.kit.rubrics import EQUIVALENCE
from ragset.kit.same_answer import agreements, rules
from ragset.schema.documents import Chunk
from ragset.schema.ids import digest
from ragset.schema.ports import ChunkStore, Hit
from ragset.schema.samples import Context, Sample, Usage
from ragset.schema.step import Tools, Uses

SINGLE = "single_hop"
"""Label of a pair that was called multi-hop and that one context answers alone."""

Places = tuple[int, ...]
"""Which of a sample's contexts: their places, from 0."""


@dataclass(slots=True)
class _Case:
    """A sample on its way: its chunks, which of them are still thought to be needed, and what was found."""

    sample: Sample
    chunks: tuple[Chunk, ...]
    needed: Places
    usage: Usage = field(default_factory=Usage)
    said: str = ""
    unsure: bool = False
    error: ModelError | None = None

    def variants(self) -> list[Places]:
        """Give the needed places with each left out in turn, but for those that cannot answer: a fact is not there."""
        pair, now = self.sample.payload, [self.chunks[at] for at in self.needed]
        rests = [tuple(at for at in self.needed if at != out) for out in self.needed] if len(now) > 1 else []
        return [rest for rest in rests if may_answer(pair, now, [self.chunks[at] for at in rest])]


@dataclass(frozen=True, slots=True)
class _Try:
    """A question asked without one of its contexts."""

    case: _Case
    rest: Places


class HopNecessity(SiblingJudge):
    """Relabel a multi-hop pair that fewer of its contexts answer: its type, contexts and evidence become theirs.

    A context without which a number or name of the answer is gone is needed, and is not left out. One call asks about
    all siblings from which the same context is left out; what they were answered is compared by rule, and what the
    rules cannot tell by the judge model, in one call. A pair that one context answers is labelled ``single_hop`` (with
    ``drop`` it is rejected). Without an answerer model rules decide what is plain, and the judge abstains on the rest.
    """

    name: ClassVar[str] = "hop_necessity"
    version: ClassVar[str] = "2"
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "answerer", "judge"})

    drop: bool = False

    def prompts(self) -> tuple[str, ...]:
        """Name the prompts by which it asks."""
        return (SEVERAL, *EQUIVALENCE)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step, of the rules and of the prompts."""
        return digest(super().fingerprint(tools), RULES, rules(tools), Prompt.load(SEVERAL).hash)

    async def judge_siblings(self, samples: Sequence[Sample], tools: Tools) -> list[Sample]:
        """Leave out one context after the other until all that are left are needed."""
        cases = {s.id: _case(s, tools.store) for s in samples if _is_for(s)}
        if tools.models.get("answerer"):
            await _narrowed(list(cases.values()), tools)
        else:
            for case in cases.values():
                _by_rule(case)

        async def settle(sample: Sample) -> Sample:
            case = cases.get(sample.id)
            if case is None:
                return sample.judged(self.verdict(None, reason="not called multi-hop"))
            if case.error:
                raise case.error
            return self._settled(case, tools)

        return await self.each(samples, settle)

    def _settled(self, case: _Case, tools: Tools) -> Sample:
        """Say how many contexts are needed, and make the pair what it is."""
        sample, count = case.sample, len(case.needed)
        if count == len(sample.contexts):
            passed = None if case.unsure else True
            told = "it cannot be told whether" if case.unsure else ""
            reason = f"{told} all {count} contexts are needed".strip()
            score = None if case.unsure else 1.0
            verdict = self.verdict(passed, score, f"{reason}{_because(case)}", usage=case.usage)
            return sample.judged(verdict, **({} if case.unsure else {"hops": count}))
        reduced = _reduced(case)
        share = count / len(sample.contexts)
        reason = f"{count} of {len(sample.contexts)} contexts answer{'s' if count == 1 else ''} it{_because(case)}"
        if self.drop or reduced is None:
            why = "" if reduced else "; no evidence lies there"
            return sample.judged(self.verdict(False, share, f"{reason}{why}", usage=case.usage), hops=count)
        verdict = self.verdict(True, share, f"{reason}; relabelled {reduced.question_type}", usage=case.usage)
        judged = reduced.judged(verdict, hops=count)
        return judged.labelled(SINGLE) if count == 1 else judged


def _is_for(sample: Sample) -> bool:
    pair = sample.payload
    return sample.question_type in HOPS and len(sample.contexts) > 1 and pair.answerable and pair.answer is not None


def _case(sample: Sample, store: ChunkStore) -> _Case:
    chunks = tuple(store.chunk(context.chunk_id) or _as_chunk(context) for context in sample.contexts)
    return _Case(sample, chunks, tuple(range(len(chunks))))


def _as_chunk(context: Context) -> Chunk:
    """Make a chunk of a context that was cut anew since."""
    return Chunk(
        id=context.chunk_id, document_id=context.document_id, version="", title="", text=context.text, start=0,
        end=len(context.text), ordinal=0, page=context.page, headings=context.headings,
    )  # fmt: skip


def _by_rule(case: _Case) -> None:
    """Decide without a model what is plain: one context holds all, or none but all together hold the facts."""
    alone = [at for at in case.needed if holds_all(case.sample.payload, case.chunks[at])]
    if not_readable(case.sample, Tools()) is not None:
        case.unsure, case.said = True, "a language that the rules do not read"
    elif alone:
        case.needed, case.said = (alone[0],), "every fact of the answer and word of the question stands there"
    elif case.variants():
        case.unsure, case.said = True, "no model as answerer"
    else:
        case.said = "without any of them a fact of the answer is gone"


async def _narrowed(cases: Sequence[_Case], tools: Tools) -> None:
    """Ask round by round, each with one context fewer, for as long as what is left still answers."""
    going = list(cases)
    while going:
        tries = [_Try(case, rest) for case in going for rest in case.variants()]
        given = await _asked(tries, tools)
        agreed = await _agreed(tries, given, tools)
        going = [case for case in going if case.error is None and _shortened(case, agreed)]


async def _asked(tries: Sequence[_Try], tools: Tools) -> list[Answer | None]:
    """Ask each question with the rest of its contexts; those with the same rest together, which sees no other."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for at, one in enumerate(tries):
        groups.setdefault(tuple(one.case.chunks[place].id for place in one.rest), []).append(at)

    async def ask(places: Sequence[int]) -> list[Answer | ModelError]:
        pairs = [tries[at].case.sample.payload for at in places]
        return await answers(pairs, [_hits(tries[places[0]]) for _ in places], tools)

    found: list[Answer | None] = [None] * len(tries)
    for places, given in zip(groups.values(), await asyncio.gather(*map(ask, groups.values())), strict=True):
        for at, one in zip(places, given, strict=True):
            if isinstance(one, ModelError):
                tries[at].case.error = tries[at].case.error or one
            else:
                found[at] = one
                tries[at].case.usage += one.usage
    return found


def _hits(one: _Try) -> list[Hit]:
    """Give the passages of a try, each below its title and headings, which may say what it is about."""
    chunks = [one.case.chunks[at] for at in one.rest]
    heads = [" > ".join(dict.fromkeys((chunk.title, *chunk.headings))) for chunk in chunks]
    texts = [f"{head}\n\n{chunk.text}" for head, chunk in zip(heads, chunks, strict=True)]
    return [Hit(chunk.model_copy(update={"text": text}), 1.0) for chunk, text in zip(chunks, texts, strict=True)]


Agreed = list[tuple[_Try, bool | None, str]]


async def _agreed(tries: Sequence[_Try], given: Sequence[Answer | None], tools: Tools) -> Agreed:
    """Compare what was answered with the references."""
    told = [(one, text) for one, got in zip(tries, given, strict=True) if got is not None and (text := got.text)]
    found = await agreements([(one.case.sample, text) for one, text in told], tools)
    agreed: Agreed = []
    for (one, text), result in zip(told, found, strict=True):
        if isinstance(result, ModelError):
            one.case.error = one.case.error or result
        else:
            one.case.usage += result.usage
            agreed.append((one, result.same, f"“{text}”, by {result.by}"))
    return agreed


def _shortened(case: _Case, agreed: Agreed) -> bool:
    """Leave out a context that is not needed; false when there is none."""
    own = [(one.rest, same, text) for one, same, text in agreed if one.case is case]
    answered = next(((rest, text) for rest, same, text in own if same), None)
    if answered is None:
        undecided = next((text for _, same, text in own if same is None), None)
        if undecided is not None and len(case.needed) == len(case.chunks):
            case.unsure, case.said = True, f"without one the answer was {undecided} not decided"
        return False
    case.needed, case.said = answered[0], f"the answer was {answered[1]} the same as the reference"
    return len(case.needed) > 1


def _because(case: _Case) -> str:
    return f"; {case.said}" if case.said else ""


def _reduced(case: _Case) -> Sample | None:
    """Give the sample with the needed contexts, their evidence, and the type of such a pair; none without evidence."""
    sample = case.sample
    contexts = tuple(sample.contexts[at] for at in case.needed)
    evidence = tuple(e for e in sample.evidence if _inside(e.document_id, e.quote, contexts))
    if not evidence:
        return None
    answer, code = sample.payload.answer or "", code_of(sample.axes.get("language"))
    claimed = "yes_no" if says_yes_or_no(answer, code) else None
    kind = grounded_type(sample.question_type, claimed, answer, evidence, len(contexts), code)
    return sample.model_copy(update={"contexts": contexts, "evidence": evidence, "question_type": kind})


def _inside(document_id: str, quote: str, contexts: Iterable[Context]) -> bool:
    return any(context.document_id == document_id and quote in context.text for context in contexts)
