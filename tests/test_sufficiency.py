"""The hard facts of an answer are found in its evidence however they are written; a wrong citation is not taken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ragset.kit.hard_facts import Number, has_number, months, names, numbers
from ragset.kit.measures import sentences
from ragset.kit.number_words import in_words
from ragset.kit.sufficiency import lacking, proof_of

ENOUGH = [
    ("How many ducks are there?", "12,000", "The bay has 12000 ducks."),
    ("How many ducks are there?", "twelve thousand", "The bay has 12 000 ducks."),
    ("How many people live there?", "5 million", "It had 5,000,000 inhabitants."),
    ("How many people live there?", "about 5.2 million", "It had 5,217,034 inhabitants."),
    ("How long is it?", "about 300 metres", "The pier measures 312 metres."),
    ("How wide is it?", "3.5 m", "It is 3,5 m wide."),
    ("How large is the share?", "twenty-five percent", "The share is 25 %."),
    ("What does it cost?", "$4.50", "A ticket costs USD 4.50."),
    ("When was it built?", "on 5 May 2019", "It was built on 2019-05-05."),
    ("When was it built?", "2019-05-05", "It was built on May 5th, 2019."),
    ("When was it built?", "in the nineteenth century", "It is of the 19th century."),
    ("Which parts are there?", "three parts: the head, the neck and the tail", "It has a head, a neck and a tail."),
    ("How many years did it last?", "3 years", "It began in 1990 and ended in 1993."),
    ("How much more does it weigh than the other?", "20 kg more", "One weighs 120 kg, the other 100 kg."),
    ("Who founded it?", "Ada Lorne", "It was founded by ada lorne."),
    ("Who founded it?", "Töregene", "It was founded by Toregene."),
    ("Where is it?", "in Germany", "It stands in a German town."),
    ("Who says so?", "the WHO", "The World Health Organization says so."),
    ("Who says so?", "the World Health Organization", "The WHO says so."),
    ("Where is it?", "in the US", "It is in the U.S. state of Maine."),
    ("What did Ada Lorne found?", "Ada Lorne founded the observatory.", "She founded the observatory."),
    ("What happens?", "The lock is not released.", "The lock is kept until the block ends."),
    ("What is not allowed?", "It is not allowed to smoke.", "Smoking is forbidden."),
    ("Is it long?", "Yes, it is 300 metres long.", "It is 300 metres long."),
    ("Is it long?", "Yes it is.", "The pier has a length of 300 metres."),
    ("Does it float?", "No, it does not float.", "It sinks."),
    ("Is it open?", "No.", "The pier is closed."),
    ("How long are files kept?", "No more than 30 days.", "Files are kept for at most 30 days."),
    ("What does it do?", "It increases the speed of ships.", "Ships speed up."),
    ("Wie hoch ist der Turm?", "Der Leuchtturm ist 70 Meter hoch.", "Das Bauwerk misst 70 Meter in der Höhe."),
    (
        "What are the steps?",
        "1. Open the box.\n2. Lift the lamp.\n7. Plug it in.",
        "Open the box, lift the lamp, plug it in.",
    ),
]
LACKING = [
    ("How many ducks are there?", "13,000", "The bay has 12000 ducks.", "the number 13,000"),
    ("When was it built?", "1902", "The pier was built in 1903.", "the number 1902"),
    ("When was it built?", "in 2020", "The pier was built in 2019.", "the number 2020"),
    ("When was it built?", "in May 2019", "The pier was built in June 2019.", "the month"),
    ("How many parts are there?", "four parts", "It has a head, a neck and a tail.", "the number four"),
    ("How old is he?", "39", "He is 38.", "the number 39"),
    ("Who founded it?", "Jan Roos", "It was founded by Ada Lorne.", "the name"),
    ("Who founded it?", "It was founded by Ada Lorne.", "It employs many people and was founded early.", "the name"),
    ("What happens?", "The lock is not released.", "The lock is released when the block ends.", "its 'not'"),
    ("How is it cooked?", "by boiling water in a kettle", "The harbour is closed.", "what is answered"),
    ("Wie hoch ist der Turm?", "Der Turm ist 71 Meter hoch.", "Der Turm ist 70 Meter hoch.", "the number 71"),
    ("Is it long?", "Yes, it is 300 metres long.", "It is long.", "the number 300"),
    ("May a file be large?", "Yes, up to 500 MB, says Globex.", "Each file may have 50 MB.", "the name globex"),
    ("Since when is it open?", "Yes, since May 2019.", "It is open since June 2019.", "the month"),
    ("How long are files kept?", "No more than 90 days.", "Files are kept for 30 days.", "the number 90"),
    ("Who makes it?", "Da Vinci Corp, since 1999.", "The Acme Corp has made it since 1998.", "the number 1999"),
]
TOLD_OTHERWISE = [
    ("de", "Wie lange?", "3 Jahre.", "Die Frist beträgt drei Jahre."),
    ("de", "Wie lange?", "Drei Jahre.", "Die Frist beträgt 3 Jahre."),
    ("de", "Wie viele Tage?", "25", "Es sind fünfundzwanzig Tage."),
    ("de", "Wie viele Einwohner?", "Rund 1.500 Einwohner.", "Der Ort hat 1500 Einwohner."),
    ("de", "Wie hoch ist der Preis?", "Er beträgt 1.234,50 Euro.", "Der Preis liegt bei 1 234,50 Euro."),
    ("de", "Wann?", "Am 3. Mai 2020.", "Die Feier fand am 03.05.2020 statt."),
    ("de", "Wann?", "Am 03.05.2020.", "Die Feier fand am 3. Mai 2020 statt."),
    ("de", "Ist es erlaubt?", "Ja, bis 30 Tage.", "Es ist bis 30 Tage erlaubt."),
    ("fr", "Combien de temps ?", "3 ans.", "Le délai est de trois ans."),
    ("fr", "Combien d'habitants ?", "Environ trois millions d'habitants.", "La ville compte 3 000 000 d'habitants."),
    ("fr", "Combien ?", "3 millions d'habitants", "La ville compte trois millions d'habitants."),
    ("fr", "Quand ?", "Au 19e siècle.", "Elle date du XIXe siècle."),
    ("es", "¿Cuántos habitantes tiene?", "Tiene 3 millones.", "La ciudad tiene 3.000.000 de habitantes."),
    ("es", "¿Qué país ganó?", "Ganó España.", "El equipo de España venció en la final."),
    ("it", "Quanti abitanti?", "Circa 1.500 abitanti", "Il paese ha 1500 abitanti."),
    ("pl", "Kto napisał?", "Napisał to Henryk Sienkiewicz.", "Powieść Henryka Sienkiewicza ukazała się w 1896."),
    ("ru", "Сколько?", "3 года.", "Срок составляет три года."),
    ("hi", "कितना?", "3 साल", "अवधि तीन साल है।"),
    ("th", "กี่ปี", "3 ปี", "ระยะเวลาสามปี"),
    ("zh", "多久？", "6个月", "试用期为六个月。"),
    ("zh", "多少人？", "约3万人", "共有30,000人。"),
    ("ja", "期間は？", "3年です。", "期間は三年です。"),
    ("ko", "얼마나?", "3개월", "수습 기간은 3개월이다."),
]
ALTERED_ELSEWHERE = [
    ("de", "Wie viele?", "4.000 Einwohner.", "Der Ort hat 3.000 Einwohner.", "4.000"),
    ("de", "Wie lange?", "15 Tage.", "Die Frist beträgt 25 Tage.", "15"),
    ("de", "Wie lange?", "15 Tage.", "Die Frist beträgt fünfundzwanzig Tage.", "15"),
    ("de", "Wie lange?", "5 Jahre.", "Die Frist beträgt drei Jahre.", "5"),
    ("de", "Wann?", "Am 4.5.2020.", "Die Feier fand am 3. Mai 2020 statt.", "4.5.2020"),
    ("de", "Ist es erlaubt?", "Ja, bis 90 Tage.", "Es ist bis 30 Tage erlaubt.", "90"),
    ("fr", "Combien ?", "4 millions.", "La ville compte 3 000 000 d'habitants.", "4 millions"),
    ("fr", "Qui l'a fondé ?", "Il a été fondé par Jan Roos.", "Il a été fondé par Ada Lorne.", "the name roos"),
    ("ru", "Сколько?", "5 лет.", "Срок составляет три года.", "5"),
    ("th", "กี่ปี", "3 ปี", "ระยะเวลา 5 ปี", "3"),
    ("zh", "多久？", "5个月", "试用期为六个月。", "5"),
    ("zh", "多久？", "15天", "员工每年有二十五天假期。", "15"),
    ("zh", "哪年？", "1998年", "公司成立于1989年。", "1998"),
    ("zh", "可以吗？", "可以，最多90天。", "最多可以保存30天。", "90"),
]


def _lacking(question: str, answer: str, evidence: str) -> list[str]:
    return list(lacking(question, answer, proof_of([(evidence, 0, len(evidence))])))


@pytest.mark.parametrize(("question", "answer", "evidence"), ENOUGH)
def test_what_says_the_same_is_enough(question: str, answer: str, evidence: str) -> None:
    assert _lacking(question, answer, evidence) == []


@pytest.mark.parametrize(("question", "answer", "evidence", "what"), LACKING)
def test_what_is_lacking_is_named(question: str, answer: str, evidence: str, what: str) -> None:
    assert what in "; ".join(_lacking(question, answer, evidence))


@pytest.mark.parametrize(("code", "question", "answer", "evidence"), TOLD_OTHERWISE)
def test_other_languages_write_numbers_and_openings_in_their_own_way(
    code: str, question: str, answer: str, evidence: str
) -> None:
    proof = proof_of([(evidence, 0, len(evidence))])
    assert list(lacking(question, answer, proof, code=code)) == []


@pytest.mark.parametrize(("code", "question", "answer", "evidence", "what"), ALTERED_ELSEWHERE)
def test_an_altered_fact_is_found_in_other_languages(
    code: str, question: str, answer: str, evidence: str, what: str
) -> None:
    proof = proof_of([(evidence, 0, len(evidence))])
    assert what in "; ".join(lacking(question, answer, proof, code=code))


@pytest.mark.parametrize(
    ("code", "text", "values"),
    [
        ("de", "drei Jahre, fünfundzwanzig Tage, dreihundertvier, zweitausend, zwei oder drei", {2, 3, 25, 304, 2000}),
        ("fr", "trente-cinq; quatre-vingt-dix-sept, soixante et onze, trois mille deux cents", {35, 71, 97, 3200}),
        ("es", "treinta y cinco, veinticinco, doscientos, dos mil quince", {25, 35, 200, 2015}),
        ("it", "venticinque, trecento, tre milioni", {25, 300, 3_000_000}),
        ("nl", "vijfentwintig", {25}),
        ("da", "femogtyve", {25}),
        ("id", "dua belas tahun", {12}),
        ("tr", "on beş yıl", {15}),
        ("ru", "двадцать пять", {25}),
        ("ar", "خمسة وعشرون", {25}),
        ("ja", "三百万、二〇一九、一千二百", {3_000_000, 2019, 1200}),
    ],
)
def test_number_words_of_other_languages(code: str, text: str, values: set[int]) -> None:
    assert in_words(text, code) == values


def test_number_words_of_a_language_without_a_table_are_unknown() -> None:
    assert in_words("სამი წელი", "ka") is None


TEXT = (
    "Ada Lorne was a biologist. She founded the observatory in 1902. It has 40 rooms.\n\n"
    "| Year | Visitors |\n| 1990 | 12 |"
)


def test_a_quote_stands_for_its_sentence_and_a_pronoun_for_the_one_before() -> None:
    at = TEXT.index("the observatory")
    proof = proof_of([(TEXT, at, at + 15)])
    assert proof.cited == "She founded the observatory in 1902."
    assert list(lacking("When was it founded?", "Ada Lorne founded it in 1902.", proof)) == []
    assert list(lacking("How large is it?", "40 rooms", proof)) != []


def test_a_row_of_a_table_has_its_head() -> None:
    at = TEXT.index("12 |")
    assert "Visitors" in proof_of([(TEXT, at, at + 2)]).cited


def test_headings_name_what_the_evidence_is_about() -> None:
    proof = proof_of([("It was built in 1902.", 0, 21)], ["Nordhaven Pier"])
    assert list(lacking("When was it built?", "The Nordhaven pier was built in 1902.", proof)) == []


def test_figures_only_are_compared_between_languages() -> None:
    text = "Der Turm der Stadt wurde im Jahr 1902 gebaut und ist aus Holz."
    proof = proof_of([(text, 0, len(text))])
    assert list(lacking("When was it built?", "The tower was built in 1902 by the Town.", proof, code="en")) == []
    assert list(lacking("When was it built?", "The tower was built in 1903.", proof, code="en")) == ["the number 1903"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234,567.5", [1234567.5]),
        ("1.234.567,5", [1234567.5]),
        ("two hundred and five", [205.0]),
        ("twenty-five thousand", [25000.0]),
        ("3.5 million", [3.5e6]),
        ("the 21st", [21.0]),
        ("version 1.2.3", [1.0, 2.0, 3.0]),
        ("no number", []),
        ("nineteen eighty", [19.0, 80.0]),
        ("one", []),
    ],
)
def test_numbers_are_read(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers(text)] == values


def test_years_are_never_rounded() -> None:
    assert not has_number(numbers("2020")[0], numbers("2019"))
    assert not has_number(numbers("1900")[0], numbers("1896"))
    assert has_number(Number(1200.0, "1,200", 2), numbers("1234"))


def test_months_and_names_are_read() -> None:
    assert months("in May, or march on 2019-11-02") == {5, 11}
    assert names("We met Ada Lorne of the UNESCO. However, Yes.") == ("ada", "lorne", "unesco")


def test_human_pairs_are_hardly_lost_and_wrong_citations_are_found(shared: Path) -> None:
    lines = (shared / "data" / "dev" / "xquad_en.jsonl").read_text("utf-8").splitlines()
    lost = wrong = caught = 0
    for row in map(json.loads, lines[:300]):
        text, answer, at = row["context"], row["gold"][0], row["answer_start"]
        lost += bool(list(lacking(row["question"], answer, proof_of([(text, at, at + len(answer))]))))
        other = next((s for s in sentences(text) if not re.search(re.escape(answer), s, re.IGNORECASE)), None)
        if other:
            wrong += 1
            start = text.index(other)
            caught += bool(list(lacking(row["question"], answer, proof_of([(text, start, start + len(other))]))))
    assert lost <= 5
    assert caught >= 0.85 * wrong
