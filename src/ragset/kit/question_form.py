"""Checks of a question and its answer that need the two texts only: form, self-containment, give-away, completeness.

Each check gives reasons (``self_contained: dangling pronoun 'it'``); no reason means that it passed. Checks that
lean on English words apply to English questions only; the others apply to every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ragset.kit.answer_debris import debris
from ragset.kit.answer_form import balanced, incomplete
from ragset.kit.answer_opening import opening_problems
from ragset.kit.question_form_context import context_problems, points_at_prompt
from ragset.kit.question_form_words import (
    ASKS,
    AUX,
    CODE,
    PLAIN_VERBS,
    QUOTED,
    STOP,
    WH,
    WORD,
    bare,
    is_english,
    uncased,
    without_frame,
    word_set,
    words_of,
)

__all__ = [
    "MAX_GIVEN_AWAY",
    "MAX_WORDS",
    "STRICT",
    "Wording",
    "is_english",
    "problems",
    "question_problems",
    "word_set",
]

MAX_GIVEN_AWAY = 0.85
"""Share of the answer's content words that may stand in the question, when none of the others is a number or a name.

A full sentence for an answer restates its question. Of 3,699 human pairs 22 are said to give their answer away, nearly
all of them rightly.
"""
MAX_WORDS = 60
"""Words that a question may have: human multi-hop questions reach that."""
LONGEST_WORD = 100
"""Characters for each word that a question may have, beyond which it is not read at all: that would take long."""

_MARKUP = re.compile(
    r"\*\*|(?<!\w)__\w|\]\(|</?[a-zA-Z][^>]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);|```|^\s*#{1,6}\s|\\[\[\]_*]|\{\{|\|\s*\|"
)
_LEAD = re.compile(
    r"^\s*(?:(?:question|q|frage|pregunta|domanda|pergunta|vraag)\s*\d*\s*[:.)]\s|(?:\d{1,2}|[a-z])[.)]\s"
    r"|(?:sure|certainly|of course|okay)[,!.:]|here(?: is|'s| are)\b|answer\s*:|[-*•]\s)",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"\b(?:the|a|an|and|or|(?:of|in|to|for|with|by|on|is|are|was|were) the|is an?|my|your|its|their)\s*\??$",
    re.IGNORECASE,
)
_SAID = "say|says|said|state|states|stated|mention|mentions|mentioned|known"
_HOLE = re.compile(
    rf"\b(?:{_SAID}) (?:about|of|on|concerning|regarding)\s*(?:[?.,]|$)|,\s*,|\bbetween\s*,"
    r"|^(?:how |why |when |where )?(?:do|does|did|is|are|was|were) and\b",
    re.IGNORECASE,
)
"""Where a question lacks what it asks about: "what is said about ?", "how do and differ?"."""
_NOTHING = PLAIN_VERBS | word_set("state states stated mention mentions mentioned known told happened happening")
_ENDS = ("?", "？", "؟", "\u037e", "፧")
_ENDS_ELSEWHERE = re.compile(
    r"[\u0370-\u03ff\u1f00-\u1fff]{2}.*;$"  # Greek: NFC makes a semicolon of its question mark
    r"|՞"  # Armenian: within the word that asks
    r"|(?:か|かな|ください)[。．.]?$"  # Japanese
    r"|(?:ไหม|มั้ย|หรือ|อะไร|ใคร|ไหน|ไร|ไหร่|ทำไม|ไง|กี่|ใด|เพราะเหตุ)",  # Thai: by a word, without a mark
    re.DOTALL,
)
"""How a question ends, or what makes it one, where no question mark is written."""
_CHOICE = re.compile(r"\bor\b|\boder\b|\bou\b|\beller\b|\bили\b|还是|それとも", re.IGNORECASE)
_COMPARED = re.compile(r"\b(?:which|who|whose)\b.*(?:er|first|last|more|less|most|least|precedence)\b", re.IGNORECASE)
_YES_NO = re.compile(r"(?:yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question may be worded, which decides which checks apply.

    ``english`` none looks at the question. ``keyword`` is a search query, ``informal`` speech or haste, ``follow_up``
    leans on a conversation, ``choice`` names its answer among others; ``typed`` may be a query as people type them, all
    in small letters and no sentence, when it looks like one.
    """

    english: bool | None = None
    keyword: bool = False
    informal: bool = False
    follow_up: bool = False
    choice: bool = False
    typed: bool = False

    @property
    def loose(self) -> bool:
        """True when it need be no sentence that starts with a capital, and like a question."""
        return self.keyword or self.informal or self.follow_up


STRICT = Wording()
"""One plain question."""


def problems(
    question: str,
    answer: str | None,
    *,
    words: tuple[int, int] = (3, MAX_WORDS),
    max_given_away: float = MAX_GIVEN_AWAY,
    wording: Wording = STRICT,
) -> list[str]:
    """Give every reason against a pair, ``check: detail`` each; none when the pair passes."""
    found = question_problems(question, answer, words=words, max_given_away=max_given_away, wording=wording)
    if answer is not None:
        english = is_english(question) if wording.english is None else wording.english
        found += [f"answer_complete: {detail}" for detail in incomplete(answer, english=english)]
        found += [f"leftovers: {detail}" for detail in debris(question, answer, english=english)]
        if english and not wording.follow_up:
            found += [f"answer_alone: {detail}" for detail in opening_problems(question, answer)]
    return found


def question_problems(
    question: str,
    answer: str | None,
    *,
    words: tuple[int, int] = (3, MAX_WORDS),
    max_given_away: float = MAX_GIVEN_AWAY,
    wording: Wording = STRICT,
) -> list[str]:
    """Give the reasons against the question alone, and against an answer that it gives away."""
    if len(question) > LONGEST_WORD * words[1]:
        return [f"well_formed: {len(question)} characters, too many for {words[1]} words"]
    english = is_english(question) if wording.english is None else wording.english
    if wording.typed and uncased(question) and question.strip()[-1:].isalnum():
        wording = replace(wording, keyword=True)
    found = [f"well_formed: {detail}" for detail in _form(question, english, words, wording)]
    if english and not wording.follow_up and _count(question.strip()) <= words[1]:
        found += [f"self_contained: {detail}" for detail in context_problems(question)]
    pointer = points_at_prompt(question) or points_at_prompt(answer or "")
    if pointer:
        found.append(f"self_contained: points at a passage of the prompt: '{pointer}'")
    if answer is not None and not wording.choice:
        found += [f"gives_away: {detail}" for detail in _given_away(question, answer, max_given_away)]
    return found


def _form(question: str, english: bool, limits: tuple[int, int], wording: Wording) -> Iterator[str]:
    text = question.strip()
    if not text or not _printable(text):
        yield "empty, or not printable"
        return
    if _MARKUP.search(CODE.sub("", text)):
        yield "markup is left in it"
    if _LEAD.match(text):
        yield "a label, a list mark or an introduction is left before it"
    if not balanced(text):
        yield "brackets, quotes or backticks do not balance"
    count = _count(text)
    if not (min(limits[0], 2) if wording.loose else limits[0]) <= count <= limits[1]:
        yield f"{count} words, wanted {limits[0]} to {limits[1]}"
    asks = _asks(text)
    if english and not wording.keyword and _CUT.search(text):
        yield "cut short"
    elif english and not wording.loose and not asks:
        yield "does not start like a question" if text.endswith(_ENDS) else "a statement, no question"
    elif not wording.keyword and not wording.informal and not _ends(text, english and asks):
        yield "does not end with a question mark"
    if english and not wording.loose:
        yield from _english_form(text)


def _count(text: str) -> int:
    return len(text) // 2 if _spaceless(text) else len(WORD.findall(text))


def _ends(text: str, asks: bool) -> bool:
    """Tell whether a question ends as one; who asks in so many words may leave out the mark."""
    if text.endswith(_ENDS) or _ENDS_ELSEWHERE.search(text):
        return True
    return asks and (text[-1].isalnum() or text[-1] in ".`”\"')")


def _english_form(question: str) -> Iterator[str]:
    text = bare(question)
    doubled = re.search(r"\b([a-z]{2,})\s+\1\b", text)
    if doubled and doubled.group(1) not in {"that", "had"}:
        yield f"doubled word '{doubled.group(1)}'"
    if re.search(
        r"\b(?:what|who|which|how|why|when|where) (?:is|are|was|were) (?:are|was|were|know|do|does)\b", text, re.I
    ):
        yield "two verbs in a row"
    if _HOLE.search(text.strip()) or _asks_nothing(question):
        yield "it does not say what it asks about"
    first = next((c for c in text if c.isalnum()), "")
    if first.islower() and not uncased(question) and words_of(text)[0].lower() not in WH | AUX | ASKS:
        yield "does not start with a capital"


def _asks_nothing(question: str) -> bool:
    """Tell a question none of whose words names anything, the title of the text to look into aside."""
    own = without_frame(question)
    return not (QUOTED.search(own) or CODE.search(own) or any(w.lower() not in STOP | _NOTHING for w in words_of(own)))


def _asks(text: str) -> bool:
    """Tell whether anything in a text asks: a question word anywhere, or a clause that begins with a verb of asking."""
    if any(w.lower().split("'")[0] in WH for w in words_of(text)):
        return True
    clauses = (words_of(part)[:1] for part in re.split(r"[,.;:—–]\s+", bare(text)))
    return any(first and first[0].lower() in AUX | ASKS for first in clauses)


def _given_away(question: str, answer: str, limit: float) -> Iterator[str]:
    asked, told = _flat(question), _flat(answer)
    if not told or _YES_NO.match(answer):
        return  # "Yes. …" may restate the question
    if f" {told} " in f" {asked} ":
        if not _is_option(question, answer) and not _within_a_name(question, answer):
            yield "the answer stands in the question"
        return
    if asked and f" {asked} " in f" {told} ":
        yield "the question stands in the answer"
        return
    content, known = _content(answer), _content(CODE.sub(" ", question))
    shared = content & known
    new = len(content) > len(shared) and _tells(answer, known)
    if content and not new and not _is_option(question, answer) and len(shared) / len(content) > limit:
        yield f"{len(shared)} of the answer's {len(content)} content words stand in the question"


def _tells(answer: str, known: frozenset[str]) -> bool:
    """Tell whether the answer has a number, a name or code that the question lacks."""
    words = WORD.findall(answer)
    hard = (w for at, w in enumerate(words) if any(c.isdigit() for c in w) or (at and w[:1].isupper()) or _counts(w))
    return bool(CODE.search(answer)) or any(_stem(w.lower()) not in known for w in hard)


def _counts(word: str) -> bool:
    return word.lower() in _NUMBERS


_NUMBERS = word_set(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion"
)


def _is_option(question: str, answer: str) -> bool:
    """Tell whether the question offers the answer beside another one: "Which is longer, the Nile or the Rhine?"."""
    for found in _CHOICE.finditer(question):
        sides = question[: found.start()].rpartition(",")[2], question[found.end() :]
        if any(_content(answer) & _content(side) for side in sides):
            return True
    asked, told = f" {_flat(question)} ", _flat(answer)
    beside = any(f" {joined} " in asked for joined in (f"{told} and", f"and {told}"))
    return beside and _COMPARED.search(question) is not None


def _within_a_name(question: str, answer: str) -> bool:
    """Tell whether the answer stands in the question within a longer name only ("Belleville" in "Belleville Three")."""
    if not answer[:1].isupper():
        return False
    name, place = r"(?:[A-Z]\w*|&)", re.escape(answer.strip(" ."))
    inside = re.compile(rf"(?:{name} )+{place}\b|\b{place}(?: {name})+")
    rest = inside.sub(" ", " ".join(question.split()[1:]))
    return f" {_flat(answer)} " not in f" {_flat(rest)} "


def _printable(text: str) -> bool:
    return all(c.isprintable() or unicodedata.category(c) in ("Zs", "Cf") or c in "\n\t" for c in text)


def _spaceless(text: str) -> bool:
    """Tell scripts that put no blanks between words (Chinese, Japanese, Thai)."""
    letters = [c for c in text if c.isalpha()]
    wide = sum(
        unicodedata.name(c, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")) for c in letters
    )
    return wide > len(letters) / 3


def _flat(text: str) -> str:
    return " ".join(w.lower() for w in WORD.findall(text))


@lru_cache(maxsize=4096)
def _content(text: str) -> frozenset[str]:
    return frozenset(_stem(w) for w in _flat(text).split() if w not in STOP)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
