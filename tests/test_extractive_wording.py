"""How the built-in writer words what it asks, and what it leaves out: examples, idle things, bare numbers."""

from __future__ import annotations

import pytest

from extractive_support import SAYS, TITLE, chunk_of, document_of, written
from ragset.kit.extractive import candidates

# Paragraphs and the questions they give: an example is no fact, things "do" nothing, a purpose is no condition.
FACT = "Dabbling ducks eat aquatic plants, insects, small fish, worms, and molluscs."
ASKED = "what do dabbling ducks eat?"
EXAMPLES = [
    f"For example: It is June, and you keep a pond. {FACT}",
    f"Suppose that a keeper has forty ducks. {FACT}",
    f"Imagine a pond in May. {FACT}",
    f"Let’s say a keeper has forty ducks. {FACT}",
    f"Example 1. A keeper has forty ducks. {FACT}",
    "For example, dabbling ducks eat aquatic plants, insects, small fish, worms, and molluscs.",
    "Dabbling ducks, for example, eat aquatic plants, insects, small fish, worms, and molluscs.",
    "For example, a keeper has a pond. You earn 4 hours of pond leave for each election of the county council.",
    f"For example:\n\n- {FACT}\n- Nesting boxes are used to protect young birds from foxes.",
    f"For example, it may look like this:\n\n{FACT}",
    f"# Example\n\nA keeper has forty ducks and one pond. {FACT}",
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_no_fact(text: str) -> None:
    assert [c.question for c in written(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        f"{FACT} For example, a mallard eats snails.",
        f"For example, a mallard eats snails.\n\n{FACT}",
        f"For example:\n\n- A mallard eats snails.\n\n{FACT}",
        f"# Example\n\nA keeper has one pond.\n\n# Diet\n\n{FACT}",
    ],
)
def test_what_stands_beside_an_example_is_asked(text: str) -> None:
    assert SAYS + ASKED in [c.question for c in written(text)]


def test_an_example_that_began_in_the_chunk_before_is_none_either() -> None:
    text = f"Intro text.\n\nSuppose that a keeper has forty ducks. {FACT}"
    document = document_of(TITLE, text)
    assert candidates(chunk_of(document, text.index("Dabbling")), document) == []


# One row a sentence: (sentence, question, answer); nothing is asked of one without a question.
WORDED = [
    (
        "You can take up to 4 hours of pond leave per week and there are 14 weeks left until December.",
        "how many hours of pond leave can you take per week?",
        "up to 4 hours",
    ),
    (
        "If there is no printed number on the front of a card, the nest cards must contain a control number.",
        "what must the nest cards contain if there is no printed number on the front of a card?",
        "a control number",
    ),
    ("If a keeper uses a second pond, the lease agreement must protect the keeper against all theft.", "", ""),
    (
        "If a keeper uses a second pond, the county council must send a listing of all ducks.",
        "what must the county council do if a keeper uses a second pond?",
        "send a listing of all ducks",
    ),
    (
        "The new keeper may issue pond permits until the application of the council is approved.",
        "until when may the new keeper issue pond permits?",
        "until the application of the council is approved",
    ),
    (
        "The new keeper may close the duck pond if the ice is thinner than four centimetres.",
        "in what case may the new keeper close the duck pond?",
        "if the ice is thinner than four centimetres",
    ),
    ("The new keeper may close the duck pond when on official travel to eliminate the need for guards.", "", ""),
    (
        "The new keeper must close the duck pond before the council is asked to vote on permits.",
        "when must the new keeper close the duck pond?",
        "before the council is asked to vote on permits",
    ),
    ("If a keeper finds continue/ a nest, the keeper must call the county veterinarian within a day.", "", ""),
]


@pytest.mark.parametrize(("sentence", "question", "answer"), WORDED)
def test_how_a_question_is_worded(sentence: str, question: str, answer: str) -> None:
    found = [(c.question, c.answer.text) for c in written(sentence)]
    assert found == ([(SAYS + question, answer)] if question else [])


def test_a_term_of_a_glossary_has_its_article_or_none() -> None:
    entry = "- General Ledger: a detailed record of all deposits of a keeper broken down by pond."
    assert [c.question for c in written(f"Terms\n\n{entry}")] == [SAYS + "what does “General Ledger” mean?"]
    assert [c.question for c in written("- Nordlicht: a lamp that keepers use to find ducks at night.")] == [
        SAYS + "what is Nordlicht?"
    ]


def test_without_a_title_a_question_needs_a_name_or_a_term_of_the_document() -> None:
    text = "The pond warden must renew a permit before the last day of September in each year."
    path = "doj_pond_handbook.docx"
    often = " ".join("A pond warden keeps the ducks." for _ in range(12))
    for body, question in ((often, "When must the pond warden renew a permit?"), ("A warden keeps ducks.", "")):
        document = document_of("Doj pond handbook", f"{text}\n\n{body}", path=path)
        found = [c.question for c in candidates(chunk_of(document, 0, len(text)), document)]
        assert found == ([question] if question else [])


def test_a_bare_number_of_many_digits_needs_a_column_that_says_what_it_is() -> None:
    rows = "\n".join(f"Brazil | BRA | {year} | {year * 7}345678.5" for year in range(1990, 1996))
    for column, asked in (("Value", ""), ("Area in acres", "What was the Area in acres of Brazil in 1993?")):
        document = document_of("gdp", f"Country Name | Country Code | Year | {column}\n{rows}", path="gdp.csv")
        found = candidates(chunk_of(document, document.text.index("Brazil | BRA | 1993")), document)
        assert [c.question for c in found[:1]] == ([asked] if asked else [])
