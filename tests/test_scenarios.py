"""The scenario source: shares of documents, spread over clusters, patience, and stability when a file is added."""

from collections import Counter
from contextlib import aclosing

import numpy as np
import pytest

from conftest import make_chunk, make_sample
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.kit.axes import draw_axes, draw_value, uniform
from ragset.kit.spread import spread_order
from ragset.schema.samples import Draw
from ragset.schema.step import Map, Tools
from ragset.sources.scenarios import Scenarios


class Shelf:
    """Documents of many chunks each; vectors in four well separated clusters."""

    name, version = "shelf", "1"

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes

    def document_ids(self) -> list[str]:
        return sorted(self.sizes)

    def chunks(self, document_id: str):
        return [make_chunk(at, document_id, f"{document_id} chunk {at}") for at in range(self.sizes[document_id])]

    def vectors(self, document_id: str):
        rows = self.sizes[document_id]
        noise = np.random.default_rng(rows).normal(0, 0.05, (rows, 8))
        vectors = np.eye(8)[np.arange(rows) % 4] + noise
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Answer(Map):
    """One sample a draw, none for the barren document."""

    name = "answer"

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        (chunk,) = item.scenario.chunks
        if "barren" in chunk.document_id:
            return item
        return item.with_samples((make_sample(item.number, chunk=chunk),))


async def draw(sizes: dict[str, int], n: int | None, **fields) -> list[Draw]:
    steps = [Scenarios(**fields), Answer(), Keep(n=n)]
    async with aclosing(run(steps, Tools(Shelf(sizes)), window=8)) as stream:
        return [d async for d in stream if not d.empty]


def kept_by_document(draws: list[Draw]) -> Counter[str]:
    return Counter(s.contexts[0].document_id for d in draws for s in d.samples if s.status == "kept")


async def test_every_document_gets_its_share_before_any_gets_more():
    sizes = {"c/huge": 200, "c/small": 2, "c/mid": 20, "c/barren": 30}
    for n in (3, 6, 12):
        kept = kept_by_document(await draw(sizes, n))
        assert sum(kept.values()) == n
        assert set(kept) == {"c/huge", "c/small", "c/mid"}
        others = [kept[name] for name in ("c/huge", "c/mid")]
        assert max(others) - min(others) <= 1
        assert kept["c/small"] >= min(4, n // 3)


async def test_a_barren_document_is_tried_at_least_three_times_first():
    draws = await draw({"c/good": 50, "c/barren": 50}, 20, document_tries=3)
    first = [d.scenario.chunks[0].document_id for d in draws]
    assert first.count("c/barren") >= 3


async def test_it_ends_when_nothing_is_left_and_says_how_it_was():
    draws = await draw({"c/one": 3, "c/two": 2}, 100, repeats=2)
    assert len({d.scenario.id for d in draws}) == len(draws) == 10
    assert sum(kept_by_document(draws).values()) == 10


async def test_patience_ends_a_fruitless_search():
    draws = await draw({"c/barren": 300}, 5, patience=25, document_tries=3)
    assert 3 + 25 <= len(draws) + 1 <= 3 + 25 + 5


async def test_many_barren_documents_do_not_use_up_the_patience():
    sizes = {f"c/barren{at}": 60 for at in range(30)} | {f"c/good{at}": 20 for at in range(4)}
    kept = kept_by_document(await draw(sizes, 60, patience=50))
    assert sum(kept.values()) == 60


async def test_only_the_named_documents_are_drawn_from():
    draws = await draw({"a/x": 9, "a/y": 9, "b/x": 9}, 40, documents=("a/", "b/xx"))
    assert {d.scenario.chunks[0].document_id for d in draws} == {"a/x", "a/y"}


async def test_repeats_come_after_all_chunks_and_never_of_a_chunk_that_gave_nothing():
    draws = await draw({"c/barren": 4}, 100)
    assert [d.scenario.repeat for d in draws] == [0] * 4


async def test_chunks_are_spread_over_clusters():
    chunks = [d.scenario.chunks[0].ordinal % 4 for d in await draw({"c/one": 40}, 4)]
    assert set(chunks) == {0, 1, 2, 3}


async def test_adding_a_document_keeps_the_old_scenarios():
    before = {f"c/d{at}": 30 for at in range(10)}
    old = {d.scenario.id for d in await draw(before, 60)}
    new = {d.scenario.id for d in await draw({**before, "c/new": 30}, 60)}
    assert len(old & new) >= 0.85 * len(old)


async def test_the_same_seed_draws_the_same_and_another_does_not():
    sizes = {"c/a": 30, "c/b": 30}
    one, two, three = [await draw(sizes, 10, seed=seed) for seed in (1, 1, 2)]
    assert one == two != three


def test_axes_follow_their_weights_and_their_key_alone():
    counts = Counter(draw_value({"a": 3, "b": 1, "never": 0}, "k", at) for at in range(4000))
    assert counts["never"] == 0
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert draw_axes({"p": {"x": 1, "y": 1}, "none": {}}, 1, ["c"], 0) == draw_axes(
        {"p": {"x": 1, "y": 1}}, 1, ["c"], 0
    )
    assert 0 <= uniform("x") < 1


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 17])
def test_spread_order_is_a_permutation(rows: int):
    vectors = np.random.default_rng(1).normal(size=(rows, 5)).astype(np.float32)
    assert sorted(spread_order(vectors, 0, "d")) == list(range(rows))
    same = np.ones((rows, 5), np.float32)
    assert sorted(spread_order(same, 0, "d")) == list(range(rows))
