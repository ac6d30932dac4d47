"""``ragset calibrate`` end to end: built-in judges, steps, failures and abstentions, delivered sets, errors."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from click.testing import CliRunner, Result

from ragset.cli import cli
from ragset.flow.registry import STEPS
from ragset.kit.calibration_file import read_calibration, shipped_calibration
from ragset.kit.judging import Judge
from ragset.schema.samples import Sample
from ragset.schema.step import Tools

GROUNDED = (
    ("The tide rises twice a day in Lisbon.", "The tide rises twice a day in Lisbon.", 1),
    ("The tide rises twice a day in Lisbon.", "The harbour of Oslo freezes every winter.", 0),
)


class Coin(Judge):
    """Scores the number that is the answer; crashes, is unsure and says NaN when it is told to."""

    name: ClassVar[str] = "coin"
    version: ClassVar[str] = "7"
    threshold: float = 0.5
    unit: str = "share"

    async def judge(self, sample: Sample, tools: Tools) -> Sample:
        said = sample.payload.answer or ""
        if said == "crash":
            raise RuntimeError("the coin rolled away")
        if said == "unsure":
            return sample.judged(self.verdict(None, 0.5, "it stands on its edge"))
        score = math.nan if said == "nan" else float(said)
        return sample.judged(self.verdict(score >= self.threshold, score))


@pytest.fixture(autouse=True)
def _coin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "coin", f"{__name__}:Coin")


def _run(*args: Any, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["calibrate", *(str(arg) for arg in args)])
    assert done.exit_code == code, done.output
    return done


def _json(*args: Any) -> dict[str, Any]:
    return json.loads(_run(*args, "--json", "-q").stdout)


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _coins(path: Path, *, rows: int = 200, seed: int = 0, told: tuple[str, ...] = ()) -> Path:
    """Write rows whose answers are scores: high ones are mostly right."""
    rng = random.Random(seed)
    scores = [round(rng.random(), 3) for _ in range(rows)]
    lines = [
        {"id": f"{seed}-{at}", "context": f"c{at // 2}", "answer": str(score), "label": int(rng.random() < score)}
        for at, score in enumerate(scores)
    ]
    more = [{"id": f"{seed}-{word}", "context": word, "answer": word, "label": 1} for word in told]
    return _write(path, lines + more)


@pytest.fixture
def grounded(tmp_path: Path) -> Path:
    rows = [
        {"id": f"{at}{label}", "context": f"{context} Part {at}.", "question": None, "claim": claim, "label": label}
        for at in range(70)
        for context, claim, label in GROUNDED
    ]
    return _write(tmp_path / "grounded.jsonl", rows)


def test_a_built_in_judge_gives_the_figures_the_issue_names(grounded: Path) -> None:
    found = _json("builtin-groundedness", "--labels", grounded)
    assert (found["auroc"], found["balanced_accuracy"], found["rows"]) == (1.0, 1.0, 140)
    assert found["threshold"] == pytest.approx(0.5, abs=0.4)
    assert found["intervals"]["auroc"] == [1.0, 1.0]
    assert found["band"]["share_decided"] == 1.0
    assert found["sets"][0]["groups"] == 70


def test_equivalence_takes_the_gold_that_fits_best(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{at}{label}",
            "question": f"Q{at}?",
            "gold": ["a wholly other thing", "Paris"],
            "candidate": said,
            "label": label,
        }
        for at in range(10)
        for said, label in (("Paris", 1), ("London", 0))
    ]
    found = _json("builtin-equivalence", "--labels", _write(tmp_path / "b.jsonl", rows))
    assert (found["auroc"], found["rows"]) == (1.0, 20)


def test_the_written_file_says_the_same_twice_and_is_read_back(grounded: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        _run("builtin-groundedness", "--labels", grounded, "--out", path, "-q")
    assert one.read_bytes() == two.read_bytes()
    assert str(tmp_path) not in one.read_text("utf-8")
    read = read_calibration(one)
    assert (read.judge, read.labels[0].file, read.labels[0].rows) == ("builtin-groundedness", "grounded.jsonl", 140)
    assert read.decide(1.0) is True
    assert read.decide(0.0) is False


def test_failures_abstentions_and_nan_are_counted_and_never_scores(tmp_path: Path) -> None:
    plain = _json("coin", "--labels", _coins(tmp_path / "plain.jsonl"))
    told = _json("coin", "--labels", _coins(tmp_path / "told.jsonl", told=("crash", "unsure", "nan")))
    assert (told["rows"], told["scored"], told["failures"], told["abstentions"]) == (203, 200, 2, 1)
    assert [told[key] for key in ("auroc", "balanced_accuracy", "brier", "band")] == [
        plain[key] for key in ("auroc", "balanced_accuracy", "brier", "band")
    ]
    assert told["warnings"] == [
        "3 rows without a score are in no figure; the first reason: RuntimeError: the coin rolled away"
    ]
    assert plain["brier"] == pytest.approx(1 / 6, abs=0.05)
    assert plain["reliability"]["ece"] < 0.12


def test_a_judge_that_never_scores_is_an_error(tmp_path: Path) -> None:
    rows = [{"id": str(at), "context": "c", "answer": "crash", "label": at % 2} for at in range(4)]
    done = _run("coin", "--threshold", 0.5, "--labels", _write(tmp_path / "l.jsonl", rows), "-q", code=2)
    assert "no row got a score, 4 failed, 0 abstained (RuntimeError: the coin rolled away)" in done.stderr


def test_several_files_give_macro_figures_and_each_its_own(tmp_path: Path) -> None:
    files = [_coins(tmp_path / f"{at}.jsonl", seed=at, rows=100 + 100 * at) for at in range(2)]
    found = _json("coin", "--labels", files[0], "--labels", files[1])
    assert [each["file"] for each in found["sets"]] == ["0.jsonl", "1.jsonl"]
    assert found["rows"] == 300
    for name in ("auroc", "balanced_accuracy", "precision_at_80"):
        assert found[name] == pytest.approx(sum(each[name] for each in found["sets"]) / 2, abs=1e-4)
    shown = _run("coin", "--labels", files[0], "--labels", files[1], "-q").stdout
    assert "all (macro)" in shown
    assert "too good" in shown
    assert "█" in shown


def test_the_threshold_of_the_flow_and_of_the_caller_are_used(tmp_path: Path) -> None:
    labels = _coins(tmp_path / "l.jsonl")
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        yaml.safe_dump({"steps": ["scenarios", "rag_qa", {"coin": {"threshold": 0.8, "unit": "odds"}}, "keep"]})
    )
    assert _json("coin", "--labels", labels)["threshold"] == 0.5
    of_flow = _json("coin", "--labels", labels, "--flow", flow)
    assert (of_flow["threshold"], of_flow["settings"], of_flow["judge_version"]) == (0.8, {"unit": "odds"}, "7")
    given = _json("coin", "--labels", labels, "--threshold", 0.8)
    assert (
        given["balanced_accuracy"]
        == of_flow["balanced_accuracy"]
        != _json("coin", "--labels", labels)["balanced_accuracy"]
    )


def test_a_wider_error_decides_more(tmp_path: Path) -> None:
    labels = _coins(tmp_path / "l.jsonl", rows=800)
    narrow, wide = (_json("coin", "--labels", labels, "--max-error", error)["band"] for error in (0.15, 0.3))
    assert 0 < narrow["share_decided"] < wide["share_decided"]
    assert narrow["error_high"] <= 0.15 < wide["error_high"] <= 0.3
    assert _json("coin", "--labels", labels, "--max-error", 0.01)["band"] is None


def test_the_pass_rate_of_a_delivered_set(tmp_path: Path) -> None:
    from conftest import make_sample
    from ragset.kit.lines import sample_to_line

    rng = random.Random(0)
    good = [rng.random() < 0.8 for _ in range(600)]
    lines = [sample_to_line(make_sample(at)) | {"answer": f"{0.6 + 0.3 * good[at]:.1f}"} for at in range(600)]
    kept = _write(tmp_path / "kept.jsonl", lines)
    labelled = [line | {"label": int(good[at])} for at, line in enumerate(lines)]
    rate = _json("coin", "--labels", _write(tmp_path / "l.jsonl", labelled[:160]), "--delivered", kept)["pass_rate"]
    assert (rate["labelled"], rate["unlabelled"]) == (160, 440)
    assert rate["low"] <= sum(good) / 600 <= rate["high"]
    assert rate["high"] - rate["low"] < 0.8 * (rate["labels_alone"][2] - rate["labels_alone"][1])
    shown = _run("coin", "--labels", tmp_path / "l.jsonl", "--delivered", kept, "-q").stdout
    assert "true pass rate of the delivered set" in shown
    few = _write(tmp_path / "few.jsonl", labelled[:149])
    done = _run("coin", "--labels", few, "--delivered", kept, "-q", code=2)
    assert "149 of its 600 rows are labelled (by id), 150 are needed" in done.stderr


def _delivered(tmp_path: Path, *, good: int, more: int) -> tuple[Path, Path]:
    """Write a delivered set and, apart, its first 200 rows with labels, of which so many are right."""
    rows = [{"id": f"d{at}", "context": f"c{at}", "answer": f"{0.5 + at % 5 / 10}"} for at in range(200 + more)]
    labelled = [row | {"label": int(at < good)} for at, row in enumerate(rows[:200])]
    return _write(tmp_path / "kept.jsonl", rows), _write(tmp_path / "l.jsonl", labelled)


def test_labels_of_one_kind_give_the_pass_rate_of_a_delivered_set_and_no_figure_of_the_judge(tmp_path: Path) -> None:
    kept, labels = _delivered(tmp_path, good=200, more=300)
    found = _json("coin", "--labels", labels, "--delivered", kept, "--threshold", 0.5)
    rate = found["pass_rate"]
    assert (rate["value"], rate["high"], rate["labelled"], rate["unlabelled"]) == (1.0, 1.0, 200, 300)
    assert rate["low"] == pytest.approx(0.025 ** (1 / 200), abs=1e-4)  # Clopper and Pearson, no mistake in 200
    figures = ("auroc", "balanced_accuracy", "precision_at_80", "best_threshold", "brier", "reliability", "band")
    assert [found[name] for name in figures] == [None] * len(figures)
    assert (found["positives"], found["sets"][0]["scored"]) == (200, 200)
    ordinary = _json("coin", "--labels", _coins(tmp_path / "coins.jsonl"))
    assert found.keys() == ordinary.keys()
    shown = _run("coin", "--labels", labels, "--delivered", kept, "--threshold", 0.5, "-q").stdout
    assert "l.jsonl   200  –      –" in shown
    assert "true pass rate of the delivered set: 100.0% [98.2%–100.0%]" in shown


def test_labels_of_one_kind_make_no_calibration(tmp_path: Path) -> None:
    kept, labels = _delivered(tmp_path, good=0, more=10)
    done = _run("coin", "--labels", labels, "--delivered", kept, "--out", tmp_path / "c.yaml", "-q", code=2)
    assert "labels of one kind make no calibration file" in done.stderr
    assert not (tmp_path / "c.yaml").exists()
    assert "nothing can be told apart" in _run("coin", "--labels", labels, "-q", code=2).stderr
    rate = _json("coin", "--labels", labels, "--delivered", kept, "--threshold", 0.5)["pass_rate"]
    assert (rate["value"], rate["low"]) == (0.0, 0.0)
    assert 0.01 < rate["high"] < 0.03
    bare = _run("coin", "--labels", kept, "--delivered", kept, "-q", code=2).stderr
    assert "kept.jsonl, line 1: has no label" in bare


def test_the_interval_of_labels_that_are_all_right_has_a_width_beside_other_labels_too(tmp_path: Path) -> None:
    kept, labels = _delivered(tmp_path, good=200, more=50)
    with labels.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "elsewhere", "context": "x", "answer": "0.1", "label": 0}) + "\n")
    found = _json("coin", "--labels", labels, "--delivered", kept)
    assert found["auroc"] == 1.0
    assert found["pass_rate"]["low"] < 0.99
    assert "Clopper and Pearson" in found["warnings"][-1]


@pytest.mark.parametrize("judge", ["coin", "builtin-groundedness", "faithfulness"])
@pytest.mark.parametrize("threshold", ["nan", "inf", "-inf", "1.5", "-0.1"])
def test_a_threshold_that_no_score_can_have_is_refused(tmp_path: Path, judge: str, threshold: str) -> None:
    labels = _coins(tmp_path / "l.jsonl")
    if judge == "coin" and threshold in ("1.5", "-0.1"):  # a plug-in may score on another scale
        assert _json(judge, "--labels", labels, "--threshold", threshold)["threshold"] == float(threshold)
        return
    done = _run(judge, "--labels", labels, f"--threshold={threshold}", "-q", code=2)
    endless = f"'--threshold': '{threshold}' is not a finite number; see: "
    score = f"{judge}: threshold is {threshold}; give a score between 0 and 1"
    assert (endless if threshold.endswith(("nan", "inf")) else score) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    labels = _coins(tmp_path / "l.jsonl")
    done = _run("coin", "--labels", tmp_path / "nosuch.jsonl", "-q", code=2)
    assert "nosuch.jsonl: no such file; give" in done.stderr
    assert "Errno" not in done.stderr
    assert "no such file" in _run("coin", "--labels", labels, "--delivered", tmp_path / "no.jsonl", "-q", code=2).stderr
    assert "is a folder" in _run("coin", "--labels", tmp_path, "-q", code=2).stderr


def test_labels_that_the_judge_was_fitted_on_are_called_so(grounded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _json("builtin-groundedness", "--labels", grounded)
    assert (plain["fitted_on_these"], plain["warnings"]) == (False, [])
    shipped = shipped_calibration("builtin-groundedness")
    own = shipped.labels[0].model_copy(update={"sha256": plain["sets"][0]["sha256"]})
    made = shipped.model_copy(update={"labels": (own,)})
    monkeypatch.setattr("ragset.kit.calibrating.shipped_calibration", lambda name: made)
    found = _json("builtin-groundedness", "--labels", grounded)
    assert found["fitted_on_these"] is True
    assert "fitted on 1 of these 1 files" in found["warnings"][0]
    assert "note: the judge's constants were fitted" in _run("builtin-groundedness", "--labels", grounded, "-q").stdout
    assert _json("faithfulness", "--labels", grounded)["fitted_on_these"] is True  # the built-in judge decides it


def test_a_shipped_judge_runs_as_a_step_and_a_cheap_tier_is_left_out(grounded: Path) -> None:
    found = _json("faithfulness", "--labels", grounded)
    assert found["auroc"] == 1.0
    assert found["model"].startswith("builtin-rules ")
    assert found["settings"] == {}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("coins",), "no judge 'coins'; did you mean 'coin'?"),
        (("keep",), "'keep' is a step, and no judge"),
        (("builtin-grounded",), "did you mean 'builtin-groundedness'?"),
        (("answer_correctness",), "this judge retrieves, and no index is named; name one with --index"),
        (("builtin-equivalence",), "line 1: has no gold; builtin-equivalence compares the answer with it"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_in_one_line(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = _run(*args, "--labels", _coins(tmp_path / "l.jsonl"), "-q", code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_file_named_twice_and_an_error_of_one_are_refused(tmp_path: Path) -> None:
    labels = _coins(tmp_path / "l.jsonl")
    assert "is named twice" in _run("coin", "--labels", labels, "--labels", labels, "-q", code=2).stderr
    assert "--max-error" in _run("coin", "--labels", labels, "--max-error", "1", code=2).stderr


@pytest.mark.parametrize("name", ["builtin-groundedness", "builtin-equivalence"])
def test_the_shipped_calibrations_are_of_the_judges_that_ship(name: str, grounded: Path, tmp_path: Path) -> None:
    """Whoever changes a built-in judge makes its calibration anew (the command is in the manual)."""
    shipped = shipped_calibration(name)
    rows = [{"gold": ["x"], "context": "x", "question": "q", "answer": "x", "label": label} for label in (0, 1)]
    now = _json(name, "--labels", _write(tmp_path / "l.jsonl", rows))
    assert shipped.check(name, now["judge_version"]).threshold == now["threshold"]


def test_the_shipped_files_are_made_of_the_shared_labels(shared: Path) -> None:
    """One small set of each kind: its hash stands in the shipped file, and the judge is above chance on it."""
    for name, file in (("builtin-groundedness", "mtrag_human"), ("builtin-equivalence", "openqa_nq301")):
        found = _json(name, "--labels", shared / f"data/dev/{file}.jsonl", "--resamples", 50)
        assert found["sets"][0]["sha256"] in {each.sha256 for each in shipped_calibration(name).labels}
        assert found["auroc"] > 0.65
        assert found["fitted_on_these"] is True
