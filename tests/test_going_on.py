"""What a later run makes of what an earlier one left: nothing finished is lost, and what was mended counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ragset
from ragset import api
from ragset.api import Run
from ragset.api.estimate import estimate
from ragset.errors import BudgetError, ModelSetupError
from ragset.flow.compile import Flow, compile_flow
from ragset.kit.rehearsal import Rehearsal
from ragset.schema.ports import Ask, Reply
from ragset.schema.whole_text import whole, whole_value
from support.asking import asking_flow
from support.engine import Answerer, rule
from support.runs import rows, stand_alone
from support.scripted_server import ModelServer
from test_kill_build import write_corpus

HALF = "\\ud83d"
"""Half a character, as JSON says it."""


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("place")
    api.ingest(write_corpus(folder / "corpus"), "tools", indexes=folder / "indexes", embedder="hash")
    return {"indexes": folder / "indexes", "embedder": "hash", "index": "tools"}


class Place:
    """Runs of one flow in one home against a server whose replies a test may spoil."""

    def __init__(self, home: Path, indexed: dict[str, Any]) -> None:
        self.home, self.given = home, {k: v for k, v in indexed.items() if k != "embedder"}
        self.spoil: Callable[[str], str] = lambda text: text
        self.answer: Answerer = rule(1.0, 0)
        self.server = ModelServer(answerer=lambda call: self.spoil(self.answer(call)))

    def flow(self, n: int, **model: Any) -> Flow:
        choice = {"model": "compatible:scripted", "base_url": self.server.url, **model}
        data = asking_flow().asking(n).dump()
        return compile_flow(data | {"models": dict.fromkeys(("writer", "answerer", "judge"), choice)})

    def run(
        self, n: int = 12, out: str = "out", model: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Run, int]:
        """Give the run, and how many requests it sent."""
        before = len(self.server.log)
        given = {**self.given, "embedder": "hash", "cache": self.home / "replies.sqlite", **options}
        run = ragset.run_flow(self.flow(n, **(model or {})), self.home / out, **given)
        return run, len(self.server.log) - before


@pytest.fixture
def place(tmp_path: Path, indexed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    stand_alone(monkeypatch, tmp_path)
    found = Place(tmp_path, indexed)
    with found.server:
        yield found


@pytest.mark.parametrize("field", ["answer", "reason", "question", "statements"])
def test_half_a_character_in_a_reply_ends_no_run(place: Place, field: str) -> None:
    def spoil(text: str) -> str:
        before = f'"{field}": ["' if field == "statements" else f'"{field}": "'
        return text.replace(before, f"{before}{HALF} ")

    place.spoil = spoil
    first, asked = place.run()
    assert asked > 0
    assert first.report["draws"]["failed"] == 0
    assert sum(first.report["samples"].values()) > 0
    text = (place.home / "out/kept.jsonl").read_bytes() + (place.home / "out/rejected.jsonl").read_bytes()
    assert "�".encode() in text or field == "statements"
    again, asked = place.run(out="again")
    assert asked == 0
    assert (place.home / "again/kept.jsonl").read_bytes() == (place.home / "out/kept.jsonl").read_bytes()
    assert again.report["samples"] == first.report["samples"]


def test_half_characters_are_joined_or_replaced() -> None:
    assert whole("\ud83d\ude00 and \ud83d") == "😀 and �"
    assert whole_value({"a\ud800": ["b\udc00", 1, None, {"c": "\ud83d\ude00"}]}) == {"a�": ["b�", 1, None, {"c": "😀"}]}


def test_a_limit_that_is_raised_is_in_nobodys_way_any_more(place: Place) -> None:
    with pytest.raises(ModelSetupError, match=r"replies of up to 4096 tokens are more than a minute allows \(4000\)"):
        place.run(6, model={"tpm": 4000})
    small: dict[str, Any] = {"max_tokens": 400}
    for name, tight in {"context": {"context": 800}, "minute": {"tpm": 600}}.items():
        here: dict[str, Any] = {"out": name, "cache": place.home / f"{name}.sqlite"}
        none, asked = place.run(6, model=small | tight, **here)
        assert (none.report["kept"], asked) == (0, 0)
        assert none.report["draws"]["failed"] > 0
        some, _ = place.run(6, model=small | {"context": 32_000, "tpm": 1_000_000}, **here)
        assert some.report["kept"] == 6
        assert some.report["draws"]["failed"] == 0


def _unread_for(place: Place, word: str) -> Callable[[str], str]:
    return lambda text: "I would rather not." if '"pairs"' in text and word in text else text


def test_a_budget_takes_no_pair_from_a_set_that_stands(place: Place) -> None:
    place.spoil = _unread_for(place, "overnor")
    whole_run, _ = place.run()
    assert whole_run.report["draws"]["failed"] > 0
    before = (place.home / "out/kept.jsonl").read_bytes()
    place.spoil = lambda text: text
    with pytest.raises(BudgetError):
        place.run(retry_failed=True, max_calls=0)
    assert (place.home / "out/kept.jsonl").read_bytes() == before
    assert len(rows(place.home)) == 12


def test_draws_to_try_again_are_not_forgotten_by_a_run_that_is_stopped(place: Place) -> None:
    place.spoil = _unread_for(place, "overnor")
    place.run()
    place.spoil = lambda text: text
    with pytest.raises(BudgetError):
        place.run(retry_failed=True, max_calls=0)
    run, asked = place.run(retry_failed=True)
    assert asked > 0
    assert run.report["kept"] == 12


class Counted:
    """A model made in Python that counts what it is asked."""

    name = "mine"
    fingerprint = "mine-1"

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, ask: Ask) -> Reply:
        self.asked += 1
        return await Rehearsal().complete(ask)


def test_a_model_that_says_what_it_is_is_paid_once(place: Place, indexed: dict[str, Any]) -> None:
    first, second, other = Counted(), Counted(), Counted()
    other.fingerprint = "mine-2"
    corpus = place.given["indexes"].parent / "corpus"
    for out, model in (("a", first), ("b", second), ("c", other)):
        ragset.build(corpus, place.home / out, 6, model=model, cache=place.home / "replies.sqlite", **indexed)
    assert first.asked == other.asked > 0
    assert second.asked == 0
    assert (place.home / "a/kept.jsonl").read_bytes() == (place.home / "b/kept.jsonl").read_bytes()


def test_another_reply_mode_asks_anew_and_none_is_as_before(place: Place) -> None:
    place.run(6, out="free")
    _, asked = place.run(6, out="free again")
    assert asked == 0
    _, asked = place.run(6, out="text", model={"reply_mode": "text"})
    assert asked > 0


def test_a_small_context_leaves_room_for_a_prompt(place: Place) -> None:
    place.server.set(context=4096)
    run, asked = place.run(4)
    assert (run.report["kept"], asked > 0) == (4, True)
    assert {record["body"]["max_tokens"] for record in place.server.log} == {1024}
    first = (place.home / "out/kept.jsonl").read_bytes()
    place.run(4, out="again", replay=True)
    assert (place.home / "again/kept.jsonl").read_bytes() == first
    with pytest.raises(ModelSetupError, match="leave no room"):
        place.run(4, out="asked", model={"max_tokens": 5000})


class Said:
    """A progress that remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, name: str, total: int | None) -> None: ...

    def advance(self, done: int, note: str = "") -> None: ...

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_the_line_before_a_run_goes_by_the_pilot_that_was_paid_for(place: Place) -> None:
    file = place.home / "flow.yaml"
    file.write_text(place.flow(24).to_yaml(), "utf-8")
    given: dict[str, Any] = {**place.given, "embedder": "hash", "cache": place.home / "replies.sqlite"}

    def calls_said(out: str) -> float:
        said = Said()
        ragset.run_flow(file, place.home / out, max_calls=0, progress=said, **given)
        (line,) = (line for line in said.lines if line.startswith("estimate for"))
        return float(re.search(r"about ([\d,]+) calls", line)[1].replace(",", ""))  # type: ignore[index]

    place.answer = rule(0.4, 0)
    guessed = calls_said("guessed")
    pilot = estimate(n=24, pilot=10, flow=file, **given)
    assert abs(calls_said("told") / pilot.calls - 1) < abs(guessed / pilot.calls - 1) / 2
