"""Checks of a question and its answer that need the two texts only: form, self-containment, give-away, completeness.

Each check gives reasons (``self_contained: dangling pronoun 'it'``); no reason means that it passed. Checks that
lean on English words apply to English questions only; the others apply to every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_GIVEN_AWAY = 0.7
"""Share of the answer's content words that may stand in the question."""


def word_set(words: str) -> frozenset[str]:
    """Make a set of the words of a string, which reads better than a list of quoted ones."""
    return frozenset(words.split())


_WH = word_set("what which who whom whose when where why how")
_AUX = word_set(
    "is are was were do does did can could may might must shall should will would has have had am isn't aren't "
    "don't doesn't didn't can't couldn't wouldn't shouldn't won't"
)
_ASKS = word_set(
    "explain describe list name compare summarize summarise define identify outline give tell show state discuss "
    "contrast provide specify calculate walk find mention clarify elaborate suppose consider"
)
_ENGLISH = _WH | _AUX | _ASKS | word_set("the a an of to in for and or with on by that you it if from at be")
_FOREIGN = word_set(
    "der die das ein eine ist sind und wie warum wo wer welche welcher welches den dem für mit von zu nicht werden "
    "kann le la les un une est sont et que qu quel quelle quels quelles comment pourquoi où qui des du dans avec pour "
    "el los las es son y qué cuál cómo por dónde quién del con para il lo gli che cosa come perché di della sono "
    "qual quando quanto cuando cuándo cuántos wann quand os uma são não onde quem é "
    "het een zijn wat hoe waarom wie van met och är vad hur"
)
_STOP = _ENGLISH | word_set(
    "this these those they them their its his her he she we us our your my me i not no so than then there here into "
    "as but about any all some such only also each every been being more most other one per via up out over under "
    "according say says said mean means used use uses using called get"
)
_PRONOUNS = word_set("it its itself they them their theirs themselves he him his himself she her hers herself")
_VAGUE = word_set(
    "process method way thing approach option case problem issue example result reason answer question value type name "
    "number goal idea concept difference step point part item file code function class object field line word set "
    "group situation change feature system tool user pattern model program form device machine command key data "
    "author researcher researchers authors speaker writer company person man woman event study experiment"
)
_PLACE = (
    "passage|text|document|article|excerpt|context|paragraph|section|chapter|page|table|figure|snippet|diagram|content"
    "|material|source|image|chart"
)
_HERE = re.compile(
    rf"\b(?:(?:this|these|above|following|given|provided|preceding|aforementioned) (?:{_PLACE})s?\b"
    rf"|the (?:{_PLACE})s?(?=\s*(?:[,?.;:]|$|(?:say|show|mention|describe|state|discuss|explain|above|below|"
    rf"provided|given|suggest|about|does|is|are|tell|refer|author)\w*\b)))",
    re.IGNORECASE,
)
_FOLLOWING = re.compile(
    r"\bthe following\b|\bas follows\b"
    r"|\b(?:mentioned|shown|listed|described|given|discussed|stated) (?:above|below|here|earlier)\b"
    r"|\b(?:above|below)\s*[?,.]|\bthe (?:former|latter|aforementioned)\b|\b(?:figure|table|listing) (?:above|below)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"`[^`\n]+`")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»|„[^“”]*[“”]")
_MARKUP = re.compile(
    r"\*\*|__\w|\]\(|</?[a-zA-Z][^>]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);|```|^\s*#{1,6}\s|\\[\[\]_*]|\{\{|\|\s*\|"
)
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_EXPLETIVE = re.compile(
    r"(?:is |be |was )?(?:possible|necessary|important|recommended|required|better|safe|allowed|useful|worth|best"
    r"|a good idea|advisable|appropriate|okay|permitted|mean to|take to|cost to|mean (?:when|that|for|if))\b"
)
_CUT = re.compile(
    r"(?:[,;:(\[–—-]|\b(?:and|or|the|a|an|of|to|for|with|by|in|on|at|from|as|that|which|is|are))\s*$", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"^(?:please )?(?:see|refer to|check(?: out)?|consult|visit|read|click|go to|follow)\b(?:[^.;]|\.(?=\S))*\.?$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(?:passages?|pasajes?|passagg[io]|passagen|passage[mn]s?|excerpts?|readers?)\s*(?:#|no\.|nr\.|number)?\s*\d+\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"(?:yes|no)\b", re.IGNORECASE)
_ENDS = ("?", "？", "؟", "\u037e", "՞", "፧")


def is_english(text: str) -> bool:
    """Tell whether a text reads as English, by its function words."""
    words = [w.lower() for w in _WORD.findall(_bare(text))]
    if not words:
        return False
    own = sum(w in _STOP for w in words)
    foreign = sum(w in _FOREIGN for w in words)
    return own > foreign and not (foreign and words[0] in _FOREIGN)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question may be worded, which decides which checks apply.

    ``english`` none looks at the question. ``keyword`` is a search query, ``informal`` speech or haste, ``follow_up``
    leans on a conversation, ``choice`` names its answer among others.
    """

    english: bool | None = None
    keyword: bool = False
    informal: bool = False
    follow_up: bool = False
    choice: bool = False

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
    words: tuple[int, int] = (3, 40),
    max_given_away: float = MAX_GIVEN_AWAY,
    wording: Wording = STRICT,
) -> list[str]:
    """Give every reason against a pair, ``check: detail`` each; none when the pair passes."""
    english = is_english(question) if wording.english is None else wording.english
    found = [f"well_formed: {detail}" for detail in _form(question, english, words, wording)]
    if english and not wording.follow_up:
        found += [f"self_contained: {detail}" for detail in _dangling(question)]
    label = _LABEL.search(_bare(question)) or _LABEL.search(_bare(answer or ""))
    if label:
        found.append(f"self_contained: points at a passage of the prompt: '{label.group()}'")
    if answer is not None:
        if not wording.choice:
            found += [f"gives_away: {detail}" for detail in _given_away(question, answer, max_given_away)]
        found += [f"answer_complete: {detail}" for detail in _incomplete(answer, english)]
    return found


def _form(question: str, english: bool, limits: tuple[int, int], wording: Wording) -> Iterator[str]:
    text = question.strip()
    if not text or text != question or not _printable(text):
        yield "empty, padded with blanks, or not printable"
        return
    bare = _bare(text)
    if _MARKUP.search(_CODE.sub("", text)):
        yield "markup is left in it"
    if not _balanced(text):
        yield "brackets, quotes or backticks do not balance"
    first = next((c for c in text if c.isalnum()), "")
    if first.islower() and not wording.loose and not text.startswith(("`", "“", '"')):
        yield "does not start with a capital"
    count = len(_WORD.findall(text))
    if _spaceless(text):
        count = len(text) // 2
    if not (min(limits[0], 2) if wording.loose else limits[0]) <= count <= limits[1]:
        yield f"{count} words, wanted {limits[0]} to {limits[1]}"
    unmarked = wording.keyword or wording.informal
    if (
        not unmarked
        and not text.endswith(_ENDS)
        and not (english and _first_words(bare)[0] in _ASKS and text.endswith("."))
    ):
        yield "does not end with a question mark"
    if english and not wording.loose:
        yield from _english_form(bare)


def _english_form(bare: str) -> Iterator[str]:
    if not any(_asks(part) for part in re.split(r"[,.;:—–]\s+", bare)):
        yield "does not start like a question"
    doubled = re.search(r"\b([A-Za-z]{2,})\s+\1\b", bare)
    if doubled and doubled.group(1).lower() not in {"that", "had"}:
        yield f"doubled word '{doubled.group(1)}'"
    if re.search(
        r"\b(?:what|who|which|how|why|when|where) (?:is|are|was|were) (?:is|are|was|were|know|do|does)\b", bare, re.I
    ):
        yield "two verbs in a row"


def _asks(part: str) -> bool:
    words = _first_words(part, 4)
    if words[0] in _WH | _AUX | _ASKS:
        return True
    return any(w in {"what", "which", "whom", "whose", "how", "when", "where", "why", "who"} for w in words)


def _dangling(question: str) -> Iterator[str]:
    here = _HERE.search(_bare(question)) or _FOLLOWING.search(_bare(question))
    if here:
        yield f"points at its page: '{here.group().strip()}'"
    words = _words(question)
    for at, word in enumerate(words):
        detail = _loose_word(words, at, word.lower())
        if detail:
            yield detail
            return
    yield from _loose_definite(question, words)


def _loose_word(words: list[str], at: int, word: str) -> str:
    following = words[at + 1].lower() if at + 1 < len(words) else ""
    if word in _PRONOUNS and not _has_antecedent(words[:at]) and not _expletive(words, at):
        return f"dangling pronoun '{word}'"
    if word in {"this", "these"}:
        return f"dangling demonstrative '{word}'"
    if word == "those" and following not in {
        "who",
        "of",
        "with",
        "that",
        "whose",
        "which",
        "in",
        "for",
        "from",
        "having",
    }:
        return "dangling demonstrative 'those'"
    before = words[at - 1].lower() if at else ""
    if word in {"that", "that's"} and (
        not following or word == "that's" or before in _AUX | {"about", "if", "like", "after"}
    ):
        return "dangling demonstrative 'that'"
    return ""


def _expletive(words: list[str], at: int) -> bool:
    """Tell "is it possible to …", "does it take to …", "it is necessary" from a pronoun that points at something."""
    if words[at].lower() != "it":
        return False
    return bool(_EXPLETIVE.match(" ".join(words[at + 1 : at + 5]).lower()))


def _has_antecedent(before: list[str]) -> bool:
    return any(w.lower() not in _STOP and not _plain_verb(w) for w in before)


def _plain_verb(word: str) -> bool:
    return word.lower() in _PLAIN_VERBS


_PLAIN_VERBS = _ASKS | word_set(
    "happen happens work works use run do make call matter apply set need take give start stop write read get find "
    "explain change create add remove enable disable install configure choose know want"
)


def _loose_definite(question: str, words: list[str]) -> Iterator[str]:
    if _anchored(question):
        return
    content = [w for w in words if w.lower() not in _STOP and not _plain_verb(w)]
    for at, word in enumerate(words[:-1]):
        if word.lower() != "the":
            continue
        noun = words[at + 1].lower()
        after = words[at + 2].lower() if at + 2 < len(words) else ""
        alone = after not in {
            "of",
            "for",
            "to",
            "in",
            "that",
            "who",
            "on",
            "with",
            "between",
            "from",
            "behind",
            "which",
            "when",
            "by",
        }
        is_head = not after or after in _STOP or _plain_verb(after) or after.endswith(("ed", "s"))
        stem = noun[:-1] if noun.endswith("s") and noun[:-1] in _VAGUE else noun
        if alone and is_head and (stem in _VAGUE or len(content) <= 2) and len(content) <= 4:
            yield f"the question does not say which '{noun}' is meant"
            return


def _anchored(question: str) -> bool:
    """Tell whether anything in the question names something: code, a quoted title, a name, a number, an acronym."""
    if _CODE.search(question) or _QUOTED.search(question) or re.search(r"\d|\w[-_/.]\w", question):
        return True
    return any(w[:1].isupper() for w in _WORD.findall(question)[1:] if w != "I") or bool(
        re.search(r"\b[A-Z]{2,}\b", question)
    )


def _given_away(question: str, answer: str, limit: float) -> Iterator[str]:
    asked, told = _flat(question), _flat(answer)
    if told and f" {told} " in f" {asked} ":
        yield "the answer stands in the question"
        return
    if asked and f" {asked} " in f" {told} ":
        yield "the question stands in the answer"
        return
    if _YES_NO.match(answer):
        return  # "Yes. …" may restate the question
    content = _content(answer)
    shared = content & _content(_CODE.sub(" ", question))
    if content and len(shared) / len(content) > limit:
        yield f"{len(shared)} of the answer's {len(content)} content words stand in the question"


def _incomplete(answer: str, english: bool) -> Iterator[str]:
    text = answer.strip()
    if not any(c.isalnum() for c in text):
        yield "empty"
        return
    if text[0] in ",;:.)]":
        yield "starts in the middle"
    if text.endswith((":", "：")):
        yield "ends with a colon and lacks its list"
    elif text.endswith(("...", "…")) or (english and _CUT.search(text)):
        yield "cut short"
    if not _balanced(text):
        yield "brackets or quotes do not balance"
    if english and _REFERENCE.match(text) and len(text.split()) <= 16:
        yield "only points elsewhere"


def _balanced(text: str) -> bool:
    outside = _CODE.sub(" ", text)
    if "`" in outside.replace("```", "") or outside.count('"') % 2:
        return False
    listless = re.sub(r"(?m)(?:^|\s)\(?[\da-zA-Z]{1,3}\)", " ", outside)  # "a)" and "1)" of lists close nothing
    if any(listless.count(a) != listless.count(b) for a, b in ("()", "[]", "{}")) and any(
        outside.count(a) != outside.count(b) for a, b in ("()", "[]", "{}")
    ):
        return False
    return outside.count("“") == outside.count("”") or "„" in outside


def _bare(text: str) -> str:
    """Replace code and quoted titles by a plain word: what they hold is not the question's own wording."""
    return _QUOTED.sub("Quoted", _CODE.sub("Code", text))


def _words(text: str) -> list[str]:
    return [w.replace("’", "'") for w in _WORD.findall(_bare(text))]


def _first_words(text: str, count: int = 1) -> list[str]:
    return [w.lower() for w in _words(text)[:count]] or [""]


def _printable(text: str) -> bool:
    return all(c.isprintable() or unicodedata.category(c) == "Zs" for c in text)


def _spaceless(text: str) -> bool:
    """Tell scripts that put no blanks between words (Chinese, Japanese, Thai)."""
    letters = [c for c in text if c.isalpha()]
    wide = sum(
        unicodedata.name(c, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")) for c in letters
    )
    return wide > len(letters) / 3


def _flat(text: str) -> str:
    return " ".join(w.lower() for w in _WORD.findall(text))


@lru_cache(maxsize=4096)
def _content(text: str) -> frozenset[str]:
    return frozenset(_stem(w) for w in _flat(text).split() if w not in _STOP)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
