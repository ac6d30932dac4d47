"""``select``: the most diverse n of m, with quotas, stopped, killed, and through the command."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from os import kill
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import make_chunk, make_sample
from ragset import api
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.cli import cli
from ragset.errors import FlowError
from ragset.flow.compile import load_flow, parse_flow
from ragset.flow.select import Select
from ragset.kit.diversity import mean_nearest_cosine, vendi_score
from ragset.kit.selection import most_diverse, shares_of
from ragset.schema.samples import Draw, Sample, Scenario
from ragset.schema.step import Tools
from support.scripted_server import ModelServer, ServerProcess
from support.warm import Warm
from test_kill_build import write_corpus

STEPS = "steps:\n  - scenarios\n  - rag_qa\n"


def unit(rows: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_chosen_ones_lie_farther_apart_than_the_first() -> None:
    vectors = unit(120)
    chosen = most_diverse(vectors, [()] * 120, {(): 40}, 0)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 40
    assert mean_nearest_cosine(vectors[chosen]) < mean_nearest_cosine(vectors[:40]) - 0.05  # type: ignore[operator]
    assert vendi_score(vectors[chosen]) > vendi_score(vectors[:40])  # type: ignore[operator]


def test_of_copies_one_is_chosen_and_the_seed_says_which() -> None:
    vectors = np.repeat(np.eye(6, dtype=np.float32), 5, axis=0)
    found = {tuple(most_diverse(vectors, [()] * 30, {(): 6}, seed)) for seed in range(6)}
    assert all([row // 5 for row in chosen] == list(range(6)) for chosen in found)
    assert len(found) > 1
    assert most_diverse(vectors, [()] * 30, {(): 6}, 3) == most_diverse(vectors, [()] * 30, {(): 6}, 3)


def test_all_are_chosen_when_there_are_no_more() -> None:
    assert shares_of([()] * 7, [], 10) == {(): 7}
    assert most_diverse(unit(7), [()] * 7, {(): 7}, 0) == list(range(7))
    assert shares_of([], [], 5) == {}


def _most(cells: Sequence[tuple[str, ...]], limits: Sequence[dict[str, int]], n: int) -> int:
    """Count by trying every number of every cell."""
    there = Counter(cells)
    best = 0
    for counts in product(*(range(count + 1) for count in there.values())):
        if best < sum(counts) <= n:
            got = [Counter[str]() for _ in limits]
            for cell, count in zip(there, counts, strict=True):
                for axis, value in enumerate(cell):
                    got[axis][value] += count
            if all(got[axis][v] <= limits[axis].get(v, 0) for axis in range(len(limits)) for v in got[axis]):
                best = sum(counts)
    return best


@pytest.mark.parametrize("seed", range(30))
def test_the_quotas_take_as_many_as_there_can_be(seed: int) -> None:
    dice = random.Random(seed)
    cells = [(dice.choice("ab"), dice.choice("xyz")) for _ in range(9)]
    limits = [{v: dice.randint(0, 4) for v in "ab"}, {v: dice.randint(0, 3) for v in "xyz"}]
    shares = shares_of(cells, limits, 6)
    assert sum(shares.values()) == _most(cells, limits, 6)
    for axis, limit in enumerate(limits):
        assert all(sum(n for cell, n in shares.items() if cell[axis] == v) <= most for v, most in limit.items())


def test_an_exchange_makes_room_where_taking_one_after_another_is_stuck() -> None:
    cells = [*[("fact", "en")] * 8, *[("fact", "de")] * 2, *[("numeric", "en")] * 2]
    shares = shares_of(cells, [{"fact": 4, "numeric": 2}, {"en": 4, "de": 2}], 6)
    assert shares == {("fact", "en"): 2, ("fact", "de"): 2, ("numeric", "en"): 2}


def test_keep_asks_for_what_select_chooses_among() -> None:
    flow = parse_flow(f"{STEPS}  - keep: {{max_per_chunk: 2}}\n  - select: {{n: 50, of: 3}}\n", "x.yaml")
    assert (flow.asked, getattr(flow.find("keep"), "n", None)) == (50, 150)
    assert parse_flow(flow.to_yaml(), "x.yaml") == flow
    more = flow.asking(33)
    assert (more.asked, getattr(more.find("keep"), "n", None)) == (33, 99)
    assert more.identity == flow.identity
    assert flow.replace("select", of=2).identity != flow.identity
    plain = load_flow("rag_qa").asking(7)
    assert (plain.asked, plain.asking(None)) == (7, plain)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("  - select: {n: 5}\n  - keep\n", "'select' chooses among what 'keep' keeps"),
        ("  - select: {n: 5}\n", "'select' chooses among what 'keep' keeps"),
        ("  - keep: {n: 5}\n  - select: {n: 5}\n", "'keep' asks for 5, and 'select' for 10 to choose among"),
        ("  - keep\n  - select: {n: 5}\n  - select: {n: 2}\n", "'select' chooses among what 'keep' keeps"),
        ("  - keep\n  - select: {n: 5}\n  - evidence\n", "'keep' decides, so nothing may come after it"),
        ("  - keep\n  - select\n", "field 'n' is missing"),
    ],
)
def test_a_flow_that_selects_wrongly_is_refused(steps: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        parse_flow(STEPS + steps, "x.yaml")


def _draws(count: int, kinds: str = "a") -> list[Draw]:
    """Give draws of one kept and one rejected sample each; questions of a kind are alike."""
    made: list[Draw] = []
    for at in range(count):
        kind = kinds[at % len(kinds)]
        kept = make_sample(at, f"What is {kind * 3} thing {at % 7}?")
        kept = kept.model_copy(update={"status": "kept", "question_type": kind})
        other = make_sample(count + at).model_copy(update={"status": "rejected"})
        scenario = Scenario(chunks=(make_chunk(at),))
        made.append(Draw(number=at, scenario=scenario, samples=(kept, other)))
    return made


async def _select(step: Select, draws: Sequence[Draw], tools: Tools) -> list[Sample]:
    gathering = step.begin(tools)
    for draw in draws:
        gathering.feed(draw)
    await gathering.decide()
    return [sample for draw in draws for sample in gathering.release(draw).samples]


def _tools() -> Tools:
    return Tools(_embedder=HashEmbedder())


async def test_the_others_are_rejected_and_told_why() -> None:
    samples = await _select(Select(n=5), _draws(14), _tools())
    assert Counter(s.status for s in samples) == {"kept": 5, "rejected": 9 + 14}
    assert len({s.payload.question for s in samples if s.status == "kept"}) == 5  # none of the copies
    for sample in samples[::2]:
        verdict = sample.verdicts[-1]
        assert (verdict.judge, verdict.passed) == ("select", sample.status == "kept")
    out = [s.rejected_by for s in samples[::2] if s.rejected_by]
    assert all(v.reason.startswith("a more diverse set was chosen; nearest in it is s") for v in out)
    assert all(v.score is not None and v.score <= 1 for v in out)
    assert {v.score for v in out} > {1.0}  # the copies of what was chosen
    assert all(not s.verdicts for s in samples[1::2])


async def test_quotas_hold_for_what_is_chosen() -> None:
    tools = _tools()
    tools.tally.axes = {"question_type": {"a": 2, "b": 1, "c": 1}}
    tools.tally.lacking = {"question_type": {"a": 0, "b": 0, "c": 9}}  # as keep left it: of c there were few
    samples = await _select(Select(n=12), _draws(21, "aaabbb") + _draws(1, "c"), tools)
    kinds = Counter(s.question_type for s in samples if s.status == "kept")
    assert kinds == {"a": 6, "b": 3, "c": 1}
    assert tools.tally.lacking == {"question_type": {"a": 0, "b": 0, "c": 2}}
    reasons = {s.rejected_by.reason for s in samples if s.rejected_by}
    assert reasons == {"the quotas have no place for it"}


async def test_the_share_of_a_type_holds_for_what_is_chosen() -> None:
    tools = _tools()
    tools.tally.most_per_type = 0.5
    samples = await _select(Select(n=6), _draws(20, "aaaab"), tools)
    assert Counter(s.question_type for s in samples if s.status == "kept") == {"a": 3, "b": 3}


class Rows(np.ndarray):
    """Vectors that count how often a list of rows is copied out of them."""

    copied: ClassVar[list[int]] = []

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, list):
            self.copied.append(len(key))
        return super().__getitem__(key)


def test_the_vectors_of_the_chosen_are_copied_once_and_the_nearest_is_named() -> None:
    vectors, chosen = unit(40), list(range(0, 40, 3))
    selecting = Select(n=len(chosen)).begin(_tools())
    selecting.named, selecting.values = [f"s{at}: ?" for at in range(40)], [{}] * 40  # type: ignore[attr-defined]
    Rows.copied.clear()
    verdicts = list(selecting._verdicts(chosen, vectors.view(Rows)))  # type: ignore[attr-defined]
    assert Rows.copied == [len(chosen)]
    for row in sorted(set(range(40)) - set(chosen)):
        nearest = max(chosen, key=lambda other: float(vectors[other] @ vectors[row]))
        assert verdicts[row].reason == f"a more diverse set was chosen; nearest in it is s{nearest}: ?"
        assert verdicts[row].score == pytest.approx(float(vectors[nearest] @ vectors[row]), abs=1e-4)


FLOW = """
steps:
  - scenarios:
      question_types: {fact: 2, numeric: 1, yes_no: 1}
      languages: {en: 3, de: 1}
      quotas: [question_type, language]
  - rag_qa
  - evidence
  - question_form
  - round_trip
  - near_duplicates
  - keep: {max_per_chunk: 2}
  - select: {n: 12, of: 2}
"""


GUIDE = Path(__file__).parents[1] / "corpora" / "guide"


class Place:
    """An index, a server and a flow that selects."""

    def __init__(self, folder: Path, server: ModelServer) -> None:
        self.folder, self.server = folder, server
        self.flow = folder / "diverse.yaml"
        self.flow.write_text(FLOW, "utf-8")
        api.ingest(GUIDE, "guide", indexes=folder / "indexes", embedder="hash")

    def build(self, home: Path, *more: object) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
        words = ["build", GUIDE, "--out", home, "--flow", self.flow, "--indexes", self.folder / "indexes", "--quiet"]
        words += ["--model", "compatible:scripted", "--base-url", self.server.url, "--embedder", "hash"]
        words += ["--cache", home.with_suffix(".sqlite"), *more]
        done = CliRunner().invoke(cli, [str(word) for word in words])
        kept = [json.loads(line) for line in (home / "kept.jsonl").read_text("utf-8").splitlines()]
        return done.exit_code, kept, json.loads((home / "report.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ModelServer(pass_rate=0.85) as server:
        yield Place(tmp_path_factory.mktemp("select"), server)


def test_a_build_selects_and_reports(place: Place, tmp_path: Path) -> None:
    code, kept, report = place.build(tmp_path / "run")
    assert code == 0
    assert (len(kept), report["asked"], report["kept"], report["shortfall"]) == (12, 12, 12, 0)
    assert Counter(pair["question_type"] for pair in kept) == {"fact": 6, "numeric": 3, "yes_no": 3}
    assert Counter(pair["axes"]["language"] for pair in kept) == {"en": 9, "de": 3}
    assert report["gates"]["select"] == {"passed": 12, "rejected": 12, "abstained": 0}
    assert report["lacking"] == {}
    rows = [json.loads(line) for line in (tmp_path / "run" / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert sum(row["rejected_by"] == "select" for row in rows) == 12
    kinds = report["axes"]["question_type"]
    assert (kinds["quota"], kinds["distance"]) == (True, 0)
    assert kinds["values"]["fact"] == {"asked": 0.5, "wanted": 6, "kept": 6, "share": 0.5}
    assert report["same_judge_as_writer"] is False  # no step of this flow asks the judge
    assert [name.split(".")[0] for name in report["prompts"]] == ["write_qa"]
    assert report["diversity"]["questions"] == 12
    assert report["diversity"]["vendi_score"] > 1


def test_a_larger_order_goes_on_where_the_smaller_one_was(place: Place, tmp_path: Path) -> None:
    free = tmp_path / "free.yaml"
    free.write_text(FLOW.replace("      quotas: [question_type, language]\n", ""), "utf-8")
    place.build(tmp_path / "run", "--flow", free)
    place.server.reset()
    code, kept, report = place.build(tmp_path / "run", "--flow", free, "-n", 16)
    further = len(place.server.log)
    assert (code, len(kept), report["gates"]["select"]["rejected"]) == (0, 16, 16)
    place.server.reset()
    assert place.build(tmp_path / "fresh", "--flow", free, "-n", 16)[1] == kept
    assert further < len(place.server.log) / 2


def test_a_run_that_is_stopped_delivers_a_choice_of_what_it_had(place: Place, tmp_path: Path) -> None:
    code, kept, report = place.build(tmp_path / "run", "--max-calls", 7)
    assert code == 3
    assert report["ended"]
    assert 0 < len(kept) <= 12
    assert len(kept) == report["kept"] == report["gates"]["select"]["passed"]
    assert Counter(pair["axes"]["language"] for pair in kept)["de"] <= 3
    samples = report["samples"]
    assert samples["kept"] + samples["rejected"] + samples["failed"] == samples["total"]


def test_a_choice_is_estimated_by_what_it_chooses_among(place: Place) -> None:
    given = {"indexes": place.folder / "indexes", "index": "guide", "base_url": place.server.url}
    given |= {"model": "compatible:scripted", "cache": place.folder / "cache.sqlite"}  # type: ignore[dict-item]
    from ragset.api.estimate import estimate

    found = estimate(flow=place.flow, **given)
    more = estimate(None, 24, flow=place.flow, **given)
    assert (found.asked, more.asked) == (12, 24)
    assert found.kept == 12
    assert 1.5 < more.calls / found.calls < 2.5
    assert found.draws > 24 / 3


def test_a_generate_makes_no_more_than_are_asked_for(place: Place, tmp_path: Path) -> None:
    made = api.generate(
        "guide", 6, flow=place.flow, indexes=place.folder / "indexes", model="compatible:scripted",
        base_url=place.server.url, cache=place.folder / "cache.sqlite",
    )  # fmt: skip
    assert len(made) == 6


def test_a_kill_changes_nothing_of_the_choice(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    flow = tmp_path / "diverse.yaml"
    few = FLOW.replace("{fact: 2, numeric: 1, yes_no: 1}", "[fact]").replace("{en: 3, de: 1}", "[en]")
    flow.write_text(few.replace("quotas: [", "pairs: 1\n      quotas: ["), "utf-8")
    with ServerProcess("--latency", "0.03", "--pass-rate", "0.7") as server, Warm() as warm:

        def start(home: Path) -> int:
            given = ["build", str(corpus), "--out", str(home), "--indexes", str(tmp_path / "indexes"), "-n", "6"]
            given += ["--flow", str(flow), "--index", "tools", "--embedder", "hash", "--quiet", "--concurrency", "4"]
            given += ["--cache", str(home.with_suffix(".sqlite")), "--model", "compatible:scripted"]
            return warm.start([*given, "--base-url", server.url])

        def ended(home: Path) -> tuple[bytes, bytes]:
            assert warm.wait() in (0, 3), warm.said
            return (home / "kept.jsonl").read_bytes(), (home / "rejected.jsonl").read_bytes()

        start(tmp_path / "plain")
        expected = ended(tmp_path / "plain")
        assert expected[0].count(b"\n") == 6
        assert expected[1].count(b'"rejected_by": "select"') == 6
        needed = server.stats()["count"]
        home, aim = tmp_path / "killed", needed + needed // 2
        pid = start(home)
        while server.stats()["count"] < aim and not warm.ended(0.004):
            pass
        kill(pid, signal.SIGKILL)
        assert warm.wait() == -signal.SIGKILL
        assert not (home / "kept.jsonl").exists()
        start(home)
        assert ended(home) == expected
