"""The scenario source: shares of documents, how many draws are opened, axes, personas, hops, patience, stability."""

import time
from collections import Counter
from contextlib import aclosing

import numpy as np
import pytest

from conftest import make_sample
from opening import SIZES, Pairs, Shelf, Tiring, kept_of, run_pairs
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.scripted_model import ScriptedModel
from ragset.errors import FlowError, UsageError
from ragset.flow.compile import WINDOW, parse_flow
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.flow.running import refuse
from ragset.kit.axes import draw_axes, draw_value, uniform
from ragset.kit.personas import read_personas
from ragset.kit.shares import Shelf as Shelved
from ragset.kit.spread import spread_order
from ragset.schema.ports import Hit
from ragset.schema.samples import Draw
from ragset.schema.step import Commit, Map, Tools
from ragset.sources.scenarios import Scenarios
from simulated_time import OldestFirst, simulated


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


def test_ten_thousand_documents_may_be_named():
    names = [f"a/d{at}.md" for at in range(10_000)]
    source, began = Scenarios(documents=(*names[:-1], "b/")), time.process_time()
    assert [name for name in (*names, "b/x", "b", "a/d1") if not source.wants(name)] == [names[-1], "b", "a/d1"]
    assert time.process_time() - began < 0.5


def test_what_needs_no_documents_is_refused_before_any_are_read():
    with pytest.raises(UsageError, match="need a model that writes"):
        refuse([Scenarios(styles=["plain"]), Keep(n=3)], Tools())
    models = {"writer": ScriptedModel([])}
    across = Scenarios(question_types=["multi_hop_across"], quotas=["question_type"])
    refuse([across, Keep(n=3)], Tools(models=models))
    with pytest.raises(UsageError, match="has 1 to draw from"):
        refuse([across, Keep(n=3)], Tools(Shelf({"c/one": 3}), models=models))
    with pytest.raises(UsageError, match="quotas are shares of an order"):
        refuse([across, Keep()], Tools(models=models))


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


async def test_one_call_wants_several_pairs_and_their_values():
    step = Scenarios(pairs=4, question_types=["fact", "numeric"], languages=["de"], answer_lengths=["short"])
    draws, _ = await run_pairs(Pairs(rate=1), step, Keep(n=8), window=1)
    wants = [want for draw in draws if draw.scenario for want in draw.scenario.wants]
    assert {len(draw.scenario.wants) for draw in draws if draw.scenario} == {4}
    assert all(set(want) == {"question_type", "language", "answer_length"} for want in wants)
    assert {want["question_type"] for want in wants[:4]} == {"fact", "numeric"}  # spread over the axis
    bare, _ = await run_pairs(Pairs(rate=1), Scenarios(), Keep(n=3), window=1)
    assert bare[0].scenario is not None
    assert bare[0].scenario.wants == ({}, {}, {})


async def test_without_a_model_nothing_is_wanted_of_the_writer():
    draws = await draw({"c/a": 9}, 3)
    assert all(d.scenario.wants == () for d in draws)
    assert len(draws) == 3


@pytest.mark.parametrize(
    "fields",
    [{"question_types": ["fact"]}, {"personas": ["x"]}, {"styles": ["plain"]}, {"propose_personas": 2}],
)
async def test_axes_need_a_model_that_writes(fields):
    with pytest.raises(UsageError, match="s need a model that writes; name one with --model"):
        await draw({"c/a": 9}, 3, **fields)


async def test_two_documents_are_needed_to_ask_across_documents():
    step = Scenarios(question_types=["fact", "multi_hop_across"])
    with pytest.raises(UsageError, match="multi_hop_across asks about two documents, and the index has 1"):
        await run_pairs(Pairs(rate=1), step, Keep(n=3), sizes={"c/a": 9})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("question_types: {fct: 1}", "unknown question type 'fct'; did you mean 'fact'?"),
        ("styles: [plane]", "unknown style 'plane'; did you mean 'plain'?"),
        ("answer_lengths: [long]", "unknown answer length 'long'"),
        ("languages: [German]", "'German' is no language code; write ISO 639 codes"),
        ("quotas: [personas]", "no axis 'personas' can have a quota; did you mean 'persona'?"),
        ("quotas: [style]", "'style' has a quota and no values"),
        ("personas_file: nowhere.txt", "nowhere.txt: the personas cannot be read"),
        ("question_types: {fact: 0}", "question_types.fact"),
    ],
)
def test_a_bad_axis_is_refused_in_one_line(fields, said):
    with pytest.raises(FlowError) as caught:
        parse_flow(f"steps:\n  - scenarios: {{{fields}}}\n  - rag_qa\n  - keep\n", "x.yaml")
    assert said.partition(": ")[2] in str(caught.value) if "nowhere" in said else said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("p.txt", "a nurse\n\n# no\nan auditor\n", {"a nurse": 1, "an auditor": 1}),
        ("p.yaml", "- a nurse\n- an auditor\n", {"a nurse": 1, "an auditor": 1}),
        ("p.yaml", "a nurse: 3\nan auditor: 0.5\n", {"a nurse": 3, "an auditor": 0.5}),
        ("p.json", '{"a nurse": 2}', {"a nurse": 2}),
        ("p.txt", "a nurse\n  # indented\n\t#no\n  an auditor # 2\n", {"a nurse": 1, "an auditor # 2": 1}),
        ("p.yaml", "- name: Mary\n  weight: 2\n- an auditor\n- 1984\n", {"Mary": 2, "an auditor": 1, "1984": 1}),
        ("p.yaml", "- name: Mary\n  description: |\n    a nurse\n    at night\n", {"Mary: a nurse at night": 1}),
        ("p.json", '[{"description": "a nurse", "weight": 0.5}]', {"a nurse": 0.5}),
        ("p.yaml", "- Mary: a nurse\n", "persona 1 has an unknown field 'Mary'; write a text, or the fields name, d"),
        ("p.yaml", "- a nurse\n- weight: 2\n", "persona 2 is no text; write a text, or the fields name, description"),
        ("p.yaml", "- a nurse\n-\n", "persona 2 is no text"),
        ("p.yaml", "- [a nurse]\n", "persona 1 is no text"),
        ("p.yaml", "- name: {first: Mary}\n", "persona 1 is no text"),
        ("p.yaml", "- name: Mary\n  weight: much\n", "the weight of 'Mary' is 'much'; write a number above 0"),
        ("p.yaml", "personas: [a nurse, an auditor]\n", r"the weight of 'personas' is \['a nurse', 'an auditor'\]"),
        ("p.txt", "\n", "there is no persona in it"),
        ("p.yaml", "a nurse: many\n", "the weight of 'a nurse' is 'many'"),
        ("p.json", "[", "is no YAML or JSON"),
        ("p.yaml", "just text", "there is no persona in it"),
        ("p.txt", "x" * 400, "a persona has 400 characters"),
    ],
)
def test_personas_come_from_a_file(tmp_path, name, text, found):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    if isinstance(found, dict):
        assert read_personas(str(path)) == found
    else:
        with pytest.raises(FlowError, match=found) as caught:
            read_personas(str(path))
        assert "\n" not in str(caught.value)


class Library(Shelf):
    """A shelf whose chunks speak of tides, with real similarities."""

    embedder = HashEmbedder()
    text = "The tide rises and falls twice a day because the moon pulls the sea."

    async def search(self, vectors, k):
        (own,) = await self.embedder.embed([self.text])
        return [[Hit(self.chunks("c/tides")[0], float(own @ vector))] for vector in vectors]


async def proposing(*replies, count=2):
    said: list[str] = []
    model = ScriptedModel(replies)
    tools = Tools(Library({"c/tides": 30, "c/b": 9}), HashEmbedder(), models={"writer": model}, say=said.append)
    step = Scenarios(propose_personas=count, persona_relevance=0.3, personas={"a given one": 1})
    async with aclosing(run([step, Pairs(rate=1), Keep(n=40)], tools, window=8)) as stream:
        draws = [d async for d in stream if not d.empty]
    personas = {want["persona"] for d in draws for want in d.scenario.wants}
    return personas - {"a given one"}, model.asks, said, draws


SAILOR = "a sailor who needs to know when the tide rises and falls because of the moon"
SWIMMER = "a swimmer who asks why the sea falls twice a day and how the moon pulls the tide"
BANKER = "bonds investor comparing quarterly yields"


async def test_personas_are_proposed_by_the_model_and_filtered_for_relevance():
    personas, asks, said, draws = await proposing({"personas": [SAILOR, BANKER]}, {"personas": [SAILOR, SWIMMER]})
    assert personas == {SAILOR, SWIMMER}
    assert len(asks) == 2
    assert [ask.repeat for ask in asks] == [0, 1]
    assert BANKER in asks[1].messages[1].content
    assert said == []
    assert "Title: D" in asks[0].messages[1].content
    assert draws[0].spent == ()


async def test_too_few_relevant_personas_are_no_error():
    personas, asks, said, _ = await proposing({"personas": [SAILOR, BANKER]}, {"personas": [BANKER]})
    assert (personas, len(asks)) == ({SAILOR}, 2)
    assert said == ["1 of 2 personas were proposed that the documents concern; going on with those"]
    personas, _, said, _ = await proposing("no", "no", "no", "no")
    assert personas == set()
    assert "the model proposed no personas" in said[0]


async def test_a_filled_chunk_is_not_drawn_again():
    draws, _ = await run_pairs(Pairs(rate=1), Scenarios(repeats=3), Keep(max_per_chunk=2), sizes={"c/a": 8})
    assert sum(not d.empty for d in draws) == 8


async def test_chunks_of_a_hop_are_no_duplicates_and_no_pair_comes_twice():
    step = Scenarios(question_types=["multi_hop"], repeats=2)
    draws, _ = await run_pairs(Pairs(rate=1), step, Keep(), sizes={"c/a": 12}, window=4)
    pairs = [frozenset(chunk.id for chunk in d.scenario.chunks) for d in draws if d.scenario]
    assert len(pairs) == len(set(pairs)) > 12
    assert all(len(pair) == 2 for pair in pairs)


def paid(n: int, writer: Pairs, pairs: int, window: int) -> tuple[int, float, float]:
    """Give the draws paid, the seconds taken, and the seconds that these calls take on a busy server."""
    server = OldestFirst(32 if window > 1 else 10**6)
    work = run_pairs(
        writer,
        Scenarios(pairs=pairs, seed=writer.seed),
        Keep(n=n, max_per_chunk=2 if pairs > 1 else None),
        window=window,
        server=server,
    )
    (draws, tools), seconds = simulated(work)
    assert tools.tally.kept == n
    return sum(not d.empty for d in draws) + tools.tally.ahead, seconds, server.calls * 0.2 / 32


@pytest.mark.parametrize(("rate", "pairs"), [(0.7, 3), (0.3, 3), (1.0, 3), (0.7, 1)])
def test_hardly_more_draws_are_paid_than_one_at_a_time_and_hardly_more_time(rate: float, pairs: int):
    draws, seconds = ratios([Pairs(rate=rate, seed=seed) for seed in range(3)], pairs)
    assert draws <= (1.05 if (rate, pairs) == (0.7, 3) else 1.08)
    assert seconds <= 1.15


def test_falling_yields_are_noticed_in_time():
    draws, seconds = ratios([Tiring(rate=0.6, later=0.15, seed=seed) for seed in range(4)], 3)
    assert draws <= 1.05
    assert seconds <= 1.08  # 1.17 where every draw counts alike and every open one is counted on


def ratios(writers: list[Pairs], pairs: int) -> tuple[float, float]:
    """Give draws paid over those of window 1, and seconds over those that the calls need on a busy server."""
    needed = [paid(200, writer, pairs, 1) for writer in writers]
    found = [paid(200, writer, pairs, WINDOW) for writer in writers]
    return sum(f[0] for f in found) / sum(n[0] for n in needed), sum(f[1] for f in found) / sum(n[2] for n in needed)


@pytest.mark.parametrize("window", [1, 7, 256])
@pytest.mark.parametrize("n", [1, 20, 51])
async def test_the_order_is_filled_whatever_the_window(window: int, n: int):
    for rate in (0.15, 0.6, 1.0):
        draws, _ = await run_pairs(Pairs(rate=rate), Scenarios(), Keep(n=n, max_per_chunk=2), window=window)
        assert len(kept_of(draws)) == n


async def test_a_fruitless_writer_is_not_paid_beyond_the_patience():
    step = Scenarios(patience=30, document_tries=3)
    draws, tools = await run_pairs(Pairs(rate=0), step, Keep(n=50), sizes={"c/a": 900})
    assert sum(not d.empty for d in draws) + tools.tally.ahead == 30
    assert set(SIZES)


@pytest.mark.parametrize("window", [1, 256])
@pytest.mark.parametrize("patience", [3, 30, 400])
async def test_many_documents_give_a_fruitless_writer_no_tries_beyond_the_patience(patience: int, window: int):
    sizes = {f"c/d{at}": 2 for at in range(1200)}
    draws, tools = await run_pairs(Pairs(rate=0), Scenarios(patience=patience), Keep(n=3), sizes=sizes, window=window)
    assert sum(not d.empty for d in draws) + tools.tally.ahead == patience


async def test_a_kept_pair_anywhere_gives_the_patience_back():
    class Seldom(Pairs):
        async def apply(self, item: Draw, tools: Tools) -> Draw:
            return await Pairs(rate=float(item.number in (25, 50))).apply(item, tools)

    sizes = {f"c/d{at}": 2 for at in range(1200)}
    step, keep = Scenarios(patience=30), Keep(n=50, max_per_chunk=2)
    draws, tools = await run_pairs(Seldom(rate=0), step, keep, sizes=sizes, window=1)
    assert len(kept_of(draws)) == 4
    assert sum(not d.empty for d in draws) + tools.tally.ahead == 51 + 30


def test_choosing_among_ten_thousand_documents_is_quick():
    shelf = Shelved(Shelf({f"c/{at}": 3 for at in range(10_000)}), [f"c/{at}" for at in range(10_000)], **_SHELF)
    chosen = []
    start = time.perf_counter()
    for number in range(3000):
        document = shelf.choose("one")
        assert document is not None
        place = document.take("one")
        chosen.append((document, place))
        if number >= 200:
            old, at = chosen[number - 200]
            old.commit("one", at, Commit(number - 200, (), (), empty=False, gave=1, kept=1))
    assert time.perf_counter() - start < 10
    assert len({document.id for document, _ in chosen}) == 3000


_SHELF = {"seed": 0, "tries": 12, "repeats": 2}
