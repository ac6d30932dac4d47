"""The writer with a model: what it is told, what it may claim, and what becomes of each item of a reply."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import ContextError, FlowError, ModelError, UsageError
from ragset.judges.evidence import EvidenceHolds
from ragset.kit.languages import code_of, detect, holds_number, language_name, says_yes_or_no
from ragset.kit.model_writer import ModelWriter, PairsReply, assigned
from ragset.kit.pair_labels import QUESTION_TYPES, length_label, type_of
from ragset.kit.prompting import Prompt
from ragset.schema.samples import Draw, Sample, Scenario
from ragset.schema.step import Tools
from ragset.tasks.rag_qa import RagQA

BAY = "The bay’s tides rise by  twelve\nmetres — the “highest” of the coast. They turn every six hours."
PIER = "The pier is 300 metres long. It was built in 1901."
HARBOUR = "The harbour of Aber has 40 berths. Its lighthouse was lit in 1899."
PROMPT = "write_qa.v2"


def pair(question: str, *quotes: str, answer: str | None = "Twelve metres", **more: Any) -> dict[str, Any]:
    return {"question": question, "answer": answer, "quotes": list(quotes), **more}


TIDES = pair("How far do the tides of the bay rise?", "tides rise by twelve metres")
LONG = pair("How long is the pier of the bay?", "The pier is 300 metres long.", answer="300 metres")
BERTHS = pair("How many berths has the harbour of Aber?", "has 40 berths", answer="40 berths")


async def tools(*replies: Any, **scenario: Any) -> tuple[Tools, ScriptedModel, Scenario]:
    texts = {"bay.txt": f"{BAY}\n\n{PIER}", "harbour.txt": HARBOUR}
    held, model = await MemoryStore.of(texts, HashEmbedder(), size=120), ScriptedModel(replies)
    chunks = (*held.chunks("bay.txt"), *held.chunks("harbour.txt"))
    assert [c.document_id for c in chunks] == ["bay.txt", "bay.txt", "harbour.txt"]
    kit = Tools(_store=held, _embedder=HashEmbedder(), models={"writer": model})
    return kit, model, Scenario(chunks=chunks, **scenario)


async def written(*items: Any, **scenario: Any) -> tuple[Sample, ...]:
    kit, _, drawn = await tools({"pairs": list(items)}, **scenario)
    draw = await RagQA().apply(Draw(number=0, scenario=drawn), kit)
    assert draw.failure is None
    judged = await EvidenceHolds(sufficient=False).apply(draw, kit)  # the answers here are made up
    assert all(s.verdicts[-1].passed for s in judged.samples if s.verdicts[0].judge == "evidence")
    return draw.samples


async def test_every_item_of_a_reply_becomes_a_sample_and_keeps_its_place() -> None:
    bad = [pair("Where is Aber?", "not in the text"), {"question": ["x", 1]}, pair("Why?", answer=None), pair("Who?")]
    samples = await written(TIDES, *bad, LONG, BERTHS, wants=({},) * 6)
    assert [s.status for s in samples] == ["open", *["rejected"] * 4, "open", "rejected"]
    reasons = [s.verdicts[0].reason for s in samples if s.status == "rejected"]
    assert reasons[0] == "a quote is not in the passages: not in the text"
    assert reasons[1].startswith("item 3 of the reply is no pair: question: ")
    assert reasons[2:] == ["it has no answer", "it has no quote", "the reply holds more pairs than were wanted"]
    assert samples[2].payload.question == '{"question": ["x", 1]}'
    assert {v.judge for s in samples for v in s.verdicts} == {"rag_qa"}
    assert all(not s.evidence for s in samples if s.status == "rejected")
    assert [s.provenance["index"] for s in samples] == list(range(7))
    assert len({s.id for s in samples}) == 7
    again = await written({}, {}, {}, {}, {}, LONG, wants=({},) * 6)
    assert again[5].payload == samples[5].payload
    assert samples[0].provenance["prompt_hash"] == Prompt.load(PROMPT).hash


async def test_gold_contexts_are_the_chunks_the_evidence_lies_in() -> None:
    tides, long, berths = await written(TIDES, LONG, BERTHS)
    assert [[c.document_id for c in s.contexts] for s in (tides, long, berths)] == [
        ["bay.txt"],
        ["bay.txt"],
        ["harbour.txt"],
    ]
    assert tides.contexts[0].chunk_id != long.contexts[0].chunk_id
    assert tides.evidence[0].quote == "tides rise by  twelve\nmetres"


BOTH = ("They turn every six hours", "The pier is 300 metres long.")
ACROSS = ("The pier is 300 metres long.", "lit in 1899")


@pytest.mark.parametrize(
    ("asked", "claimed", "quotes", "answer", "is_now"),
    [
        ("fact", None, LONG["quotes"], "300 metres", "fact"),
        ("fact", "Reasoning", LONG["quotes"], "300 metres", "reasoning"),
        ("fact", "a poem", LONG["quotes"], "300 metres", "fact"),
        (None, None, LONG["quotes"], "300 metres", None),
        (None, "numeric", LONG["quotes"], "300 metres", "numeric"),
        ("riddle", "Riddle", LONG["quotes"], "300 metres", "riddle"),
        ("numeric", "numeric", LONG["quotes"], "rather long", "fact"),
        ("numeric", "numeric", TIDES["quotes"], "twelve metres", "numeric"),
        ("yes_no", "yes/no", LONG["quotes"], "Yes, it is.", "yes_no"),
        ("yes_no", "yes_no", LONG["quotes"], "300 metres", "fact"),
        ("multi_hop", "multi-hop", BOTH, "both", "multi_hop"),
        ("multi_hop", "multi_hop", LONG["quotes"], "300 metres", "fact"),
        ("multi_hop", "comparison", LONG["quotes"], "300 metres", "comparison"),
        ("multi_hop", "comparison", BOTH, "both", "multi_hop"),
        ("multi_hop", "multi_hop", ACROSS, "both", "multi_hop_across"),
        ("multi_hop_across", "multi_hop_across", ACROSS, "both", "multi_hop_across"),
        ("multi_hop_across", "multi_hop_across", BOTH, "both", "multi_hop"),
        ("comparison", "comparison", ACROSS, "both", "comparison"),
        ("fact", "multi_hop", BOTH, "both", "multi_hop"),
        ("unanswerable", "unanswerable", LONG["quotes"], "300 metres", "fact"),
        ("unanswerable", "numeric", LONG["quotes"], "300 metres", "numeric"),
        ("fact", "unanswerable", LONG["quotes"], "300 metres", "fact"),
        ("follow_up", "follow_up", LONG["quotes"], "300 metres", "fact"),
    ],
)
async def test_a_pair_has_the_type_that_it_deserves(
    asked: str | None, claimed: str | None, quotes: Any, answer: str, is_now: str | None
) -> None:
    item = pair("How long is the pier of the bay?", *quotes, answer=answer, question_type=claimed)
    (sample,) = await written(item, wants=({"question_type": asked} if asked else {},))
    assert (sample.status, sample.question_type) == ("open", is_now)
    assert sample.provenance["asked"] == ({"question_type": asked} if asked else {})
    assert sample.provenance["claimed"] == ({"question_type": claimed} if claimed else {})


@pytest.mark.parametrize(
    ("asked", "item", "why"),
    [
        ("unanswerable", {"answer": None, "why_unanswerable": "No year is given."}, "No year is given."),
        ("unanswerable", {"answer": None}, None),
        ("unanswerable", {"answer": None, "quotes": ["The pier is 300 metres long."]}, None),
        ("unanswerable", {"answer": "The passages do not say."}, "The passages do not say."),
        ("fact", {"answer": " ", "question_type": "unanswerable"}, None),
        ("fact", {"answer": None, "why_unanswerable": "It is not told."}, "It is not told."),
    ],
)
async def test_an_unanswerable_pair_has_no_answer_and_no_evidence(
    asked: str, item: dict[str, Any], why: str | None
) -> None:
    (sample,) = await written(pair("When was the pier repaired?") | item, wants=({"question_type": asked},))
    assert (sample.status, sample.question_type) == ("open", "unanswerable")
    assert (sample.payload.answer, sample.payload.answerable, sample.evidence) == (None, False, ())
    assert len(sample.contexts) == 3
    assert sample.provenance.get("why_unanswerable") == why


TURNS = [{"role": "user", "content": "How long is the pier?"}, {"role": "assistant", "content": "300 metres."}]
WHEN = pair("And when was it built?", "It was built in 1901.", answer="1901")


@pytest.mark.parametrize(
    ("history", "is_now", "turns"),
    [
        (TURNS, "follow_up", 2),
        ([*TURNS, {"role": "user", "content": "and when was it built?"}], "follow_up", 2),
        ([*TURNS, {"role": "user", "content": "And when was it built?"}, TURNS[1]], "follow_up", 2),
        (TURNS[:1], "fact", 0),
        (TURNS[::-1], "fact", 0),
        ([], "fact", 0),
        (None, "fact", 0),
        ([{"role": "system", "content": "Obey."}, *TURNS], "fact", 0),
        ("How long?", "fact", 0),
        (TURNS * 5, "fact", 0),
    ],
)
async def test_a_follow_up_has_a_sound_history(history: Any, is_now: str, turns: int) -> None:
    (sample,) = await written(WHEN | {"history": history}, wants=({"question_type": "follow_up"},))
    assert (sample.status, sample.question_type, len(sample.payload.history)) == ("open", is_now, turns)
    (other,) = await written(WHEN | {"history": history}, wants=({"question_type": "fact"},))
    assert (other.question_type, other.payload.history) == ("fact", ())


@pytest.mark.parametrize(
    ("numbers", "count", "places"),
    [
        ([1, 2, 3], 3, [0, 1, 2]),
        ([3, 1, 2], 3, [2, 0, 1]),
        ([None, None], 3, [0, 1]),
        ([None, 1, 1, 9], 3, [1, 0, 2, None]),
        ([0, 1, 2], 3, [0, 1, 2]),
        ([2], 3, [1]),
        ([-4, 7], 2, [0, 1]),
        ([0, 3], 3, [0, 2]),
    ],
)
def test_items_are_matched_to_what_was_wanted(numbers: list[int | None], count: int, places: list[int | None]) -> None:
    assert assigned(numbers, count) == places


async def test_labels_come_from_the_want_and_are_corrected_by_what_is_there() -> None:
    wants = (
        {"persona": "a sailor", "question_type": "fact", "language": "de", "answer_length": "short"},
        {"persona": "a builder", "question_type": "numeric", "style": "keyword", "answer_length": "paragraph"},
        {"language": "fr"},
    )
    german = pair("Wie hoch steigt das Wasser in der Bucht?", *TIDES["quotes"], answer="Um zwölf Meter.", pair=1)
    number = LONG | {"pair": 2, "answer": 300, "quotes": "The pier is 300 metres long."}
    english = BERTHS | {"pair": 3}
    samples = await written(number, english, german, wants=wants, axes={"topic": "coast"})
    assert [(s.persona, s.question_type) for s in samples] == [
        ("a builder", "numeric"),
        (None, None),
        ("a sailor", "fact"),
    ]
    assert samples[0].axes == {"topic": "coast", "style": "keyword", "answer_length": "short", "language": "en"}
    assert samples[1].axes == {"topic": "coast", "language": "en"}
    assert samples[2].axes == {"topic": "coast", "language": "de", "answer_length": "short"}
    assert samples[1].provenance["asked"] == {"topic": "coast", "language": "fr"}


async def test_the_prompt_says_what_each_pair_must_be() -> None:
    wants = tuple({"question_type": kind, "persona": f"reader {at % 2}"} for at, kind in enumerate(QUESTION_TYPES))
    kit, model, scenario = await tools({"pairs": []}, wants=(*wants, {"language": "de-CH", "mood": "dry\nPair 99: x"}))
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert (draw.samples, draw.failure) == ((), None)
    system, user = model.asks[0].messages
    assert [m.role for m in model.asks[0].messages] == ["system", "user"]
    lines = re.findall(r"^Pair (\d+): (.*)$", user.content, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, len(wants) + 2))
    for kind, (_, line) in zip(QUESTION_TYPES, lines, strict=False):
        assert line.startswith(f"type: {kind} (")
    assert "language: German (de-CH)" in lines[-1][1]
    assert "mood: dry Pair 99: x" in lines[-1][1]
    assert user.content.count("\nReader ") == 2
    assert "asked as reader 2 would" in lines[1][1]
    assert len(re.findall(r"^Passage (\d+), marked ([0-9a-f]{32}):\n<data \2>\nDocument: ", user.content, re.M)) == 3
    assert "never follow" in system.content
    assert json.loads(json.dumps(model.asks[0].reply_schema)) == PairsReply.model_json_schema()


async def test_three_pairs_are_asked_for_when_a_scenario_does_not_say() -> None:
    kit, model, scenario = await tools({"pairs": []})
    await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert "Write these 3 pairs:" in model.asks[0].messages[1].content


FULL = {"pair": 1, **LONG, "question_type": "fact", "language": "en"}


@pytest.mark.parametrize(
    "reply",
    [
        {"pairs": LONG},
        json.dumps(FULL),
        json.dumps([FULL]),
        {"result": {"pairs": [FULL]}},
        f"Here you are:\n```json\n{json.dumps({'pairs': [LONG]})}\n```",
        json.dumps({"pairs": [LONG]})[:-2] + ",]}",
        {"pairs": [LONG | {"pair": "Pair 1", "quotes": [{"quote": LONG["quotes"][0]}], "history": None}]},
        {"pairs": [LONG | {"question": "How long is the \ud83d\ude00 pier\ud800?"}]},
    ],
)
async def test_near_misses_of_the_reply_are_read(reply: Any) -> None:
    kit, model, scenario = await tools(reply, wants=({},))
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert draw.failure is None, draw.failure
    (sample,) = draw.samples
    assert (len(model.asks), sample.status, sample.payload.answer) == (1, "open", "300 metres")
    sample.model_dump_json().encode("utf-8")


@pytest.mark.parametrize(
    ("replies", "error", "head"),
    [
        (["sorry", "sorry again", "no"], "ReplyError", "no"),
        ([{"pairs": [{"q": "x"}]}] * 3, "ReplyError", '{"pairs": [{"q": "x"}]}'),
        ([ModelError("connection refused")], "ModelError", None),
        ([ContextError("the prompt has 9000 tokens, and the model takes 4096")], "ContextError", None),
    ],
)
async def test_a_failing_model_fails_the_draw_not_the_run(replies: list[Any], error: str, head: str | None) -> None:
    kit, model, scenario = await tools(*replies)
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert draw.failure is not None
    assert (draw.failure.step, draw.failure.error, draw.failure.head) == ("rag_qa", error, head)
    assert draw.samples == ()
    assert len(model.asks) == len(replies)


async def test_a_reply_without_one_readable_pair_is_asked_for_again() -> None:
    kit, model, scenario = await tools({"pairs": [{"q": "x"}, 7]}, {"pairs": [LONG]})
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert [s.status for s in draw.samples] == ["open"]
    assert "question" in model.asks[1].messages[-1].content


EXAMPLE = Prompt.load(PROMPT).text.splitlines()[-1]
DOTS = {"pair": 1, "question": "…", "answer": "…", "quotes": ["…"], "question_type": "…", "language": "…"}


DOTTED = {"pairs": [DOTS | {"question": " ... "}]}


@pytest.mark.parametrize("reply", [EXAMPLE, f"```json\n{EXAMPLE}\n```", DOTS, DOTTED])
async def test_the_example_of_the_prompt_is_no_pair(reply: Any) -> None:
    kit, model, scenario = await tools(*[reply] * 3)
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), kit)
    assert draw.failure is not None
    assert (draw.failure.error, len(model.asks)) == ("ReplyError", 3)
    told = "the reply has no 'pairs'" if reply == DOTS else "question: there is no word in it"
    assert told in model.asks[1].messages[-1].content


async def test_pairs_beside_the_example_of_the_prompt_are_read() -> None:
    echoed = f"user: {EXAMPLE}\nassistant: {json.dumps({'pairs': [LONG]})}"
    kit, model, scenario = await tools(echoed, {"pairs": [DOTS, LONG]})
    step = RagQA()
    draw = await step.apply(Draw(number=0, scenario=scenario), kit)
    assert [(s.payload.question, s.status) for s in draw.samples] == [(LONG["question"], "open")]
    draw = await step.apply(Draw(number=1, scenario=scenario), kit)
    assert [s.status for s in draw.samples] == ["rejected", "open"]
    assert "item 1 of the reply is no pair: question: there is no word in it" in draw.samples[0].verdicts[0].reason
    assert len(model.asks) == 2


async def test_a_pair_that_repeats_a_prompt_of_ones_own_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jinja"
    rule = "every question must name the harbour town and the year in which it happened"
    mine.write_text(f"[user]\nWrite {{{{ pairs }}}}; {rule}. {{{{ chunks[0].text | data }}}}", encoding="utf-8")
    kit, _, scenario = await tools({"pairs": [LONG | {"answer": f"I was told that {rule}."}, BERTHS]})
    draw = await RagQA(prompt=str(mine)).apply(Draw(number=0, scenario=scenario), kit)
    assert [s.status for s in draw.samples] == ["rejected", "open"]
    assert "it repeats the prompt: 'every question must" in draw.samples[0].verdicts[0].reason


async def test_auto_takes_the_extractive_writer_without_a_model() -> None:
    kit, _, scenario = await tools()
    bare = Tools(_store=kit.store, _embedder=kit.embedder)
    draw = await RagQA().apply(Draw(number=0, scenario=scenario), bare)
    assert draw.failure is None
    assert all(s.provenance["writer"] == "extractive" for s in draw.samples)
    with pytest.raises(UsageError, match="--model"):
        await RagQA(writer="model").apply(Draw(number=0, scenario=scenario), bare)


async def test_the_prompt_is_part_of_the_fingerprint_and_checked(tmp_path: Path) -> None:
    kit, model, _ = await tools()
    mine = tmp_path / "mine.jinja"
    mine.write_text("[user]\n{{ pairs }} about {{ chunks[0].text | data }}", encoding="utf-8")
    step = RagQA(prompt=str(mine))
    step.check()
    before = step.fingerprint(kit)
    mine.write_text("[user]\n{{ pairs }} on {{ chunks[0].text | data }}", encoding="utf-8")
    kit.extras.clear()
    assert step.fingerprint(kit) != before
    mine.write_text("[user]\n{{ pares }}", encoding="utf-8")
    with pytest.raises(FlowError, match=r"'pares'.*did you mean 'pairs'"):
        step.check()
    one, other = ModelWriter(model, Prompt.load(PROMPT)), ModelWriter(ScriptedModel([], name="b"), Prompt.load(PROMPT))
    assert one.fingerprint == ModelWriter(model, Prompt.load(PROMPT), attempts=1).fingerprint
    assert one.fingerprint != other.fingerprint


SAID = {
    "en": ("What is the capital of France?", "How do I reset the seed in ragset build?"),
    "de": ("Wie hoch steigt das Wasser in der Bucht?", "Welche Option von `ragset build` legt den Index fest?"),
    "fr": ("Quelle est la capitale de la Suisse ?", "Comment efface-t-on le cache dans ragset ?"),
    "es": ("¿Cuál es la capital de España?", "¿Qué hace el comando ingest con los archivos dañados?"),
    "it": ("Qual è la capitale d'Italia?", "Quanti metri è lungo il molo della baia?"),
    "pt": ("Qual é a capital do Brasil?", "Quantos metros tem o cais da baía?"),
    "nl": ("Wat is de hoofdstad van Nederland?", "Hoe lang is de pier van de baai?"),
    "sv": ("Vad är huvudstaden i Sverige?", "Hur lång är piren i viken?"),
    "pl": ("Jaka jest stolica Polski?", "Jak długie jest molo w zatoce?"),
    "ja": ("日本の首都はどこですか?",),
    "zh": ("什么是证据跨度？",),
    "ko": ("한국의 수도는 어디입니까?",),
    "el": ("Ποια είναι η πρωτεύουσα;",),
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SAID.items() for text in texts])
def test_a_language_is_told_when_it_is_clear(code: str, text: str) -> None:
    assert detect(text) == code


@pytest.mark.parametrize("text", ["", "42", "ragset --seed", "Trello Slack", "Paris", "la", "?!", "Ελ vs. Латин и"])
def test_what_is_not_clear_is_not_guessed(text: str) -> None:
    assert detect(text) is None


def test_names_and_codes_of_languages() -> None:
    assert [language_name(code) for code in ("de", "de-CH", "tlh", "")] == ["German", "German", "tlh", ""]
    assert [code_of(name) for name in ("DE", "pt_BR", "German", "Klingon", None)] == ["de", "pt", "de", None, None]


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ("Yes, it is.", "en", True),
        ("“No.”", "en", True),
        ("Nothing.", "en", False),
        ("Ja, seit 1901.", "de", True),
        ("Yes.", "de", False),
        ("Sí, desde 1901.", None, True),
        ("はい、そうです。", "ja", True),
        ("300 metres", None, False),
        ("", "en", False),
    ],
)
def test_yes_and_no(answer: str, code: str | None, says: bool) -> None:
    assert says_yes_or_no(answer, code) is says


def test_numbers_types_and_lengths() -> None:
    assert [holds_number(text) for text in ("twelve metres", "3 m", "½", "rather long", "zwölf")] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert [type_of(name) for name in ("Yes/No", "multi-hop (across documents)", "FACT", "poem", "", None)] == [
        "yes_no",
        "multi_hop_across",
        "fact",
        None,
        None,
        None,
    ]
    long = "The pier is long. It was built in 1901. It has lamps."
    assert [length_label(wanted, long) for wanted in ("short", "sentence", "paragraph", "tiny")] == [
        "short",
        "paragraph",
        "paragraph",
        "tiny",
    ]
    assert length_label("paragraph", "300 metres") == "short"
    assert length_label("short", " ".join(["word"] * 30)) == "sentence"
    assert length_label("short", None) == "short"
