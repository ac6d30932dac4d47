"""Several questions or pairs of one prompt, read back and judged by rule: what a rehearsal says for a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragset.kit.equivalence import equivalence
from ragset.kit.groundedness import groundedness
from ragset.kit.prompting import fence, mark_of
from ragset.kit.rehearsed_text import Block, blocks_of, without_blocks

Json = dict[str, Any]

SAME = 0.5
"""Score from which two answers count as the same here."""

_NUMBERED = re.compile(
    r"^(?:Question|Pair) (\d+)(?:, [a-z ]*passages? ([\d, ]+))?, marked ([0-9a-f]{32}):$", re.MULTILINE
)
_CRITERION = re.compile(r'^Criterion "(.+)", from (\S+) to (\S+):$', re.MULTILINE)
_PART = re.compile(r"^(Conversation before|Question|Answer|Reference answer|Given answer): ", re.MULTILINE)
_BY_PASSAGES = frozenset({"faithfulness", "groundedness", "truthfulness", "honesty"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A question or pair of a prompt: its number, its text, and the passages named with it."""

    number: int
    text: str
    passages: tuple[Block, ...]


def shown(prompt: str) -> list[Shown]:
    """Read the numbered questions or pairs of a prompt, in order."""
    blocks = blocks_of(prompt)
    passages = [block for block in blocks if block.label.startswith("Passage")]
    texts = {mark_of(block.text): block.text for block in blocks}
    found: list[Shown] = []
    for number, named, mark in _NUMBERED.findall(prompt):
        own = [int(n) for n in re.findall(r"\d+", named)]
        found.append(Shown(int(number), texts.get(mark, ""), tuple(passages[n - 1] for n in own if n <= len(passages))))
    return found


def said_alone(one: Shown) -> str:
    """Write the prompt that asks one question alone."""
    passages = (f"Passage {at}, marked:\n{fence(block.text)}" for at, block in enumerate(one.passages, 1))
    return "\n\n".join((*passages, f"The question, marked:\n{fence(one.text)}"))


def scores_of(prompt: str, fails: Callable[[str], bool]) -> list[Json]:
    """Score every pair of a prompt by every criterion: the highest score, or the lowest where the rules say no.

    ``fails`` tells of a pair that could pass, by its text, whether it fails all the same.
    """
    pairs = shown(prompt) or [Shown(1, "", ())]
    criteria = _CRITERION.findall(without_blocks(prompt)) or [("", "0", "1")]
    return [_scored(pair, criterion, fails) for pair in pairs for criterion in criteria]


def _scored(pair: Shown, criterion: Sequence[str], fails: Callable[[str], bool]) -> Json:
    name, low, high = criterion
    pieces = _PART.split(pair.text)
    parts = dict(zip(pieces[1::2], (text.strip() for text in pieces[2::2]), strict=True))
    right, reason = _right(name, parts, pair)
    if right and fails(" ".join(pair.text.split())):
        right, reason = False, "rehearsed: it fails"
    score = float(high if right else low)
    return {"pair": pair.number, "criterion": name, "reason": reason, "score": score, "sure": True}


def _right(name: str, parts: Json, pair: Shown) -> tuple[bool, str]:
    if name in _BY_PASSAGES and pair.passages:
        found = groundedness("\n\n".join(block.body for block in pair.passages), parts.get("Answer", ""))
        return found.holds, found.reason
    if "Given answer" in parts:
        score = equivalence("", (parts.get("Reference answer", ""),), parts["Given answer"]).score
        return score >= SAME, f"the two agree by {score:.2f}"
    return True, "rehearsed: it holds"
