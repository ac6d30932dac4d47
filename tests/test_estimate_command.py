"""``ragset estimate`` end to end: within a tenth of what ``ragset build`` then uses, in three flows; its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragset.api.estimate import estimate
from ragset.cli import cli
from ragset.kit.rehearsal import Rehearsal
from support.scripted_server import ModelServer
from test_model_objects import RuleLLM

GUIDE = Path(__file__).parents[1] / "corpora" / "guide"
ROLES = {"writer alone": ["writer"], "writer and judge": ["writer", "judge"], "all": ["writer", "answerer", "judge"]}
N = 60


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexes")
    _run("ingest", GUIDE, "--index", "guide", "--indexes", folder, "--embedder", "hash")
    return folder


def _run(*args: Any, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, [str(arg) for arg in args])
    assert done.exit_code == code, done.output
    return done


def _flow(path: Path, roles: list[str], rates: dict[str, float]) -> Path:
    judges: list[Any] = ["evidence", "question_form", "near_duplicates"]
    judges += [{"faithfulness": {"cheap_tier": False}}] if "judge" in roles else []
    judges += [{"answer_correctness": {"threshold": 0, "cheap_tier": False}}] if roles == ROLES["all"] else []
    steps: list[Any] = ["scenarios", "rag_qa", *judges, {"keep": {"n": N, "max_per_chunk": 2}}]
    models = dict.fromkeys(roles, "compatible:scripted")
    path.write_text(json.dumps({"index": "guide", "models": models, "pass_rates": rates, "steps": steps}), "utf-8")
    return path


def _rates(report: dict[str, Any]) -> dict[str, float]:
    """Give the pass rates of a finished run, as a user reads them off its report."""
    names = {"ragas-faithfulness": "faithfulness", "ragas-answer-correctness": "answer_correctness"}
    gates = {names.get(judge.split("[")[0], judge): n for judge, n in report["gates"].items() if judge != "keep"}
    return {judge: n["passed"] / max(1, n["passed"] + n["rejected"]) for judge, n in gates.items()} | {"rag_qa": 1.0}


def _off(found: Result, report: dict[str, Any]) -> list[float]:
    said, used = json.loads(found.stdout)["total"], report["usage"]["total"]
    tokens = [sum(of[what] for what in ("prompt_tokens", "completion_tokens")) for of in (said, used)]
    return [said["calls"] / used["calls"] - 1, tokens[0] / tokens[1] - 1]


@pytest.mark.parametrize("name", ROLES)
def test_it_is_within_a_tenth_of_the_run(name: str, tmp_path: Path, indexes: Path, monkeypatch: Any) -> None:
    with ModelServer(pass_rate=0.85) as server:
        monkeypatch.setenv("LLM_API_URL", server.url)
        flow = _flow(tmp_path / "flow.yaml", ROLES[name], {})
        common = ("--indexes", indexes, "--cache", tmp_path / "cache.sqlite", "-n", N, "--embedder", "hash")
        common += ("--model", "compatible:scripted", "--base-url", server.url) if name == "all" else ()
        common += ("--index", "guide")
        pilot = _run("estimate", "--pilot", "--json", "--flow", flow, *common)
        paid = len(server.log)
        _run("build", GUIDE, "--out", tmp_path / "run", "--flow", flow, *common)
        report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
        assert report["kept"] == N
        assert (
            sum(row["cached"] for row in report["paid"]) >= paid > 0
        )  # what the pilot paid, the run did not pay again
        sent = len(server.log)
        assert all(abs(value) <= 0.1 for value in _off(pilot, report)), _off(pilot, report)
        flow = _flow(tmp_path / "rates.yaml", ROLES[name], _rates(report))
        free = _run("estimate", "--json", "--flow", flow, *common)
        assert all(abs(value) <= 0.1 for value in _off(free, report)), _off(free, report)
        assert len(server.log) == sent  # the free one sent nothing


def test_the_shipped_flow_with_its_cheap_tier_is_within_a_tenth_by_the_rates_of_a_run(
    tmp_path: Path, indexes: Path
) -> None:
    common = ("--index", "guide", "--indexes", indexes, "--cache", tmp_path / "cache.sqlite", "-n", N)
    with ModelServer(pass_rate=0.85) as server:
        common += ("--model", "compatible:scripted", "--base-url", server.url)
        done = _run("build", GUIDE, "--out", tmp_path / "run", *common)
        assert "a rough guess: " in done.stderr
        report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
        assert 0 < report["rates"]["sent_on"]["answer_correctness"] < 1  # the tier decides some, and not all
        sent = len(server.log)
        known = _run("estimate", "--json", "--like", tmp_path / "run", *common)
        assert all(abs(value) <= 0.1 for value in _off(known, report)), _off(known, report)
        again = _run("build", GUIDE, "--out", tmp_path / "run", *common)  # it goes on: its own rates are known
        assert "a rough guess: " not in again.stderr
        assert len(server.log) == sent


def test_a_pilot_says_whether_the_run_pays_for_its_draws_again(tmp_path: Path, indexes: Path) -> None:
    given: dict[str, Any] = {"index": "guide", "indexes": indexes, "cache": tmp_path / "cache.sqlite", "pilot": 4}
    of_llama_index = estimate(None, 30, model=RuleLLM(), **given)
    own = estimate(None, 30, model=Rehearsal(name="mine"), **given)
    assert (
        "the replies of llama-index:by-rule are not kept in a cache, so the run pays" in of_llama_index.assumptions[1]
    )
    assert "their replies stay in the cache" in own.assumptions[1]


def test_a_report_that_knows_no_rates_is_one_line(tmp_path: Path, indexes: Path) -> None:
    common = ("--index", "guide", "--indexes", indexes, "--like", tmp_path)
    assert "holds no finished run" in _run("estimate", *common, code=2).stderr
    for text, says in (("no", "is not the report of a run"), ("[]", "says no pass rates"), ('{"rates": 1}', "says no")):
        (tmp_path / "report.json").write_text(text, "utf-8")
        done = _run("estimate", *common, code=2)
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    both = _run("estimate", *common, "--pilot", code=2)
    assert "leave out --pilot or --like" in both.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "error: nothing to estimate; name a SOURCE, or an index with --index"),
        (("--index", "gone"), "there is no index 'gone'"),
        (("no/such",), "no such file or folder"),
    ],
)
def test_errors_are_one_line(args: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = _run("estimate", *args, "--indexes", tmp_path, code=2)
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
