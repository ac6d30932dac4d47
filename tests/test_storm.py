"""A storm of faults: 40 % broken replies, bursts of 429 and 10 % time-outs, through the writer and all shipped judges.

What was usable is told from what the server really sent, never from what the run says of itself.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ragset import api
from ragset.adapters.models import pacing
from ragset.adapters.models.reply_cache import CachedModel
from ragset.adapters.turns import draw_now
from ragset.kit.replies import ATTEMPTS
from ragset.schema.ports import Ask, Reply
from support.asking import asking_flow
from support.dialects import Call
from support.engine import Answerer, rule
from support.faults import REPAIRABLE, UNREADABLE, FaultPlan, unit
from support.runs import report, rows, stand_alone
from support.scripted_server import ModelServer, Record
from test_kill_build import write_corpus

ALMANAC = Path(__file__).resolve().parents[1] / "corpora/almanac"
BROKEN = (*REPAIRABLE, *UNREADABLE, "cut")
LATE = ("timeout", "hang")
STORM = {**dict.fromkeys(BROKEN, 0.4 / len(BROKEN)), **dict.fromkeys(LATE, 0.1 / len(LATE))}
BURSTS = 2.0
"""Seconds from one burst of 429 to the next."""
TIMEOUT = 1.0
"""Seconds a request may take."""

USABLE = frozenset({"ok", *REPAIRABLE} - {"one_object"})
"""Replies that say all that was asked for. What one object, wrong keys or a cut list say may be enough, or not."""
TYPED = {"ReplyError", "RequestTimeoutError", "RateLimitedError", "ServerBrokenError"}

Said = str
"""What a call is known by on both sides: its seed, and its messages before the first reply."""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_alone(monkeypatch, tmp_path)


def said_first(seed: int | None, messages: list[dict[str, str]]) -> Said:
    roles = [message["role"] for message in messages]
    first = messages[: roles.index("assistant")] if "assistant" in roles else messages
    return json.dumps([seed, first])


@pytest.fixture
def askers(monkeypatch: pytest.MonkeyPatch) -> dict[Said, set[int]]:
    """Note which draws make which call, also where one call serves several."""
    found: dict[Said, set[int]] = defaultdict(set)
    complete = CachedModel.complete

    async def noted(self: CachedModel, ask: Ask) -> Reply:
        seed = ask.parameters.get("seed")
        messages = [{"role": message.role, "content": message.content} for message in ask.messages]
        found[said_first(None if seed is None else seed + ask.repeat, messages)].add(draw_now())
        return await complete(self, ask)

    monkeypatch.setattr(CachedModel, "complete", noted)
    return found


class Asked:
    """One call, as the server saw it: the requests of its first ask, and those of each re-ask."""

    def __init__(self, records: list[Record]) -> None:
        asks: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            asks[len(record["body"]["messages"])].append(record)
        self.asks = [asks[length] for length in sorted(asks)]

    @property
    def answered(self) -> bool:
        """True when a usable reply was sent. One that was followed by another try was not heard in time."""
        return any(usable(ask[-1]) for ask in self.asks)

    @property
    def spent(self) -> bool:
        """True when every try or every re-ask that is allowed was used up, and no usable reply was among them."""
        last = self.asks[-1]
        tried = len([record for record in last if not refused(record)]) >= pacing.TRIES and not replied(last[-1])
        return not self.answered and (tried or (len(self.asks) == ATTEMPTS and replied(last[-1])))

    @property
    def given_up(self) -> bool:
        """True when it was left, with tries or re-asks to go, at something that nobody can use."""
        last = self.asks[-1][-1]
        return not self.answered and not self.spent and (not replied(last) or last["kind"] in NOTHING)

    @property
    def paid_again(self) -> int:
        """How many requests came after the ask they belong to had its reply."""
        return sum(replied(record) for ask in self.asks for record in ask[:-1])


NOTHING = ("empty", "prose")


def refused(record: Record) -> bool:
    return record["status"] == 429


def replied(record: Record) -> bool:
    """Tell whether a reply, of whatever use, went out in time."""
    return record["status"] == 200 and record["sent"] and record["time_out"] - record["time_in"] < TIMEOUT


def usable(record: Record) -> bool:
    return replied(record) and record["kind"] in USABLE


def calls_of(log: list[Record]) -> dict[Said, Asked]:
    found: dict[Said, list[Record]] = defaultdict(list)
    for record in log:
        found[said_first(record["body"].get("seed"), record["body"]["messages"])].append(record)
    return {said: Asked(records) for said, records in found.items()}


def finer(said: Answerer) -> Answerer:
    """Take statements apart once more, as a model does and the rule does not: several are then judged in one call."""

    def answer(call: Call) -> str:
        text = said(call)
        if set((call.schema or {}).get("properties") or ()) != {"statements"} or '"verdict"' in text:
            return text
        words = [statement.split() for statement in json.loads(text)["statements"]]
        halves = [half for w in words for half in (w[: len(w) // 2], w[len(w) // 2 :])]
        return json.dumps({"statements": [" ".join(half) for half in halves if half]}, ensure_ascii=False)

    return answer


def odd(said: Answerer, constant: str) -> Answerer:
    """Write what is no number in the place of one value, any one, of three in ten replies."""

    def answer(call: Call) -> str:
        text = said(call)
        spots = [match.span() for match in re.finditer(r'(?<=[:\[] )(?:"(?:[^"\\]|\\.)*"|-?\d[\d.]*|null)', text)]
        at = unit("odd", text, call.messages)
        if at >= 0.3 or not spots:
            return text
        start, end = spots[int(at / 0.3 * len(spots))]
        return f"{text[:start]}{constant}{text[end:]}"

    return answer


def storm_flow(folder: Path, url: str) -> Path:
    """Write the shipped flow, all its judgements asked of the model, each chunk drawn once."""
    model = {"model": "compatible:scripted", "base_url": url, "timeout": TIMEOUT, "reply_mode": "json_schema"}
    flow = asking_flow().replace("scenarios", repeats=1, document_tries=500).replace("keep", n=1000, max_per_chunk=9)
    data = flow.dump() | {"models": dict.fromkeys(("writer", "answerer", "judge"), model)}
    path = folder / "storm.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    return path


def failures(home: Path) -> dict[int, list[dict[str, Any]]]:
    """Give, for every draw that was worked on, the failures in it: its own and those of its samples."""
    found: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    with closing(sqlite3.connect(home / "out/journal.sqlite")) as journal:
        items = [json.loads(item) for (item,) in journal.execute("SELECT item FROM done")]
    for item in items:  # a draw has a row for each stage that it went through
        parts = {"": item, **{sample["id"]: sample for sample in item["samples"]}}
        found[item["number"]] |= {name: part["failure"] for name, part in parts.items() if part["failure"]}
    return {number: list(parts.values()) for number, parts in found.items()}


def test_a_storm_loses_no_draw_that_has_a_usable_reply(tmp_path: Path, askers: dict[Said, set[int]]) -> None:
    api.ingest(ALMANAC, "almanac", indexes=tmp_path / "indexes", embedder="hash")
    plan = FaultPlan(STORM, slow=2 * TIMEOUT)
    with ModelServer(answerer=finer(rule(1.0, 0)), plan=plan, bursts=BURSTS) as server:
        flow, began = storm_flow(tmp_path, server.url), time.monotonic()
        api.run_flow(flow, tmp_path / "out", index="almanac", indexes=tmp_path / "indexes", cache=tmp_path / "r.sqlite")
        took, log = time.monotonic() - began, server.log

    found, failed, calls = report(tmp_path), failures(tmp_path), calls_of(log)
    kinds = Counter(record["kind"] for record in log)
    without = {draw for said, call in calls.items() if call.spent for draw in askers[said]}
    lost = {draw: bad for draw, bad in failed.items() if bad and draw not in without}
    print(f"{len(failed)} draws, {len(calls)} calls, {len(log)} requests in {took:.1f} s: {dict(kinds)}; "
          f"{sum(map(bool, failed.values()))} draws failed, {len(without)} had a call without a usable reply; "
          f"{found['samples']}; {sum(call.paid_again for call in calls.values())} paid again")  # fmt: skip

    # The storm was one, and through every kind of call.
    drawn, served = len(failed), [record for record in log if not refused(record)]
    assert drawn >= 100
    assert sum(kinds[kind] for kind in BROKEN) >= 0.35 * len(served)
    assert sum(kinds[kind] for kind in LATE) >= 0.08 * len(served)
    assert min(kinds["429"], kinds["429_date"]) >= 1  # who is told to wait sends nothing more
    assert {row["purpose"] for row in found["paid"]} >= {"write", "answer", "faithfulness", "answer_correctness"}

    # Every draw is accounted for, and what failed says why.
    assert drawn == found["draws"]["total"] - found["draws"]["empty"]
    assert sum(found["failures"].values()) == sum(map(len, failed.values()))
    assert {(bad["error"] in TYPED, bool(bad["message"])) for all_ in failed.values() for bad in all_} <= {(True, True)}
    questions = [row["question"] for row in rows(tmp_path)]
    assert len(set(questions)) == len(questions) > 0

    # Whoever had a usable reply was not lost, nobody was given up before the time, and no reply was paid twice.
    assert len(without) <= 0.25 * drawn
    assert len(lost) <= 0.01 * (drawn - len(without)), lost
    assert [[record["kind"] for record in call.asks[-1]] for call in calls.values() if call.given_up] == []
    assert sum(call.paid_again for call in calls.values()) <= 0.05 * len(log)  # some come too late
    assert took < 120


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_asked_for_again_wherever_it_stands(constant: str, tmp_path: Path) -> None:
    api.ingest(write_corpus(tmp_path / "corpus"), "tools", indexes=tmp_path / "indexes", embedder="hash")
    with ModelServer(answerer=odd(finer(rule(1.0, 0)), constant)) as server:
        flow = storm_flow(tmp_path, server.url)
        api.run_flow(flow, tmp_path / "out", index="tools", indexes=tmp_path / "indexes", cache=tmp_path / "r.sqlite")
        calls = calls_of(server.log)

    found = report(tmp_path)  # refuses what is no number
    spoilt = [
        [re.search(r"[:\[] (NaN|-?Infinity|1e999)", ask[-1]["reply"]) for ask in call.asks] for call in calls.values()
    ]
    assert sum(bool(replies[0]) for replies in spoilt) >= 20
    assert all(not replies[-1] or len(replies) == ATTEMPTS for replies in spoilt)
    assert not any(constant.lower() in row["question"].lower() for row in rows(tmp_path))
    assert all("which is no number; tried 3 times" in failure for failure in found["failures"])
