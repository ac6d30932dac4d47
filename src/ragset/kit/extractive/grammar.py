"""A light grammar without a tagger: closed-class words, verb forms made by rule, and what may stand as a subject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from ragset.kit.extractive.words import (
    ADVERBS,
    ARTICLES,
    AUXILIARIES,
    BE,
    CLAUSE_WORDS,
    DETERMINERS,
    MODALS,
    PREPOSITIONS,
    PRONOUNS,
    SPEAKER,
    VAGUE_STARTS,
)
from ragset.kit.people import acts

Form = Literal["base", "s", "past", "participle", "ing"]

_TOKEN = re.compile(r"`[^`\n]+`|“[^”]*”|\"[^\"]*\"|--?[A-Za-z][\w-]*|\$?[\w@/.+&'’-]*\w(?:\(\))?%?|[^\s\w]")
_NAME = re.compile(r"[A-Z]\w*(?:[-.&'’]\w+)*$")
_CODE = re.compile(
    r"`[^`]+`$|--?[A-Za-z][\w-]*$|\w+\(\)$|[a-z]\w*_\w+$|[A-Z][A-Z0-9]*_[A-Z0-9_]+$|[a-z]+[A-Z]\w*$"
    r"|[\w-]+\.(?:py|toml|md|txt|json|jsonl|yaml|yml|cfg|ini|csv|html|sh|rst)$|__\w+__$|\w+\.\w+\.\w+$"
)
_IRREGULAR = (
    "become became become,begin began begun,bind bound bound,bring brought brought,build built built,buy bought bought,"
    "catch caught caught,choose chose chosen,come came come,cost cost cost,cut cut cut,deal dealt dealt,do did done,"
    "draw drew drawn,drink drank drunk,drive drove driven,eat ate eaten,fall fell fallen,feed fed fed,feel felt felt,"
    "fight fought fought,find found found,fly flew flown,forbid forbade forbidden,forget forgot forgotten,"
    "freeze froze frozen,get got got,give gave given,go went gone,grow grew grown,hang hung hung,have had had,"
    "hear heard heard,hide hid hidden,hold held held,keep kept kept,know knew known,lay laid laid,lead led led,"
    "learn learned learned,leave left left,lend lent lent,let let let,lie lay lain,lose lost lost,make made made,"
    "mean meant meant,meet met met,overcome overcame overcome,override overrode overridden,oversee oversaw overseen,"
    "overwrite overwrote overwritten,pay paid paid,prove proved proven,put put put,read read read,rebuild "
    "rebuilt rebuilt,"
    "rewrite rewrote rewritten,ride rode ridden,rise rose risen,run ran run,say said said,see saw seen,seek "
    "sought sought,"
    "sell sold sold,send sent sent,set set set,shoot shot shot,show showed shown,shut shut shut,sing sang sung,"
    "sink sank sunk,sit sat sat,sleep slept slept,slide slid slid,speak spoke spoken,spend spent spent,split "
    "split split,"
    "spread spread spread,stand stood stood,stick stuck stuck,strike struck struck,swim swam swum,swing swung swung,"
    "take took taken,teach taught taught,tell told told,think thought thought,throw threw thrown,"
    "undergo underwent undergone,understand understood understood,undertake undertook undertaken,wear wore worn,"
    "win won won,withdraw withdrew withdrawn,withhold withheld withheld,write wrote written,bite bit bitten,"
    "bleed bled bled,blow blew blown,breed bred bred,bend bent bent,beat beat beaten"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, code span, quoted title or mark, with its offsets in the text it was cut from."""

    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """The word in lower case."""
        return self.text.lower()

    @property
    def is_word(self) -> bool:
        """True for anything but a punctuation mark."""
        return self.text[-1].isalnum() or self.text[-1] in '`”")%'


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Cut text into tokens."""
    return tuple(Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text))


@lru_cache(maxsize=1)
def verb_forms() -> dict[str, tuple[str, frozenset[Form]]]:
    """Map every inflected form that the rules know to its base and its possible forms."""
    text = files("ragset.kit.extractive").joinpath("verbs.txt").read_text(encoding="utf-8")
    bases = [w for line in text.splitlines() if not line.startswith("#") for w in line.split()]
    irregular = {row.split()[0]: tuple(row.split()[1:]) for row in _IRREGULAR.split(",")}
    found: dict[str, tuple[str, set[Form]]] = {}

    def note(form: str, base: str, kind: Form) -> None:
        found.setdefault(form, (base, set()))[1].add(kind)

    for base in dict.fromkeys([*bases, *irregular, "go", "do", "have"]):
        past, participle = irregular.get(base, (_ed(base), _ed(base)))
        note(base, base, "base")
        note(_s(base), base, "s")
        note(past, base, "past")
        note(participle, base, "participle")
        note(_ing(base), base, "ing")
    return {form: (base, frozenset(kinds)) for form, (base, kinds) in found.items()}


def base_of(word: str, *kinds: Form) -> str | None:
    """Give the base of a verb form when the word can be one of ``kinds``; none otherwise."""
    entry = verb_forms().get(word.lower())
    return entry[0] if entry and entry[1] & set(kinds) else None


def is_code(word: str) -> bool:
    """Tell whether a word reads as code: a span in backticks, an option, a snake_case or camelCase name, a file."""
    return bool(_CODE.match(word))


def is_name(word: str) -> bool:
    """Tell whether a word is capitalised like a name."""
    return bool(_NAME.match(word)) and word not in {"I", "A", "The", "An"}


def who_acts(who: str) -> bool:
    """Tell whether a noun phrase names a person or an organisation, by its head: only such "do" things."""
    head = re.split(r" (?:of|for|in|at|on|to|with|from|that|who|which)\b", who)[0].split()
    return bool(head) and all(acts(part.split()[-1]) for part in " ".join(head).split(" or ") if part.split())


def has_pronoun(text: str, *, allow: frozenset[str] = frozenset()) -> bool:
    """Tell whether a text holds a word that points outside of it."""
    return any(t.low in PRONOUNS - allow for t in tokens(text) if not (t.low == "that" and _relative(text, t)))


def has_speaker(text: str) -> bool:
    """Tell whether a text speaks in the first person."""
    return any(t.low in SPEAKER for t in tokens(text))


def noun_phrase(text: str, *, longest: int = 8) -> bool:
    """Tell whether a text can stand as a subject or object that is understood without what came before."""
    found = tokens(text)
    if not found or len(found) > longest or not all(t.is_word for t in found):
        return False
    first, last = found[0], found[-1]
    if first.low in VAGUE_STARTS or first.low in AUXILIARIES or (len(found) > 1 and first.low.endswith("ly")):
        return False
    if _gerund(found):
        return False
    if len(found) > 1 and base_of(first.low, "base") and found[1].low in DETERMINERS:
        return False
    if last.low in PREPOSITIONS | ARTICLES | ADVERBS | CLAUSE_WORDS or last.low.endswith("ly"):
        return False
    bad = AUXILIARIES | CLAUSE_WORDS | (PRONOUNS - {"one"}) | SPEAKER | {"you", "except", "unless", "not"}
    return not any(t.low in bad for t in found)


def _gerund(found: tuple[Token, ...]) -> bool:
    """Tell "Running the build" from "Nesting boxes": a verb with an object of its own is no plain noun phrase."""
    if len(found) < 2 or not found[0].low.endswith("ing") or not base_of(found[0].low, "ing") or is_name(found[1].text):
        return False
    return len(found) > 2 or found[1].low in DETERMINERS or is_code(found[1].text) or not found[1].low.endswith("s")


def first_auxiliary(found: tuple[Token, ...], within: int = 10) -> int:
    """Give the place of the first finite auxiliary, or -1 when a clause word or mark comes first."""
    for at, token in enumerate(found[:within]):
        if token.low in AUXILIARIES:
            return at
        if token.low in CLAUSE_WORDS or not token.is_word:
            return -1
    return -1


def imperative(text: str) -> bool:
    """Tell whether a clause starts with a command: a bare verb that no noun reading spoils."""
    found = tokens(text)
    if len(found) < 3 or not base_of(found[0].low, "base"):
        return False
    return found[1].low not in BE | MODALS | {"of", "and", "or", "has", "have", "does"} and not base_of(
        found[1].low, "s"
    )


_SECOND = re.compile(
    r",? (?:and|but|or|so) (?:there (?:is|are|was|were)|(?:you|it|they|we|he|she|this|that|these|those) [a-z]+"
    r"|(?:the|an?|no|each|every|your|their|its) (?:[\w-]+ ){1,4}"
    r"(?:is|are|was|were|has|have|must|may|shall|should|will|can)) "
)


def first_clause(text: str) -> str:
    """Cut a text before a second clause with a subject and a verb of its own: "per week and there are 14 weeks"."""
    found = _SECOND.search(text)
    return text[: found.start()] if found else text


def lower_start(text: str, *, keep: bool) -> str:
    """Lower the first letter unless the first word is a name, code, or an acronym."""
    first = tokens(text)[0].text if tokens(text) else ""
    if keep or is_code(first) or first[1:] != first[1:].lower() or first in {"I"}:
        return text
    return text[:1].lower() + text[1:]


def _relative(text: str, token: Token) -> bool:
    """Tell a relative or conjunction "that" from the demonstrative: something to point back at stands before it."""
    return token.start > 0 and text[token.end : token.end + 1] == " "


def _s(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"


def _ed(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return base + base[-1] + "ed" if _doubles(base) else base + "ed"


def _ing(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return base[:-1] + "ing"
    return base + base[-1] + "ing" if _doubles(base) else base + "ing"


def _doubles(base: str) -> bool:
    """Tell whether the last consonant doubles: short words, and the stressed last syllables listed here."""
    if base in {
        "submit",
        "commit",
        "admit",
        "permit",
        "omit",
        "prefer",
        "refer",
        "transfer",
        "infer",
        "defer",
        "occur",
    }:
        return True
    if base in {"control", "compel", "expel", "incur", "recur", "confer", "opt", "stop", "regret", "equip", "rerun"}:
        return base != "opt"
    return bool(re.fullmatch(r"(?:[^aeiou]*|qu|squ)[aeiou][^aeiouwxy]", base)) and len(base) <= 5
