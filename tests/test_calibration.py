"""Statistics of calibration against scikit-learn, by hand and by simulation; the file that flows name; labels in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from ragset.errors import UsageError
from ragset.kit.calibration import (
    Scored,
    auroc,
    balanced_accuracy,
    best_threshold,
    bootstrap,
    brier,
    precision_at,
    reliability,
)
from ragset.kit.calibration_band import band, upper_bound
from ragset.kit.calibration_file import (
    Band,
    Calibration,
    Estimate,
    LabelFile,
    read_calibration,
    shipped_calibration,
    write_calibration,
)
from ragset.kit.label_files import read_delivered, read_labels
from ragset.kit.prediction_powered import pass_rate

RNG = np.random.default_rng


def _judge(rng: np.random.Generator, rows: int, apart: float, right: float) -> tuple[Any, Any]:
    """Draw labels with a share that is right, and normal scores ``apart`` standard deviations apart."""
    labels = rng.random(rows) < right
    return rng.normal(labels * apart, 1), labels


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_figures_are_those_of_scikit_learn_with_many_ties_and_with_few(decimals: int) -> None:
    scores, labels = _judge(RNG(1), 400, 1.0, 0.3)
    scores = np.round(scores, decimals)
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    for cut in (-0.5, 0.0, 1.0):
        expected = balanced_accuracy_score(labels, scores >= cut)
        assert balanced_accuracy(scores, labels, cut) == pytest.approx(expected, abs=1e-12)
    chances = 1 / (1 + np.exp(-scores))
    assert brier(chances, labels) == pytest.approx(brier_score_loss(labels, chances))


def test_precision_of_the_best_rows_takes_a_part_of_those_that_tie_at_the_cut() -> None:
    assert precision_at([0.9, 0.8, 0.7, 0.6, 0.1], [1, 1, 0, 1, 0], 0.8) == pytest.approx(3 / 4)
    assert precision_at([0.9, 0.5, 0.5, 0.5, 0.5], [1, 1, 0, 0, 0], 0.6) == pytest.approx((1 + 2 * 0.25) / 3)
    assert precision_at([1, 2, 3, 4], [0, 0, 1, 1], 1.0) == pytest.approx(0.5)


def test_the_best_threshold_is_that_of_a_search_over_all_of_them() -> None:
    sets = [Scored.of(*_judge(RNG(at), 80, apart, 0.4)) for at, apart in enumerate((0.5, 1.5))]
    cut, accuracy = best_threshold(sets)
    every = np.concatenate([each.scores for each in sets])
    tried = {
        float(c): np.mean([balanced_accuracy_score(each.labels, each.scores >= c) for each in sets]) for c in every
    }
    assert accuracy == pytest.approx(max(tried.values()))
    assert tried[cut] == pytest.approx(accuracy)


def test_reliability_by_hand() -> None:
    scores, labels = [0.05, 0.05, 0.55, 0.55, 1.0], [0, 1, 1, 1, 1]
    found = reliability(Scored.of(scores, labels))
    assert [(b.low, b.high, b.rows, b.score, b.passed) for b in found.bins] == [
        (0.0, 0.1, 2, 0.05, 0.5),
        (0.5, 0.6, 2, 0.55, 1.0),
        (0.9, 1.0, 1, 1.0, 1.0),
    ]
    assert found.ece == pytest.approx((2 * 0.45 + 2 * 0.45 + 0) / 5)
    assert reliability(Scored.of([1, 5, 3, 2], [0, 1, 1, 0])).ece is None


def test_scores_that_are_no_numbers_and_labels_of_one_class_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        auroc([0.1, float("nan")], [0, 1])
    with pytest.raises(ValueError, match="the same"):
        auroc([0.1, 0.2], [1, 1])
    with pytest.raises(ValueError, match="3 scores, 2 labels"):
        auroc([0.1, 0.2, 0.3], [1, 0])


FIGURES = (
    lambda tally: tally.auroc(),
    lambda tally: tally.balanced_accuracy(0.5),
    lambda tally: tally.precision_at(0.8),
)


def test_intervals_come_again_from_the_seed_and_hold_the_point() -> None:
    sets = [Scored.of(*_judge(RNG(at), 150, 1.0, 0.5)) for at in range(2)]
    one, two, other = (bootstrap(sets, FIGURES, resamples=200, seed=seed) for seed in (3, 3, 4))
    assert one == two
    assert one != other
    for estimates in one:
        assert all(each.low <= each.value <= each.high for each in estimates)
        assert estimates[-1].value == pytest.approx(np.mean([each.value for each in estimates[:-1]]), abs=1e-4)
    macro = one[0][-1]
    assert macro.high - macro.low < min(each.high - each.low for each in one[0][:-1])


def test_rows_of_one_group_count_as_one() -> None:
    """Every row ten times says nothing new: resampled by groups the interval stays, by rows it shrinks."""
    scores, labels = _judge(RNG(5), 60, 1.0, 0.5)
    many, truth = np.repeat(scores, 10), np.repeat(labels, 10)
    groups = [str(at // 10) for at in range(600)]

    def width(scored: Scored) -> float:
        found = bootstrap([scored], FIGURES[:1], resamples=400)[0][0]
        return found.high - found.low

    once, grouped, rows = (
        width(Scored.of(scores, labels)),
        width(Scored.of(many, truth, groups)),
        width(Scored.of(many, truth)),
    )
    assert grouped == pytest.approx(once, rel=0.15)
    assert rows < 0.5 * once


def test_the_interval_of_auroc_covers_the_truth() -> None:
    """Two normals one deviation apart have AUROC Φ(1/√2) = .7602."""
    covered = 0
    for at in range(200):
        scores, labels = _judge(RNG(at), 120, 1.0, 0.5)
        found = bootstrap([Scored.of(scores, labels)], FIGURES[:1], resamples=200)[0][0]
        covered += found.low <= 0.7602 <= found.high
    assert 0.90 <= covered / 200 <= 0.985


def test_the_bound_of_an_error_is_that_of_clopper_and_pearson() -> None:
    from scipy.stats import beta

    for wrong, rows in ((0, 45), (3, 100), (50, 70), (200, 7000)):
        assert upper_bound(wrong, rows) == pytest.approx(beta.ppf(0.95, wrong + 1, rows - wrong), abs=1e-8)
    assert upper_bound(5, 5) == 1.0


def test_the_band_of_a_judge_that_knows_all_decides_all_and_of_one_that_guesses_nothing() -> None:
    labels = np.arange(400) % 2 == 0
    whole = band(np.where(labels, 0.9, 0.1), labels, 0.05)
    assert whole
    assert (whole.low, whole.high, whole.share_decided) == (0.9, 0.9, 1.0)
    assert whole.rows_low == whole.rows_high == 200
    assert whole.error_low == pytest.approx(upper_bound(0, 200), abs=1e-4)
    assert band(RNG(0).random(400), labels, 0.05) is None
    with pytest.raises(ValueError, match="max_error"):
        band([0.1, 0.9], [0, 1], 0)


def test_few_rows_prove_no_small_error() -> None:
    """Nothing wrong in 58 rows leaves an error of 5 % possible; in 59 it does not (0.95 ** 59 < 0.05)."""
    for rows, decided in ((58, None), (59, 1.0)):
        labels = np.arange(2 * rows) < rows
        found = band(labels.astype(float), labels, 0.05)
        assert (found and found.share_decided) == decided


def test_one_side_alone_may_be_sure() -> None:
    labels = np.concatenate([np.ones(200), np.arange(200) % 2])
    found = band(np.concatenate([np.full(200, 0.9), np.full(200, 0.3)]), labels, 0.05)
    assert found
    assert (found.low, found.high, found.error_low, found.share_decided) == (None, 0.9, None, 0.5)
    assert [found.decide(s) for s in (0.95, 0.9, 0.89, 0.0, float("nan"))] == [True, True, None, None, None]


def test_the_true_error_of_a_band_keeps_its_promise() -> None:
    """In at most a tenth of 300 bands the true error of a side is above what was asked (margin of two deviations)."""
    from scipy.stats import norm

    broken = bands = 0
    for at in range(300):
        apart, right = (2.0, 0.5) if at % 2 else (0.2, 0.945)
        scores, labels = _judge(RNG(at), 800, apart, right)
        found = band(scores, labels, 0.05)
        if found is None:
            continue
        bands += 1
        errors: list[float] = []
        if found.high is not None:
            bad, good = (1 - right) * norm.sf(found.high), right * norm.sf(found.high - apart)
            errors.append(bad / (bad + good))
        if found.low is not None:
            bad, good = (1 - right) * norm.cdf(found.low), right * norm.cdf(found.low - apart)
            errors.append(good / (bad + good))
        broken += sum(error > 0.05 for error in errors) > 0
    assert bands > 150
    assert broken / bands < 0.1 + 2 * np.sqrt(0.1 * 0.9 / bands)


def _delivered(rng: np.random.Generator, rows: int, right: float, noise: float) -> tuple[Any, Any]:
    labels = (rng.random(rows) < right).astype(float)
    return labels, np.clip(labels + rng.normal(0, noise, rows), -1, 2)


@pytest.mark.parametrize(("noise", "narrower"), [(0.3, 0.75), (1e6, 1.05)])
def test_the_prediction_powered_interval_covers_the_truth_and_is_narrower_when_the_judge_is_good(
    noise: float, narrower: float
) -> None:
    covered, ratios = 0, []
    for at in range(400):
        labels, scores = _delivered(RNG(at), 1150, 0.8, noise)
        found = pass_rate(labels[:150], scores[:150], scores[150:])
        covered += found.low <= 0.8 <= found.high
        _, low, high = found.labels_alone
        ratios.append((found.high - found.low) / (high - low))
    assert 0.92 <= covered / 400 <= 0.98
    assert np.mean(ratios) < narrower


def test_a_biased_judge_is_set_right() -> None:
    """A judge that passes all but a few of the bad ones says 97 %; the labels say what it is worth."""
    values = []
    for at in range(100):
        labels, _ = _delivered(RNG(at), 1000, 0.7, 0)
        scores = np.where(RNG(at + 500).random(1000) < 0.9, 1.0, labels)
        values.append(pass_rate(labels[:200], scores[:200], scores[200:]).value)
    assert np.mean(values) == pytest.approx(0.7, abs=0.01)


def test_groups_widen_the_pass_rate_and_few_labels_are_refused() -> None:
    labels, scores = _delivered(RNG(0), 200, 0.8, 0.3)
    many = [np.repeat(each, 4) for each in (labels, scores)]
    names = [str(at // 4) for at in range(800)]
    grouped = pass_rate(many[0], many[1], [], groups=(names, []))
    alone = pass_rate(many[0], many[1], [])
    assert grouped.high - grouped.low == pytest.approx(2 * (alone.high - alone.low), rel=0.02)
    with pytest.raises(ValueError, match="149 labels are too few, 150"):
        pass_rate(labels[:149], scores[:149], [])


def _calibration(**changed: Any) -> Calibration:
    sure = Band(low=0.2, high=0.8, max_error=0.05, error_low=0.04, error_high=0.03, share_decided=0.6)
    figure = Estimate(value=0.8, low=0.75, high=0.85)
    fields: dict[str, Any] = {
        "judge": "faithfulness",
        "judge_version": "3",
        "model": "openai:x",
        "labels": (LabelFile(file="a.jsonl", sha256="0" * 64, rows=200),),
        "threshold": 0.5,
        "auroc": figure,
        "balanced_accuracy": figure,
        "precision_at_80": figure,
        "band": sure,
    }
    return Calibration(**{**fields, **changed})


def test_a_calibration_decides_by_its_band_and_survives_its_file(tmp_path: Path) -> None:
    it = _calibration()
    assert [it.decide(score) for score in (0.1999, 0.2, 0.7999, 0.8)] == [False, None, None, True]
    assert _calibration(band=None).decide(1.0) is None
    write_calibration(tmp_path / "new" / "c.yaml", it)
    assert read_calibration(tmp_path / "new" / "c.yaml") == it
    summary = json.loads(json.dumps(it.summary()))
    assert (summary["judge"], summary["rows"], summary["band"]["low"]) == ("faithfulness", 200, 0.2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("faithfulness", "4", "openai:x"), "of version '3', the judge in use is 'faithfulness', version '4'"),
        (("rubric", "3", "openai:x"), "is of the judge 'faithfulness', not of 'rubric'"),
        (("faithfulness", "3", "openai:y"), "of model 'openai:x'"),
        (("faithfulness", "3", None), "model 'none'"),
    ],
)
def test_another_judge_version_or_model_is_refused_with_what_to_do(asked: Any, said: str) -> None:
    assert _calibration().check("faithfulness", "3", "openai:x")
    with pytest.raises(UsageError, match="calibrate again: ragset calibrate") as refused:
        _calibration().check(*asked, where="mine.yaml")
    assert said in str(refused.value)
    assert str(refused.value).startswith("mine.yaml: ")


def test_a_step_with_other_settings_is_refused_and_a_threshold_is_none_of_them() -> None:
    from ragset.flow.registry import step_class
    from ragset.kit.builtin_judge import NAME, VERSION
    from ragset.schema.step import Tools

    cls = step_class("answer_correctness")
    version = cls.version
    it = _calibration(judge="answer_correctness", judge_version=version, model=f"{NAME} {VERSION}")
    assert it.check_step(cls(threshold=0.3), Tools())
    with pytest.raises(UsageError, match="top_k = None, now it is 9"):
        it.check_step(cls(top_k=9), Tools())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "is a mapping"),
        ("a: [", "is not YAML in line"),
        ("format: 2", "is of format 2, this ragset reads 1"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("format: 1", "field 'judge'"),
        (_calibration().to_yaml() + "date: today\n", "field 'date'"),
        (_calibration().to_yaml().replace("threshold: 0.5", "threshold: .nan"), "field 'threshold'"),
        (_calibration().to_yaml().replace("  low: 0.2\n", "  low: 0.9\n"), "low 0.9 is above high 0.8"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as refused:
        read_calibration(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_an_unknown_shipped_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such calibration file"):
        read_calibration(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="no calibration ships for 'builtin-groundednes'"):
        shipped_calibration("builtin-groundednes")


A = {"id": "a1", "context": "Tea is hot.", "question": None, "claim": "Tea is hot", "label": 1, "label_raw": "yes"}
B = {"id": "b1", "question": "What is hot?", "gold": ["tea", "green tea"], "candidate": "coffee", "label": 0}


def _write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_both_groups_plain_columns_and_csv_are_read(tmp_path: Path) -> None:
    plain = {"question": "Q?", "answer": "A", "contexts": ["one", {"text": "two"}], "label": "true"}
    found = read_labels(_write(tmp_path / "l.jsonl", A, B, plain))
    a, b, c = found.rows
    assert (a.context, a.answer, a.question, a.label, a.golds) == ("Tea is hot.", "Tea is hot", "", 1, ())
    assert (b.golds, b.answer, b.label, b.contexts) == (("tea", "green tea"), "coffee", 0, ())
    assert (c.context, c.label, c.as_sample().payload.answer) == ("one\n\ntwo", 1, "A")
    table = tmp_path / "l.csv"
    table.write_bytes('\ufeffquestion,answer,context,gold,label\nQ?,A,"a\nb",,1\nQ?,B,,"[""x"", ""y""]",0\n'.encode())
    one, two = read_labels(table).rows
    assert (one.context, one.label, two.golds, two.where) == ("a\nb", 1, ("x", "y"), f"{table}, line 4")


def test_rows_of_one_context_are_a_group_and_so_are_those_of_one_question(tmp_path: Path) -> None:
    rows = [
        A,
        A | {"id": "a2", "label": 0, "question": "other"},
        A | {"id": "a3", "context": "Else."},
        B,
        B | {"id": "b2"},
    ]
    groups = [row.group for row in read_labels(_write(tmp_path / "l.jsonl", *rows)).rows]
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4] != groups[0]


def test_our_own_lines_with_a_label_are_read(tmp_path: Path) -> None:
    from conftest import make_sample
    from ragset.kit.lines import sample_to_line

    lines = [sample_to_line(make_sample(at)) for at in range(3)]
    labelled = _write(tmp_path / "l.jsonl", *({**line, "label": at % 2} for at, line in enumerate(lines)))
    rows = read_labels(labelled).rows
    assert [(row.id, row.label) for row in rows] == [("s0", 0), ("s1", 1), ("s2", 0)]
    assert rows[0].context == make_sample(0).contexts[0].text
    assert rows[0].as_sample() == make_sample(0)
    assert [row.label for row in read_delivered(_write(tmp_path / "kept.jsonl", *lines)).rows] == [None] * 3


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([A, {**B, "label": 2}], "line 2: has the label '2'; write 1 (right) or 0 (wrong)"),
        ([A, {**B, "label": 0.5}], "line 2: has the label '0.5'"),
        (["{}"], "line 1: has no label"),
        ([A, {**B, "label": None}], "line 2: has no label"),
        ([{**A, "claim": " "}], "line 1: has no answer (known columns: claim, candidate, answer)"),
        ([{"answer": "x", "label": 1}], "line 1: has neither context nor gold"),
        ([{**B, "gold": 5}], "line 1: has a 'gold' that is neither a text nor a list of texts"),
        ([{**B, "gold": [5]}], "line 1: has a 'gold' with a part that is no text"),
        ([A, "[1]"], "line 2: is no JSON object"),
        ([A, "{"], "line 2: is no JSON ("),
        ([A, '{"label": NaN, "claim": "x", "context": "y"}'], "line 2: has the label 'nan'"),
        ([A, "[" * 100_000], "line 2: is no JSON ("),
        ([A, A], "line 2: has the id 'a1' of"),
        ([A, {**A, "id": "a2"}], "all 2 labels are 1: nothing can be told apart"),
        ([], "holds no rows"),
        (["", " "], "holds no rows"),
        ([{"scenario_id": "x", "contexts": [], "label": 1}], "line 1: is no sample ("),
    ],
)
def test_labels_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path, lines: list[Any], said: str) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    with pytest.raises(UsageError) as refused:
        read_labels(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_or_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    for data, said in (
        (b"\xff\xfe\x00", "UTF-8"),
        (b"answer,label\na,1,2\n", "line 2: has more cells"),
        (b'a\n"x"y', "no CSV"),
    ):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=said):
            read_labels(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
