"""Several pairs of one draw in one call: what they share is shown once, and no question tells another's answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from ragset.kit.measures import Text
from ragset.schema.samples import QAPair

MOST_TEXT = 32_000
"""Characters of passages that one call shows at most (about 8,000 tokens); what does not fit is asked in another."""

TOLD = 0.75
"""Share of an answer's own words that another question must hold to give that answer away."""

T = TypeVar("T")


def asked_text(pair: QAPair) -> str:
    """Give what is asked: the question, after the turns before it when it is a follow-up."""
    if not pair.history:
        return pair.question
    turns = [f"{turn.role.capitalize()}: {turn.content}" for turn in pair.history]
    return "\n".join((*turns, f"User: {pair.question}"))


def gives_away(other: QAPair, pair: QAPair) -> bool:
    """Tell whether another question holds what the answer of ``pair`` says beyond its own question."""
    own = Text(asked_text(pair)).stems
    new = {word.stem for word in Text(pair.answer or "").content} - own
    told = new & Text(asked_text(other)).stems
    return bool(new) and len(told) >= TOLD * len(new)


def apart(pairs: Sequence[QAPair], texts: Sequence[Sequence[str]], most: int = MOST_TEXT) -> list[list[int]]:
    """Group pairs, by their places, so that each group can be asked about in one call.

    Within a group no question gives the answer of another away, and its different ``texts`` have ``most`` characters
    together. A pair whose own texts have more is a group of its own.
    """
    groups: list[list[int]] = []
    for at, pair in enumerate(pairs):
        group = next((g for g in groups if _joins(pair, texts[at], g, pairs, texts, most)), None)
        if group is None:
            groups.append([at])
        else:
            group.append(at)
    return groups


def _joins(
    pair: QAPair,
    own: Sequence[str],
    group: Sequence[int],
    pairs: Sequence[QAPair],
    texts: Sequence[Sequence[str]],
    most: int,
) -> bool:
    shown = {*own, *(text for at in group for text in texts[at])}
    if sum(map(len, shown)) > most:
        return False
    return not any(gives_away(pairs[at], pair) or gives_away(pair, pairs[at]) for at in group)


def pooled(lists: Sequence[Sequence[T]], key: Callable[[T], Hashable]) -> tuple[list[T], list[list[int]]]:
    """Give every item once, in the order in which they come, and for each list the numbers (from 1) of its items."""
    found: dict[Hashable, T] = {}
    for item in (item for one in lists for item in one):
        found.setdefault(key(item), item)
    number = {name: at for at, name in enumerate(found, 1)}
    return list(found.values()), [sorted({number[key(item)] for item in one}) for one in lists]


def check_numbers(found: Sequence[int], count: int, *, every: bool = True) -> None:
    """Refuse numbers that are not 1 to ``count``, each once; without ``every`` some may lack.

    Raises ``ValueError``: a reply that is numbered otherwise cannot be told apart from one about other questions.
    """
    for number in found:
        if not 1 <= number <= count:
            raise ValueError(f"there is no number {number}; the numbers are 1 to {count}")
    if twice := [number for number in dict.fromkeys(found) if list(found).count(number) > 1]:
        raise ValueError(f"number {twice[0]} comes {list(found).count(twice[0])} times")
    lacking = [number for number in range(1, count + 1) if number not in found]
    if lacking and (every or not found):
        raise ValueError(f"{len(found)} entries for {count}: number {lacking[0]} is missing")
