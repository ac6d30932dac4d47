"""Contraries of questions: limits in whatever words, scales, and words with and without un-."""

from __future__ import annotations

import time

import pytest

from ragset.kit.bounds import contrary, same_bounds, unbounded

ASKED = "How do you request {} of leave?"
APART = [
    ("over 80 hours", "80 hours or less"),
    ("more than 80 hours", "up to 80 hours"),
    ("more than 80 hours", "80 or fewer hours"),
    ("at least 80 hours", "under 80 hours"),
    ("eighty hours or more", "fewer than 80 hours"),
    ("80+ hours", "at most 80 hours"),
    (">80 hours", "≤ 80 hours"),
    ("no more than 80 hours", "more than 80 hours"),
    ("no more than 80 hours", "no less than 80 hours"),
    ("a maximum of 80 hours", "a minimum of 80 hours"),
    ("80 hours and above", "below 80 hours"),
    ("over $80", "under $80"),
    ("amounts exceeding $5,000", "amounts of $5,000 or less"),
    ("amounts over the limit", "amounts up to the limit"),
    ("leave after 2 May", "leave before 2 May"),
    ("refundable days", "non-refundable days"),
    ("paid days for older staff", "paid days for younger staff"),
]
ALIKE = [
    ("more than 80 hours", "over 80 hours"),
    ("more than 80 hours", "80 hours or more"),
    ("80 hours or less", "up to 80 hours"),
    ("80 hours or less", "no more than 80 hours"),
    ("at most 80 hours", "not more than 80 hours"),
    ("at least 80 hours", "no less than 80 hours"),
    ("80+ hours", "eighty hours or more"),
    ("over 3 years", "within 3 years"),
    ("the past 30 days", "up to 30 days"),
    ("over the last 30 days", "within the last 30 days"),
    ("80 min", "80 minutes"),
    ("80 hours", "over 90 hours"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_contraries_tell_questions_apart(one: str, other: str) -> None:
    mine, theirs = ASKED.format(one), ASKED.format(other)
    assert contrary(mine, theirs)
    assert contrary(theirs, mine)
    assert not same_bounds(mine, theirs)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_the_same_limit_in_other_words_does_not(one: str, other: str) -> None:
    mine, theirs = ASKED.format(one), ASKED.format(other)
    assert contrary(mine, theirs) == contrary(theirs, mine) == ""


def test_a_denial_elsewhere_leaves_it_open() -> None:
    assert contrary("Who must not work more than 8 hours?", "Who may work at most 8 hours?") == ""


def test_the_words_of_a_bound_are_taken_out() -> None:
    one, other = ASKED.format("80 hours or less"), ASKED.format("no more than 80 hours")
    assert same_bounds(one, other)
    assert unbounded(one).split() == unbounded(other).split()
    assert unbounded("Who was Ada Berg?") == "Who was Ada Berg?"
    assert not same_bounds("Who was Ada Berg?", "Who was Ada Berg?")


def test_a_reason_names_both() -> None:
    assert contrary(ASKED.format("over 80 hours"), ASKED.format("80 hours or less")) == (
        "over 80 hours, not 80 hours or less"
    )
    assert contrary("What is the advantage of X?", "What is the disadvantage of X?") == "advantage, not disadvantage"


def test_a_runaway_question_is_read_in_time() -> None:
    began = time.perf_counter()
    for text in ("over " * 9000 + "80 hours or " * 9000, "80 " * 20_000, ">" * 9000 + " " * 9000, "1," * 20_000):
        contrary(text, text + "x")
    assert time.perf_counter() - began < 20
