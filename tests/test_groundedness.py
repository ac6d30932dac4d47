from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ragset.adapters.hash_embedder import HashEmbedder
from ragset.kit.groundedness import (
    THRESHOLD,
    VERBATIM,
    bounded,
    embedded_groundedness,
    groundedness,
    ruled,
    sentences_to_embed,
)
from ragset.kit.groundedness_alterations import alteration, edits
from ragset.kit.groundedness_evidence import NAMES, Source, weigh
from ragset.kit.groundedness_model import load_weights, weights_hash
from ragset.kit.groundedness_vectors import MOST, VECTOR_NAMES, near, texts_to_embed
from ragset.kit.measures import Text

DEV = Path(__file__).parents[2] / "shared" / "data" / "dev"

CONTEXT = (
    "The harbour of Brandvik was dredged in 1962 to a depth of 14 metres. "
    "Ferries to Stensund leave every 40 minutes, and the crossing costs $12 for adults. "
    "Dogs are not allowed on the upper deck. The harbour master, Ingrid Solheim, retired in May after 31 years."
)

# a claim that follows, and the same with its substance altered
PAIRS = [
    ("The harbour of Brandvik was dredged in 1962.", "The harbour of Brandvik was dredged in 1982."),
    ("The harbour of Brandvik was dredged in 1962.", "The harbour of Stensund was dredged in 1962."),
    ("Ferries to Stensund leave every 40 minutes.", "Ferries to Stensund leave every 14 minutes."),
    ("Ferries to Stensund leave every 40 minutes.", "Ferries to Stensund leave every 40 hours."),
    ("the crossing costs $12 for adults", "the crossing costs €12 for adults"),
    ("Dogs are not allowed on the upper deck.", "Dogs are allowed on the upper deck."),
    ("Dogs are not allowed on the upper deck.", "Dogs are not allowed on the lower deck."),
    ("Ingrid Solheim, retired in May after 31 years.", "Ingrid Nygaard, retired in May after 31 years."),
    ("Ingrid Solheim, retired in May after 31 years.", "Ingrid Solheim, retired in May before 31 years."),
    ("The crossing costs adults $12.", "The crossing of the harbour costs adults 27."),
    ("The harbour was dredged to a depth of 14 metres.", "The harbour was not dredged to a depth of 14 metres."),
]

REWORDED = [
    "In 1962 the harbour of Brandvik was dredged.",
    "Ferries leave for Stensund every forty minutes.",
    "The crossing costs adults $ 12.",
    "Ingrid Solheim was the harbour master for 31 years.",
    "No, dogs are not allowed on the upper deck.",
]

STRANGE = [
    "Bananas are rich in potassium.",
    "I love boats, do you?",
    "The airport of Oslo was opened by the king in 1998.",
    "Ferries are painted green by volunteers each spring.",
]


@pytest.mark.parametrize(("true", "altered"), PAIRS)
def test_a_claim_holds_and_its_altered_copy_does_not(true: str, altered: str) -> None:
    assert groundedness(CONTEXT, true).holds, true
    found = groundedness(CONTEXT, altered)
    assert not found.holds, (altered, found)
    assert found.score < THRESHOLD
    assert found.reason


@pytest.mark.parametrize("claim", REWORDED)
def test_a_rewording_holds(claim: str) -> None:
    found = groundedness(CONTEXT, claim)
    assert found.holds, found


@pytest.mark.parametrize("claim", STRANGE)
def test_what_the_context_does_not_say_does_not_hold(claim: str) -> None:
    assert not groundedness(CONTEXT, claim).holds


@pytest.mark.parametrize("claim", [CONTEXT, "Ingrid Solheim", "1962", "dredged in 1962 to a depth of 14 metres"])
def test_a_quote_scores_nearly_one(claim: str) -> None:
    found = groundedness(CONTEXT, claim)
    assert found.score >= VERBATIM
    assert found.holds
    assert found.reason == "found word for word"


def test_one_altered_or_foreign_sentence_sinks_a_long_answer() -> None:
    altered = CONTEXT.replace("1962", "1982")
    assert not groundedness(CONTEXT, altered).holds
    assert "1982" in groundedness(CONTEXT, altered).reason
    whole, part = groundedness(CONTEXT, CONTEXT), groundedness(CONTEXT, f"{CONTEXT} {STRANGE[2]}")
    assert part.score < whole.score


@pytest.mark.parametrize(
    ("context", "claim"),
    [
        ("", "Something."), ("Something.", ""), ("", ""), ("...", "?!"), ("Something.", " \n "),
        ("日本語の文。", "英語"), ("a" * 5000, "b" * 5000), ("1 2 3", "1"), ("The of and.", "of the"),
        ("\x00\ud800", "\ud800"),
    ],
)  # fmt: skip
def test_odd_texts_give_a_score(context: str, claim: str) -> None:
    found = groundedness(context, claim, claim)
    assert 0 <= found.score <= 1
    assert math.isfinite(found.score)
    assert found.reason
    assert found.holds == (found.score >= THRESHOLD)


def test_figures_have_the_names_of_the_weights_and_are_finite() -> None:
    _, figures = weigh(f"{CONTEXT} I think so! Ok?", Source(CONTEXT), "Who retired?")
    assert set(figures) == set(NAMES)
    assert all(map(math.isfinite, figures.values()))
    assert load_weights("lexical").names == NAMES
    assert load_weights("embedded").names == (*NAMES, *VECTOR_NAMES)
    assert len(weights_hash()) == 20


def test_figures_say_what_their_names_say() -> None:
    _, figures = weigh("Ferries to Stensund leave at 9. Trolls from Bergen sing.", Source(CONTEXT))
    assert figures["new_numbers"] > 0
    assert figures["new_names"] > 0
    assert figures["weakest_covered"] == 0
    assert 0 < figures["covered"] < 1
    assert figures["uncovered"] == 0.5
    _, copied = weigh("Dogs are not allowed on the upper deck.", Source(CONTEXT))
    assert (copied["density"], copied["covered"], copied["neighbours"], copied["compact"]) == (1, 1, 1, 4 / 8)


def test_neighbours_are_two_sentences_side_by_side() -> None:
    source = Source("Anna paints. Bodil sings. Carla dances.")
    near_ones, far_ones = (
        weigh(claim, source)[1] for claim in ("Bodil sings, Carla dances", "Anna paints, Carla dances")
    )
    assert near_ones["neighbours"] == pytest.approx(1)
    assert far_ones["neighbours"] < 0.6
    assert far_ones["two_sentences"] == pytest.approx(1)


def test_a_question_counts_what_is_repeated_of_it() -> None:
    source = Source(CONTEXT)
    _, figures = weigh("The harbour master retired.", source, "When did the harbour master retire?")
    assert figures["asked"] == pytest.approx(1)
    assert weigh("The harbour master retired.", source)[1]["asked"] == 0


def test_citations_are_no_part_of_a_claim() -> None:
    cited = groundedness(CONTEXT, "Dogs are not allowed on the upper deck [2].")
    assert cited.score == groundedness(CONTEXT, "Dogs are not allowed on the upper deck.").score


def test_edits_leave_out_what_the_sentence_says_around() -> None:
    found = edits(Text("the pump was sold in Oslo"), Text("In May the pump was sold in Bergen by Anna."))
    assert [([w.plain for w in e.mine], [w.plain for w in e.theirs]) for e in found] == [(["oslo"], ["bergen"])]


def test_a_number_written_otherwise_is_no_other_number() -> None:
    for context, claim in (
        ("It seats 56, 000 people.", "56,000 people fit."),
        ("It opens at 12:15am.", "It opens 12:15 am."),
    ):
        (one,), _ = weigh(claim, Source(context))
        assert alteration(one, Source(context)) is None
    (one,), _ = weigh("It seats 57,000 people.", Source("It seats 56, 000 people."))
    assert alteration(one, Source("It seats 56, 000 people.")) == "the number 57000 is not in the text"


def test_a_word_exchanged_counts_only_in_a_claim_of_one_sentence() -> None:
    source = Source("The fence around the garden was painted green. It is tall.")
    (one,), _ = weigh("The fence around the garden was painted purple.", source)
    assert alteration(one, source) == "purple stands in the place of green"
    assert alteration(one, source, alone=False) is None


def test_rules_keep_the_order_of_scores() -> None:
    source = Source(CONTEXT)
    altered, _ = weigh("The harbour of Brandvik was dredged in 1982.", source)
    rule = ruled("The harbour of Brandvik was dredged in 1982.", altered, source)
    assert rule is not None
    scores = [bounded(score, rule) for score in (0.0, 0.3, 0.9, 1.0)]
    assert scores == sorted(scores)
    assert scores[-1] < THRESHOLD
    assert bounded(0.4, None) == 0.4


async def test_the_embedded_configuration_asks_for_what_it_needs_and_no_more() -> None:
    embedder = HashEmbedder()
    long = " ".join(f"Sentence number {at} speaks of ferries and of item {at}." for at in range(40))
    texts = sentences_to_embed(long, "Ferries are item 7. Trolls sing.")
    assert len(texts) == 2 + MOST
    assert any("item 7" in text for text in texts)
    vectors = dict(zip(texts, await embedder.embed(texts), strict=True))
    one = groundedness(long, "Ferries are item 7. Trolls sing.", None, vectors)
    assert one == await embedded_groundedness(embedder, long, "Ferries are item 7. Trolls sing.")
    assert 0 <= one.score <= 1
    with pytest.raises(KeyError):
        groundedness(long, "Ferries are item 7. Trolls sing.", None, {})
    assert (await embedded_groundedness(embedder, "", "")).score == 0


async def test_vector_figures_of_a_copy() -> None:
    source, embedder = Source(CONTEXT), HashEmbedder()
    weighed, _ = weigh("Dogs are not allowed on the upper deck.", source)
    texts = [text for some in texts_to_embed(weighed, source) for text in some]
    vectors = dict(zip(texts, await embedder.embed(texts), strict=True))
    figures = near(weighed, source, vectors)
    assert figures["nearest"] == pytest.approx(1, abs=1e-5)
    assert set(figures) == set(VECTOR_NAMES)
    assert all(np.isfinite(list(figures.values())))


@pytest.mark.parametrize(("name", "least"), [("begin", 0.8), ("attributionbench", 0.68), ("ragtruth_qa", 0.7)])
def test_it_agrees_with_people(name: str, least: float) -> None:
    path = DEV / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("shared/ is not here: no labelled data to measure on")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = [(groundedness(r["context"], r["claim"], r["question"]).holds, r["label"]) for r in rows]
    rates = [np.mean([said == bool(label) for said, label in found if label == kind]) for kind in (0, 1)]
    assert np.mean(rates) > least
