"""Duties under a condition.

"If C, you must Y" → "What must you do if C?"; "X must Y before C" → "When must X Y?";
"If C, X will Y" → "What happens if C?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ragset.kit.extractive.anchors import named
from ragset.kit.extractive.grammar import base_of, first_clause, has_pronoun, tokens, who_acts
from ragset.kit.extractive.scene import Candidate, Scene, without_stop
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.words import ARTICLES, CLAUSE_WORDS, GENERIC_NOUNS
from ragset.kit.question_form import word_set

_FIRST = re.compile(
    r"^(?P<link>If|When) (?P<cond>[^,;:]+), (?:then )?(?P<main>(?P<who>[^,;:]+?) (?P<modal>must|should|shall"
    r"|may|can|cannot) (?P<rest>[^:;]+))$"
)
_LAST = re.compile(
    r"^(?P<who>[^,;:]+?) (?P<modal>must|should|shall|may|can) (?P<act>(?!not\b|be\b|also\b|only\b|never\b)[^,;:]+?),? "
    r"(?P<cond>(?:only )?(?:if|before|after|until|unless|within \d+|no later than|when|upon)\b [^;:]+)$"
)
_UNSAID = word_set(
    "answer case result former latter above process item amount deposit form number line box total value "
    "following other same first second rest difference entry"
)
_EFFECT = re.compile(
    r"^(?P<link>If|When) (?P<cond>[^,;:]+), (?:then )?(?P<main>(?P<who>[^,;:]+?) (?:will|is|are) "
    r"(?P<rest>(?!not\b)[a-z][^:;]+))$"
)
_HOLDS = word_set(
    "contain include show state list preserve specify provide identify describe bear carry indicate cover meet have "
    "require exceed reflect give name cite explain"
)
"""What things do that do nothing: "what must the checks contain if …"."""
_ASKED = {"until": "until when", "if": "in what case", "only": "in what case"}
"""How a condition is asked for by its first word; all others by "when"; "unless" is no answer to either."""
_GOES_WITH_TO = word_set(
    "able unable likely unlikely ready willing unwilling necessary possible required requires require entitled "
    "eligible allowed permitted fails fail failed failure wants want wish wishes needs need chooses choose chose "
    "elects elect elected decides decide decided plans plan intends intend agrees agree agreed refuses refuse "
    "refused continues continue seeks seek attempts attempt tries try asks ask asked right duty ability decision "
    "motion request authority opportunity time intention permission election has have had going due used prior "
    "according subject respect regard access addition response objection notice entitlement authorized authorised "
    "expected supposed appointed directed ordered begins begin starts start up not how what whether where when"
)
"""Words that "to" belongs to; after others it tells a purpose."""
_BACK = frozenset(["it", "its", "them", "their", "they", "that"])
_LOOSE = word_set(
    "this these those it its they them their he she his her so such do same other another following either both"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose questions for what someone must do under a condition."""
    for sentence in scene.sentences:
        match = _FIRST.match(sentence.text)
        if match:
            yield from _what(scene, sentence, match)
            continue
        match = _EFFECT.match(sentence.text)
        if match:
            yield from _happens(scene, sentence, match)
            continue
        match = _LAST.match(sentence.text)
        if match:
            yield from _when(scene, sentence, match)


def _what(scene: Scene, sentence: Span, match: re.Match[str]) -> Iterator[Candidate]:
    who, condition, modal = match["who"], match["cond"], match["modal"]
    you = who.lower() == "you"
    known = who.lower().removeprefix("the ") in condition.lower() and who.lower().startswith("the ")
    if not (you or known or _agent(scene, who)) or not _specific(scene, condition, 4):
        return
    rest = tokens(match["rest"])
    if modal in {"should", "must", "shall"} and rest and rest[0].low in {"receive", "get", "see", "qualify", "know"}:
        return
    if re.search(r"\bdo (?:that|so|this)\b", match["rest"]):
        return
    if (
        len(rest) < 4
        or {t.low for t in rest[:3]} & {"be", "not"}
        or rest[0].low in {"also", "want", "see", "still", "have"}
        or modal == "cannot"
    ):
        return
    if has_pronoun(match["rest"], allow=word_set("it its them their they that his her")):
        return
    answer = without_stop(sentence.part(match.start("rest"), match.end("rest")))
    act = "do"
    if not (you or who_acts(who)):  # a thing does nothing: ask for what it holds, where the verb says so
        act = rest[0].low
        if act not in _HOLDS or rest[1].low not in ARTICLES | {"all", "any", "each", "at"} or _purpose(match["rest"]):
            return
        answer = answer.part(rest[1].start, len(answer.text))
    core = f"what {modal} {'you' if you else who} {act} {match['link'].lower()} {condition}?"
    yield from scene.propose("condition", core, answer, sentence, 0.82)


def _happens(scene: Scene, sentence: Span, match: re.Match[str]) -> Iterator[Candidate]:
    """Turn "If C, X will Y" into "What happens if C?", when C names something of its own."""
    condition = match["cond"]
    if (
        not _specific(scene, condition, 4)
        or tokens(condition)[0].low == "you"
        or not scene.clear(match["who"], longest=7)
    ):
        return
    if (
        not (named(condition) or (scene.setting.product and len(condition.split()) > 5))
        or has_pronoun(match["main"], allow=_BACK)
        or len(match["rest"].split()) < 4
    ):
        return
    answer = without_stop(sentence.part(match.start("main"), match.end("main")))
    yield from scene.propose("condition", f"what happens {match['link'].lower()} {condition}?", answer, sentence, 0.76)


def _when(scene: Scene, sentence: Span, match: re.Match[str]) -> Iterator[Candidate]:
    who, act, condition = match["who"], match["act"], match["cond"]
    you = who.lower() == "you"
    if not (you or _agent(scene, who)) or not _specific(scene, act, 3):
        return
    if re.match(
        r"(?:only )?if (?:available|any|necessary|possible|appropriate|needed|required|applicable)\b", condition
    ):
        return
    if len(condition.split()) < 4 or any(t.low in CLAUSE_WORDS for t in tokens(act)):
        return
    if any(
        t.low in _LOOSE - {"it", "its", "they", "them", "their", "he", "she", "his", "her"} for t in tokens(condition)
    ):
        return
    if first_clause(act) != act or _purpose(condition):
        return
    answer = without_stop(sentence.part(match.start("cond"), match.end("cond")))
    if re.search(r"(?:\d|days?|weeks?|months?|years?|hours?|minutes?)$", act):
        return
    subject, asked = "you" if you else scene.shown(who), condition.split()[0]
    if asked != "unless":
        core = f"{_ASKED.get(asked, 'when')} {match['modal']} {subject} {act}?"
        yield from scene.propose("condition", core, answer, sentence, 0.8)


def _purpose(text: str) -> bool:
    """Tell whether a text goes on to tell a purpose: "when on travel to save time"; "a motion to dismiss" does not."""
    found = [t.low for t in tokens(text)]
    return "in order to" in text or any(
        word == "to" and before not in _GOES_WITH_TO and base_of(after, "base") and after not in {"date", "address"}
        for before, word, after in zip(found, found[1:], found[2:], strict=False)
    )


def _specific(scene: Scene, text: str, least: int) -> bool:
    found = [t.low for t in tokens(text) if t.is_word]
    if not least <= len(found) <= 24 or set(found) & _LOOSE or "that's" in found or found[-1] in {"to", "so", "not"}:
        return False
    for before, noun in pairwise(found):
        if before == "the" and (noun in _UNSAID or noun in GENERIC_NOUNS) and not scene.setting.is_topic(noun):
            return False
    return True


def _agent(scene: Scene, who: str) -> bool:
    """Tell whether a phrase names somebody who acts: a clear noun phrase that is no command and no embedded clause."""
    words = [t.low for t in tokens(who)]
    if set(words) & {"whether", "you", "your", "and"} or (len(words) > 1 and base_of(words[0], "base")):
        return False
    return scene.clear(who, longest=6)
