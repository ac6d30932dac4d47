from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from memory_store import MemoryStore
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import FlowError, UsageError
from ragset.flow.compile import parse_flow
from ragset.judges.answer_correctness import AnswerCorrectness
from ragset.judges.closed_book import ClosedBook
from ragset.judges.faithfulness import Faithfulness
from ragset.kit.builtin_judge import VERSION as RULES
from ragset.kit.calibration_file import Band, Calibration, Estimate, LabelFile, write_calibration
from ragset.kit.tiers import REHEARSED, Case, Opinion
from ragset.schema.ports import Ask
from ragset.schema.samples import Context, Draw, QAPair, Sample
from ragset.schema.step import Tools

TEXTS = {
    "bay.txt": "The tides of the bay rise by twelve metres. They turn every six hours.\n\nThe pier is 300 metres long.",
    "leave.txt": "Staff get 20 days of leave a year. Sick days are extra.",
}
TRUE, ALTERED, UNSURE = "twelve metres", "fourteen metres", "a good many metres of water"


def band(path: Path, judge: str, *, low: float | None = 0.2, high: float | None = 0.9, **fields: Any) -> str:
    """Write a calibration file with a band, and give its path."""
    part = Estimate(value=0.9, low=0.85, high=0.95)
    made = Band(low=low, high=high, max_error=0.05, error_low=0.04, error_high=0.03, share_decided=0.6)
    given = {"judge_version": RULES, "threshold": 0.5, "band": made, **fields}
    calibration = Calibration(
        judge=judge,
        labels=(LabelFile(file="a.jsonl", sha256="0" * 64, rows=10),),
        auroc=part,
        balanced_accuracy=part,
        precision_at_80=part,
        **given,
    )
    file = path / f"{judge}.yaml"
    write_calibration(file, calibration)
    return str(file)


def by_kind(ask: Ask) -> Any:
    """A model that finds everything right, in whatever way it is asked."""
    fields = set((ask.reply_schema or {})["properties"])
    text = ask.messages[-1].content
    found = {"statement": "s", "reason": "r"}
    if fields == {"statements"}:
        verdicts = "verdict" in str(ask.reply_schema)
        return {"statements": [found | {"verdict": 1}] if verdicts else ["s"]}
    if "TP" in fields:
        return {"TP": [found], "FP": [], "FN": []}
    if fields == {"scores"}:
        numbers = map(int, re.findall(r"^Pair (\d+),", text, re.MULTILINE))
        return {"scores": [{"pair": n, "reason": "same", "score": 1} for n in numbers]}
    if fields == {"recalled"}:
        return {
            "recalled": [{"question": int(n), "answer": UNSURE} for n in re.findall(r"^Question (\d+)", text, re.M)]
        }
    if fields == {"answers"}:
        entries = re.findall(r"^Question (\d+)", text, re.MULTILINE)
        return {"answers": [{"question": int(n), "answer": "The tides rise by twelve metres."} for n in entries]}
    return {"answer": "The tides rise by twelve metres.", "passages": [1]}


async def tools(**models: Any) -> Tools:
    embedder = HashEmbedder(512)
    return Tools(_store=await MemoryStore.of(TEXTS, embedder), _embedder=embedder, models=models)  # pyright: ignore


def sample(kit: Tools, at: int, answer: str | None, **fields: Any) -> Sample:
    chunk = kit.store.chunks("bay.txt")[0]
    payload = QAPair(question="How far do the tides rise?", answer=answer, answerable=answer is not None)
    return Sample(id=f"s{at}", scenario_id="x", payload=payload, contexts=(Context.of(chunk),), evidence=(), **fields)


async def run(judge: Any, kit: Tools, *answers: str | None, **fields: Any) -> tuple[Sample, ...]:
    samples = tuple(sample(kit, at, answer, **fields) for at, answer in enumerate(answers))
    return (await judge.apply(Draw(number=0, samples=samples), kit)).samples


async def test_both_ends_are_decided_alone_and_only_the_rest_is_sent_on(tmp_path: Path) -> None:
    model = ScriptedModel(by_kind, name="scripted:judge")
    kit = await tools(judge=model)
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"))
    done = await run(judge, kit, TRUE, "Thirty zebras sleep in Oslo", "the tides of the bay sing to sailors", None)
    assert [s.verdicts[0].judge for s in done] == [
        "faithfulness[builtin-groundedness]",
        "faithfulness[builtin-groundedness]",
        "ragas-faithfulness[scripted:judge]",
        "ragas-faithfulness[scripted:judge]",
    ]
    assert [s.verdicts[0].passed for s in done] == [True, False, True, None]
    assert [s.measures.get("faithfulness_sent_on") for s in done] == [0, 0, 1, None]
    assert len(model.asks) == 1  # the verdict: a plain sentence is not split by the model
    assert re.match(
        r"decided by builtin-groundedness (1|0\.9\d*) ≥ 0\.9; of such scores at most 3\.0% ", done[0].verdicts[0].reason
    )
    assert re.match(
        r"decided by builtin-groundedness 0\S* < 0.2; of such scores at most 4.0% ", done[1].verdicts[0].reason
    )
    assert done[1].status == "rejected"


async def test_answers_are_compared_in_the_same_way(tmp_path: Path) -> None:
    model, answerer = ScriptedModel(by_kind, name="m:judge"), ScriptedModel(by_kind, name="m:answerer")
    kit = await tools(judge=model, answerer=answerer)
    judge = AnswerCorrectness(calibration=band(tmp_path, "builtin-equivalence", high=0.95))
    done = await run(judge, kit, TRUE, "Thirty zebras", "the tides rise a good many metres")
    assert [(s.verdicts[0].passed, s.measures["answer_correctness_sent_on"]) for s in done] == [
        (True, 0),
        (False, 0),
        (True, 1),
    ]
    assert done[0].verdicts[0].judge == "answer-correctness[builtin-equivalence; answerer=m:answerer]"
    assert "the answer given is “The tides rise by twelve metres.”" in done[0].verdicts[0].reason
    assert (len(answerer.asks), len(model.asks)) == (1, 1)  # to class the statements: both texts are one each


@pytest.mark.parametrize(("judge", "calls"), [(Faithfulness, 1), (AnswerCorrectness, 1)])
async def test_siblings_that_are_sent_on_may_be_judged_together(judge: Any, calls: int, tmp_path: Path) -> None:
    model = ScriptedModel(by_kind, name="m:judge")
    kit = await tools(judge=model, answerer=ScriptedModel(by_kind))
    done = await run(judge(cheap_tier=False, together=True), kit, TRUE, UNSURE, ALTERED)
    assert len(model.asks) == calls
    assert {s.verdicts[0].judge.split("[")[0] for s in done} == {f"rubric-{judge.name.replace('_', '-')}"}
    assert [s.verdicts[0].score for s in done] == [1.0] * 3
    assert judge(together=True).fingerprint(kit) != judge().fingerprint(kit)


@pytest.mark.parametrize("fields", [{"cheap_tier": False}, {}], ids=["switched off", "no model"])
async def test_without_a_tier_nothing_is_decided_before_the_judge(fields: Any, tmp_path: Path) -> None:
    kit = await tools(**({"judge": ScriptedModel(by_kind)} if fields else {}))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"), **fields)
    (done,) = await run(judge, kit, TRUE)
    assert done.verdicts[0].judge.startswith("ragas-faithfulness[")
    assert done.measures == {}


async def test_a_side_without_a_cut_decides_nothing(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness", low=None))
    done = await run(judge, kit, TRUE, "Thirty zebras sleep in Oslo")
    assert [s.measures["faithfulness_sent_on"] for s in done] == [0, 1]
    nothing = Faithfulness(calibration=band(tmp_path, "builtin-groundedness", band=None))
    done = await run(nothing, kit, TRUE)
    assert done[0].measures["faithfulness_sent_on"] == 1


async def test_another_language_is_always_sent_on(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"))
    (done,) = await run(judge, kit, TRUE, axes={"language": "de"})
    assert done.measures["faithfulness_sent_on"] == 1


async def test_old_measures_settle_nothing(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    (done,) = await run(Faithfulness(cheap_tier=False), kit, TRUE, measures={"faithfulness_sent_on": 0})
    assert len(done.verdicts) == 1


async def test_a_calibration_of_the_step_sets_the_threshold(tmp_path: Path) -> None:
    model = ScriptedModel(by_kind, name="m:judge")
    kit = await tools(judge=model, answerer=ScriptedModel(by_kind))
    half = {"judge_version": AnswerCorrectness.version, "model": "m:judge", "threshold": 0.4, "band": None}
    file = band(tmp_path, "answer_correctness", **half)
    judge = AnswerCorrectness(cheap_tier=False, calibration=file)
    assert (judge.least(kit, 0.7), AnswerCorrectness(threshold=0.6, calibration=file).least(kit, 0.7)) == (0.4, 0.6)
    (done,) = await run(judge, kit, TRUE)
    assert done.verdicts[0].reason.endswith("; threshold 0.4")
    other = await tools(judge=ScriptedModel(by_kind, name="m:other"), answerer=ScriptedModel(by_kind))
    with pytest.raises(UsageError, match="calibrate again"):
        await judge.warm(other)


async def test_a_calibration_of_another_version_is_refused(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness", judge_version="0"))
    with pytest.raises(UsageError, match="version '0'"):
        await judge.warm(kit)


def test_a_calibration_that_is_none_is_refused_with_the_flow(tmp_path: Path) -> None:
    text = "steps:\n  - samples: {{path: x}}\n  - faithfulness: {{calibration: {file}}}\n  - keep\n"
    with pytest.raises(FlowError, match="no such calibration file"):
        parse_flow(text.format(file=tmp_path / "none.yaml"), "mine.yaml")
    with pytest.raises(FlowError, match="is of the judge 'builtin-equivalence'"):
        parse_flow(text.format(file=band(tmp_path, "builtin-equivalence")), "mine.yaml")
    parse_flow(text.format(file=band(tmp_path, "builtin-groundedness")), "mine.yaml")


async def test_what_the_file_says_is_part_of_the_fingerprint_not_where_it_lies(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    (tmp_path / "b").mkdir()
    step = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"))
    before = step.fingerprint(kit)
    band(tmp_path, "builtin-groundedness", high=0.99)
    assert step.fingerprint(kit) != before


async def test_a_rehearsal_sends_all_on_and_the_labels_say_which_share_it_would_be(tmp_path: Path) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"))
    assert [s.measures["faithfulness_sent_on"] for s in await run(judge, kit, TRUE)] == [0]
    kit.extras[REHEARSED] = True
    assert [s.measures["faithfulness_sent_on"] for s in await run(judge, kit, TRUE)] == [1]
    assert judge.sent_on(kit) == pytest.approx(0.4)
    assert Faithfulness(cheap_tier=False).sent_on(kit) == 1


async def test_a_crash_of_the_built_in_judge_is_one_samples_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = await tools(judge=ScriptedModel(by_kind))
    judge = Faithfulness(calibration=band(tmp_path, "builtin-groundedness"))
    plain = Faithfulness.opinion

    def crash(self: Faithfulness, case: Case) -> Opinion:
        if case.sample.id == "s1":
            raise ZeroDivisionError("no words")
        found = plain(self, case)
        return found if case.sample.id != "s2" else Opinion(float("nan"), "")

    monkeypatch.setattr(Faithfulness, "opinion", crash)
    done = await run(judge, kit, TRUE, TRUE, TRUE)
    assert [s.status for s in done] == ["open", "failed", "failed"]
    assert [s.failure.error for s in done if s.failure] == ["ZeroDivisionError", "ScoreError"]


async def test_closed_book_and_its_tier(tmp_path: Path) -> None:
    answerer, model = ScriptedModel(by_kind, name="m:a"), ScriptedModel(by_kind, name="m:j")
    kit = await tools(judge=model, answerer=answerer)
    judge = ClosedBook(calibration=band(tmp_path, "builtin-equivalence", low=0.3, high=0.95))
    done = await run(judge, kit, UNSURE, "Thirty zebras", "metres of water, a good deal")
    assert [(s.labels, s.measures) for s in done] == [
        (("closed_book",), {"closed_book": 1, "closed_book_sent_on": 0}),
        ((), {"closed_book": 0, "closed_book_sent_on": 0}),
        (("closed_book",), {"closed_book": 1, "closed_book_sent_on": 1}),
    ]
    assert (len(answerer.asks), len(model.asks)) == (1, 1)
