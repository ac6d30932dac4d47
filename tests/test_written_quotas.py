"""Scenarios, the writer, its judges and ``keep`` together: quotas count what the pairs are, not what they claim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.judges.evidence import EvidenceHolds
from ragset.judges.question_form import QuestionForm
from ragset.schema.ports import Ask
from ragset.schema.samples import Sample
from ragset.schema.step import Tools
from ragset.sources.scenarios import Scenarios
from ragset.tasks.rag_qa import RagQA

PASSAGE = re.compile(r"^Passage (\d+), marked ([0-9a-f]{32}):\n<data \2>\n(.*?)\n</data \2>", re.DOTALL | re.MULTILINE)
TYPES = ("fact", "reasoning", "numeric", "yes_no", "multi_hop", "multi_hop_across", "unanswerable")
PERSONAS = ("a nurse who plans shifts", "a cook who buys fish", "a clerk who checks bills")
TOWNS = ("Aber", "Bran", "Cors", "Dole", "Elst", "Ferm", "Gorn", "Holt", "Irun", "Jena", "Kolm", "Lund", "Metz", "Nyon")
THINGS = ("harbour", "market", "bridge", "tower", "school", "mill")


def writes(lazy: Callable[[int], bool]) -> Callable[[Ask], dict[str, Any]]:
    """Answer the shipped prompt; where ``lazy``, a multi-hop pair cites one passage only."""
    count = 0

    def pair(number: int, line: str, bodies: list[str]) -> dict[str, Any]:
        nonlocal count
        count += 1
        found = re.match(r"type: (\w+) \(.*?; language: \w+ \((\w+)\)", line)
        assert found is not None
        kind, language = found[1], found[2]
        quotes = [body.split(". ")[0] + "." for body in bodies]
        if not kind.startswith("multi_hop") or lazy(count):
            quotes = quotes[:1]
        asked = {"en": f"What is told about plan number {count} of the town council?"}
        asked["de"] = f"Was wird über den Plan Nummer {count} der Stadt gesagt?"
        answer = {"numeric": f"{count} metres"}.get(kind, "Yes, indeed." if language == "en" else "Ja, so ist es.")
        proof = {"answer": None, "quotes": []} if kind == "unanswerable" else {"answer": answer, "quotes": quotes}
        return {"pair": number, "question": asked[language], **proof, "question_type": kind, "language": language}

    def reply(ask: Ask) -> dict[str, Any]:
        user = ask.messages[1].content
        bodies = [body.split("Text:\n", 1)[1] for _, _, body in PASSAGE.findall(user)]
        lines = re.findall(r"^Pair (\d+): (.*)$", PASSAGE.sub("", user), re.MULTILINE)
        return {"pairs": [pair(int(number), line, bodies) for number, line in lines]}

    return reply


async def built(lazy: Callable[[int], bool]) -> tuple[list[Sample], list[Sample]]:
    texts = {
        f"{town}.txt": "\n\n".join(f"The {thing} of {town} was built in {1700 + at}. It is old." for thing in THINGS)
        for at, town in enumerate(TOWNS)
    }
    store = await MemoryStore.of(texts, HashEmbedder(), size=60)
    tools = Tools(_store=store, _embedder=HashEmbedder(), models={"writer": ScriptedModel(writes(lazy))})
    source = Scenarios(
        question_types=dict.fromkeys(TYPES, 1.0),
        languages={"en": 2, "de": 1},
        personas=dict.fromkeys(PERSONAS, 1.0),
        quotas=("question_type", "language", "persona"),
    )
    steps = [source, RagQA(writer="model"), EvidenceHolds(), QuestionForm(), Keep(n=60)]
    samples = [sample async for draw in run(steps, tools, window=8) for sample in draw.samples]
    return [s for s in samples if s.status == "kept"], samples


async def test_seven_types_two_languages_three_personas_sixty_pairs() -> None:
    kept, _ = await built(lambda count: False)
    assert sorted(Counter(s.question_type for s in kept).values()) == [8, 8, 8, 9, 9, 9, 9]
    assert set(TYPES) == {s.question_type for s in kept}
    assert Counter(s.axes["language"] for s in kept) == {"en": 40, "de": 20}
    assert Counter(s.persona for s in kept) == dict.fromkeys(PERSONAS, 20)
    for sample in kept:
        documents = {span.document_id for span in sample.evidence}
        if sample.question_type in ("multi_hop", "multi_hop_across"):
            assert len(sample.contexts) == 2
            assert len(documents) == (2 if sample.question_type == "multi_hop_across" else 1)
        elif sample.question_type == "unanswerable":
            assert (sample.evidence, sample.payload.answer, sample.payload.answerable) == ((), None, False)
        else:
            assert len(sample.contexts) == 1


async def test_what_cites_one_passage_fills_no_quota_of_multi_hop() -> None:
    kept, samples = await built(lambda count: count % 3 == 0)
    assert len(kept) == 60
    assert sorted(Counter(s.question_type for s in kept).values()) == [8, 8, 8, 9, 9, 9, 9]
    claimed = [s for s in samples if s.provenance["claimed"]["question_type"].startswith("multi_hop")]
    assert any(s.question_type == "fact" for s in claimed)
    assert all(len(s.contexts) == 2 for s in kept if s.question_type in ("multi_hop", "multi_hop_across"))
