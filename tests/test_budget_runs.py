"""Whole builds with a budget: never exceeded on the server's side, ended in one line, and a prefix of the whole set.

What a budget pays for in draw order is read twice: from a run with a window of one, and from the journal of the whole
run, draw by draw with what each was billed.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from ragset import api
from ragset.cli import cli
from ragset.schema.samples import Draw, Usage
from support.asking import asking_flow
from support.scripted_server import ModelServer

CORPUS = Path(__file__).resolve().parents[1] / "corpora/almanac"
N = 24
PRICES = {"calls": lambda p, c: 1.0, "tokens": lambda p, c: p + c, "cost": lambda p, c: (2.0 * p + 6.0 * c) / 1e6}
TABLE = "prices: [{model: 'compatible:scripted', prompt: 2.0, completion: 6.0}]\n"


@dataclass
class Place:
    folder: Path
    server: ModelServer

    def build(self, home: Path, *more: object, n: int = N) -> Result:
        given: list[object] = ["build", CORPUS, "--out", home / "out", "-n", n, "--index", "tools"]
        given += ["--indexes", self.folder / "indexes", "--embedder", "hash", "--quiet"]
        given += ["--cache", home / "replies.sqlite", "--prices", self.folder / "prices.yaml"]
        given += [] if "--flow" in more else ["--flow", self.folder / "flow.yaml"]
        return CliRunner().invoke(cli, [str(part) for part in (*given, *more)])

    def used(self, kind: str) -> float:
        """What the server counted since it was last reset."""
        usages = [record["usage"] or {} for record in self.server.log]
        return sum(PRICES[kind](u.get("prompt_tokens", 0), u.get("completion_tokens", 0)) for u in usages)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    (folder / "prices.yaml").write_text(TABLE, "utf-8")
    api.ingest(CORPUS, "tools", indexes=folder / "indexes", embedder="hash")
    with ModelServer(pass_rate=0.7, latency=0.005) as server:
        # short replies: a small budget buys nothing when one call reserves half of it
        model = {"model": "compatible:scripted", "base_url": server.url, "max_tokens": 1024}
        flow = asking_flow().dump() | {"models": dict.fromkeys(("writer", "answerer", "judge"), model)}
        (folder / "flow.yaml").write_text(yaml.safe_dump(flow), "utf-8")
        (folder / "window1.yaml").write_text(yaml.safe_dump(flow | {"window": 1}), "utf-8")
        yield Place(folder, server)


def rows(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "out/kept.jsonl").read_text("utf-8").splitlines()]


@dataclass
class Whole:
    """The run without a budget: its set, and what it used by kind."""

    kept: list[dict[str, Any]]
    used: dict[str, float]
    draws: list[tuple[int, str, dict[str, float]]]

    def affords(self, kind: str, budget: float) -> int:
        """Count the pairs of the draws that a budget pays for, one after another, each with all it was billed."""
        pairs, left = 0, budget
        for _, scenario, cost in self.draws:
            left -= cost[kind]
            if left < 0:
                break
            pairs += sum(row["scenario_id"] == scenario for row in self.kept)
        return pairs


def billed(home: Path) -> list[tuple[int, str, dict[str, float]]]:
    """Give the draws of a run in order, from its journal: number, scenario, and what each cost by kind."""
    with closing(sqlite3.connect(home / "out/journal.sqlite")) as db:
        draws = [Draw.model_validate_json(item) for (item,) in db.execute("SELECT item FROM done")]
    found: dict[str, tuple[int, str, dict[str, float]]] = {}
    for draw in sorted(draws, key=lambda draw: len(draw.spent)):  # the last stage of a draw has all of its cost
        if draw.scenario:
            usage = sum((entry.usage for entry in draw.spent), Usage())
            cost = {kind: price(usage.prompt_tokens, usage.completion_tokens) for kind, price in PRICES.items()}
            found[draw.scenario.id] = (draw.number, draw.scenario.id, cost | {"calls": float(usage.calls)})
    return sorted(found.values(), key=lambda draw: draw[0])


@pytest.fixture(scope="module")
def whole(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("whole")
    place.server.reset()
    result = place.build(home)
    assert result.exit_code == 0, result.output
    return Whole(rows(home), {kind: place.used(kind) for kind in PRICES}, billed(home))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("kind", PRICES)
def test_a_budget_is_never_exceeded_and_buys_what_it_can(
    kind: str, share: float, place: Place, whole: Whole, tmp_path: Path
) -> None:
    budget = round(whole.used[kind] * share, 6) if kind == "cost" else int(whole.used[kind] * share)
    limit = (f"--max-{kind}", budget)
    place.server.reset()
    place.build(tmp_path / "reference", *limit, "--flow", place.folder / "window1.yaml")
    assert place.used(kind) <= budget
    in_order = max(len(rows(tmp_path / "reference")), whole.affords(kind, budget))
    place.server.reset()
    result = place.build(tmp_path / "run", *limit)
    used, kept = place.used(kind), rows(tmp_path / "run")
    print(f"{kind} {share:.0%}: used {used:g} of {budget:g}; kept {len(kept)}, in draw order {in_order}")
    assert used <= budget
    assert kept == whole.kept[: len(kept)]
    assert len(kept) >= 0.9 * in_order
    assert result.exit_code == 3
    assert not result.stderr
    ended = [line for line in result.stdout.splitlines() if "the budget is spent" in line]
    assert len(ended) == 1
    unit = "USD" if kind == "cost" else kind
    assert re.fullmatch(rf"ended early: the budget is spent \(\S+ of \S+ {unit}\): .*; raise it to go on", ended[0])


def test_a_higher_budget_goes_on_and_pays_nothing_twice(place: Place, whole: Whole, tmp_path: Path) -> None:
    place.server.reset()
    for _ in range(9):
        before = len(place.server.log)
        result = place.build(tmp_path, "--max-calls", int(whole.used["calls"] * 0.3))
        assert len(place.server.log) - before <= whole.used["calls"] * 0.3
        if result.exit_code == 0:
            break
    assert result.exit_code == 0
    assert rows(tmp_path) == whole.kept
    assert place.server.stats()["repeated"] == 0


def test_no_budget_at_all_sends_nothing(place: Place, tmp_path: Path) -> None:
    place.server.reset()
    result = place.build(tmp_path, "--max-calls", 0)
    assert result.exit_code == 3
    assert "ended early: the budget is spent (0 of 0 calls)" in result.stdout
    assert rows(tmp_path) == []
    assert not place.server.log
