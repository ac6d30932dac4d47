"""Whole answers pass; cut ones, refusals, pointers, leftovers, copies and the wrong language do not: one row a case."""

from __future__ import annotations

import pytest

from conftest import make_chunk, make_sample
from ragset.judges.answer_form import AnswerForm
from ragset.kit.answer_form import copies, incomplete, refuses
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample
from ragset.schema.step import Tools

LONG = " ".join(f"The harbour of Nordhaven has pier {at}, and it was built of oak." for at in range(12))

GOOD = [
    ("Which vitamin is it?", "vitamin A"),
    ("How do you unpack it?", "1) open the box; 2) lift the lamp; 3) plug it in."),
    ("Which command clears the cache?", "`ragset cache --clear (all)`"),
    ("Which file is ignored?", ".gitignore"),
    ("How is the play titled?", "“The Way of the World”"),
    ("How long is the pipe?", '12" of steel'),
    ("Is data sent anywhere?", "No. No information leaves the machine."),
    ("What do you need to travel?", "someone to talk to"),
    ("What lies between the hills?", "the village they come from"),
    ("What does the spec say of smileys?", "They are allowed :)"),
    ("What did he find?", "the subunits, the cells and the membranes;"),
    ("Who is the author?", "Ada Lorne; see also her brother."),
    ("What is the default of `cap`?", "none, which means no cap"),
    ("What should skates be like?", "They should be strong."),
    ("What is necessary on ice?", "It is necessary to wear skates on ice."),
    ("How long does the walk to the pond take?", "It takes an hour to walk to the pond."),
    ("Why is the pond closed?", "It is closed because the pond is frozen."),
    ("According to “Pond Life”, what should skates be like?", "They should be strong."),
    ("What is said about Ada Lorne?", "She read the ice as others read a book."),
    ("What may a keeper do in winter?", "He may close the pond."),
    ("What does the county council do?", "They close the ponds."),
    ("What is ice made of?", "It is frozen water."),
    ("What happens to ducks on ice?", "These birds slide."),
    ("how old was ada lorne when she died", "he was ninety"),
    ("What happens when the ice melts?", "If a skater stays on it, he falls in."),
    ("Which play opened the season?", "And Then There Were None"),
    ("What did the queen say?", "“But I never skate.”"),
    ("What is the sign called?", "and"),
    ("What is `fit` annotated with?", "int | str | None"),
    ("How do you count the lines?", "cat ponds.txt | sort | uniq -c"),
    ("Which years are listed?", "1990 | 1991 | 1992"),
    ("Which ponds are the largest?", "Name | Acres | Depth\n--- | --- | ---\nMarsh | 12 | 3\nTern | 9 | 4"),
    ("What is the address of the office?", "12, Smith Street, 1000, Brussels"),
    ("When was the boat found?", "It was retrieved on May 5, 2004."),
    ("Which source is cited for the stamps?", "Ducks on postage stamps Archived 2013-05-13 at the Wayback Machine"),
    ("What does a chairperson do at a meeting?", "She opens it."),
    ("How does an electrician test a socket?", "He measures the voltage."),
    ("What must a pedestrian do at a red light?", "They must wait."),
    ("How does an immigrant apply?", "He files form I-485."),
    ("What does a consultant earn at first?", "They earn 3,000 euros."),
    ("How did the accused react?", "He fled to France."),
    ("What did the plaintiff claim?", "That on two occasions he had been misled."),
    ("What does a guardian sign?", "He signs the form."),
    ("What do firemen wear?", "They wear helmets."),
    ("Why do salmon swim upstream?", "They return to spawn."),
    ("What is said about trout in winter?", "They hide under the ice."),
    ("How are shrimp caught?", "They are netted at night."),
    ("Where are the aircraft kept?", "They stand in a hangar."),
    ("Why do zebu need shade?", "They suffer in the sun."),
    ("What are the masses of the proton and the neutron in u?", "Proton 1.00727, neutron 1.00866"),
    ("What is the mass of the proton and of the neutron?", "Proton 1.00727 neutron 1.00866"),
    ("What are the coordinates of Abuja?", "Latitude 9.0579, longitude 7.4951"),
    ("What are the coordinates of Abuja?", "Latitude, 9.0579, longitude, 7.4951"),
    ("Wie lauten die Koordinaten von Abuja?", "Breite 9.0579, Länge 7.4951"),
    ("What were the EUR/USD rates on Monday and Tuesday?", "Monday 1.0842, Tuesday 1.0857"),
    ("At noon, what were the EUR/USD rates?", "Monday 1.0842 Tuesday 1.0857"),
    ("Wo finde ich das Formular?", "Unter https://www.amt.de und https://www.bund.de."),
    ("Unde găsesc formularul?", "La https://www.amt.ro și https://www.stat.ro."),
    ("Welche Farben hat die Flagge?", "Blau | Gelb | Rot"),
    ("Which mirrors can be used?", "https://a.org/x and https://b.org/y"),
    (
        "How do I install ragset?",
        "Run `pip install ragset`; see https://a.org and https://b.org for details.",
    ),
    ("Which paper introduced transformers?", "Attention Is All You Need (arXiv:1706.03762)"),
    ("What shows ducks?", "The stamps of five islands in the north show ducks (ISBN 3-518-12345)."),
    ("What does the caret match?", "^ matches the start"),
]

BAD = [
    ("What are the steps?", "The steps are:", "ends with a colon and lacks its list"),
    ("What are the steps?", "The steps include", "introduces a list and lacks it"),
    ("What are the steps?", "The steps are as follows", "introduces a list and lacks it"),
    ("Who owns it?", "It is owned by the", "cut short"),
    ("Who owns it?", "Ada Lorne, Jan Roos and", "cut short"),
    ("Who owns it?", "It is owned by Ada Lo...", "cut short"),
    ("Who owns it?", ", which is owned by Ada", "starts in the middle"),
    ("Who owns it?", "Ada Lorne (the biologist", "do not balance"),
    ("Which values are allowed?", "The values are listed in the table below.", "points at what is not in it"),
    ("Which values are allowed?", "See the configuration page.", "only points elsewhere"),
    ("Which values are allowed?", " … ", "empty"),
    ("Who owns it?", "I don't know.", "it declines"),
    ("Who owns it?", "I'm sorry, I cannot answer that.", "it declines"),
    ("Who owns it?", "The context does not mention who owns it.", "it declines"),
    ("Who owns it?", "Not mentioned in the provided context.", "it declines"),
    ("Who owns it?", "There is no information about the owner in the passage.", "it declines"),
    ("Who owns it?", "As an AI language model, I have no access to that.", "it declines"),
    ("Who owns it?", "It is not specified in the text.", "it declines"),
    ("Who owns it?", "N/A", "it declines"),
    ("Who owns it?", "Ada<br>Lorne", "markup is left in it"),
    ("Who owns it?", "Answer: Ada Lorne", "a label is left before it"),
    ("Who owns the harbour?", "Who owns the harbour", "the answer is the question"),
    ("What is said of the harbour?", LONG, "of its passage"),
    ("What does the iceman do?", "But if all goes well, he makes his second operation.", "opens with 'But'"),
    ("What is said about the rink and the sun?", "It keeps the sun off the rink.", "'It' stands for nothing"),
    ("What is said about Old English ened?", "This word replaced the Old English ened.", "'This' stands for nothing"),
    ("What does the iceman do?", "However, he floods the rink.", "opens with 'However'"),
    ("What is said about strength in winter?", "They should therefore be strong.", "'They' stands for nothing"),
    ("According to “Ponds and Skates”, what is said about strength?", "They should be strong.", "'They' stands for"),
    ("What is said about the second operation?", "If all goes well, he makes it.", "'he' stands for nothing"),
    ("When is the ice good?", "She likes it best in March.", "'She' stands for nothing"),
    ("What is said about depth?", "These freeze first.", "'These' stands for nothing"),
    ("What happens then?", "This breaks at once.", "'This' stands for nothing"),
    ("What was the GDP of India in 2020?", "India | IND | 2020 | 2674851578586.8647", "a raw row of a table"),
    ("What was the GDP of India in 2020?", "India IND 2020 2674851578586.8647", "a raw row of a table"),
    ("What was the GDP of India in 2020?", "India, IND, 2020, 2674851578586.8647", "a raw row of a table"),
    ("Which values are given?", "India | IND | 2020 | 2674851578586.8647", "a raw row of a table"),
    ("What does `--seed` do?", "`--seed` | 0 | Seed of the draws", "a raw row of a table"),
    ("How deep is the Marsh pond?", "Marsh 12 3 1902 Tern 9 4 1911 Brill 7 2 1920", "a raw row of a table"),
    ("What shows ducks?", "Ducks on postage stamps Archived 2013-05-13 at the Wayback Machine", "a reference"),
    ("What eats fish?", "Lorne, A. Fish eaters. doi:10.1000/182", "a reference"),
    ("What is a duck?", "https://a.example/duck https://b.example/duck", "a reference"),
    ("What is said about the median in winter?", "He is low.", "'He' stands for nothing"),
    ("What is said about obsidian?", "She is black.", "'She' stands for nothing"),
    ("What must you do about frost?", "They must wait.", "'They' stands for nothing"),
    ("How deep is the Marsh pond?", "Marsh, 12, 3.00457, 1902", "a raw row of a table"),
    ("Wie tief ist der Teich?", "Marsch | 12 | 3\nTern | 9 | 4", "a raw row of a table"),
    ("What eats fish?", "^ Lorne, A. (1990). Fish eaters of the northern ponds and lakes.", "a reference"),
    ("What is a duck?", "Ducks: https://a.example/duck and https://b.example/duck", "a reference"),
]


def _sample(question: str, answer: str | None, context: str = LONG, **more: object) -> Sample:
    chunk = make_chunk(text=context)
    quote = context.split(".")[0]
    evidence = (Evidence(document_id=chunk.document_id, version="v1", start=0, end=len(quote), quote=quote),)
    payload = QAPair(question=question, answer=answer, answerable=answer is not None)
    base = make_sample(0, question, chunk)
    return base.model_copy(
        update={"payload": payload, "evidence": evidence, "contexts": (Context.of(chunk),), "axes": {}, **more}
    )


async def _judged(sample: Sample, **fields: bool) -> Sample:
    return (await AnswerForm(**fields).apply(Draw(number=0, samples=(sample,)), Tools())).samples[0]


@pytest.mark.parametrize(("question", "answer"), GOOD)
async def test_good_answers_pass(question: str, answer: str) -> None:
    sample = await _judged(_sample(question, answer))
    assert sample.verdicts[-1].reason == ""
    assert sample.status == "open"


@pytest.mark.parametrize(("question", "answer", "reason"), BAD)
async def test_bad_answers_are_named(question: str, answer: str, reason: str) -> None:
    sample = await _judged(_sample(question, answer))
    assert sample.status == "rejected"
    assert reason in sample.verdicts[-1].reason


async def test_an_unanswerable_question_has_no_answer_to_look_at() -> None:
    verdict = (await _judged(_sample("Who owns the moon of Nordhaven?", None))).verdicts[-1]
    assert (verdict.passed, verdict.reason) == (None, "unanswerable: there is no answer")


async def test_an_answerable_question_without_an_answer_is_rejected() -> None:
    sample = _sample("Who owns it?", "x")
    empty = sample.model_copy(update={"payload": QAPair(question="Who owns it?", answer=None)})
    assert "empty" in (await _judged(empty)).verdicts[-1].reason


def test_what_a_quote_says_is_no_refusal() -> None:
    assert refuses("Not specified in the document.") != ""
    assert refuses("none", ["The default is None."]) == ""
    assert refuses("Unknown", ["The cause is unknown."]) == ""


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("die Mole wurde im Jahr gebaut und ist aus dem Holz der alten Eichen", True),
        ("the pier was built in that year of the wood of old oaks", False),
        ("near Millingen aan de Rijn", False),  # a name
    ],
)
async def test_the_answer_is_in_the_language_of_its_question(answer: str, wrong: bool) -> None:
    sample = await _judged(_sample("When was the pier of the harbour built, and of what?", answer))
    assert (sample.status == "rejected") is wrong
    assert (await _judged(_sample("When was the pier of it built?", answer), language=False)).status == "open"


def test_an_answer_in_the_language_of_a_foreign_question_is_right() -> None:
    assert list(incomplete("die Mole wurde im Jahr 1902 gebaut und ist aus Holz", english=False)) == []


def test_a_long_answer_that_leaves_most_of_a_longer_passage_out_is_no_copy() -> None:
    half = " ".join(LONG.split()[: len(LONG.split()) // 2])
    assert copies("What is said?", half, [LONG]) == ""
    assert copies("What is said?", "pier 3", ["pier 3"]) == ""
