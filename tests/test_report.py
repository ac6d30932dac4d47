"""The report: sums that hold with every kind of draw, usage that adds up, and what the summary shows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragset.cli.show_run import show_run
from ragset.flow.report import Report
from ragset.kit.prices import PriceTable
from ragset.schema.documents import Chunk
from ragset.schema.samples import Draw, Failure, QAPair, Sample, Scenario, Spent, Usage, Verdict

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
