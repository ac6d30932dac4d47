"""Well-formed, self-contained, not giving the answer away, answered whole: one row a case."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ragset.judges.question_form import QuestionForm
from ragset.kit.answer_debris import debris
from ragset.kit.answer_opening import opening_problems
from ragset.kit.question_form import is_english, problems
from ragset.schema.samples import Context, Draw, Message, QAPair, Sample
from ragset.schema.step import Tools

GOOD = [
    ("What does the `--seed` option of `ragset build` do?", "Fixes the order in which chunks are drawn."),
    ("In ragset, what is a chunk?", "a slice of a document with exact offsets"),
    ("According to “18F leave policy”, how many hours of leave can you carry over?", "240 hours"),
    ("How does Ruff decide which configuration file it should use for a given module?", "It takes the closest one."),
    (
        "Why might a team prefer an extractive writer when its documents are confidential?",
        "Nothing leaves the machine.",
    ),
    ("I have an index with two corpora. Which one does `ragset ingest` remove documents from?", "Only the named one."),
    ("If an employee leaves before the end of the year, what happens to their unused annual leave?", "It is paid out."),
    (
        "Which two agencies published the 2024 retail milk survey, and what did they find?",
        "FDA and USDA; no live virus.",
    ),
    ("Explain how the near-duplicate gate stays bounded in memory.", "It keeps one vector for each accepted question."),
    ("Is it possible to resume a build after it was killed?", "Yes. Replies are committed one by one."),
    ("How long does it take to pasteurize milk at 72 °C?", "15 seconds"),
    ("To whom must a chapter 13 trustee report suspected fraud?", "the United States Attorney"),
    ("Under what circumstances can Form 8843 be filed late?", "when reasonable cause is shown"),
    ("What are the differences between mergansers and dabbling ducks?", "Mergansers dive and have serrated bills."),
    ("Who founded the Duck Observatory, and when did she retire?", "Ada Lorne; in 1932"),
    ("Does `await` release the lock?", "No, the lock is held until the block ends."),
    ("What is the GDP of Switzerland in 1995?", "352835806342.4947"),
    ("What is the capital of France?", "Paris"),
    ("How should those who work part-time record holiday hours in HR Links?", "in proportion to their schedule"),
    ("Was ist ein Chunk, und wie lang darf er sein?", "ein Textstück von höchstens 254 Token"),
    ("¿Qué hace el comando ingest con los archivos dañados?", "Los cuenta como fallidos y sigue."),
    ("Quelle est la capitale de la Suisse ?", "Berne"),
    ("什么是证据跨度？", "文档中的一段原文"),
    ("What does the document id consist of?", "the corpus name and the relative path"),
    ("What is a chunk", "a slice of a document"),
    ("what is a chunk?", "a slice of a document"),
    ("A decision made by what entity restored Tesla's patents?", "Supreme Court of the United States"),
    ("Which is longer, the Nile or the Rhine?", "the Nile"),
    ("In what city did the Belleville Three attend high school?", "Belleville"),
    ("What percentage of the world's energy is provided by fossil fuels?", "85% of the world's energy"),
    ("How many phases of sequential work does HCD involve?", "four phases of sequential work"),
    ("In 1997, how many albums did Bakermat release, and who produced these albums?", "two; Jan Roos"),
    ("What is it called when a process of a system is overthrown?", "a revolution"),
    ("Other than his scientific achievements, what was Tesla famous for?", "showmanship"),
    ("Where does the brain get its energy from?", "glucose"),
    ("What can't Parliament do that causes Europe to be criticised?", "initiate legislation"),
    ("What is the company that makes the Nordlys lamp?", "Brevik"),
    ("If an employee leaves the company early, what happens to the notice?", "Thirty days are due."),
    ("Where does the word\u200b tar heel come from?", "North Carolina"),
    ("What is the name of the company the two businessmen financed?", "Tesla Electric Light"),
    ("According to “Pond Life”, what is said about experienced icemen?", "Icemen read the ice."),
    ("What evidence between and among the ponds tells of otters?", "tracks in the mud"),
    ("What was the Song of the Marsh written about?", "a heron"),
    ("What does “Pond Life” say about “Skates”?", "They should be strong."),
    ("What is 5G?", "a standard of mobile networks"),
]

BAD = [
    ("What happens if the pattern matches?", "the branch runs", "self_contained"),
    ("What does it return?", "a list of chunks", "dangling pronoun 'it'"),
    ("Why did they leave?", "the contract had ended", "dangling pronoun 'they'"),
    ("What is the purpose of this method?", "to load a set", "dangling demonstrative 'this'"),
    ("How do these settings interact with Ruff?", "the later one wins", "dangling demonstrative 'these'"),
    ("What may you do if that's not possible?", "call the help desk", "dangling demonstrative 'that'"),
    ("What does the passage say about ducks?", "they can fly well", "points at its page"),
    ("According to the text, who wrote PEP 8?", "Guido van Rossum", "points at its page"),
    ("What does this document describe?", "the leave policy", "points at its page"),
    ("What does the table show?", "population by year", "points at its page"),
    ("Which of the following is a judge in ragset?", "faithfulness", "points at its page"),
    ("What is shown in the figure below?", "a duck on ice", "points at its page"),
    ("How is the cache described above cleared?", "with a command", "points at its page"),
    ("A chunk is a slice of a document", "of at most 254 tokens", "a statement, no question"),
    ("ing what is a chunk of Ragset?", "a slice of a document", "capital"),
    ("Question: What is a chunk?", "a slice of a document", "left before it"),
    ("1. What is a chunk?", "a slice of a document", "left before it"),
    ("What is the size of the", "254 tokens", "cut short"),
    ("In the passage what colour does Ada Lorne wear?", "blue", "points at its page"),
    ("In the text, who is Ada Lorne?", "a biologist", "points at its page"),
    ("As described in this section, who is Ada Lorne?", "a biologist", "points at its page"),
    ("According to the excerpt from the book, who is Ada?", "a biologist", "points at its page"),
    ("Laut dem Text, wie hoch ist der Turm?", "70 Meter", "points at a passage"),
    ("Selon le texte, quelle est la capitale ?", "Berne", "points at a passage"),
    ("How many employees does the company have?", "300", "which 'company' is meant"),
    ("What were the main findings of the study?", "Ducks dive.", "which 'study' is meant"),
    ("What percentage of the company's revenue comes from lamps sold in other countries?", "12%", "which 'company'"),
    ("Who was excluded from the experiment?", "pregnant women", "which 'experiment' is meant"),
    ("A chunk is what a document is cut into?", "", "answer_complete: empty"),
    ("Chunks of long documents?", "slices of at most 254 tokens", "start like a question"),
    ("Get my fingerprints taken?", "at the security office", "start like a question"),
    ("What is?", "a slice of a document", "words, wanted"),
    ("What is the the default size of a Chroma batch?", "100 rows", "doubled word 'the'"),
    ("What is **Slack** used for?", "for chat in teams", "markup"),
    ("What does [Slack](http://x) do?", "carries messages", "markup"),
    ("What does &amp; mean in HTML?", "an ampersand", "markup"),
    ("What is a “chunk in ragset?", "a slice of a document", "balance"),
    ("What does `ragset build do?", "runs the whole pipeline", "balance"),
    ("What is know that `iter` in Python?", "an iterator protocol call", "two verbs"),
    ("What is\u0000 a chunk in ragset?", "a slice of a document", "printable"),
    ("What colour is the white horse of Napoleon?", "white", "gives_away"),
    ("Which species of duck, the merganser, eats fish?", "merganser", "gives_away"),
    ("What is a chunk in ragset?", "What is a chunk in ragset? It is a slice.", "gives_away"),
    ("How many phases of work does the HCD method involve?", "the HCD method involves phases of work", "gives_away"),
    ("What does the Duck Handbook list under “Diet”?", "The diet has these parts:", "ends with a colon"),
    ("How do you stream binary data in HTTPX?", "See the streaming guide.", "only points elsewhere"),
    ("What may an employee do after a transfer to GSA?", "take annual leave, sick leave and", "cut short"),
    ("What are security and compliance at TTS?", ", unsurprisingly, important issues", "starts in the middle"),
    ("What does Slack carry for a team?", "messages (and files", "balance"),
    ("Was ist ein Chunk", "ein Textstück", "question mark"),
    ("What is said about ?", "Icemen read the ice.", "does not say what it asks about"),
    ("According to “Pond Life”, what is said about ?", "Icemen read the ice.", "does not say what it asks about"),
    ("According to “Pond Life”, what is said?", "Icemen read the ice.", "does not say what it asks about"),
    ("Is there a link between , Ada and the pond?", "Ada dug it.", "does not say what it asks about"),
    ("How do and differ in winter?", "One freezes first.", "does not say what it asks about"),
    ("What is said about skates in “Pond Life”?", "But all skates are strong.", "opens with 'But'"),
]


@pytest.mark.parametrize(("question", "answer"), GOOD)
def test_good_pairs_pass(question: str, answer: str) -> None:
    assert problems(question, answer) == []


@pytest.mark.parametrize(("question", "answer", "reason"), BAD)
def test_bad_pairs_are_named(question: str, answer: str, reason: str) -> None:
    assert reason in "; ".join(problems(question, answer))


def test_an_unanswerable_question_is_judged_by_its_wording_only() -> None:
    assert problems("What does the Duck Handbook say about swans on Mars?", None) == []


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("What is a chunk?", True),
        ("Does `x` run?", True),
        ("Was ist ein Chunk?", False),
        ("Que fait cette commande ?", False),
        ("Qual é a capital do Brasil?", False),
        ("Cosa sono le prove?", False),
        ("In welchem Jahr wurde Apollo 11 gestartet?", False),
        ("In welk jaar was de slag bij Waterloo?", False),
        ("Hvad er hovedstaden i Danmark?", False),
        ("Co to jest inflacja?", False),
        ("Mikor épült a torony?", False),
        ("On peut payer en ligne ?", False),
        ("In which year was Apollo 11 launched?", True),
    ],
)
def test_language(text: str, english: bool) -> None:
    assert is_english(text) is english


def _sample(question: str, answer: str | None, **more: Any) -> Sample:
    payload = QAPair(question=question, answer=answer, answerable=answer is not None)
    return Sample(id="s", scenario_id="c", payload=payload, contexts=(), evidence=(), **more)


async def test_the_judge_writes_a_verdict_with_every_reason() -> None:
    draw = Draw(
        number=0, samples=(_sample("What does it do?", "See it."), _sample("What is the Slack tool for?", "for chats"))
    )
    judged = (await QuestionForm(min_words=5).apply(draw, Tools())).samples
    bad, good = judged
    assert bad.status == "rejected"
    assert bad.verdicts[0].judge == "question_form"
    assert "self_contained" in bad.verdicts[0].reason
    assert "well_formed" in bad.verdicts[0].reason
    assert good.status == "open"
    assert good.verdicts[0].passed is True


async def test_rejected_samples_are_passed_by_unless_all_scores_are_asked_for() -> None:
    draw = Draw(number=0, samples=(_sample("What is Slack?", "a chat tool", status="rejected"),))
    assert (await QuestionForm().apply(draw, Tools())).samples[0].verdicts == ()
    assert len((await QuestionForm(all_scores=True).apply(draw, Tools())).samples[0].verdicts) == 1


@pytest.mark.parametrize(
    ("question", "answer", "labels", "reason"),
    [
        ("ragset build seed option", "It fixes the order of draws.", {"style": "keyword"}, ""),
        ("ragset build seed option", "It fixes the draws.", {}, ""),
        ("ragset build seed option", "It fixes the draws.", {"style": "plain"}, "question mark"),
        ("The seed of the ragset build", "It fixes the draws.", {}, "a statement, no question"),
        ("seed", "`--seed`", {"style": "keyword"}, "1 words"),
        ("hey, any idea where ragset keeps its cache", "in the user folder", {"style": "conversational"}, ""),
        ("waht does the seed of ragset fix?", "the order of the draws", {"style": "misspelt"}, ""),
        ("waht does the seed of ragset fix?", "the order of the draws", {"style": "plain"}, "like a question"),
        ("What about it in winter?", "Twelve metres", {"history": True}, ""),
        ("What about it in winter?", "Twelve metres", {}, "dangling pronoun"),
        ("Which is longer, the Nile or the Rhine?", "the Nile", {"question_type": "comparison"}, ""),
        ("Which river, the Nile, is the longest?", "the Nile", {"question_type": "fact"}, "gives_away"),
        ("Kann ragset einen Lauf fortsetzen?", "Ja, der Lauf wird fortgesetzt.", {"question_type": "yes_no"}, ""),
        ("Was kann it leisten?", "Es zählt Wörter.", {"language": "de"}, ""),
        ("Was sagt Passage 2 über Ebbe?", "Sie dauert sechs Stunden.", {"language": "de"}, "points at a passage"),
        ("How long is the ebb of the bay?", "Passage 1 says six hours.", {}, "points at a passage"),
        ("¿Cuánto mide el muelle", "300 metros", {"language": "es"}, "question mark"),
        ("Wie lang ist die Mole der Stadt?", "Die Mole der Stadt ist", {"language": "de"}, "gives_away"),
        ("Wann wurde die Brücke von Nordhaven gebaut?", "1902", {"language": "en"}, "it is in German, not in English"),
        ("Quand le pont de Nordhaven a-t-il été construit ?", "1902", {"language": "en"}, "it is in French"),
        ("¿Cuándo se construyó el puente de Nordhaven?", "1902", {"language": "en"}, "it is in Spanish"),
        ("When was the bridge of Nordhaven built?", "1902", {"language": "de"}, "it is in English, not in German"),
        ("What is Schadenfreude?", "joy at another's harm", {"language": "en"}, ""),
        ("Who directed “Le Fabuleux Destin d'Amélie Poulain”?", "Jean-Pierre Jeunet", {"language": "en"}, ""),
    ],
)
async def test_the_rules_follow_style_type_and_language(
    question: str, answer: str, labels: dict[str, Any], reason: str
) -> None:
    axes = {name: value for name, value in labels.items() if name in ("style", "language")}
    sample = _sample(question, answer, axes=axes, question_type=labels.get("question_type"))
    if labels.get("history"):
        turns = (Message(role="user", content="How high is the tide?"), Message(role="assistant", content="12 m."))
        sample = sample.model_copy(update={"payload": sample.payload.model_copy(update={"history": turns})})
    verdict = (await QuestionForm().apply(Draw(number=0, samples=(sample,)), Tools())).samples[0].verdicts[0]
    assert verdict.passed is not bool(reason)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("question", "context", "passed"),
    [
        ("In welchem Jahr wurde Apollo 11 gestartet?", "Die Rakete wurde im Jahr 1969 von der NASA gestartet.", True),
        ("Hvad er hovedstaden i Danmark?", "", True),
        ("Πότε χτίστηκε ο πύργος;", "", True),
        ("Ποιος είναι ο πύργος", "", False),
        ("หอคอยสร้างเมื่อไหร่", "", True),
        ("塔はいつ建てられましたか。", "", True),
        ("塔は千九百年に建てられました。", "", False),
        ("What does the mole cost;", "", False),
        ("The mole of the town.", "", False),
    ],
)
async def test_a_set_without_a_language_axis_is_read_in_its_own_language(
    question: str, context: str, passed: bool
) -> None:
    contexts = (Context(chunk_id="c", document_id="d", text=context),) if context else ()
    sample = _sample(question, "1969").model_copy(update={"contexts": contexts, "axes": {"style": "plain"}})
    verdict = (await QuestionForm().apply(Draw(number=0, samples=(sample,)), Tools())).samples[0].verdicts[0]
    assert verdict.passed is passed, verdict.reason


def test_on_labelled_pairs_hardly_a_good_one_is_lost(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "data" / "extractive_labels.jsonl").read_text("utf-8").splitlines()]
    found = [(row["keep"], bool(problems(row["question"], row["answer"]))) for row in rows]
    assert sum(refused for keep, refused in found if keep) <= 3
    assert sum(refused for keep, refused in found if not keep) >= 12


@pytest.mark.parametrize("text", ["a " * 40_000, "“" * 40_000, "| " * 40_000, "x, " * 40_000, "„" * 40_000])
@pytest.mark.parametrize("asked", [True, False])
def test_a_degenerate_reply_is_looked_at_in_no_time(text: str, asked: bool) -> None:
    question, answer = (text, "He is made of ice.") if asked else ("What is said about ice?", text)
    problems("a " * 100, "a " * 100)  # loads what tells languages
    for check in (problems, opening_problems, debris):
        began = time.process_time()
        list(check(question, answer))
        assert time.process_time() - began < 0.5, check.__name__
