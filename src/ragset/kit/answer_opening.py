"""An answer that opens in the middle of a text: with a connective, or with a pronoun that stands for nobody.

Answers that quote a sentence carry its links to the text before it. A pronoun is fine where the question, or the answer
before it, has something that it can stand for: a person for "he", several things, a group or a name for "they". Titles
that only say where to look ("According to “Winter sports”, …") are nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragset.kit.people import GROUPS, ORGANISATIONS, is_person
from ragset.kit.question_form_words import AUX, CODE, PLAIN_VERBS, QUOTED, STOP, WORD, uncased, without_frame, word_set

_JOINS = re.compile(
    r"(?P<bare>but|and|or|nor|yet)(?:,|\s+(?P<next>\S))"
    r"|(?:however|nevertheless|nonetheless|moreover|furthermore|additionally|besides|likewise|similarly|conversely|"
    r"meanwhile|on the other hand|in addition|in contrast|by contrast|at the same time),",
    re.IGNORECASE,
)
_CUT_ARTICLE = re.compile(r"he \w+ of\b")
"""What is left of "The role of …" when its first letter is lost; no pronoun."""

_STANDS_FOR_NOTHING = re.compile(
    r"it (?:(?:is|was|would be|will be|may be|can be|has been|had been) (?:\w+ ){1,3}?"
    r"(?:to|that|for|when|if|whether|who)\b"
    r"|(?:takes?|took|costs?|seems?|appears?|rains?|snows?)\b)",
    re.IGNORECASE,
)
"""What "it" begins when nothing is meant by it: "It is necessary to wear skates"."""

_PERSON, _SEVERAL, _THING = "person", "several", "thing"
_OPENING = {
    "he": _PERSON,
    "she": _PERSON,
    "his": _PERSON,
    "her": _PERSON,
    "they": _SEVERAL,
    "their": _SEVERAL,
    "these": _SEVERAL,
    "it": _THING,
    "its": _THING,
    "this": _THING,
}
"""What each pronoun that opens an answer stands for."""
_INSIDE = {"he": _PERSON, "she": _PERSON, "they": _SEVERAL}
"""The same of those that matter anywhere in the first sentence."""

_NO_PLURALS = word_set(
    "always perhaps sometimes towards afterwards besides across news physics mathematics politics economics "
    "series yes less unless thus plus versus this his its hers ours yours as us was does goes says comes takes "
    "means"
)
_DATES = word_set(
    "january february march april june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday"
)
_FUNCTION = STOP | word_set(
    "if when after before once because while although though since until unless whenever wherever whereas during "
    "despite yes no well now again still perhaps maybe"
)

_EMPTY = _FUNCTION | PLAIN_VERBS

_CLAUSES = word_set("because since when while if unless until although though so")
_OF_SEVERAL = word_set("do are were don't aren't weren't")
"""Verbs whose subject is several: "Why do salmon swim upstream?"."""
_BEFORE_NOUN = word_set("the these those most many all some other such both")
_OF_ANY = word_set("you we i to")
"""Words before the same verbs that say nothing of a number: "If you are late"."""

LOOKED_AT = 2000
"""Characters of a question and of an answer that are looked at: the first sentence ends long before."""


def opening_problems(question: str, answer: str) -> Iterator[str]:
    """Tell why an English answer cannot be understood with its question alone: at most one reason."""
    question = question[:LOOKED_AT]
    text = QUOTED.sub("“”", CODE.sub("Code", answer.strip()[:LOOKED_AT]))
    joined = _joined(text)
    if joined:
        yield f"opens with '{joined}', as if after another sentence"
        return
    asked = without_frame(question)
    typed = uncased(question)
    if _CUT_ARTICLE.match(text) or _STANDS_FOR_NOTHING.match(text):
        return
    said = WORD.findall(re.split(r"[.!?:;]\s|\n", text, maxsplit=1)[0])
    own = _own(said)
    others = [word for word in WORD.findall(CODE.sub("Code", asked)) if _plain(word) not in own]
    several = _several_subject(asked, own)
    for at, word in enumerate(said):
        kind = (_INSIDE if at else _OPENING).get(word.lower())
        if not kind or (several and kind == _SEVERAL):
            continue
        if not (_named(kind, others, typed) or (at and _named(kind, said[:at], False))):
            yield f"'{word}' stands for nothing that the question names"
            return


def _joined(text: str) -> str:
    """Give the connective that a sentence opens with; a title may open so too ("And Then There Were None")."""
    found = _JOINS.match(text)
    if found is None or len(text.split()) < 3:
        return ""
    title = (
        len(text) < LOOKED_AT // 2
        and found["bare"]
        and found["next"]
        and not found["next"].islower()
        and not text.endswith((".", "!", "?"))
    )
    return "" if title else found.group().split()[0].strip(",") if found["bare"] else found.group().strip(",")


def _own(said: Sequence[str]) -> frozenset[str]:
    """Give the words of the clause: what it names itself, its pronoun does not stand for.

    A further clause may come back to it: "It is closed because the pond is frozen".
    """
    ends = (at for at, word in enumerate(said) if at > 1 and word.lower() in _CLAUSES)
    return frozenset(_plain(word) for word in said[: next(ends, len(said))])


def _several_subject(question: str, own: frozenset[str]) -> bool:
    """Tell a question about several by its first verb, where a noun follows: "Where are aircraft built?"."""
    lows = [word.lower().replace("’", "'") for word in WORD.findall(CODE.sub("Code", question))]
    at = next((at for at, low in enumerate(lows) if low in AUX), len(lows))
    if at >= len(lows) - 1 or lows[at] not in _OF_SEVERAL or (at and lows[at - 1] in _OF_ANY):
        return False
    noun = next((low for low in lows[at + 1 :] if low not in _BEFORE_NOUN), "")
    return bool(noun) and noun not in _EMPTY and _plain(noun) not in own


def _plain(word: str) -> str:
    low = word.lower().replace("’", "'").removesuffix("'s")
    return low if low.endswith("ss") else low.removesuffix("s")


def _named(kind: str, words: Sequence[str], typed: bool) -> bool:
    """Tell whether words hold something that a pronoun of a kind can stand for."""
    lows = [word.lower().removesuffix("'s").removesuffix("’s") for word in words]
    content = [low for low in lows if low not in _EMPTY]
    if kind == _THING or typed:  # typed without capitals, a name looks like any noun
        return bool(content)
    if _name(words) or any(is_person(low) for low in lows):
        return True
    return kind == _SEVERAL and ("and" in lows[1:-1] or any(_is_several(low) for low in lows))


def _name(words: Sequence[str]) -> bool:
    """Tell whether a name is among words: capitals within the sentence, or at its start on no word of function."""
    inner = (w for w in words[1:] if w[:1].isupper() and w != "I" and w.lower() not in _DATES | _FUNCTION)
    first = words[0] if words else ""
    return any(inner) or (first[:1].isupper() and first.lower() not in _EMPTY | _DATES)


def _is_several(word: str) -> bool:
    if word in GROUPS | ORGANISATIONS:
        return True
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3
    return plural and word not in _NO_PLURALS | _EMPTY
