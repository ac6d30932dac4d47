"""A model that runs on and on is judged in time that grows with its text, and as its text deserves."""

from __future__ import annotations

import gc
import itertools
import string
import time
from collections.abc import Callable

import pytest

from ragset.kit.extractive import candidates
from ragset.kit.groundedness import groundedness
from ragset.kit.languages import other_language
from ragset.kit.look_alikes import different, same_answer
from ragset.kit.measures import sentences
from ragset.kit.sufficiency import lacking, proof_of
from ragset.schema.documents import Chunk

SHORT, LONG = 4_000, 16_000
MOST = 8
"""Times as long as for the short text that four times its length may take: twice what it should be, half its square."""
FLOOR = 0.05
"""Seconds that any text may take: below them the clock is too coarse."""
ASKED = "At how many degrees does the governor open?"
CONTEXT = "The governor opens at 30 degrees. It was built by the Marlow Company in 1950."
PROOF = proof_of([(CONTEXT, 0, len(CONTEXT))], ["Governors"])
Text = Callable[[int], str]


def again(piece: str) -> Text:
    return lambda length: (piece * length)[:length]


def counting(length: int) -> str:
    return ", ".join(map(str, range(1, length // 6)))


def names(length: int) -> str:
    return " ".join("Zo" + "".join(end) for end in itertools.islice(letters(), length // 6))


def letters() -> itertools.product[tuple[str, ...]]:
    return itertools.product(string.ascii_lowercase, repeat=3)


def lacks(answer: str) -> list[str]:
    return list(lacking(ASKED, answer, PROOF, code="en"))


def supported(claim: str) -> bool:
    return groundedness(CONTEXT, claim, ASKED).holds


def supports(context: str) -> bool:
    return groundedness(context, CONTEXT, ASKED).holds


def pairs_of(text: str) -> int:
    chunk = Chunk(id="c", document_id="c/d", version="v", title="T", text=text, start=0, end=len(text), ordinal=0)
    return len(candidates(chunk))


RUNAWAY: list[tuple[Callable[[str], object], Text, object]] = [
    (lacks, again("1 "), ["the number 1"] * 4),
    (lacks, again("two, "), ["the number two"] * 4),
    (lacks, counting, [f"the number {n}" for n in range(1, 5)]),
    (lacks, names, [f"the name zoaa{c}" for c in "bcde"]),
    (lacks, again("\n"), []),
    (lacks, again("-\n"), []),
    (lambda text: other_language(text, "en"), again("—"), None),
    (lambda text: other_language(text, "en"), again("”"), None),
    (lambda text: len(sentences(text)), again("A. "), 1),
    (lambda text: same_answer(text, f"{text} of them"), counting, True),
    (lambda text: different(f"Is it {text}?", f"It is {text}?"), counting, ""),
    (supported, again("A. "), False),
    (supported, again("\n"), False),
    (supports, again("A. "), False),
    (pairs_of, again("A. "), 0),
    (pairs_of, again("..."), 0),
]


@pytest.mark.parametrize(("rule", "text", "expected"), RUNAWAY)
def test_four_times_the_text_takes_four_times_as_long(
    rule: Callable[[str], object], text: Text, expected: object
) -> None:
    rule(CONTEXT)  # what is read once is read

    def seconds(length: int) -> float:
        gc.collect()
        gc.disable()  # what other tests left is not the rule's
        try:
            began = time.process_time()
            assert rule(text(length)) == expected
            return time.process_time() - began
        finally:
            gc.enable()

    assert seconds(LONG) < MOST * max(FLOOR, seconds(SHORT))


@pytest.mark.parametrize("number", ["1" * 400, "1" * LONG])
def test_a_number_beyond_all_bounds_is_a_number(number: str) -> None:
    assert lacks(f"It opens at {number} degrees.") == [f"the number {number}"]
    assert different(f"At {number} degrees?", "At 30.5 degrees?") == f"{number}, not 30.5"
    assert not same_answer(number, "30.5")
