"""Quotas: shares by largest remainder, the table of slots, exact marginals, and values that cannot be had."""

import time
from collections import Counter

import pytest

from opening import Pairs, kept_of, run_pairs
from ragset.errors import UsageError
from ragset.flow.keep import Keep
from ragset.kit.quotas import Board, largest_remainder, slot_table
from ragset.sources.scenarios import Scenarios

TYPES = ("fact", "reasoning", "numeric", "procedure", "multi_hop", "multi_hop_across", "unanswerable")
PERSONAS = {"a student": 2.0, "a nurse": 1.0, "an auditor": 1.0}
SEVEN = {"question_types": list(TYPES), "languages": ["en", "de"], "personas": PERSONAS}
QUOTAS = ("question_type", "language", "persona")


@pytest.mark.parametrize(
    ("weights", "n", "shares"),
    [
        ({"a": 1, "b": 1, "c": 1}, 10, {"a": 4, "b": 3, "c": 3}),
        ({"a": 20, "b": 10}, 30, {"a": 20, "b": 10}),
        ({"a": 0.5, "b": 0.3, "c": 0.2}, 7, {"a": 4, "b": 2, "c": 1}),
        ({"a": 1, "b": 1000}, 5, {"a": 0, "b": 5}),
        ({"a": 0.1, "b": 0.2, "c": 0.7}, 10, {"a": 1, "b": 2, "c": 7}),
    ],
)
def test_shares_are_by_largest_remainder(weights, n, shares):
    assert largest_remainder(weights, n) == shares


def test_the_table_of_slots_has_exact_marginals_and_even_combinations():
    targets = {
        "question_type": largest_remainder(dict.fromkeys(TYPES, 1), 60),
        "language": {"en": 30, "de": 30},
        "persona": largest_remainder(PERSONAS, 60),
    }
    table = slot_table(targets, 3)
    for axis, counts in targets.items():
        assert Counter(slot[axis] for slot in table) == counts
    for one, other in (("question_type", "language"), ("question_type", "persona"), ("language", "persona")):
        cells = Counter((slot[one], slot[other]) for slot in table)
        for (a, b), count in cells.items():
            assert abs(count - targets[one][a] * targets[other][b] / 60) <= 1.5
    assert table == slot_table(targets, 3) != slot_table(targets, 4)
    assert slot_table({}, 0) == []


@pytest.mark.parametrize("window", [1, 256])
@pytest.mark.parametrize("rate", [0.4, 0.8])
async def test_seven_types_two_languages_three_personas_sixty_pairs(window: int, rate: float):
    step = Scenarios(**SEVEN, quotas=QUOTAS, seed=5)
    draws, tools = await run_pairs(Pairs(rate=rate), step, Keep(n=60, max_per_chunk=2), window=window)
    kept = kept_of(draws)
    assert len(kept) == 60
    assert Counter(s.question_type for s in kept) == largest_remainder(dict.fromkeys(TYPES, 1), 60)
    assert Counter(s.axes["language"] for s in kept) == {"en": 30, "de": 30}
    assert Counter(s.persona for s in kept) == {"a student": 30, "a nurse": 15, "an auditor": 15}
    assert all(count == 0 for counts in tools.tally.lacking.values() for count in counts.values())
    assert tools.tally.given_up == []
    paid = sum(not draw.empty for draw in draws) + tools.tally.ahead
    assert paid <= 2.2 * 60 / (3 * rate) + 12


async def test_a_draw_has_pairs_of_one_shape_and_the_chunks_they_need():
    step = Scenarios(**SEVEN, quotas=QUOTAS)
    draws, _ = await run_pairs(Pairs(rate=0.7), step, Keep(n=60))
    seen: Counter[str] = Counter()
    for draw in draws:
        if draw.scenario is None:
            continue
        kinds = {want["question_type"] for want in draw.scenario.wants}
        documents = [chunk.document_id for chunk in draw.scenario.chunks]
        assert 1 <= len(draw.scenario.wants) <= 3
        if hops := kinds & {"multi_hop", "multi_hop_across"}:
            assert len(kinds) == 1
            assert len(documents) == 2
            assert len({chunk.id for chunk in draw.scenario.chunks}) == 2
            assert len(set(documents)) == (2 if hops == {"multi_hop_across"} else 1)
            seen.update(hops)
        else:
            assert len(documents) == 1
    assert set(seen) == {"multi_hop", "multi_hop_across"}


async def test_a_value_that_cannot_be_had_is_given_up_and_the_others_are_met():
    step = Scenarios(question_types={"fact": 2, "numeric": 1}, quotas=("question_type",), quota_patience=8)
    draws, tools = await run_pairs(Pairs(rate=0.9, never=("numeric",)), step, Keep(n=30))
    assert Counter(s.question_type for s in kept_of(draws)) == {"fact": 20}
    assert tools.tally.lacking == {"question_type": {"fact": 0, "numeric": 10}}
    (line,) = tools.tally.given_up
    assert line == "question_type=numeric is given up with 10 lacking: 8 draws in a row gave no pair of it"


async def test_the_other_axes_lose_no_more_than_the_value_that_is_given_up():
    step = Scenarios(**SEVEN, quotas=QUOTAS, quota_patience=10)
    draws, tools = await run_pairs(Pairs(rate=0.9, never=("reasoning",)), step, Keep(n=60))
    short = {axis: sum(counts.values()) for axis, counts in tools.tally.lacking.items()}
    assert len(kept_of(draws)) == 60 - 9
    assert short == {"question_type": 9, "language": 9, "persona": 9}
    assert tools.tally.lacking["question_type"]["reasoning"] == 9


async def test_a_shape_without_chunks_is_given_up():
    step = Scenarios(question_types=["fact", "multi_hop"], quotas=("question_type",))
    sizes = {f"c/single{at}": 1 for at in range(30)}
    draws, tools = await run_pairs(Pairs(rate=1), step, Keep(n=20), sizes=sizes)
    assert Counter(s.question_type for s in kept_of(draws)) == {"fact": 10}
    assert "no chunks are left" in tools.tally.given_up[0]


async def test_pairs_count_as_what_they_are_not_as_what_was_asked():
    class Relabels(Pairs):
        name = "relabels"

        def make(self, scenario, at, want):
            made = super().make(scenario, at, want)
            return made.model_copy(update={"question_type": "fact"}) if at == 0 else made

    step = Scenarios(question_types=["fact", "reasoning", "numeric"], quotas=("question_type",))
    draws, _ = await run_pairs(Relabels(rate=0.8), step, Keep(n=30))
    assert Counter(s.question_type for s in kept_of(draws)) == {"fact": 10, "reasoning": 10, "numeric": 10}
    said = {s.rejected_by.reason for d in draws for s in d.samples if s.rejected_by}
    assert "its quota is filled: question_type=fact" in said


async def test_quotas_need_an_order():
    with pytest.raises(UsageError, match="quotas are shares of an order"):
        await run_pairs(Pairs(rate=1), Scenarios(languages=["en"], quotas=("language",)), Keep())


async def test_weights_without_a_quota_are_followed_on_average():
    step = Scenarios(question_types={"fact": 3, "multi_hop": 1}, styles={"plain": 1, "keyword": 1})
    draws, _ = await run_pairs(Pairs(rate=1), step, Keep(n=240))
    counts = Counter(s.question_type for s in kept_of(draws))
    assert counts["multi_hop"] / 240 == pytest.approx(0.25, abs=0.03)
    styles = Counter(s.axes["style"] for s in kept_of(draws))
    assert styles["plain"] / 240 == pytest.approx(0.5, abs=0.06)


def test_a_large_board_is_quick():
    axes = {"question_type": dict.fromkeys(TYPES, 1.0), "persona": {f"p{at}": 1.0 for at in range(20)}}
    start = time.perf_counter()
    board = Board.start(axes, 3000, 0, 100)
    for _ in range(1000):
        wants = board.next(3, 0.6, lambda shape: True)
        board.opened(wants)
        board.closed(wants, wants[:2])
        for want in wants[:2]:
            for axis, value in want.items():
                board.lacking[axis][value] -= 1
    assert time.perf_counter() - start < 8
    assert all(count >= 0 for counts in board.lacking.values() for count in counts.values())
