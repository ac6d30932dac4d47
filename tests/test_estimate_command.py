"""``ragset estimate`` end to end: within a tenth of what ``ragset build`` then uses, in three flows; its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragset.cli import cli
from support.scripted_server import ModelServer

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
