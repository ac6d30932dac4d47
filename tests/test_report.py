"""The report: sums that hold with every kind of draw, usage that adds up, and what the summary shows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from ragset.adapters.scripted_model import ScriptedModel
from ragset.cli.show_run import show_run
from ragset.flow.profile import Profile, axes_of
from ragset.flow.report import Report
from ragset.kit.prices import PriceTable
from ragset.kit.prompting import Prompt
from ragset.schema.documents import Chunk
from ragset.schema.samples import Draw, Failure, QAPair, Sample, Scenario, Spent, Usage, Verdict
from ragset.schema.step import Map, Tally, Tools, Uses
from ragset.sources.samples import Samples
from ragset.tasks.rag_qa import RagQA

CHUNK = Chunk(id="c", document_id="d/a.md", version="v", title="A", text="Text.", start=0, end=5, ordinal=0)
BROKEN = Failure(step="rag_qa", error="ReplyError", message="no JSON")


def _sample(number: int, status: Any = "open", **more: Any) -> Sample:
    pair = more.pop("payload", QAPair(question="q", answer="a"))
    return Sample(
        id=str(number), scenario_id="s", payload=pair, contexts=(), evidence=(), question_type="fact", **more
    ).model_copy(update={"status": status})


def _draw(number: int, *samples: Sample, spent: tuple[Spent, ...] = (), failure: Failure | None = None) -> Draw:
    return Draw(number=number, scenario=Scenario(chunks=(CHUNK,)), samples=samples, spent=spent, failure=failure)


def _spent(step: str, role: str, calls: int, prompt: int, completion: int) -> Spent:
    usage = Usage(calls=calls, prompt_tokens=prompt, completion_tokens=completion)
    return Spent(step=step, role=role, usage=usage)


def _report() -> Report:
    no = Verdict(judge="faithfulness", version="1", passed=False, reason="2 of 3 statements")
    report = Report(4)
    write = _spent("rag_qa", "writer", 1, 1000, 200)
    report.add(_draw(0, _sample(0, "kept"), _sample(1).judged(no), spent=(write, _spent("f", "judge", 2, 300, 20))))
    report.add(_draw(1, failure=BROKEN, spent=(_spent("rag_qa", "writer", 3, 3100, 90),)))
    report.add(Draw(number=2))
    report.add(_draw(3, spent=(write,)))
    unanswerable = QAPair(question="q", answer=None, answerable=False)
    labelled = _sample(2, "kept", payload=unanswerable, persona="nurse", axes={"language": "ro", "style": "plain"})
    broken = _sample(3).failed(BROKEN)
    spent = (
        write,
        _spent("f", "judge", 1, 150, 10),
        _spent("ac", "answerer", 1, 500, 5),
        _spent("ac", "judge", 1, 50, 5),
    )
    report.add(_draw(4, labelled, broken, spent=spent))
    return report


def test_the_two_sums_hold_with_failed_empty_and_fruitless_draws() -> None:
    found = _report().as_dict()
    assert found["draws"] == {"total": 5, "empty": 1, "gave_samples": 2, "gave_none": 1, "failed": 1, "ahead": 0}
    assert found["samples"] == {"total": 4, "kept": 2, "rejected": 1, "failed": 1}
    assert found["shortfall"] == 2
    assert found["failures"] == {"rag_qa: no JSON": 2}


def test_an_undecided_sample_breaks_the_sum() -> None:
    report = Report(1)
    report.add(_draw(0, _sample(0)))
    with pytest.raises(AssertionError, match="samples do not add up"):
        report.as_dict()


def test_usage_adds_up_by_step_by_role_and_in_all() -> None:
    usage = _report().as_dict()["usage"]
    assert usage["by_step"]["rag_qa"] == {"calls": 6, "prompt_tokens": 6100, "completion_tokens": 690, "cost": None}
    assert list(usage["by_role"]) == ["writer", "answerer", "judge"]
    for what in ("calls", "prompt_tokens", "completion_tokens"):
        assert sum(step[what] for step in usage["by_step"].values()) == usage["total"][what]
        assert sum(role[what] for role in usage["by_role"].values()) == usage["total"][what]
    assert usage["total"]["calls"] == 11
    assert usage["per_kept"] == {"calls": 5.5, "tokens": (7100 + 730) / 2}
    assert (usage["cost"], usage["currency"]) == (None, "USD")


def test_money_needs_the_price_of_every_model_that_was_used() -> None:
    names = {"writer": "openai:gpt-4.1", "answerer": "ollama:x", "judge": "openai:gpt-4.1-mini"}
    table = PriceTable.load()

    def costing(role: str, usage: Usage) -> float | None:
        return table.cost(names[role], usage.prompt_tokens, usage.completion_tokens)

    report = _report()
    report.costing = costing
    usage = report.as_dict()["usage"]
    writer, judge = (6100 * 2.00 + 690 * 8.00) / 1e6, (500 * 0.40 + 35 * 1.60) / 1e6
    assert usage["by_role"]["writer"]["cost"] == pytest.approx(writer)
    assert usage["cost"] == pytest.approx(writer + judge)
    names["judge"] = "openai:unheard-of"
    usage = report.as_dict()["usage"]
    assert usage["cost"] is None
    assert usage["by_role"]["writer"]["cost"] == pytest.approx(writer)
    assert usage["by_step"]["ac"]["cost"] is None


def test_a_run_without_models_used_nothing() -> None:
    report = Report(1)
    report.add(_draw(0, _sample(0, "kept")))
    usage = report.as_dict()["usage"]
    assert usage["by_step"] == {}
    assert (usage["total"]["calls"], usage["cost"]) == (0, 0)


def test_kept_pairs_are_counted_on_the_axes_they_have() -> None:
    found = _report().as_dict()["kept_by"]
    assert found["answerable"] == {"no": 1, "yes": 1}
    assert found["persona"] == {"nurse": 1}
    assert (found["language"], found["style"]) == ({"ro": 1}, {"plain": 1})


def test_the_summary_shows_usage_what_was_paid_the_end_and_the_quotas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _report()
    report.ended = "the next call might exceed --max-calls 12"
    report.paid = [
        {"role": "writer", "purpose": "write", "calls": 6, "cached": 1, "shared": 0, "retries": 2},
        {"role": "judge", "purpose": "faithfulness", "calls": 3, "cached": 0, "shared": 1, "retries": 0},
    ]
    report.lacking = {"question_type": {"summary": 3, "fact": 0}, "language": {}}
    report.given_up = ["question_type summary: 40 draws in a row gave none"]
    assert report.as_dict()["lacking"] == {"question_type": {"summary": 3}}
    show_run(report.as_dict(), tmp_path)
    shown = capsys.readouterr().out
    rows = {line.split("  ")[1].strip(): line.split() for line in shown.splitlines() if line.startswith("  ")}
    assert rows["all"] == ["all", "11", "7,100", "730", "unknown"]
    assert rows["per kept pair"][3:] == ["5.5", "3,550", "365", "unknown"]
    assert "this run: 9 sent (2 of them again after a fault), 2 from the cache" in shown
    assert "ended early: the next call might exceed --max-calls 12" in shown
    assert "question_type: summary" in shown
    assert "question_type: fact" not in shown
    assert "40 draws in a row gave none" in shown
    assert "personas" in shown
    assert "answerable" in shown


def test_the_summary_is_short_when_no_model_was_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(1)
    report.add(_draw(0, _sample(0, "kept")))
    show_run(report.as_dict(), tmp_path)
    shown = capsys.readouterr().out
    assert "usage" not in shown
    assert "answerable" not in shown
    assert "ended" not in shown


def test_what_was_asked_of_an_axis_stands_beside_what_was_kept() -> None:
    tally = Tally(axes={"question_type": {"fact": 2, "numeric": 1, "yes_no": 1}, "persona": {"a": 1, "b": 1}})
    tally.lacking = {"question_type": {"fact": 0, "numeric": 0, "yes_no": 2}}
    spread = {"question_type": {"fact": 4, "numeric": 2}, "persona": {"a": 3}, "style": {}, "document": {"d": 6}}
    found = axes_of(spread, tally, 8, 6)
    kinds = found["question_type"]
    assert (kinds["quota"], kinds["distance"]) == (True, 0.25)  # (1/6 + 1/12 + 1/4) / 2
    assert kinds["values"]["yes_no"] == {"asked": 0.25, "wanted": 2, "kept": 0, "share": 0.0}
    assert kinds["values"]["fact"] == {"asked": 0.5, "wanted": 4, "kept": 4, "share": 0.6667}
    assert found["persona"]["values"]["none"] == {"asked": 0.0, "wanted": None, "kept": 3, "share": 0.5}
    assert (found["persona"]["quota"], found["persona"]["distance"]) == (False, 0.5)
    assert found["document"] == {
        "quota": False,
        "distance": None,
        "values": {"d": {"asked": None, "wanted": None, "kept": 6, "share": 1.0}},
    }
    assert "style" not in found


class _Judges(Map):
    name: ClassVar[str] = "rubric"
    uses: ClassVar[frozenset[Uses]] = frozenset({"judge"})

    def prompts(self) -> tuple[str, ...]:
        return ("write_qa.v2",)


async def _figures(*draws: Draw, judge: str = "x:writer", **more: Any) -> dict[str, Any]:
    profile, report = Profile(), Report(4)
    for draw in draws:
        profile.add(draw)
        report.add(draw)
    model = ScriptedModel([], name=judge)
    return await profile.figures(report, [Samples(path="x"), _Judges()], Tools(models={"judge": model}), embed=True)


def _scored(number: int, status: Any, score: float, rank: int, **more: Any) -> Sample:
    verdict = Verdict(judge="rubric", version="2", score=score, passed=True)
    made = _sample(number, provenance={"writer": "x:writer", "prompt": "own", "prompt_hash": "abc"}, **more)
    measures = {"gold_rank": rank, "difficulty": "easy"}
    return made.judged(verdict).model_copy(update={"status": status, "measures": measures})


async def test_scores_become_histograms_and_ranks_are_counted() -> None:
    draws = [_draw(at, _scored(at, "kept", at / 10, 1 + at % 2)) for at in range(11)]
    found = await _figures(*draws, _draw(11, _scored(11, "rejected", 0.25, 9)))
    scores = found["verdicts"]["rubric"]
    assert scores["kept"] == [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    assert scores["others"] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert (scores["low"], scores["high"], scores["scored"], scores["versions"]) == (0.0, 1.0, 12, ["2"])
    assert found["difficulty"]["levels"] == {"easy": 11, "medium": 0, "hard": 0, "not measured": 0}
    assert found["difficulty"]["gold_rank"] == {"1": 6, "2": 5}
    assert found["difficulty"]["gold_rank_lexical"] == {}
    wide = await _figures(_draw(0, _scored(0, "kept", 5, 1)), _draw(1, _scored(1, "kept", 1, 1)))
    assert (wide["verdicts"]["rubric"]["high"], wide["verdicts"]["rubric"]["kept"][2]) == (5.0, 1)


def test_a_step_knows_whether_rules_write() -> None:
    model = Tools(models={"writer": ScriptedModel(["x"])})
    asked = [
        RagQA(writer=writer).builtin(tools) for writer in ("auto", "extractive", "model") for tools in (Tools(), model)
    ]
    assert asked == [True, False, True, True, False, False]


async def test_the_prompts_and_a_judge_that_is_the_writer_are_named() -> None:
    spent = (_spent("rubric", "judge", 1, 10, 2),)
    found = await _figures(_draw(0, _scored(0, "kept", 1, 1), spent=spent))
    assert found["prompts"] == {"own": "abc", "write_qa.v2": Prompt.load("write_qa.v2").hash}
    assert found["same_judge_as_writer"] is True
    assert found["writers"] == ["x:writer"]
    assert (await _figures(_draw(0, _scored(0, "kept", 1, 1)), judge="x:other"))["same_judge_as_writer"] is False
    assert found["coverage"] is None  # no index
    assert found["diversity"]["vendi_score"] is None  # no step embeds
    assert found["diversity"]["question_words"]["most"] == 1


async def test_a_run_that_kept_nothing_has_figures_that_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await _figures(_draw(0, _scored(0, "rejected", 0.5, 1)))
    assert found["diversity"]["questions"] == 0
    assert found["diversity"]["compression_ratio"] is None
    report = Report(4)
    report.add(_draw(0, _scored(0, "rejected", 0.5, 1).judged(Verdict(judge="x", version="1", passed=False))))
    show_run(report.as_dict() | found, tmp_path)
    assert "diversity" not in capsys.readouterr().out


def test_the_summary_shows_diversity_and_coverage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(1)
    report.add(_draw(0, _sample(0, "kept")))
    share = {"total": 14, "touched": 12, "share": 0.8571}
    figures = {
        "diversity": {"vendi_score": 27.6259, "self_bleu": None},
        "coverage": {"documents": share, "chunks": share, "topics": share, "map": [], "clusters": []},
        "axes": {"question_type": {"distance": 0.25}, "style": {"distance": 0.0}, "document": {"distance": None}},
        "same_judge_as_writer": True,
    }
    show_run(report.as_dict() | figures, tmp_path)
    shown = " ".join(capsys.readouterr().out.split())
    assert "27.63 effective number of different questions" in shown
    assert "Self-BLEU" not in shown
    assert "12 of 14 documents 12 of 14 chunks 12 of 14 topics" in shown
    assert "0.25 question_type" in shown
    assert "0.00 style" not in shown
    assert "the model that judges is the model that wrote" in shown
