"""What kind of pair it is: the labels a pair deserves, by rules, whatever was asked for and claimed.

Quotas count these labels, so a pair that was asked for as multi-hop and cites one passage is no multi-hop pair.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragset.kit.languages import code_of, detect, holds_number, says_yes_or_no
from ragset.schema.samples import Evidence, Message

QUESTION_TYPES = (
    "fact",
    "reasoning",
    "summary",
    "comparison",
    "procedure",
    "numeric",
    "yes_no",
    "multi_hop",
    "multi_hop_across",
    "unanswerable",
    "follow_up",
)
"""The types that the shipped prompt explains and whose rules are checked; a flow may name others."""
HOPS = frozenset({"multi_hop", "multi_hop_across"})
MAX_TURNS = 8
"""Turns that the history of a follow-up may have."""
SHORT, SENTENCE = 12, 60
"""Words up to which an answer is short, or one sentence."""

_ALIASES = {
    "yes_or_no": "yes_no",
    "boolean": "yes_no",
    "multihop": "multi_hop",
    "factual": "fact",
    "how_to": "procedure",
}
_SENTENCE_END = re.compile(r"[.!?。！？](?:[\"”’)]?\s+(?=\S)|(?<=[。！？])(?=\S))")


def type_of(name: str | None, asked: str | None = None) -> str | None:
    """Give the type a name means (``Multi-hop``, ``yes/no``): one of the vocabulary, the one asked for, or none."""
    plain = re.sub(r"[^a-z]+", "_", (name or "").lower()).strip("_")
    plain = _ALIASES.get(plain, plain)
    plain = "multi_hop_across" if plain.startswith("multi_hop_across") else plain
    if plain in QUESTION_TYPES:
        return plain
    return asked if asked and name and name.strip().lower() == asked.lower() else None


def is_unanswerable(
    asked: str | None, claimed: str | None, answer: str | None, quotes: Sequence[str], why: str | None
) -> bool:
    """Tell whether the writer means that the passages do not answer: it says so, and proves nothing."""
    if answer is None:
        return "unanswerable" in (asked, claimed) or bool(why)
    return (claimed or asked) == "unanswerable" and not quotes


def grounded_type(
    asked: str | None, claimed: str | None, answer: str, evidence: Sequence[Evidence], chunks: int, language: str | None
) -> str | None:
    """Give the type of an answerable pair without history, whose evidence needs ``chunks`` chunks.

    What is claimed goes before what was asked for; what the evidence and the answer show goes before both.
    """
    hop = None
    if chunks > 1:
        hop = "multi_hop_across" if len({span.document_id for span in evidence}) > 1 else "multi_hop"
    if hop and (asked in HOPS or claimed in HOPS):
        return hop
    impossible = HOPS | {"unanswerable", "follow_up"}
    named = next((name for name in (claimed, asked) if name and name not in impossible), None)
    if named is None:
        return "fact" if claimed or asked else None
    if named == "numeric" and not holds_number(answer):
        return "fact"
    if named == "yes_no" and not says_yes_or_no(answer, language):
        return "fact"
    return named


def sound_history(turns: Sequence[Message], question: str) -> tuple[Message, ...]:
    """Give the turns before a follow-up, user and assistant in turns; none when they are no such conversation.

    Writers like to repeat the question itself, or the whole last exchange, at the end: that is cut off.
    """
    kept = [turn for turn in turns if turn.content.strip()]
    asks = [at for at, turn in enumerate(kept) if turn.role == "user" and _same(turn.content, question)]
    kept = kept[: asks[-1]] if asks and asks[-1] >= len(kept) - 2 else kept
    roles = [turn.role for turn in kept]
    if not 2 <= len(kept) <= MAX_TURNS or roles != ["user", "assistant"] * (len(kept) // 2):
        return ()
    return tuple(Message(role=turn.role, content=turn.content.strip()) for turn in kept)


def _same(one: str, other: str) -> bool:
    return " ".join(one.lower().split()) == " ".join(other.lower().split())


def language_label(wanted: str | None, claimed: str | None, question: str, answer: str | None) -> str | None:
    """Give the language of a pair: what its words clearly show, else what was wanted, else what is claimed."""
    shown = detect(question) or detect(f"{question} {answer or ''}")
    if wanted and shown in (None, code_of(wanted)):
        return wanted
    return shown or wanted or code_of(claimed)


def length_label(wanted: str, answer: str | None) -> str:
    """Give the answer length that an answer has, where what was wanted is clearly not it."""
    if answer is None or wanted not in ("short", "sentence", "paragraph"):
        return wanted
    count = word_count(answer)
    sentences = 1 + len(_SENTENCE_END.findall(answer.strip()))
    fits = {
        "short": count <= SHORT,
        "sentence": 3 <= count <= SENTENCE and sentences <= 2,
        "paragraph": sentences >= 2 or count > SENTENCE // 2,
    }
    if fits[wanted]:
        return wanted
    return "paragraph" if sentences > 2 or count > SENTENCE else "sentence" if count > SHORT else "short"


def word_count(text: str) -> int:
    """Count words; of a script without blanks, two characters count as one."""
    if detect(text) in ("zh", "ja", "th"):
        return max(1, sum(char.isalnum() for char in text) // 2)
    return len(text.split())
