"""The benchmark of planted defects, on a small pool: what is planted is found, what is good is kept, at few calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from bench_defects import Found, Pool, scripted_run, sent_on
from defects.pairs import DEFECTS, NEEDS_A_MODEL


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """About 180 pairs, 30 % of them dirty; every defect is among them."""
    made = Pool.make(tmp_path_factory.mktemp("planted"), 180, 0.3, 7)
    assert {pair.defect for pair in made.truth.values()} >= set(DEFECTS)
    return made


def test_without_a_model_the_planted_defects_are_found_and_good_pairs_stay(pool: Pool) -> None:
    pool.validate("builtin", flow="rag_qa")
    found = Found.of(pool.folder / "builtin", pool.truth)
    assert sum(found.total.values()) == len(pool.truth)
    assert found.failed == 0
    ruled = tuple(defect for defect in DEFECTS if defect not in NEEDS_A_MODEL)
    assert found.recall(ruled) >= 0.8, found.rejected
    assert found.lost <= 0.05, found.by


def test_with_a_judge_of_known_error_rates_hardly_a_defect_is_delivered(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "none")
    run, calls = scripted_run(pool, "rag_qa_strict", tier=True, misses=0.05, alarms=0.02, seed=1)
    found = Found.of(run.folder, pool.truth)
    assert found.recall(DEFECTS) >= 0.95, found.rejected
    assert found.delivered <= 0.02, found.rejected
    assert (calls + pool.draws) / run.report["kept"] <= 3.2  # 2.9 in the pool of 2,000
    assert "faithfulness" in sent_on(run)
    asked = {"which_passages_answer.v1", "answer_several.v1", "answer_without_context.v1", "rubric_question.v1"}
    assert asked <= run.report["prompts"].keys()  # of every step that asked a model, each with its hash
    steps = run.report["usage"]["by_step"]
    assert calls == sum(step["calls"] for step in steps.values())  # what the server counted, no more
