"""Everything that can go wrong with a model, one row each: a set, or one line that says what and what next.

The scripted server misbehaves by plan; runs are whole builds through the command line. Waits are shortened, nothing
else is.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from ragset import api
from ragset.adapters.models import readable
from ragset.cli import cli
from support.asking import asking_file, asking_flow
from support.faults import KINDS, REPAIRABLE, TRANSPORT, UNREADABLE
from support.runs import report, rows, stand_alone
from support.scripted_server import ModelServer, ServerProcess
from test_kill_build import write_corpus

KEY = "sk-secret-0123456789abcdef"
LIMIT = 4
"""Requests in flight, where draws must be done one after another."""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_alone(monkeypatch, tmp_path)


class Place:
    """A corpus with its index, and builds of six pairs from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.corpus, self.indexes = folder, write_corpus(folder / "corpus"), folder / "indexes"
        self.asking = asking_file(folder)

    def build(self, home: Path, *more: object, url: str | None = None, n: int = 6) -> Result:
        given: list[object] = [
            "build",
            self.corpus,
            "--out",
            home / "out",
            "-n",
            n,
            "--indexes",
            self.indexes,
            "--quiet",
        ]
        given += ["--index", "tools", "--embedder", "hash", "--cache", home / "replies.sqlite"]
        given += ["--model", "compatible:scripted", "--base-url", url] if url else []
        given += [] if "--flow" in more else ["--flow", self.asking]
        return CliRunner().invoke(cli, [str(part) for part in (*given, *more)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("place"))
    api.ingest(found.corpus, "tools", indexes=found.indexes, embedder="hash")
    return found


@pytest.fixture(scope="module")
def clean(place: Place, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The set that a server without faults gives."""
    with ModelServer() as server:
        home = tmp_path_factory.mktemp("clean")
        assert place.build(home, url=server.url).exit_code == 0
    return rows(home)


def pairs(kept: list[dict[str, Any]]) -> list[Any]:
    """Give what does not depend on the server's address."""
    return [(row["question"], row["answer"], row["evidence"]) for row in kept]


def refused(result: Result, code: int) -> str:
    """Check that it ended with one line and no traceback, and give the line."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert KEY not in result.output
    assert KEY[:12] not in result.output
    return lines[0]


def flow_file(folder: Path, url: str, **choice: Any) -> Path:
    """Write the shipped flow with a model of its own: short time-outs, say."""
    model = {"model": "compatible:scripted", "base_url": url, **choice}
    data = asking_flow().dump() | {"models": dict.fromkeys(("writer", "answerer", "judge"), model)}
    path = folder / "flow.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    return path


BEFORE = {
    "unknown provider": (["--model", "nosuch:m"], {}, 2, "unknown provider 'nosuch'", "say provider:name"),
    "no provider": (["--model", "gpt-4o"], {}, 2, "names no provider", "provider:name"),
    "missing key": (["--model", "openai:gpt-4o"], {}, 2, "OPENAI_API_KEY is not set", "set it"),
    "no address": (["--model", "compatible:scripted"], {}, 2, "has no address", "--base-url"),
    "wrong key": (["URL", "compatible:scripted"], {"key": "right"}, 2, "the key is refused (401)", "check API_KEY"),
    "no key": (["URL", "compatible:scripted", "NOKEY"], {"key": "right"}, 2, "the key is refused (401)", "set "),
    "unknown model": (["URL", "vllm:scriptd"], {"models": ("scripted",)}, 2, "no model 'scriptd'", "did you mean"),
    "no room": (["URL", "compatible:scripted"], {"context": 900}, 2, "its context of 900", "lower max_tokens"),
    "no price": (["URL", "compatible:scripted", "--max-cost", "1"], {}, 2, "no price is known", "--prices"),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_can_be_known_is_refused_before_any_work(
    case: str, tmp_path: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, settings, code, what, next_step = BEFORE[case]
    model_server.set(**settings)
    if "NOKEY" not in given:
        monkeypatch.setenv("API_KEY", KEY)
    options = [part for part in given if part not in ("URL", "NOKEY")]
    if given[0] == "URL":
        options = ["--base-url", model_server.url, "--model", *options]
    fresh = Place(tmp_path)
    line = refused(fresh.build(tmp_path / "home", *options), code)
    assert what in line
    assert next_step in line
    assert not fresh.indexes.exists()
    assert not (tmp_path / "home/out").exists()
    assert not model_server.log


def test_an_unreachable_host_is_refused_before_any_work(tmp_path: Path, model_server: ModelServer) -> None:
    model_server.close()
    fresh = Place(tmp_path)
    line = refused(fresh.build(tmp_path / "home", url=model_server.url), 1)
    assert "cannot reach http://127.0.0.1" in line
    assert "start the server, or check the base URL" in line
    assert not fresh.indexes.exists()


def test_an_unknown_model_of_a_hosted_service_ends_the_run_at_its_first_call(
    place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.set(models=("other",))  # its list may be partial: only the answer to a call says so
    line = refused(place.build(tmp_path, url=model_server.url), 2)
    assert "(404)" in line
    assert "check the name: ragset models" in line
    assert len(model_server.log) <= 8


def test_a_prompt_that_does_not_fit_is_refused_before_it_is_sent(
    place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    flow = flow_file(tmp_path, model_server.url, max_tokens=4100)
    model_server.set(context=4170)  # told beforehand in the list of models: room for some 70 tokens of prompt
    line = refused(place.build(tmp_path, "--flow", flow), 1)
    assert "do not fit its context of 4170" in line
    assert "lower max_tokens" in line
    assert not model_server.log


def test_prompts_that_the_server_finds_too_long_end_the_run_when_all_are(
    place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    flow = flow_file(tmp_path, model_server.url, context=100_000)  # the user is wrong about it
    model_server.set(context=1100)
    line = refused(place.build(tmp_path, "--flow", flow), 2)
    assert "questions (write) was answered: the prompt does not fit the model's context" in line
    assert "use smaller chunks, a smaller max_tokens" in line
    assert model_server.stats()["repeated"] == 0  # asked once each: it would not fit again


def test_a_prompt_that_the_server_finds_too_long_is_a_typed_failure(
    place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    flow = flow_file(tmp_path, model_server.url, context=100_000)
    seen = model_server.engine.handle

    def handle(request: Any) -> Any:
        model_server.set(context=1100 if b"Anchor Handbook" in request.body else 131_072)
        return seen(request)

    model_server.engine.handle = handle  # type: ignore[method-assign]
    assert place.build(tmp_path, "--flow", flow).exit_code == 0
    assert report(tmp_path)["kept"] == 6
    assert any("does not fit the model's context" in failure for failure in report(tmp_path)["failures"])


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_server_that_never_gives_what_was_asked_for_ends_in_one_line(
    kind: str, place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.plan(shares={kind: 1.0})
    line = refused(place.build(tmp_path, url=model_server.url), 2)
    assert "compatible:scripted: none of 10 questions got a reply that can be read: the reply" in line
    assert "the model may be too weak" in line


@pytest.mark.parametrize("kind", UNREADABLE)
def test_few_draws_that_all_fail_end_in_one_line_and_a_report(
    kind: str, place: Place, tmp_path: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readable, "UNREAD", 10_000)
    model_server.plan(shares={kind: 1.0})
    line = refused(place.build(tmp_path, url=model_server.url), 1)
    assert "every draw failed (rag_qa: write: the reply" in line
    assert "tried 3 times" in line
    assert "--retry-failed" in line
    assert report(tmp_path)["draws"]["failed"] > 0


@pytest.mark.parametrize("kind", TRANSPORT)
def test_every_request_breaks_down_once_and_the_set_is_the_same(
    kind: str, place: Place, clean: list[dict[str, Any]], tmp_path: Path, model_server: ModelServer
) -> None:
    flow = flow_file(tmp_path, model_server.url, timeout=0.3 if kind in ("timeout", "hang") else 20)
    share = 0.1 if kind == "429_date" else 1.0  # a date has whole seconds
    model_server.plan(shares={kind: share}, most=1, retry_after=0.05, slow=0.6)
    result = place.build(tmp_path, "--flow", flow)
    assert result.exit_code == 0, result.output
    assert pairs(rows(tmp_path)) == pairs(clean)
    paid = report(tmp_path)["paid"]
    assert sum(row["retries"] for row in paid) >= share * 0.3 * sum(row["calls"] for row in paid) > 0


@pytest.mark.parametrize("kind", REPAIRABLE)
def test_a_spoilt_reply_that_can_be_read_is_read(
    kind: str, place: Place, clean: list[dict[str, Any]], tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.plan(shares={kind: 1.0})
    result = place.build(tmp_path, url=model_server.url)
    assert result.exit_code == 0, result.output
    found = report(tmp_path)
    assert found["kept"] == 6
    assert not found["failures"]
    if kind != "one_object":  # a single pair where three were wanted
        assert pairs(rows(tmp_path)) == pairs(clean)


@pytest.mark.parametrize("kind", [*UNREADABLE, "cut"])
def test_what_cannot_be_read_is_asked_for_again(
    kind: str, place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.plan(shares={kind: 0.3})
    result = place.build(tmp_path, url=model_server.url)
    assert result.exit_code == 0, result.output
    found = report(tmp_path)
    assert found["kept"] == 6
    assert all(re.search("reply (cannot be read|is empty)", failure) for failure in found["failures"])
    assert any(len(record["body"]["messages"]) > 2 for record in model_server.log)


def test_every_kind_of_fault_has_its_row() -> None:
    assert {*TRANSPORT, *REPAIRABLE, *UNREADABLE, "cut"} == set(KINDS)
    assert len(KINDS) == 21


def test_a_server_that_hangs_on_every_request_fails_each_draw_in_time(
    place: Place, tmp_path: Path, model_server: ModelServer
) -> None:
    flow = flow_file(tmp_path, model_server.url, timeout=0.1, deadline=0.4)
    model_server.plan(shares={"hang": 1.0})
    began = time.monotonic()
    line = refused(place.build(tmp_path, "--flow", flow), 1)
    assert "no answer within 0.1 s" in line
    assert time.monotonic() - began < 15


def test_a_key_that_is_withdrawn_in_the_middle_ends_the_run_and_keeps_what_is_done(
    place: Place, tmp_path: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", KEY)
    seen = model_server.engine.handle

    def handle(request: Any) -> Any:
        model_server.set(key="another" if len(model_server.engine.log) >= 60 else None)
        return seen(request)

    model_server.engine.handle = handle  # type: ignore[method-assign]
    place_home = tmp_path / "home"
    line = refused(place.build(place_home, "--concurrency", LIMIT, url=model_server.url, n=12), 2)
    assert "the key is refused (401)" in line
    assert "check API_KEY" in line
    assert "the key is refused" in report(place_home)["ended"]
    everything = b"".join(path.read_bytes() for path in place_home.rglob("*") if path.is_file())
    assert KEY.encode() not in everything


class Lively:
    """Runs that are processes of their own, against a server that is one too."""

    def __init__(self, place: Place, home: Path) -> None:
        self.place, self.home = place, home

    def start(self, url: str, *more: object) -> subprocess.Popen[str]:
        given: list[object] = ["build", self.place.corpus, "--out", self.home / "out", "-n", 12, "--index", "tools"]
        given += ["--indexes", self.place.indexes, "--embedder", "hash", "--quiet", "--concurrency", LIMIT]
        given += ["--flow", self.place.asking]
        given += ["--cache", self.home / "replies.sqlite", "--model", "compatible:scripted", "--base-url", url, *more]
        command = [sys.executable, "-c", DRIVER, *map(str, given)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, process: subprocess.Popen[str], code: int) -> str:
        """Check that it ended with one line, or well; gives the line."""
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, out + err
        lines = err.splitlines()
        assert len(lines) == (code != 0), err
        return lines[0] if lines else ""


DRIVER = "from ragset.adapters.models import outage; outage.GONE = 1.0; from ragset.cli import main; main()"


def wait_for(server: ServerProcess, calls: int) -> None:
    until = time.monotonic() + 60
    while server.stats()["count"] < calls:
        assert time.monotonic() < until
        time.sleep(0.01)


def answered(log: list[dict[str, Any]]) -> set[str]:
    return {record["body_hash"] for record in log if record.get("sent")}


def test_a_server_that_dies_in_the_middle_ends_the_run_and_nothing_is_paid_twice(place: Place, tmp_path: Path) -> None:
    lively = Lively(place, tmp_path / "home")
    with ServerProcess("--latency", "0.02") as server:
        plain = Lively(place, tmp_path / "plain")
        plain.end(plain.start(server.url), 0)
        whole, needed = rows(plain.home), server.stats()["count"]
        server.reset()
        run = lively.start(server.url)
        wait_for(server, needed * 2 // 3)
        log = server.log(bodies=False)
    line = lively.end(run, 1)
    assert "cannot be reached" in line
    assert "is the server running" in line
    found, kept = report(lively.home), rows(lively.home)
    assert "cannot be reached" in found["ended"]
    assert kept == whole[: len(kept)]
    assert len(kept) < len(whole)
    with ServerProcess("--latency", "0.02", "--port", server.root.rpartition(":")[2]) as again:
        lively.end(lively.start(again.url), 0)
        later = again.log(bodies=False)
    assert rows(lively.home) == whole
    assert len([record for record in later if record["body_hash"] in answered(log)]) <= LIMIT


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(place: Place, tmp_path: Path) -> None:
    lively = Lively(place, tmp_path / "home")
    with ServerProcess("--latency", "0.02") as server:
        plain = Lively(place, tmp_path / "plain")
        plain.end(plain.start(server.url), 0)
        whole, needed = rows(plain.home), server.stats()["count"]
        server.reset()
        run = lively.start(server.url)
        wait_for(server, needed * 2 // 3)
        run.send_signal(signal.SIGINT)
        line = lively.end(run, 130)
        assert line == "stopped; what is finished is kept, run the same command to go on"
        kept = rows(lively.home)
        assert report(lively.home)["ended"] == "interrupted"
        assert 0 < len(kept) < len(whole)
        assert kept == whole[: len(kept)]
        lively.end(lively.start(server.url), 0)
        assert rows(lively.home) == whole
        assert server.stats()["repeated"] <= LIMIT
        assert report(lively.home)["ended"] is None
